//! Submitting a batch: at most once, unless a key tells the attempts apart.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::capture::PreparedRequest;
use super::client::{CallKind, HttpClient};
use super::error_mapping::text_at;
use super::retry::{Retry, RetryPolicy, retry};
use crate::error::{Error, ErrorKind};
use crate::json::ResponseSchema;
use crate::model::Batch;

/// 4 attempts, from 1 s apart, where no connection was made: nothing was sent, so another attempt is safe.
const CONNECT_RETRIES: RetryPolicy = RetryPolicy::new(4, Duration::from_secs(1));

/// 3 attempts, from 2 s apart, where a response was lost and the provider tells attempts apart by a key.
const LOST_RESPONSE_RETRIES: RetryPolicy = RetryPolicy::new(3, Duration::from_secs(2));

impl HttpClient {
    /// Submits a batch with the request that `prepare` makes for each attempt.
    ///
    /// The id of the new batch is at the JSON pointer `id_pointer` of the response, a string or a whole number. Whatever else the response has or
    /// lacks does not cost the id; its differences from `schema` are traced. The request is sent a second time only
    /// where the first one certainly did nothing: a connection was not made, or a token was refused.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`] when the batch may exist; [`ErrorKind::Conflict`] when the provider says that it has it
    /// already; any other error means that it does not exist.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist.
    pub async fn submit(
        &self,
        kind: CallKind,
        schema: &ResponseSchema,
        id_pointer: &str,
        prepare: impl Fn() -> Result<PreparedRequest, Error>,
    ) -> Result<Batch, Error> {
        let attempt = async || {
            let body = self.send(prepare()?, kind).await?.error_for_status().await?.bytes().await?;
            let unusable = |reason| body.with_response_context(Error::new(ErrorKind::Decode, reason));
            let response = body.decode_traced::<Value>(schema)?;
            let id = text_at(&response, id_pointer);
            let id = id.ok_or_else(|| unusable("the response does not have the id of the batch"))?;
            // Of a number that is too large, digits are lost.
            let is_inexact = response.pointer(id_pointer).is_some_and(Value::is_f64) && id.contains(['.', 'e']);
            if is_inexact {
                return Err(unusable("the id in the response is a number that cannot be read exactly"));
            }
            let batch = Batch::new(self.provider().clone(), id);
            let batch = batch.map_err(|_| unusable("the id in the response cannot be used"))?;
            Ok(batch.with_submitted_at(self.clock().wall()).with_environment(self.environment()))
        };
        let submitted = self.retry_unsent(attempt).await;
        submitted.map_err(|error| error.into_submit_error().with_action("submitting the batch"))
    }

    /// Submits as [`HttpClient::submit`], to a provider that tells a second attempt from a second batch by `key`.
    ///
    /// Where a response was lost, the same request is sent again.
    ///
    /// # Errors
    ///
    /// As for [`HttpClient::submit`]; and [`ErrorKind::Conflict`] when the provider has a batch under `key` and does
    /// not return its id.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist. The same key may be sent again.
    pub async fn submit_with_key(
        &self,
        kind: CallKind,
        schema: &ResponseSchema,
        id_pointer: &str,
        key: &str,
        prepare: impl Fn() -> Result<PreparedRequest, Error>,
    ) -> Result<Batch, Error> {
        let mut lost = false;
        let attempt = async || self.submit(kind, schema, id_pointer, &prepare).await;
        let classify = |error: &Error| {
            let was_lost = error.is_outcome_unknown();
            lost |= was_lost;
            if was_lost { Retry::AfterBackoff } else { Retry::No }
        };
        let submitted = retry(self.clock(), LOST_RESPONSE_RETRIES, attempt, classify).await;
        submitted.map_err(|error| match error.kind() {
            ErrorKind::OutcomeUnknown | ErrorKind::Conflict => error.with_key(key),
            _ if lost => error.after_lost_attempt(key),
            _ => error,
        })
    }

    /// Sends a request that creates something, with the request that `prepare` makes for each attempt, and decodes
    /// the response into the generated type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`] when the response was lost: it may have been created.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, it may have been created.
    pub async fn create<T: DeserializeOwned>(
        &self,
        schema: &ResponseSchema,
        action: &'static str,
        prepare: impl Fn() -> Result<PreparedRequest, Error>,
    ) -> Result<T, Error> {
        let created = async {
            let response = self.send(prepare()?, CallKind::Small).await?;
            response.error_for_status().await?.bytes().await?.decode_traced(schema)
        };
        created.await.map_err(|error: Error| error.into_submit_error().with_action(action))
    }

    /// Runs `attempt` again where it certainly did nothing: a connection was not made, or, once, a token was refused
    /// and refreshed.
    async fn retry_unsent<T, F: Future<Output = Result<T, Error>>>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let mut was_refreshed = false;
        let classify = |error: &Error| {
            // Once: a new token that is refused too has not expired.
            let refreshed = !was_refreshed && error.is_token_refreshed();
            was_refreshed |= refreshed;
            match error.is_nothing_sent() {
                true if refreshed => Retry::Immediately,
                true if error.is_transient() => Retry::AfterBackoff,
                _ => Retry::No,
            }
        };
        retry(self.clock(), CONNECT_RETRIES, attempt, classify).await
    }
}

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use http::Method;
    use reqwest::Request;

    use super::*;
    use crate::http::{ApiErrorBody, ClientBuilder, ConnectorError, ErrorMapping, ProviderClient};
    use crate::model::ProviderId;
    use crate::test_util::{MockConnector, MockResponse, VirtualClock};

    static ERRORS: ErrorMapping =
        ErrorMapping { provider: ProviderId::from_static("acme"), read: |_| ApiErrorBody::default(), codes: &[] };

    struct Acme(HttpClient);

    impl ProviderClient for Acme {
        type Credentials = ();

        fn error_mapping() -> &'static ErrorMapping {
            &ERRORS
        }

        fn servers() -> &'static [(&'static str, &'static str)] {
            &[("sandbox", "https://api.example/v1")]
        }

        fn from_http(http: HttpClient, (): ()) -> Result<Self, Error> {
            Ok(Self(http))
        }
    }

    /// Submits, and returns the seconds at which a request was sent, and the result. `responses` come
    /// one after the other, the last one again and again.
    fn submit(key: Option<&str>, responses: &[MockResponse]) -> (Vec<f64>, Result<Batch, Error>) {
        let (connector, clock) = (MockConnector::new(), VirtualClock::new());
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (log, now) = (Arc::clone(&sent), clock.clone());
        let queue = Mutex::new(responses.iter().cloned().collect::<VecDeque<_>>());
        connector.respond_with(move |_| {
            log.lock().unwrap().push(now.elapsed().as_secs_f64());
            let mut queue = queue.lock().unwrap();
            let next = queue.pop_front().unwrap();
            if queue.is_empty() {
                queue.push_back(next.clone());
            }
            next
        });
        let builder = ClientBuilder::<Acme>::new().credentials(()).connector(connector.clone()).clock(clock.clock());
        let client = builder.build().unwrap().0;
        let prepare = || {
            let request = Request::new(Method::POST, "https://api.example/v1/batches".parse().unwrap());
            Ok(PreparedRequest { request, operation: "submit" })
        };
        let schema = ResponseSchema::new("{}", "Batch");
        let result = clock.run(async {
            match key {
                Some(key) => client.submit_with_key(CallKind::Small, &schema, "/id", key, prepare).await,
                None => client.submit(CallKind::Small, &schema, "/id", prepare).await,
            }
        });
        let sent = sent.lock().unwrap().clone();
        assert_eq!(sent.len(), connector.requests().len());
        (sent, result)
    }

    fn not_connected() -> MockResponse {
        MockResponse::error(ConnectorError::Connect)
    }

    fn lost() -> MockResponse {
        MockResponse::error(ConnectorError::ConnectionReset)
    }

    fn made() -> MockResponse {
        MockResponse::json(201, r#"{"id":"b-1"}"#)
    }

    fn status(status: u16) -> MockResponse {
        MockResponse::json(status, "{}")
    }

    /// Checks the times of the requests, and the id or the kind of the error.
    #[track_caller]
    fn check(key: Option<&str>, responses: &[MockResponse], times: &[f64], expected: Result<&str, ErrorKind>) {
        let (sent, result) = submit(key, responses);
        assert_eq!(sent, times);
        let result = result.map(|batch| batch.id().to_owned()).map_err(|error| error.kind());
        assert_eq!(result, expected.map(str::to_owned));
    }

    #[test]
    fn submit_without_connection_is_sent_four_times_with_or_without_a_key() {
        use ErrorKind::Unavailable;
        for key in [None, Some("k-1")] {
            check(key, &[not_connected()], &[0.0, 1.0, 3.0, 7.0], Err(Unavailable));
            let fourth = [not_connected(), not_connected(), not_connected(), made()];
            check(key, &fourth, &[0.0, 1.0, 3.0, 7.0], Ok("b-1"));
            check(key, &[not_connected(), made()], &[0.0, 1.0], Ok("b-1"));
            check(key, &[made()], &[0.0], Ok("b-1"));
        }
    }

    #[test]
    fn submit_whose_response_is_lost_is_sent_once_without_a_key_and_three_times_with_one() {
        use ErrorKind::OutcomeUnknown;
        let responses = [
            lost(),
            MockResponse::error(ConnectorError::Timeout),
            status(500),
            status(302),
            MockResponse::json(201, "{"),
            MockResponse::json(201, "{}"),
        ];
        for response in responses {
            check(None, std::slice::from_ref(&response), &[0.0], Err(OutcomeUnknown));
            check(Some("k-1"), std::slice::from_ref(&response), &[0.0, 2.0, 6.0], Err(OutcomeUnknown));
            check(Some("k-1"), &[response.clone(), response, made()], &[0.0, 2.0, 6.0], Ok("b-1"));
        }
    }

    #[test]
    fn submit_with_a_key_sends_twelve_requests_at_most() {
        let round = [not_connected(), not_connected(), not_connected(), lost()];
        let times = [0.0, 1.0, 3.0, 7.0, 9.0, 10.0, 12.0, 16.0, 20.0, 21.0, 23.0, 27.0];
        check(Some("k-1"), &[&round[..], &round, &round, &[made()]].concat(), &times, Err(ErrorKind::OutcomeUnknown));
        // No connection after a lost response: what the first attempt did is still not known.
        let (sent, result) = submit(Some("k-1"), &[lost(), not_connected()]);
        assert_eq!(sent, [0.0, 2.0, 3.0, 5.0, 9.0]);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    }

    #[test]
    fn submit_that_is_refused_is_sent_once_whatever_it_asks_to_wait() {
        let refusals = [
            (400, ErrorKind::InvalidRequest),
            (401, ErrorKind::Authentication),
            (403, ErrorKind::Permission),
            (404, ErrorKind::NotFound),
            (409, ErrorKind::Conflict),
            (413, ErrorKind::InvalidRequest),
            (429, ErrorKind::RateLimited),
        ];
        for (code, kind) in refusals {
            for key in [None, Some("k-1")] {
                for response in [status(code), status(code).header("retry-after", "1")] {
                    check(key, &[response, made()], &[0.0], Err(kind));
                }
            }
        }
    }

    #[test]
    fn submit_with_a_key_waits_as_long_as_the_provider_asks_up_to_a_minute() {
        let table: [(&str, &[f64]); 9] = [
            ("0", &[0.0, 2.0, 6.0]),
            ("1", &[0.0, 2.0, 6.0]),
            ("3", &[0.0, 3.0, 7.0]),
            ("20", &[0.0, 20.0, 40.0]),
            ("59", &[0.0, 59.0, 118.0]),
            ("60", &[0.0, 60.0, 120.0]),
            ("61", &[0.0]),
            ("7200", &[0.0]),
            ("soon", &[0.0, 2.0, 6.0]),
        ];
        for (retry_after, times) in table {
            let response = status(503).header("retry-after", retry_after);
            check(Some("k-1"), std::slice::from_ref(&response), times, Err(ErrorKind::OutcomeUnknown));
            check(None, &[response], &[0.0], Err(ErrorKind::OutcomeUnknown));
        }
        let (_, result) = submit(Some("k-1"), &[status(503).header("retry-after", "7200")]);
        assert_eq!(result.unwrap_err().retry_after(), Some(Duration::from_secs(7_200)));
    }

    #[test]
    fn submit_that_is_refused_after_a_lost_response_is_of_unknown_outcome_unless_the_batch_exists() {
        let after = |code| submit(Some("k-1"), &[lost(), status(code)]);
        for code in [400, 401, 403, 404, 429] {
            let (sent, result) = after(code);
            let error = result.unwrap_err();
            assert_eq!((sent, error.kind()), (vec![0.0, 2.0], ErrorKind::OutcomeUnknown), "{code}");
            let shown = error.to_string();
            let lost = "an earlier attempt under the idempotency key k-1 may have worked, and the next one failed: ";
            assert!(shown.contains(lost), "{shown}");
        }
        // That nothing was sent is true of the last attempt only.
        let (_, result) = submit(Some("k-1"), &[lost(), MockResponse::error(ConnectorError::NotProcessed)]);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.is_nothing_sent()), (ErrorKind::OutcomeUnknown, false));
        assert!(error.hint().unwrap().starts_with("find out at the provider"), "{error:?}");
        let (sent, result) = after(409);
        let error = result.unwrap_err();
        assert_eq!((sent, error.kind()), (vec![0.0, 2.0], ErrorKind::Conflict));
        assert!(error.to_string().contains("under the idempotency key k-1"), "{error}");
        // Of a first attempt that was refused, the key says nothing.
        let error = submit(Some("k-1"), &[status(400)]).1.unwrap_err();
        assert!(!error.to_string().contains("k-1"), "{error}");
    }

    #[test]
    fn submit_reads_a_response_whose_other_headers_are_malformed() {
        for (name, value) in [
            ("content-type", "\u{e9}"),
            ("content-type", "text/html"),
            ("content-type", ";;;"),
            ("retry-after", "\u{e9}"),
            ("ratelimit-remaining", "-1"),
            ("x-request-id", "\u{e9}"),
            ("date", "yesterday"),
        ] {
            check(None, &[made().header(name, value)], &[0.0], Ok("b-1"));
        }
    }
}
