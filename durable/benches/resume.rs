//! How long a service takes to go on with what is open, in how much memory, and how its file grows.
//!
//! ```text
//! cargo bench -p bulkrail-durable --bench resume              10,000 and 100,000 open batches
//! cargo bench -p bulkrail-durable --bench resume -- 50000     so many
//! cargo bench -p bulkrail-durable --bench resume -- growth    10,000 batches that are polled 20 times
//! ```
//!
//! Each figure is that of a fresh process with a real file.

#![expect(clippy::print_stdout, reason = "it prints figures")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulkrail_core::jiff::Timestamp;
use bulkrail_core::poll::{WaitOptions, WaitState};
use bulkrail_core::schedule::Schedule;
use bulkrail_core::test_util::running;
use bulkrail_core::time::Clock;
use bulkrail_core::{Batch, Error, PollingDefaults, Provider, ProviderId, Reconciliation, Recovery, Snapshot};
use bulkrail_durable::{Durability, Event, Record, RedbStore, Service, Store, Submitter};
use serde::{Deserialize, Serialize};

/// Rows of each batch.
const ROWS: u64 = 200;

/// 1,000 records are written at once.
const CHUNK: usize = 1_000;

/// Polls of each batch in `growth`.
const POLLS: u64 = 20;

/// Provider that answers at once, or not at all.
#[derive(Clone)]
struct Acme {
    answers: bool,
    polls: Arc<AtomicU64>,
}

/// As large as the order of a file.
#[derive(Clone, Serialize, Deserialize)]
struct Order {
    path: PathBuf,
    sha256: String,
    format: String,
    part: usize,
}

impl Provider for Acme {
    fn id(&self) -> ProviderId {
        "acme".parse().unwrap()
    }

    async fn poll<'a>(&'a self, _: &'a Batch) -> Result<Snapshot, Error> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        if !self.answers {
            std::future::pending::<()>().await;
        }
        Ok(running(1, ROWS))
    }

    fn polling_defaults(&self) -> PollingDefaults {
        let mut defaults = PollingDefaults::default();
        defaults.requests_per_second = if self.answers { 20_000.0 } else { 24.0 };
        defaults
    }
}

impl Submitter for Acme {
    type Order = Order;

    async fn submit(&self, _: &Order, key: &str) -> Result<Batch, Error> {
        Ok(Batch::new(self.id(), key).unwrap())
    }

    fn recovery(&self, _: &Order, _: &str) -> Recovery {
        Recovery::Never
    }

    async fn reconcile(&self, _: &Order, _: &str, _: &Batch) -> Result<Reconciliation, Error> {
        unreachable!("rows are not read")
    }
}

fn main() {
    let args: Vec<_> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match &args[..] {
        [] => [10_000, 100_000].into_iter().for_each(|batches| resume(&runtime, batches)),
        ["growth"] => growth(&runtime, 10_000),
        ["child", path] => runtime.block_on(child(Path::new(path), false)),
        ["polls", path] => runtime.block_on(child(Path::new(path), true)),
        [batches] => resume(&runtime, batches.parse().expect("a number of batches, or `growth`")),
        _ => panic!("a number of batches, or `growth`"),
    }
}

/// Makes a file of open batches, and opens it in a fresh process.
fn resume(runtime: &tokio::runtime::Runtime, batches: usize) {
    let file = TempFile::new(batches);
    let acme = Acme { answers: false, polls: Arc::default() };
    runtime.block_on(fill(&file.0, batches, WaitOptions::new(&acme)));
    println!("{batches} open batches, file of {:.1} MB", megabytes(file.0.metadata().unwrap().len()));
    for _ in 0..3 {
        let clock = clock();
        let started = clock.now();
        let mut child = start("child", &file.0);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.next().unwrap().unwrap();
        println!("  {:4} ms from the start of the process; {ready}", (clock.now() - started).as_millis());
        println!("          {}", lines.next().unwrap().unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// Polls batches many times, with a kill in the middle.
fn growth(runtime: &tokio::runtime::Runtime, batches: usize) {
    let file = TempFile::new(batches);
    let acme = Acme { answers: true, polls: Arc::default() };
    // Every batch is polled twice a second.
    let interval = Duration::from_millis(500);
    let options = WaitOptions::new(&acme).schedule(Schedule::fixed(interval)).interval(interval..=interval);
    runtime.block_on(fill(&file.0, batches, options));
    let all = POLLS * batches as u64;
    println!("{batches} batches, {all} polls");
    println!("  polls  {:>7}: {:.1} MB", 0, megabytes(file.0.metadata().unwrap().len()));
    let mut done = 0;
    for goal in [all / 2, all] {
        let mut child = start("polls", &file.0);
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let Ok(polls) = line.unwrap().parse::<u64>() else { continue };
            println!("  polls  {:>7}: {:.1} MB", done + polls, megabytes(file.0.metadata().unwrap().len()));
            if done + polls >= goal {
                done += polls;
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        println!("  killed {done:>7}: {:.1} MB", megabytes(file.0.metadata().unwrap().len()));
        let clock = clock();
        let started = clock.now();
        let store = runtime.block_on(RedbStore::open(&file.0)).unwrap();
        println!("  opened again after {} ms (repair)", (clock.now() - started).as_millis());
        drop(store);
        let started = clock.now();
        drop(runtime.block_on(RedbStore::open(&file.0)).unwrap());
        println!("  opened once more after {} ms", (clock.now() - started).as_millis());
    }
}

/// Writes batches as a service does that has polled each of them three times.
async fn fill(path: &Path, batches: usize, options: WaitOptions) {
    let acme = Acme { answers: false, polls: Arc::default() };
    let (store, clock) = (RedbStore::open(path).await.unwrap(), acme.clock());
    let now = clock.wall();
    let entry = |number: usize| {
        let key = format!("import-2026-11-25-{number:06}");
        let path = format!("/var/lib/onboarding/orders/2026-11-25/{key}.csv").into();
        let order = Order { path, sha256: "5".repeat(64), format: "csv".to_owned(), part: 0 };
        let batch = Batch::new(acme.id(), format!("7b2e6a8c-4f0d-4c57-9f0e-{number:012}")).unwrap();
        let mut state = WaitState::new(batch.clone().with_submitted_at(now), &options, now);
        let mut record = Record::new(&key, order, now);
        record.apply(now, Event::Submit).unwrap();
        record.apply(now, Event::Submitted(batch, document(&state))).unwrap();
        for processed in 1..4 {
            let _step = state.observe(at(now, processed), Ok(running(processed, ROWS)));
        }
        record.apply(now, Event::Polled(document(&state))).unwrap();
        record.to_entry("acme").unwrap()
    };
    let numbers: Vec<_> = (0..batches).collect();
    for chunk in numbers.chunks(CHUNK) {
        store.write(chunk.iter().map(|number| entry(*number)).collect(), Durability::Durable).await.unwrap();
    }
}

fn document(state: &WaitState) -> Box<serde_json::value::RawValue> {
    serde_json::value::to_raw_value(state).unwrap()
}

fn at(start: Timestamp, seconds: u64) -> Timestamp {
    start + Duration::from_secs(seconds)
}

/// Goes on with the batches, and prints time and memory; then the number of polls until it is killed.
async fn child(path: &Path, answers: bool) {
    let clock = clock();
    let started = clock.now();
    let acme = Acme { answers, polls: Arc::default() };
    let service = Service::open(path, acme.clone()).start().await.unwrap();
    let ready = (clock.now() - started).as_millis();
    println!("all waits are in the set after {ready} ms, {} ms of CPU time, peak {}", cpu_time(), memory());
    if !answers {
        clock.sleep(Duration::from_secs(3)).await;
        println!("3 s and {} polls later: peak {}", acme.polls.load(Ordering::Relaxed), memory());
    }
    loop {
        clock.sleep(Duration::from_secs(1)).await;
        println!("{}", acme.polls.load(Ordering::Relaxed));
        let _ = &service;
    }
}

/// Returns the peak of the memory of this process.
fn memory() -> String {
    let mut status = String::new();
    let read = std::fs::File::open("/proc/self/status").and_then(|mut file| file.read_to_string(&mut status));
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    match (read, line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())) {
        (Ok(_), Some(kilobytes)) => format!("{:.1} MB", megabytes(kilobytes * 1024)),
        _ => "not known here".to_owned(),
    }
}

/// Returns the CPU time of this process in milliseconds, in steps of 10.
fn cpu_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Of the fields after the name, user time and system time in hundredths of a second.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}

fn start(mode: &str, path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(mode).arg(path).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Returns the system clock, which needs a runtime to sleep only.
fn clock() -> Clock {
    Clock::system()
}

struct TempFile(PathBuf);

impl TempFile {
    fn new(batches: usize) -> Self {
        let name = format!("resume-{}-{batches}.redb", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_file(self.0.with_extension("redb.holder"));
    }
}
