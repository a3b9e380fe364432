use std::sync::Arc;

use bulkrail_core::{Error, ErrorKind};
use bulkrail_durable::Submitter;
use reqwest::StatusCode;
use restate_sdk::endpoint::{Builder, Endpoint};
use serde::Serialize;

use crate::account::AccountV1;
use crate::accounts::Accounts;
use crate::batch::BatchV1;
use crate::http::HttpClient;

/// Returns the endpoint of a worker, with [`BatchV1`] and [`AccountV1`].
///
/// With `Builder::identity_key` it accepts only requests that the server has signed:
///
/// ```no_run
/// # async fn example(client: bulkrail::AnyClient) -> Result<(), Box<dyn std::error::Error>> {
/// use bulkrail_restate::restate_sdk::http_server::HttpServer;
/// use bulkrail_restate::{Accounts, endpoint};
///
/// let accounts = Accounts::new().with("reap", client, 24.0)?;
/// // Printed by the server when it starts with `request-identity-private-key-pem-file`.
/// let key = "publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f";
/// let endpoint = endpoint(accounts).identity_key(key)?.build();
/// HttpServer::new(endpoint).listen_and_serve("127.0.0.1:9080".parse()?).await;
/// # Ok(())
/// # }
/// ```
pub fn endpoint<S: Submitter>(accounts: Accounts<S>) -> Builder {
    let rates = accounts.rates();
    bind(BatchV1::new(Arc::new(accounts)), rates)
}

fn bind<S: Submitter>(batch: BatchV1<S>, rates: std::collections::BTreeMap<String, f64>) -> Builder {
    Endpoint::builder().bind(batch).bind(AccountV1::new(rates))
}

/// Returns the endpoint of a worker without the claim, so that a test can show what the claim is for: it **submits twice**.
#[cfg(feature = "test-util")]
pub fn endpoint_without_claim<S: Submitter>(accounts: Accounts<S>) -> Builder {
    let rates = accounts.rates();
    bind(BatchV1::new(Arc::new(accounts)).without_claim(), rates)
}

/// Registers the workers at `worker` with the server whose admin port is at `admin`.
///
/// Several workers have one URL, that of the balancer before them: the server sends new orders to the URL that was
/// registered last. Registering the same URL again reads it anew.
///
/// # Errors
///
/// [`ErrorKind::Configuration`] when `admin` is neither `https` nor a loopback address; [`ErrorKind::Unavailable`] when the
/// server, or the worker from there, cannot be reached.
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
