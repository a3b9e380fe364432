//! Orders, and how they end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bulkrail::{AnyClient, ErrorKind, Provider, SubmitOptions, cdq, killb, localpayment, reap};
use bulkrail_core::poll::WaitOptions;
use bulkrail_core::time::Clock;
use bulkrail_core::{Error, Report};
use bulkrail_durable::FileOrder;
use bulkrail_restate::{BatchOrder, Ingress};
use bulkrail_sandbox::Sandbox;
use futures_util::stream::{FuturesUnordered, StreamExt};

/// Order with its key and provider.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) provider: &'static str,
    pub(crate) key: String,
    pub(crate) order: FileOrder,
}

/// Returns `count` orders of each provider, one of each in turn.
pub(crate) async fn orders(providers: &[&'static str], count: usize) -> Vec<Order> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let file = |name: &str| -> PathBuf { samples.join(name) };
    let mut orders = Vec::new();
    for number in 0..count {
        for provider in providers.iter().copied() {
            let order = match provider {
                "killb" => FileOrder::new(file("people.csv")).await,
                "reap" => FileOrder::new(file("import.csv")).await,
                "localpayment" => FileOrder::new(file("accounts.csv")).await,
                _ => Ok(FileOrder::without_file(SubmitOptions::default().storage_id(format!("{number:032x}")))),
            };
            let mut order = order.expect("the samples are there");
            if provider == "localpayment" {
                order = order.options(SubmitOptions::default().account_number("484.484.00000011").country("MEX"));
            }
            orders.push(Order { provider, key: format!("{provider}-{number}"), order });
        }
    }
    orders
}

/// Returns the options of the waits of each provider: quick polls, for quick batches.
pub(crate) fn options(sandbox: &Sandbox, interval: (Duration, Duration)) -> BTreeMap<String, WaitOptions> {
    let options = |client: AnyClient| WaitOptions::new(&client).interval(interval.0..=interval.1);
    clients(sandbox).into_iter().map(|client| (client.id().to_string(), options(client))).collect()
}

/// Ends of orders.
#[derive(Default)]
pub(crate) struct Ends {
    /// Ids of the batches that have ended, by provider.
    pub(crate) ended: BTreeMap<&'static str, BTreeSet<String>>,
    /// Orders that gave up, by provider and kind of error.
    pub(crate) gave_up: BTreeMap<(&'static str, &'static str), usize>,
    pub(crate) polls: u64,
    pub(crate) lost: Vec<String>,
    /// Times of a batch that ended under two keys.
    pub(crate) shared: usize,
}

impl Ends {
    pub(crate) fn ended(&self) -> usize {
        self.ended.values().map(BTreeSet::len).sum()
    }

    pub(crate) fn gave_up(&self, provider: &str) -> usize {
        self.gave_up.iter().filter(|((of, _), _)| *of == provider).map(|(_, count)| count).sum()
    }

    fn add(&mut self, order: &Order, end: Result<Report, Error>) {
        match end {
            Ok(report) => {
                self.polls += u64::from(report.polls);
                let is_new = self.ended.entry(order.provider).or_default().insert(report.batch.id().to_owned());
                self.shared += usize::from(!is_new);
            }
            Err(error) => {
                *self.gave_up.entry((order.provider, error.kind().as_str())).or_default() += 1;
                // Honest ends of an order whose submit was cut.
                let is_honest = match order.provider {
                    "killb" | "cdq" => error.kind() == ErrorKind::OutcomeUnknown,
                    "reap" => error.kind() == ErrorKind::Conflict,
                    _ => error.kind() == ErrorKind::NotFound,
                };
                if !is_honest {
                    self.lost.push(format!("{}: {error}", order.key));
                }
            }
        }
    }
}

/// Orders all, one after the other over `spread`, and waits for their ends until `limit`.
pub(crate) async fn run(
    ingress: Ingress,
    orders: Vec<Order>,
    options: &BTreeMap<String, WaitOptions>,
    spread: Duration,
    limit: Duration,
) -> Ends {
    let clock = Clock::system();
    let pause = spread / u32::try_from(orders.len()).expect("some thousand orders").max(1);
    let ingress = Arc::new(ingress);
    let mut open = FuturesUnordered::new();
    for (number, order) in (0_u32..).zip(orders) {
        let (ingress, clock, options) = (Arc::clone(&ingress), clock.clone(), options[order.provider]);
        let task = tokio::spawn(async move {
            clock.sleep(pause * number).await;
            let placed = BatchOrder::new(order.provider, order.order.clone()).wait(options);
            let end = async {
                // An order that was not accepted, since the server was away, is ordered again.
                while let Err(error) = ingress.submit(&order.key, &placed).await {
                    if !error.is_transient() {
                        return Err(error);
                    }
                }
                ingress.ended(&order.key).await
            };
            tokio::select! {
                end = end => (order, Some(end)),
                () = clock.sleep(limit.saturating_sub(pause * number)) => (order, None),
            }
        });
        open.push(task);
    }
    let mut ends = Ends::default();
    while let Some(task) = open.next().await {
        match task.expect("no panic") {
            (order, Some(end)) => ends.add(&order, end),
            (order, None) => ends.lost.push(format!("{}: not over after {} s", order.key, limit.as_secs())),
        }
    }
    ends
}

/// Returns a client of each provider at the sandbox.
pub(crate) fn clients(sandbox: &Sandbox) -> Vec<AnyClient> {
    let url = |provider: &str| sandbox.base_url(provider).expect("a known provider");
    let secret = |provider, index: usize| sandbox.credentials(provider)[index].1;
    let killb = killb::Client::builder()
        .base_url(url("killb"))
        .credentials(killb::Credentials::login(secret("killb", 0), secret("killb", 1)));
    let reap = reap::Client::builder().base_url(url("reap")).credentials(reap::Credentials::api_key(secret("reap", 0)));
    let cdq = cdq::Client::builder().base_url(url("cdq")).credentials(cdq::Credentials::api_key(secret("cdq", 0)));
    let localpayment = localpayment::Client::builder()
        .base_url(url("localpayment"))
        .credentials(localpayment::Credentials::login(secret("localpayment", 0), secret("localpayment", 1)));
    vec![
        killb.build().expect("a client").into(),
        reap.build().expect("a client").into(),
        cdq.build().expect("a client").into(),
        localpayment.build().expect("a client").into(),
    ]
}

/// Submits the orders in this process, waits for them with one wait set for each provider, and returns the number of
/// polls.
pub(crate) async fn in_process(
    sandbox: &Sandbox,
    orders: Vec<Order>,
    interval: (Duration, Duration),
    spread: Duration,
) -> u64 {
    use bulkrail_core::{DurationHistory, WaitSet};
    use bulkrail_durable::Submitter;
    use tokio::sync::mpsc;

    let clock = Clock::system();
    let pause = spread / u32::try_from(orders.len()).expect("some thousand orders").max(1);
    let mut sets = Vec::new();
    let mut channels = BTreeMap::new();
    for client in clients(sandbox) {
        let (sender, mut submitted) = mpsc::unbounded_channel();
        channels.insert(client.id().to_string(), (client.clone(), sender));
        sets.push(tokio::spawn(async move {
            let mut set = WaitSet::new(client)
                .requests_per_second(24.0)
                .interval(interval.0..=interval.1)
                .history(&DurationHistory::default());
            let (mut is_open, mut polls) = (true, 0);
            while is_open || !set.is_empty() {
                tokio::select! {
                    batch = submitted.recv(), if is_open => match batch {
                        Some(batch) => set.add(batch).expect("a batch of this provider"),
                        None => is_open = false,
                    },
                    Some(end) = set.next(), if !set.is_empty() => polls += u64::from(end.1.expect("it ends").polls),
                }
            }
            polls
        }));
    }
    let mut submits = Vec::new();
    for (number, order) in (0_u32..).zip(orders) {
        let (client, sender) = channels[order.provider].clone();
        let clock = clock.clone();
        submits.push(tokio::spawn(async move {
            clock.sleep(pause * number).await;
            let batch = Submitter::submit(&client, &order.order, &order.key).await.expect("the sandbox has no faults");
            let _ = sender.send(batch);
        }));
    }
    drop(channels);
    for submit in submits {
        submit.await.expect("no panic");
    }
    let mut polls = 0;
    for set in sets {
        polls += set.await.expect("no panic");
    }
    polls
}
