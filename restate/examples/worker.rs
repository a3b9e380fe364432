//! Worker of a cluster: submits and polls batches that were ordered at Restate.
//!
//! `cargo run -p bulkrail-restate --example worker`, beside a server; see the README, "More than one machine".
//!
//! | Variable | Default | Meaning |
//! |---|---|---|
//! | `WORKER_ADDRESS` | `127.0.0.1:9080` | address to listen on |
//! | `WORKER_URL` | `http://` and the address | URL to register: that of the balancer, where there is one |
//! | `RESTATE_ADMIN` | `http://127.0.0.1:9070` | admin port of the server |
//! | `RESTATE_IDENTITY_KEY` | none | public key of the server, `publickeyv1_...`; only its requests are accepted then |
//!
//! It works for every provider whose credentials are in the environment (`REAP_API_KEY`, with `REAP_BASE_URL` for
//! another address than the provider's sandbox, and the like). Without any, it starts stand-ins of all providers.

use std::env;
use std::error::Error;

use bulkrail::http::HttpOptions;
use bulkrail::{AnyClient, ProviderId, cdq, killb, localpayment, reap};
use bulkrail_restate::{Accounts, endpoint, register, serve};
use bulkrail_sandbox::Sandbox;
use tokio::net::TcpListener;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::{fmt, util::SubscriberInitExt};

/// 24 requests per second and account: a little less than 25, the limit that KillB documents.
const REQUESTS_PER_SECOND: f64 = 24.0;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The SDK warns each time that a workflow is put aside until its next step.
    let filter = Targets::new().with_default(Level::INFO).with_target("restate_sdk", Level::ERROR);
    tracing_subscriber::registry().with(fmt::layer().with_ansi(false).with_filter(filter)).init();
    // Kept until the worker stops.
    let mut sandbox = None;
    let mut clients = clients_of_environment()?;
    if clients.is_empty() {
        tracing::info!("no credentials in the environment: using stand-ins of the providers");
        let started = sandbox.insert(Sandbox::builder().speed(10.0).start().await?);
        clients = clients_of_sandbox(started)?;
    }
    let mut accounts = Accounts::new();
    for client in clients {
        let name = bulkrail::Provider::id(&client).to_string();
        accounts = accounts.with(&name, client, REQUESTS_PER_SECOND)?;
    }
    tracing::info!(?accounts, "working for");

    let mut endpoint = endpoint(accounts);
    if let Ok(key) = env::var("RESTATE_IDENTITY_KEY") {
        endpoint = endpoint.identity_key(&key)?;
    }
    let listener = TcpListener::bind(variable("WORKER_ADDRESS", "127.0.0.1:9080")).await?;
    let url = variable("WORKER_URL", &format!("http://{}", listener.local_addr()?));
    let admin = variable("RESTATE_ADMIN", "http://127.0.0.1:9070");
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    let server = tokio::spawn(serve(endpoint.build(), listener, stop));
    register(&admin, &url).await?;
    tracing::info!(url, "registered");
    // Until Ctrl-C.
    server.await?;
    Ok(())
}

fn clients_of_environment() -> Result<Vec<AnyClient>, bulkrail::Error> {
    let mut clients = Vec::new();
    for provider in AnyClient::PROVIDERS {
        let provider: ProviderId = provider.parse()?;
        let environment = AnyClient::environment_from_env(&provider).unwrap_or_default();
        match AnyClient::from_env(&provider, HttpOptions::default().environment(environment)) {
            Ok(client) => clients.push(client),
            Err(error) => tracing::debug!("{error}"),
        }
    }
    Ok(clients)
}

fn clients_of_sandbox(sandbox: &Sandbox) -> Result<Vec<AnyClient>, bulkrail::Error> {
    let url = |provider: &str| sandbox.base_url(provider).unwrap_or_default();
    let secret = |provider, index: usize| sandbox.credentials(provider)[index].1;
    let killb = killb::Client::builder()
        .base_url(url("killb"))
        .credentials(killb::Credentials::login(secret("killb", 0), secret("killb", 1)));
    let reap = reap::Client::builder().base_url(url("reap")).credentials(reap::Credentials::api_key(secret("reap", 0)));
    let cdq = cdq::Client::builder().base_url(url("cdq")).credentials(cdq::Credentials::api_key(secret("cdq", 0)));
    let localpayment = localpayment::Client::builder()
        .base_url(url("localpayment"))
        .credentials(localpayment::Credentials::login(secret("localpayment", 0), secret("localpayment", 1)));
    Ok(vec![killb.build()?.into(), reap.build()?.into(), cdq.build()?.into(), localpayment.build()?.into()])
}

fn variable(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}
