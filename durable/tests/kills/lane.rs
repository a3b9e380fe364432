//! One store of one provider: child after child is started and killed; the last one runs to its end.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulkrail::ErrorKind;
use bulkrail::jiff::Timestamp;
use bulkrail::time::Clock;
use bulkrail_durable::{Filter, Phase, Record, RedbStore, Store, StoreError};
use bulkrail_sandbox::Sandbox;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::child::{CONFIG, Config};
use crate::disk::SmallDisk;
use crate::orders::{Planned, order};
use crate::proxy::Proxy;
use crate::random::Random;
use crate::table::Counts;

/// 180 s for the last child: it waits 6 s for what is not found, and the rest of the time is for a busy machine.
const LAST: Duration = Duration::from_secs(180);

pub(crate) struct Plan {
    pub(crate) kills: usize,
    pub(crate) seed: u64,
    pub(crate) is_blind: bool,
    /// Disk of the store, which runs full and is freed at random moments.
    pub(crate) disk: Option<SmallDisk>,
}

pub(crate) struct Lane {
    provider: &'static str,
    plan: Plan,
    sandbox: Sandbox,
    proxy: Proxy,
    folder: PathBuf,
    epoch: Timestamp,
    random: Random,
    orders: Vec<Planned>,
    counts: Counts,
    caught: HashSet<String>,
}

/// What the children have said.
#[derive(Default)]
struct Said {
    accepted: Vec<String>,
    caught: Vec<String>,
    is_ready: bool,
    is_done: bool,
    has_stopped: bool,
    /// Why the store could not be opened.
    failed: Option<String>,
}

struct Running {
    child: Child,
    said: Arc<Mutex<Said>>,
    reader: JoinHandle<String>,
}

impl Lane {
    pub(crate) async fn new(provider: &'static str, plan: Plan) -> Self {
        // Batches take about a second.
        let sandbox = Sandbox::builder().seed(plan.seed).speed(60.0).start().await.unwrap();
        let proxy = Proxy::start(sandbox.port(), plan.seed).await;
        let name = format!("kills-{}-{provider}-{}-{}", std::process::id(), plan.is_blind, plan.disk.is_some());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let counts = Counts { provider, ..Counts::default() };
        Self {
            provider,
            sandbox,
            proxy,
            folder,
            epoch: Clock::system().wall(),
            random: Random::new(plan.seed),
            orders: Vec::new(),
            counts,
            caught: HashSet::new(),
            plan,
        }
    }

    pub(crate) async fn run(mut self) -> Counts {
        let mut was_stopped = false;
        while self.counts.kills < self.plan.kills {
            was_stopped = self.life(was_stopped).await;
        }
        self.proxy.delay([0..1, 0..1]);
        self.plan.disk.iter().for_each(SmallDisk::free);
        let running = self.start();
        let (said, is_over) = self.end(running, Some(LAST)).await;
        assert!(is_over && said.is_done, "{}: the last child does not come to its end", self.provider);
        self.take(said, was_stopped);
        self.proxy.idle().await;
        self.count().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
        self.counts
    }

    /// Runs one child with new orders, and kills it. Returns whether it has stopped by itself.
    async fn life(&mut self, was_stopped: bool) -> bool {
        let new = self.random.within(3..9);
        for _ in 0..new {
            let (order, content) = order(self.provider, &self.folder, self.orders.len()).await;
            self.proxy.knows(&order.key, content);
            self.orders.push(order);
        }
        let is_slow = self.random.percent(70);
        self.proxy.delay(if is_slow { [0..200, 0..200] } else { [0..1, 0..1] });
        self.change_disk();
        let running = self.start();
        if self.plan.disk.is_some() {
            sleep(self.random.within(0..800)).await;
            self.change_disk();
        }
        let ended = async {
            match self.random.within(0..10) {
                // While it opens and repairs the store.
                0 => sleep(self.random.within(0..60)).await,
                // After it has begun to submit.
                1..=5 => {
                    let submits = self.random.within(1..new + 1);
                    self.proxy.arrivals(usize::try_from(submits).unwrap()).await;
                    sleep(self.random.within(0..if is_slow { 300 } else { 20 })).await;
                }
                _ => sleep(self.random.within(0..1_500)).await,
            }
        };
        // A child whose orders have all ended is not there any more; one without submits gets a time limit.
        tokio::select! {
            () = ended => {}
            () = sleep(5_000) => {}
        }
        if self.random.percent(10) {
            self.freeze(&running).await;
        }
        let is_asked = self.random.percent(10);
        if is_asked && running.said.lock().unwrap().is_ready {
            signal(&running.child, "-TERM").await;
            let (said, _) = self.end(running, Some(LAST)).await;
            assert!(said.has_stopped || said.is_done, "{}: the child does not stop", self.provider);
            self.counts.terminated += usize::from(said.has_stopped);
            self.take(said, was_stopped);
            return true;
        }
        let (said, is_over) = self.end(running, None).await;
        self.counts.kills += usize::from(!is_over);
        let has_stopped = said.failed.is_none();
        self.take(said, was_stopped);
        is_over && has_stopped
    }

    /// Takes what a child has said. After one that has stopped by itself, none was left inside a submit.
    fn take(&mut self, said: Said, was_stopped: bool) {
        // Those that were caught before may wait for their next attempt.
        let new: Vec<_> = said.caught.iter().filter(|key| !self.caught.contains(*key)).collect();
        let is_full = self.plan.disk.is_some();
        assert!(!was_stopped || new.is_empty() || is_full, "a stop has left submits: {new:?}");
        self.caught.extend(said.caught);
        assert!(said.failed.is_none() || is_full, "{:?}", said.failed);
        for key in said.accepted {
            let order = self.orders.iter_mut().find(|order| order.key == key).unwrap();
            order.is_accepted = true;
        }
    }

    fn start(&mut self) -> Running {
        // Now and then all orders are submitted again: the same key is the same batch.
        let again = self.random.percent(20);
        let orders = self.orders.iter().cloned();
        let orders = orders.map(|order| Planned { is_accepted: order.is_accepted && !again, ..order }).collect();
        let config = Config {
            provider: self.provider.to_owned(),
            base_url: self.proxy.base_url(self.provider),
            store: self.store(),
            is_blind: self.plan.is_blind,
            epoch: self.epoch,
            orders,
        };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child::child", "--exact", "--ignored", "--nocapture"])
            .env(CONFIG, serde_json::to_string(&config).unwrap())
            .envs(self.sandbox.credentials(self.provider).iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let said = Arc::<Mutex<Said>>::default();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let of = Arc::clone(&said);
        let reader = tokio::spawn(async move {
            let mut errors = String::new();
            let (_, _) = tokio::join!(read(stdout, &of), stderr.read_to_string(&mut errors));
            errors
        });
        Running { child, said, reader }
    }

    fn store(&self) -> PathBuf {
        self.plan.disk.as_ref().map_or(&self.folder, |disk| &disk.0).join("orders.redb")
    }

    /// Fills the disk of the store, or frees it.
    fn change_disk(&mut self) {
        let Some(disk) = &self.plan.disk else { return };
        disk.free();
        if self.random.percent(50) {
            disk.fill();
        }
    }

    /// Ends a child: by SIGKILL now, or by itself within a time. Returns whether it ended by itself.
    async fn end(&self, mut running: Running, within: Option<Duration>) -> (Said, bool) {
        let is_over = tokio::select! {
            biased;
            status = running.child.wait() => {
                let errors = running.reader.await.unwrap();
                assert!(status.unwrap().success(), "{}: {errors}", self.provider);
                let said = std::mem::take(&mut *running.said.lock().unwrap());
                return (said, true);
            }
            () = Clock::system().sleep(within.unwrap_or_default()) => false,
        };
        running.child.kill().await.unwrap();
        let errors = running.reader.await.unwrap();
        assert!(!errors.contains("panicked"), "{}: {errors}", self.provider);
        let said = std::mem::take(&mut *running.said.lock().unwrap());
        (said, is_over)
    }

    /// Stops a child for a time. Meanwhile it has the store.
    async fn freeze(&mut self, running: &Running) {
        signal(&running.child, "-STOP").await;
        if running.said.lock().unwrap().is_ready && !running.said.lock().unwrap().is_done {
            let held = RedbStore::open(self.store()).await;
            assert!(matches!(held, Err(StoreError::Held { .. })), "{held:?}");
        }
        sleep(self.random.within(100..1_500)).await;
        signal(&running.child, "-CONT").await;
        self.counts.frozen += 1;
        sleep(self.random.within(0..300)).await;
    }

    /// Compares each order with what the provider has.
    async fn count(&mut self) {
        let store = RedbStore::open(self.store()).await.unwrap();
        let entries = store.page(self.provider, Filter::All, None, usize::MAX).await.unwrap();
        let records: Vec<_> =
            entries.iter().map(|entry| Record::<Box<RawValue>>::from_document(&entry.document).unwrap()).collect();
        let counts = &mut self.counts;
        counts.orders = self.orders.len();
        counts.caught = self.caught.len();
        for Planned { key, is_accepted, .. } in &self.orders {
            counts.accepted += usize::from(*is_accepted);
            let created = self.proxy.created(key);
            if created > 1 {
                counts.doubles.push(key.clone());
            }
            let record = records.iter().find(|record| record.key == *key);
            let is_true = match record.map(|record| &record.phase) {
                None => {
                    counts.lost.push(key.clone());
                    continue;
                }
                Some(Phase::Ended { .. }) => {
                    counts.ended += 1;
                    counts.caught_ended += usize::from(self.caught.contains(key));
                    created >= 1
                }
                Some(Phase::GaveUp { error }) => match error.error.kind {
                    ErrorKind::Conflict => {
                        counts.conflict += 1;
                        created >= 1
                    }
                    ErrorKind::OutcomeUnknown => {
                        counts.unknown += 1;
                        counts.unknown_exist += created.min(1);
                        true
                    }
                    ErrorKind::NotFound => {
                        counts.not_found += 1;
                        created == 0
                    }
                    _ => false,
                },
                Some(_) => false,
            };
            if !is_true {
                let phase = record.map(|record| format!("{:?}", record.phase));
                counts.wrong.push(format!("{key}: {created} of {} sent, {phase:?}", self.proxy.sent(key)));
            }
        }
        let all = self.sandbox.stats(self.provider).batches_created;
        assert_eq!(self.proxy.all_created() as u64, all, "the proxy has not seen every batch");
    }
}

async fn read(stdout: tokio::process::ChildStdout, said: &Mutex<Said>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // The test harness writes the name of the test into the first line.
        let Some((_, line)) = line.split_once('@') else { continue };
        let mut said = said.lock().unwrap();
        match line.split_once(' ') {
            Some(("accepted", key)) => said.accepted.push(key.to_owned()),
            Some(("caught", key)) => said.caught.push(key.to_owned()),
            Some(("ready", _)) => said.is_ready = true,
            Some(("done", _)) => said.is_done = true,
            Some(("stopped", _)) => said.has_stopped = true,
            Some(("failed", error)) => said.failed = Some(error.to_owned()),
            _ => {}
        }
    }
}

async fn signal(child: &Child, signal: &str) {
    // It may have ended just now.
    let Some(pid) = child.id() else { return };
    let _ = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status().await.unwrap();
}

async fn sleep(milliseconds: u64) {
    Clock::system().sleep(Duration::from_millis(milliseconds)).await;
}
