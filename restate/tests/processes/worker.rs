//! The worker that is killed: as `examples/worker.rs`, with a record of each submit that it sends.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bulkrail::http::HttpOptions;
use bulkrail::{AnyClient, Batch, Error, PollLimit, PollingDefaults, Provider, ProviderId, Reconciliation, Recovery};
use bulkrail_core::Snapshot;
use bulkrail_core::time::Clock;
use bulkrail_durable::{FileOrder, Submitter};
use bulkrail_restate::{Accounts, endpoint, endpoint_without_claim, serve};
use tokio::net::TcpListener;

/// Variables of a worker process.
pub(crate) const ADDRESS: &str = "PROCESSES_ADDRESS";
pub(crate) const SENT: &str = "PROCESSES_SENT";
pub(crate) const RATE: &str = "PROCESSES_RATE";
pub(crate) const CLAIM: &str = "PROCESSES_CLAIM";
pub(crate) const DELAY_MS: &str = "PROCESSES_DELAY_MS";

/// Client that records each submit before it sends it, and may be slow about it.
#[derive(Clone)]
struct Recorded {
    client: AnyClient,
    sent: Arc<PathBuf>,
    delay: Duration,
}

impl Provider for Recorded {
    fn id(&self) -> ProviderId {
        self.client.id()
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
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

impl Submitter for Recorded {
    type Order = FileOrder;

    async fn submit(&self, order: &FileOrder, key: &str) -> Result<Batch, Error> {
        // Half of the delay is between the claim and the submit, half between the response and the journal.
        self.clock().sleep(self.delay / 2).await;
        // One write of a short line is not mixed with those of other processes.
        let mut file =
            OpenOptions::new().append(true).create(true).open(&*self.sent).expect("the record can be opened");
        file.write_all(format!("{} {key}\n", self.id()).as_bytes()).expect("the record can be written");
        let result = Submitter::submit(&self.client, order, key).await;
        self.clock().sleep(self.delay / 2).await;
        result
    }

    fn recovery(&self, order: &FileOrder, key: &str) -> Recovery {
        Submitter::recovery(&self.client, order, key)
    }

    async fn reconcile(&self, order: &FileOrder, key: &str, batch: &Batch) -> Result<Reconciliation, Error> {
        Submitter::reconcile(&self.client, order, key, batch).await
    }
}

/// Serves until it is killed.
pub(crate) async fn run() {
    let variable = |name| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let number = |name| variable(name).parse::<f64>().unwrap_or_else(|_| panic!("{name} is not a number"));
    let sent = Arc::new(PathBuf::from(variable(SENT)));
    let delay = Duration::from_secs_f64(number(DELAY_MS) / 1000.0);
    let mut accounts = Accounts::new();
    for client in clients() {
        let name = client.id().to_string();
        let client = Recorded { client, sent: sent.clone(), delay };
        accounts = accounts.with(&name, client, number(RATE)).expect("a valid account");
    }
    let endpoint = if variable(CLAIM) == "yes" { endpoint(accounts) } else { endpoint_without_claim(accounts) };
    let listener = TcpListener::bind(variable(ADDRESS)).await.expect("the address is free");
    serve(endpoint.build(), listener, std::future::pending()).await;
}

/// Returns the clients whose credentials and addresses are in the environment.
fn clients() -> Vec<AnyClient> {
    let client = |provider: &&str| {
        let provider: ProviderId = provider.parse().expect("a known provider");
        let environment = AnyClient::environment_from_env(&provider).expect("the address is set");
        AnyClient::from_env(&provider, HttpOptions::default().environment(environment)).expect("credentials are set")
    };
    AnyClient::PROVIDERS.iter().map(client).collect()
}
