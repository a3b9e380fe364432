//! A stop while submits and polls are under way.

use std::sync::Arc;
use std::time::Duration;

use bulkrail::test_util::{ScaledClock, running};
use bulkrail::time::Clock;
use bulkrail::{Batch, Error, PollingDefaults, Provider, ProviderId, Reconciliation, Recovery, Snapshot};
use bulkrail_durable::{Phase, RedbStore, Service, Submitter};
use tokio::sync::{Mutex, Notify};

/// Provider with one login for all requests: each request takes it, and a poll takes long.
#[derive(Clone)]
struct Acme {
    login: Arc<Mutex<()>>,
    has_begun: Arc<[Notify; 2]>,
    clock: Clock,
}

impl Provider for Acme {
    fn id(&self) -> ProviderId {
        "acme".parse().unwrap()
    }

    async fn poll<'a>(&'a self, _: &'a Batch) -> Result<Snapshot, Error> {
        let _login = self.login.lock().await;
        self.has_begun[0].notify_one();
        self.clock.sleep(Duration::from_secs(20)).await;
        Ok(running(1, 2))
    }

    fn polling_defaults(&self) -> PollingDefaults {
        let mut defaults = PollingDefaults::default();
        defaults.initial_delay = Duration::from_secs(1);
        defaults
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

impl Submitter for Acme {
    type Order = String;

    async fn submit(&self, _: &String, key: &str) -> Result<Batch, Error> {
        self.has_begun[1].notify_one();
        let _login = self.login.lock().await;
        Ok(Batch::new(self.id(), key).unwrap())
    }

    fn recovery(&self, _: &String, _: &str) -> Recovery {
        Recovery::Never
    }

    async fn reconcile(&self, _: &String, _: &str, _: &Batch) -> Result<Reconciliation, Error> {
        unreachable!("rows are not read")
    }
}

#[tokio::test]
async fn stop_completes_a_submit_that_waits_for_the_login_of_a_poll() {
    let clock = ScaledClock::new(100).clock();
    let acme = Acme { login: Arc::default(), has_begun: Arc::default(), clock: clock.clone() };
    let service = Service::builder(RedbStore::in_memory().unwrap(), acme.clone()).start().await.unwrap();
    service.submit("first", &String::new()).await.unwrap();
    acme.has_begun[1].notified().await;
    acme.has_begun[0].notified().await;
    service.submit("second", &String::new()).await.unwrap();
    acme.has_begun[1].notified().await;
    tokio::select! {
        () = service.stop() => {}
        () = clock.sleep(Duration::from_secs(600)) => panic!("the stop does not end"),
    }
    let record = service.view().get("second").await.unwrap().unwrap();
    assert!(matches!(record.phase, Phase::Waiting { .. }), "{record:?}");
}
