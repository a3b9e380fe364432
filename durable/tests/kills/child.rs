//! The process that is killed: it submits orders and waits for them.

use std::time::Duration;

use bulkrail::http::HttpOptions;
use bulkrail::jiff::Timestamp;
use bulkrail::poll::WaitOptions;
use bulkrail::time::{Clock, Sleep, TimeSource};
use bulkrail::{AnyClient, Batch, Error, PollLimit, PollingDefaults, Provider, ProviderId, Reconciliation, Recovery};
use bulkrail::{ErrorKind, Snapshot};
use bulkrail_durable::{FileOrder, Filter, Phase, Record, RedbStore, Service, ServiceError, Store, Submitter};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::signal::unix::{SignalKind, signal};

use crate::orders::Planned;

/// Variable with the [`Config`].
pub(crate) const CONFIG: &str = "BULKRAIL_KILLS_CHILD";

/// 10 times as fast as the system clock: a batch that is not found is waited for 6 s, not a minute.
const SPEED: u32 = 10;

/// What the child is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) provider: String,
    pub(crate) base_url: String,
    pub(crate) store: std::path::PathBuf,
    /// Sends an order again, whatever the provider does with it.
    pub(crate) is_blind: bool,
    /// When the first child was started. The clocks of all count from then.
    pub(crate) epoch: Timestamp,
    pub(crate) orders: Vec<Planned>,
}

/// Clock that is faster than the system clock, with one time of day in all processes.
///
/// It begins two hours back, so that tokens of the sandbox do not seem to have expired.
struct FastClock {
    clock: Clock,
    epoch: Timestamp,
}

impl TimeSource for FastClock {
    fn now(&self) -> Duration {
        self.clock.now() * SPEED
    }

    fn wall(&self) -> Timestamp {
        self.epoch + self.clock.wall().duration_since(self.epoch) * SPEED.cast_signed() - Duration::from_secs(2 * 3_600)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep(duration / SPEED)
    }
}

/// The client, and for the control one that promises too much.
#[derive(Clone)]
struct Client {
    client: AnyClient,
    is_blind: bool,
}

impl Provider for Client {
    fn id(&self) -> ProviderId {
        self.client.id()
    }

    async fn poll<'a>(&'a self, batch: &'a Batch) -> Result<Snapshot, Error> {
        self.client.poll(batch).await
    }

    fn polling_defaults(&self) -> PollingDefaults {
        self.client.polling_defaults()
    }

    fn clock(&self) -> Clock {
        self.client.clock()
    }

    fn poll_limit(&self) -> Option<PollLimit> {
        self.client.poll_limit()
    }
}

impl Submitter for Client {
    type Order = FileOrder;

    async fn submit(&self, order: &FileOrder, key: &str) -> Result<Batch, Error> {
        Submitter::submit(&self.client, order, key).await
    }

    fn recovery(&self, order: &FileOrder, key: &str) -> Recovery {
        if self.is_blind { Recovery::SendAgain } else { Submitter::recovery(&self.client, order, key) }
    }

    async fn reconcile(&self, order: &FileOrder, key: &str, batch: &Batch) -> Result<Reconciliation, Error> {
        Submitter::reconcile(&self.client, order, key, batch).await
    }
}

/// Says to the parent what has happened. The line is in the pipe when it returns.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn say(word: &str, key: &str) {
    println!("@{word} {key}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is the process that the other tests start and kill"]
async fn child() {
    let config = std::env::var(CONFIG).expect("the tests start it with its configuration");
    let config: Config = serde_json::from_str(&config).unwrap();
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    let store = match RedbStore::open_as(&config.store, "the child").await {
        Ok(store) => store,
        Err(error) => return say("failed", &error.to_string()),
    };
    for key in caught(&store, &config.provider).await {
        say("caught", &key);
    }
    let clock = Clock::new(FastClock { clock: Clock::system(), epoch: config.epoch });
    let options = HttpOptions::default().base_url(&config.base_url).clock(clock);
    let client = AnyClient::from_env(&config.provider.parse().unwrap(), options).unwrap();
    let client = Client { client, is_blind: config.is_blind };
    // 0.05 s to 0.25 s of real time.
    let waits = WaitOptions::new(&client).interval(Duration::from_millis(500)..=Duration::from_millis(2_500));
    let service = Service::builder(store, client).requests_per_second(30.0).wait_options(waits);
    let service = match service.start().await {
        Ok(service) => service,
        Err(error) => return say("failed", &error.to_string()),
    };
    say("ready", "");
    tokio::select! {
        () = work(&service, &config.orders) => say("done", ""),
        _ = terminated.recv() => {
            service.stop().await;
            say("stopped", "");
        }
    }
}

/// Returns the orders that were being submitted when the last process ended.
async fn caught(store: &RedbStore, account: &str) -> Vec<String> {
    let open = store.page(account, Filter::Open, None, usize::MAX).await.unwrap();
    let records = open.iter().map(|entry| Record::<Box<RawValue>>::from_document(&entry.document).unwrap());
    records.filter(|record| matches!(record.phase, Phase::Submitting)).map(|record| record.key).collect()
}

async fn work(service: &Service<Client>, orders: &[Planned]) {
    let submit = async |order: &Planned| {
        if !order.is_accepted {
            let file = FileOrder::new(&order.path).await.unwrap().options(order.options.clone());
            while let Err(error) = service.submit(&order.key, &file).await {
                pause(&error).await;
            }
            say("accepted", &order.key);
        }
        loop {
            match service.ended(&order.key).await {
                Ok(_) => return say("ended", &order.key),
                Err(ServiceError::GaveUp(error)) if error.kind() != ErrorKind::Usage => {
                    return say("gave-up", &order.key);
                }
                Err(error) => pause(&error).await,
            }
        }
    };
    futures_util::stream::iter(orders).for_each_concurrent(None, submit).await;
}

/// Waits until the disk may have space again.
async fn pause(error: &ServiceError) {
    assert!(matches!(error, ServiceError::Store(_)), "{error}");
    Clock::system().sleep(Duration::from_millis(100)).await;
}
