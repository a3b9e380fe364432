use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bulkrail_core::time::Clock;
use bulkrail_core::{Error, ErrorKind};
use bulkrail_durable::Submitter;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::graceful::GracefulShutdown;
use reqwest::StatusCode;
use restate_sdk::endpoint::{Builder, Endpoint};
use restate_sdk::hyper::HyperEndpoint;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::account::AccountV1;
use crate::accounts::Accounts;
use crate::batch::BatchV1;
use crate::http::HttpClient;

/// 10 s for the steps in progress when a worker stops. Another worker repeats one that takes longer: an upload that
/// is cut off here may have an unknown outcome.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// 100 ms before the next connection where the system has none left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Returns the endpoint of a worker, with [`BatchV1`] and [`AccountV1`].
///
/// With `Builder::identity_key` it accepts only requests that the server has signed:
///
/// ```no_run
/// # async fn example(client: bulkrail::AnyClient) -> Result<(), Box<dyn std::error::Error>> {
/// use bulkrail_restate::{Accounts, endpoint, serve};
/// use tokio::net::TcpListener;
///
/// let accounts = Accounts::new().with("reap", client, 24.0)?;
/// // Printed by the server when it starts with `request-identity-private-key-pem-file`.
/// let key = "publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f";
/// let endpoint = endpoint(accounts).identity_key(key)?.build();
/// serve(endpoint, TcpListener::bind("127.0.0.1:9080").await?, std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
pub fn endpoint<S: Submitter>(accounts: Accounts<S>) -> Builder {
    let rates = accounts.rates();
    bind(BatchV1::new(Arc::new(accounts)), rates)
}

fn bind<S: Submitter>(batch: BatchV1<S>, rates: BTreeMap<String, f64>) -> Builder {
    Endpoint::builder().bind(batch).bind(AccountV1::new(rates))
}

/// Returns the endpoint of a worker without the claim, so that a test can show what the claim is for: it **submits
/// twice**.
#[cfg(feature = "test-util")]
pub fn endpoint_without_claim<S: Submitter>(accounts: Accounts<S>) -> Builder {
    let rates = accounts.rates();
    bind(BatchV1::new(Arc::new(accounts)).without_claim(), rates)
}

/// Serves a worker on `listener` until `shutdown` completes, and then up to 10 s for the steps in progress.
///
/// It speaks HTTP/2 without TLS. So does the server of the SDK, but it leaves small packets to the delay of TCP
/// (`TCP_NODELAY`), which makes each turn of an account longer.
pub async fn serve(endpoint: Endpoint, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
    let (clock, endpoint, graceful) = (Clock::system(), HyperEndpoint::new(endpoint), GracefulShutdown::new());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                clock.sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::warn!(%error, "the steps of a connection are slow");
        }
        let server = http2::Builder::new(TokioExecutor::new());
        let connection = graceful.watch(server.serve_connection(TokioIo::new(stream), endpoint.clone()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection has ended");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = clock.sleep(SHUTDOWN_GRACE) => tracing::warn!("steps in progress were cut off"),
    }
}

/// Registers the workers at `worker` with the server whose admin port is at `admin`.
///
/// Several workers have one URL, that of the balancer before them: the server sends new orders to the URL that was
/// registered last. Registering the same URL again reads it anew.
///
/// # Errors
///
/// [`ErrorKind::Configuration`] when `admin` is neither `https` nor a loopback address; [`ErrorKind::Unavailable`]
/// when the server, or the worker from there, cannot be reached.
pub async fn register(admin: &str, worker: &str) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Deployment<'a> {
        uri: &'a str,
        force: bool,
    }
    let http = HttpClient::new(admin)?;
    let response = http.post(&["deployments"], Some(&Deployment { uri: worker, force: false })).await;
    let response = response.map_err(|error| error.with_action("registering the worker"))?;
    match response.status {
        status if status.is_success() => Ok(()),
        StatusCode::CONFLICT => {
            let error = Error::new(ErrorKind::Conflict, "another version of the workers is registered at this URL");
            Err(error
                .with_hint("register new workers at a URL of their own, and keep the old ones until their orders end"))
        }
        _ => Err(response.error().with_action("registering the worker")),
    }
}

#[cfg(test)]
mod tests {
    use bulkrail::{AnyClient, reap};

    use super::*;

    fn accounts() -> Accounts<AnyClient> {
        let client =
            reap::Client::builder().base_url("http://127.0.0.1:9").credentials(reap::Credentials::api_key("key"));
        Accounts::new().with("reap", client.build().unwrap().into(), 24.0).unwrap()
    }

    #[test]
    fn worker_with_identity_key_refuses_requests_that_the_server_has_not_signed() {
        let key = "publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f";
        let status = |builder: Builder| {
            let request = hyper::Request::get("/discover")
                .header("accept", "application/vnd.restate.endpointmanifest.v4+json")
                .body(axum::body::Body::empty());
            builder.build().handle(request.unwrap()).status()
        };
        assert_eq!(status(endpoint(accounts())), 200);
        assert_eq!(status(endpoint(accounts()).identity_key(key).unwrap()), 401);
        assert!(endpoint(accounts()).identity_key("publickeyv1_short").is_err());
    }

    #[test]
    fn accounts_refuse_a_second_name_and_a_rate_that_is_none() {
        let client = || accounts().get("reap").unwrap().submitter.clone();
        for (name, rate) in [("reap", 24.0), ("a/b", 24.0), ("other", 0.0), ("other", f64::NAN), ("other", -1.0)] {
            let error = accounts().with(name, client(), rate).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{name} {rate}");
        }
        assert_eq!(accounts().get("other").err().unwrap().kind(), ErrorKind::Configuration);
    }
}
