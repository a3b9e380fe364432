//! A disk that runs full while orders are submitted.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulkrail::test_util::{ScaledClock, finished};
use bulkrail::time::Clock;
use bulkrail::{Batch, Error, PollingDefaults, Provider, ProviderId, Reconciliation, Recovery, Snapshot};
use bulkrail_durable::{Filter, Phase, Service, ServiceError, Submitter};
use tokio::sync::Semaphore;

/// File system in memory. Needs root.
pub(crate) struct SmallDisk(pub(crate) PathBuf);

impl SmallDisk {
    /// Returns a new one of `megabytes`; `None`, with a message, where it may not be mounted.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub(crate) fn mount(name: &str, megabytes: u32) -> Option<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "none"])
            .arg(&folder)
            .output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(Self(folder));
        }
        std::fs::remove_dir(&folder).unwrap();
        eprintln!("SKIPPED: a file system cannot be mounted here; run it as root");
        None
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut filler = std::fs::File::create(self.0.join("filler")).unwrap();
        while filler.write(&[0; 512]).is_ok_and(|written| written > 0) {}
    }

    pub(crate) fn free(&self) {
        let _ = std::fs::remove_file(self.0.join("filler"));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).stderr(Stdio::null()).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Provider whose submits wait for a permit.
#[derive(Clone)]
struct Acme {
    sent: Arc<Mutex<HashMap<String, usize>>>,
    permits: Arc<Semaphore>,
    clock: Clock,
}

impl Acme {
    fn new() -> Self {
        let permits = Arc::new(Semaphore::new(0));
        // What takes 5 s takes 0.1 s.
        Self { sent: Arc::default(), permits, clock: ScaledClock::new(50).clock() }
    }

    fn sent(&self) -> Vec<(String, usize)> {
        let mut sent: Vec<_> = self.sent.lock().unwrap().clone().into_iter().collect();
        sent.sort();
        sent
    }
}

impl Provider for Acme {
    fn id(&self) -> ProviderId {
        "acme".parse().unwrap()
    }

    async fn poll<'a>(&'a self, _: &'a Batch) -> Result<Snapshot, Error> {
        Ok(finished(1, 0))
    }

    fn polling_defaults(&self) -> PollingDefaults {
        let mut defaults = PollingDefaults::default();
        defaults.initial_delay = Duration::from_secs(5);
        defaults
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

impl Submitter for Acme {
    type Order = String;

    async fn submit(&self, _: &String, key: &str) -> Result<Batch, Error> {
        *self.sent.lock().unwrap().entry(key.to_owned()).or_default() += 1;
        self.permits.acquire().await.unwrap().forget();
        Ok(Batch::new(self.id(), format!("batch-of-{key}")).unwrap())
    }

    fn recovery(&self, _: &String, _: &str) -> Recovery {
        Recovery::Never
    }

    async fn reconcile(&self, _: &String, _: &str, _: &Batch) -> Result<Reconciliation, Error> {
        unreachable!("rows are not read")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_holds_submits_back_until_there_is_space() {
    let Some(disk) = SmallDisk::mount("full-disk", 4) else { return };
    let (path, acme) = (disk.0.join("orders.redb"), Acme::new());
    let start = async || Service::open(&path, acme.clone()).submits_at_a_time(1).start().await.unwrap();
    let service = start().await;
    let keys: Vec<_> = (0..8).map(|number| format!("order-{number}")).collect();
    for key in &keys {
        service.submit(key, &"o".repeat(500)).await.unwrap();
    }
    let only_first = vec![(keys[0].clone(), 1)];
    while acme.sent() != only_first {
        acme.clock.sleep(Duration::from_secs(1)).await;
    }

    // The first order is being submitted. Its id cannot be written, and nothing else is submitted.
    disk.fill();
    acme.permits.add_permits(100);
    for number in 0..20 {
        acme.clock.sleep(Duration::from_secs(5)).await;
        let refused = service.submit(&format!("late-{number}"), &"o".repeat(500)).await;
        assert!(matches!(refused, Err(ServiceError::Store(_))), "{refused:?}");
    }
    assert_eq!(acme.sent(), only_first);

    // There is space again: it goes on by itself.
    disk.free();
    for key in &keys {
        service.ended(key).await.unwrap();
    }
    service.submit("last", &"o".repeat(500)).await.unwrap();
    service.ended("last").await.unwrap();
    let expected: Vec<_> = [String::from("last")].into_iter().chain(keys).map(|key| (key, 1)).collect();
    assert_eq!(acme.sent(), expected);

    // All of it is in the file.
    service.stop().await;
    drop(service);
    let records = start().await.view().list(Filter::All, None, 100).await.unwrap();
    assert_eq!(records.len(), expected.len());
    assert!(records.iter().all(|record| matches!(record.phase, Phase::Ended { .. })), "{records:?}");
}
