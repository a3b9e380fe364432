//! Runs the service. See `README.md` beside `Cargo.toml`.

use std::env;
use std::error::Error;
use std::path::Path;

use bulkrail::http::HttpOptions;
use bulkrail::{AnyClient, ProviderId};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_ansi(false).init();
    let listener = TcpListener::bind(variable("SERVICE_ADDRESS", "127.0.0.1:8080")).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let clients = AnyClient::PROVIDERS.iter().filter_map(|provider| client(provider));
    bulkrail_example_service::serve(listener, Path::new(&variable("SERVICE_DIRECTORY", "batches")), clients, stop())
        .await?;
    tracing::info!("stopped");
    Ok(())
}

/// Returns the client of a provider whose credentials are in the environment.
fn client(provider: &str) -> Option<AnyClient> {
    let provider: ProviderId = provider.parse().ok()?;
    // `REAP_BASE_URL` and the like; else the provider's own sandbox.
    // In production: `Environment::Production`.
    let environment = AnyClient::environment_from_env(&provider).unwrap_or_default();
    match AnyClient::from_env(&provider, HttpOptions::default().environment(environment)) {
        Ok(client) => Some(client),
        Err(error) => {
            tracing::info!("{error}");
            None
        }
    }
}

fn variable(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// Completes on Ctrl-C or SIGTERM.
async fn stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
