use std::time::Duration;

use bulkrail_core::poll::FAILURE_BUDGET;
use bulkrail_core::time::Clock;
use bulkrail_core::{Error, ErrorKind, Report};
use reqwest::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::accounts::check_key;
use crate::batch::BatchOrder;
use crate::http::{HttpClient, Response};
use crate::status::Status;

/// Name of the workflow in URLs.
const WORKFLOW: &str = "BatchV1";

/// 60 s for one request that awaits the end of an order. It is repeated until the end.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(60);

/// 1 s before a failed request is repeated.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// 5 attempts for an order: it takes as long as a server needs to restart.
const SUBMIT_ATTEMPTS: u32 = 5;

/// Client of the ingress of Restate: orders batches, and reads their state. Cheap to clone.
///
/// ```no_run
/// # async fn example() -> Result<(), bulkrail_core::Error> {
/// use bulkrail_durable::FileOrder;
/// use bulkrail_restate::{BatchOrder, Ingress};
///
/// let ingress = Ingress::new("http://127.0.0.1:8080")?;
/// let order = FileOrder::new("import.csv").await?;
/// ingress.submit("import-2026-11-25", &BatchOrder::new("reap", order)).await?;
/// let report = ingress.ended("import-2026-11-25").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Ingress {
    http: HttpClient,
    clock: Clock,
}

impl Ingress {
    /// Returns a client of the ingress at `url`: `https`, or `http` to a loopback address. Redirects are not
    /// followed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for another URL, and for one that holds credentials.
    pub fn new(url: &str) -> Result<Self, Error> {
        Ok(Self { http: HttpClient::new(url)?, clock: Clock::system() })
    }

    /// Sends `token` as a bearer token, for a gateway before the ingress.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when it cannot be part of a header.
    pub fn token(self, token: &SecretString) -> Result<Self, Error> {
        Ok(Self { http: self.http.with_token(token)?, ..self })
    }

    /// Orders a batch, and returns once the order is durable. A failed request is repeated.
    ///
    /// `key` names the order: the same key again is the same order, whatever `order` is then, and returns
    /// [`Ordered::Before`].
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Usage`]: the key is not like a batch id, or the order is larger than 1 MiB.
    /// - [`ErrorKind::NotFound`]: no worker is registered at the server.
    /// - [`ErrorKind::Unavailable`] and others: the order may be durable. The same call again is safe.
    pub async fn submit<O: Serialize>(&self, key: &str, order: &BatchOrder<O>) -> Result<Ordered, Error> {
        check_key(key)?;
        check_key(order.account())?;
        let action = |error: Error| error.with_action("ordering the batch");
        let mut attempt = 1;
        let response = loop {
            match self.http.post(&[WORKFLOW, key, "run", "send"], Some(order)).await.and_then(successful) {
                Ok(response) => break response,
                Err(error) if error.is_transient() && attempt < SUBMIT_ATTEMPTS => {
                    self.clock.sleep(error.retry_after().unwrap_or(RETRY_DELAY)).await;
                    attempt += 1;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(action(error).with_hint("start a worker, and register it at the server"));
                }
                Err(error) => return Err(action(error)),
            }
        };
        let accepted: Accepted = decode(&response).map_err(action)?;
        Ok(if accepted.status == "PreviouslyAccepted" { Ordered::Before } else { Ordered::Now })
    }

    /// Returns the last status of an order; `None` before its first attempt to submit has a result, for an unknown
    /// key, and after the retention (one day after the end, unless the server is set otherwise).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] for an unusable key; every failure of the request.
    pub async fn status(&self, key: &str) -> Result<Option<Status>, Error> {
        check_key(key)?;
        let response = self.http.post(&[WORKFLOW, key, "status"], None::<&()>).await.and_then(successful);
        response.and_then(|response| decode(&response)).map_err(|error| error.with_action("reading the status"))
    }

    /// Waits until the order is over, and returns the report of its batch.
    ///
    /// Requests that fail are repeated, unless they fail for 15 min ([`FAILURE_BUDGET`]). When the future is dropped,
    /// the order goes on.
    ///
    /// # Errors
    ///
    /// - The error of the order, as [`Status::GaveUp`] has it.
    /// - [`ErrorKind::NotFound`]: the key is unknown, or the retention is over.
    /// - [`ErrorKind::Interrupted`]: the workflow was cancelled or killed at the server. Its batch may exist.
    /// - Every other failure of the requests.
    pub async fn ended(&self, key: &str) -> Result<Report, Error> {
        check_key(key)?;
        let action = |error: Error| error.with_action("waiting for the end of the order");
        let mut last_success = self.clock.now();
        loop {
            let started = self.clock.now();
            let response = self.http.get(&["restate", "workflow", WORKFLOW, key, "attach"], ATTACH_TIMEOUT).await;
            let error = match response {
                Ok(response) if response.status == StatusCode::OK => {
                    let status: Status = decode(&response).map_err(action)?;
                    return status.end().unwrap_or_else(|| Err(action(undecodable())));
                }
                Ok(response) => match failure_of_workflow(&response) {
                    Some(error) => return Err(action(error)),
                    None => response.error(),
                },
                Err(error) => error,
            };
            if !error.is_transient() {
                return Err(action(error));
            }
            let now = self.clock.now();
            if now.saturating_sub(started) >= ATTACH_TIMEOUT {
                // The server has accepted the request, and the order is not over.
                last_success = now;
            } else if now.saturating_sub(last_success) >= FAILURE_BUDGET {
                return Err(action(error));
            } else {
                self.clock.sleep(error.retry_after().unwrap_or(RETRY_DELAY)).await;
            }
        }
    }
}

/// Result of an order that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordered {
    /// It was ordered by this call, or an earlier attempt of it.
    Now,
    /// The key was ordered before.
    Before,
}

#[derive(Deserialize)]
struct Accepted {
    status: String,
}

fn successful(response: Response) -> Result<Response, Error> {
    if response.status.is_success() { Ok(response) } else { Err(response.error()) }
}

fn decode<T: for<'de> Deserialize<'de>>(response: &Response) -> Result<T, Error> {
    serde_json::from_slice(&response.body).map_err(|error| undecodable().with_source(error))
}

fn undecodable() -> Error {
    Error::new(ErrorKind::Decode, "the response of Restate cannot be decoded")
}

/// Returns the error of a workflow without a result. The status of the response is what the workflow has failed with.
fn failure_of_workflow(response: &Response) -> Option<Error> {
    #[derive(Deserialize)]
    struct Failure {
        source: String,
    }
    let failure: Failure = serde_json::from_slice(&response.body).ok()?;
    if failure.source != "invocation" {
        return None;
    }
    let error = match response.status {
        StatusCode::NOT_FOUND => Error::new(ErrorKind::NotFound, "Restate does not know the order, or not any more"),
        StatusCode::CONFLICT => {
            let error = Error::new(ErrorKind::Interrupted, "the workflow was cancelled or killed at the server");
            error.with_hint("its batch may exist; find out at the provider before it is ordered again")
        }
        StatusCode::BAD_REQUEST => Error::new(ErrorKind::InvalidRequest, "the workers cannot read the order"),
        status => Error::new(ErrorKind::Interrupted, format!("the workflow has failed with {status}")),
    };
    Some(error.with_http_status(response.status.as_u16()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_of_workflow_differs_from_failure_of_server() {
        let kind = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = failure_of_workflow(&Response { status, body: body.as_bytes().to_vec() });
            failure.map(|error| error.kind())
        };
        // Responses of server 1.7.12.
        for (status, body, expected) in [
            (404, r#"{"code":404,"message":"not found","source":"invocation"}"#, Some(ErrorKind::NotFound)),
            (409, r#"{"code":409,"message":"cancelled","source":"invocation"}"#, Some(ErrorKind::Interrupted)),
            (409, r#"{"code":409,"message":"killed","source":"invocation"}"#, Some(ErrorKind::Interrupted)),
            (400, r#"{"code":400,"message":"Cannot ...","source":"invocation"}"#, Some(ErrorKind::InvalidRequest)),
            (404, r#"{"code":404,"message":"service 'BatchV1' not found","source":"ingress"}"#, None),
            (502, "<html>", None),
        ] {
            assert_eq!(kind(status, body), expected, "{body}");
        }
    }

    #[test]
    fn key_that_would_change_the_url_is_refused_before_a_request() {
        for key in ["", ".", "..", "a/b", "a?b", "a#b", "a%2Fb", "a\\b", "\u{e9}", "a\nb", &"k".repeat(257)] {
            assert_eq!(check_key(key).unwrap_err().kind(), ErrorKind::Usage, "{key:?}");
        }
        for key in ["import-2026-11-25", "a:b", "a.b", &"k".repeat(256)] {
            check_key(key).unwrap();
        }
    }
}
