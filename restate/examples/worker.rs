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
//! It works for every provider whose credentials are in the environment (`REAP_API_KEY`, with `REAP_BASE_URL` for another
//! address than the provider's sandbox, and the like). Without any, it starts stand-ins of all providers.

use std::env;
use std::error::Error;

use bulkrail::http::HttpOptions;
use bulkrail::{AnyClient, ProviderId};
use bulkrail_restate::restate_sdk::http_server::HttpServer;
use bulkrail_restate::{Accounts, endpoint, register};
use bulkrail_sandbox::Sandbox;
use tokio::net::TcpListener;

/// 24 requests per second and account: a little less than 25, the limit that KillB documents.
const REQUESTS_PER_SECOND: f64 = 24.0;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_ansi(false).init();
    // Kept until the worker stops.
    let mut sandbox = None;
    let mut clients = clients_of_environment()?;
    if clients.is_empty() {
        tracing::info!("no credentials in the environment: using stand-ins of the providers");
        let started = sandbox.insert(Sandbox::builder().start().await?);
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
    let server = tokio::spawn(HttpServer::new(endpoint.build()).serve(listener));
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
