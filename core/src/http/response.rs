//! Responses: read as a whole, in chunks, or only for their status fields.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::connection_error::ConnectorError;
use super::error_mapping::{ErrorMapping, error_of_response, request_id};
use super::redact::Redactor;
use super::retry_after::retry_after;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::json::{ArrayElider, ResponseSchema, StatusFields, decode_error, invalid_json, sanitize_json, trace_drift};
use crate::model::{Drift, Snapshot};
use crate::time::Clock;

/// 1 MiB: an error body may list a fault for each of some thousand rows. Of a larger one (an attack) only this much is read,
/// and it has neither code nor message then.
const MAX_ERROR_BODY: usize = 1024 * 1024;

/// 8 KiB: a body of one chunk up to this size is parsed as it is. Eliding its arrays first would cost more time.
const SMALL_BODY: usize = 8 * 1024;

/// A response of any status whose body has not been read yet.
#[derive(Debug)]
pub struct Response {
    errors: &'static ErrorMapping,
    retry_after: Option<Duration>,
    clock: Clock,
    limits: BodyLimits,
    /// The request only reads.
    is_read: bool,
    redactor: Redactor,
    response: reqwest::Response,
}

/// Number of bytes of one body that may arrive, and that may be held in memory; time between two chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    pub(super) streamed: u64,
    pub(super) buffered: u64,
    pub(super) read_timeout: Duration,
}

impl Response {
    pub(super) fn new(
        errors: &'static ErrorMapping,
        clock: &Clock,
        limits: BodyLimits,
        is_read: bool,
        redactor: Redactor,
        response: reqwest::Response,
    ) -> Self {
        let retry_after = retry_after(response.headers(), !response.status().is_success(), clock);
        Self { errors, retry_after, clock: clock.clone(), limits, is_read, redactor, response }
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Returns the body of a 2xx response.
    ///
    /// # Errors
    ///
    /// The mapped error of a response with another status.
    pub async fn error_for_status(self) -> Result<ResponseBody, Error> {
        let Self { errors, retry_after, clock, limits, is_read, redactor, mut response } = self;
        let status = response.status();
        if !status.is_success() {
            let headers = std::mem::take(response.headers_mut());
            let mut start = BytesMut::new();
            // A body that breaks off still has a status.
            while let Ok(Some(chunk)) = next_chunk(&mut response, &clock, limits.read_timeout).await {
                let left = MAX_ERROR_BODY - start.len();
                start.extend_from_slice(&chunk[..chunk.len().min(left)]);
                if left <= chunk.len() {
                    break;
                }
            }
            let error = error_of_response(errors, status, &headers, retry_after, &start, is_read);
            return Err(error.map_provider_texts(|text| redactor.redact(text)));
        }
        let context = Context { errors, status, request_id: request_id(response.headers()), redactor };
        Ok(ResponseBody { response, clock, left: limits, retry_after, context })
    }
}

/// The body of a 2xx response that has not been read yet.
#[derive(Debug)]
pub struct ResponseBody {
    response: reqwest::Response,
    clock: Clock,
    left: BodyLimits,
    retry_after: Option<Duration>,
    context: Context,
}

impl ResponseBody {
    /// Returns the next chunk; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when it cannot be read, [`ErrorKind::TooLarge`] when the body exceeds its limit.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses nothing.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let error = match next_chunk(&mut self.response, &self.clock, self.left.read_timeout).await {
            Ok(None) => return Ok(None),
            Ok(Some(chunk)) if chunk.len() as u64 <= self.left.streamed => {
                self.left.streamed -= chunk.len() as u64;
                return Ok(Some(chunk));
            }
            Ok(Some(_)) => ConnectorError::TooLarge,
            Err(error) => error,
        };
        Err(self.with_response_context(error.into_error()))
    }

    /// Returns the number of bytes of the body that may be held in memory.
    #[must_use]
    pub fn max_buffered_bytes(&self) -> u64 {
        self.left.buffered
    }

    /// Returns the error of a body of which more than [`max_buffered_bytes`](Self::max_buffered_bytes) would be held.
    #[must_use]
    pub fn too_large(&self) -> Error {
        self.with_response_context(ConnectorError::TooLarge.into_error())
    }

    /// Reads the whole body into memory.
    ///
    /// # Errors
    ///
    /// As for [`ResponseBody::chunk`].
    pub async fn bytes(mut self) -> Result<BufferedBody, Error> {
        let Some(first) = self.chunk().await? else { return Ok(BufferedBody { bytes: Bytes::new(), body: self }) };
        // Small responses arrive in one chunk, which need not be copied.
        let Some(second) = self.chunk().await? else { return Ok(BufferedBody { bytes: first, body: self }) };
        let mut bytes = BytesMut::from(first);
        bytes.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(BufferedBody { bytes: bytes.freeze(), body: self })
    }

    /// Reads the status fields only, and returns the snapshot that `parse` makes of them, or its error.
    ///
    /// Memory does not grow with the arrays in the body.
    ///
    /// # Errors
    ///
    /// As for [`ResponseBody::chunk`]; and [`ErrorKind::Decode`] when the body is not one JSON object.
    pub async fn parse_status(
        mut self,
        mut parse: impl FnMut(StatusFields<'_>) -> Result<Snapshot, Error>,
    ) -> Result<Snapshot, Error> {
        let first = self.chunk().await?.unwrap_or_default();
        let mut next = self.chunk().await?;
        if next.is_none() && first.len() <= SMALL_BODY {
            // A body that cannot be parsed as it is may still be once its arrays are elided.
            if let Ok(fields) = StatusFields::from_body(&first) {
                let snapshot = parse(fields).map_err(|error| self.with_response_context(error))?;
                return Ok(self.context.redactor.redact_snapshot(snapshot).with_retry_after(self.retry_after));
            }
        }
        let mut elider = ArrayElider::default();
        elider.push(&first);
        loop {
            if elider.elided().len() as u64 > self.left.buffered {
                return Err(self.too_large());
            }
            let Some(chunk) = next else { break };
            elider.push(&chunk);
            next = self.chunk().await?;
        }
        let snapshot = StatusFields::snapshot(elider.elided(), parse);
        let snapshot = snapshot.map_err(|error| self.with_response_context(error))?;
        Ok(self.context.redactor.redact_snapshot(snapshot).with_retry_after(self.retry_after))
    }

    /// Adds provider, HTTP status and request id of the response to `error`.
    #[must_use]
    pub fn with_response_context(&self, error: Error) -> Error {
        let Context { errors, status, request_id, redactor } = &self.context;
        let error = error.with_provider(errors.provider.clone()).with_http_status(status.as_u16());
        match request_id {
            Some(id) => error.with_request_id(id).map_provider_texts(|text| redactor.redact(text)),
            None => error,
        }
    }

    /// Returns the same snapshot without texts that repeat a credential of the client. A documented status word stays.
    #[must_use]
    pub fn redact_snapshot(&self, snapshot: Snapshot) -> Snapshot {
        self.context.redactor.redact_snapshot(snapshot)
    }

    /// Replaces names of fields and status words that repeat a credential of the client.
    pub fn redact_drift(&self, drift: &mut [Drift]) {
        self.context.redactor.redact_drift(drift);
    }

    /// Replaces a text of the provider, such as the reason of a row, that repeats a credential of the client.
    pub fn redact_text(&self, text: &mut String) {
        self.context.redactor.redact(text);
    }
}

/// Returns the next chunk, unless it takes longer than `read_timeout`.
async fn next_chunk(
    response: &mut reqwest::Response,
    clock: &Clock,
    read_timeout: Duration,
) -> Result<Option<Bytes>, ConnectorError> {
    let mut chunk = pin!(response.chunk());
    // Most chunks are there already, and need no timer.
    let mut timeout = None;
    std::future::poll_fn(|context| {
        if let Poll::Ready(chunk) = chunk.as_mut().poll(context) {
            return Poll::Ready(chunk.map_err(|error| match ConnectorError::from(error) {
                // The response has begun: the request was processed.
                error if error.is_before_sending() => ConnectorError::ConnectionReset,
                error => error,
            }));
        }
        let timeout = timeout.get_or_insert_with(|| clock.sleep(read_timeout));
        std::task::ready!(timeout.as_mut().poll(context));
        Poll::Ready(Err(ConnectorError::Timeout))
    })
    .await
}

#[derive(Debug)]
struct Context {
    errors: &'static ErrorMapping,
    status: StatusCode,
    request_id: Option<String>,
    redactor: Redactor,
}

/// The body of a 2xx response, in memory.
#[derive(Debug)]
pub struct BufferedBody {
    bytes: Bytes,
    body: ResponseBody,
}

impl BufferedBody {
    /// Decodes the body into the generated type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`], with pointer, expected and found type, and position in the body, but without its content.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let error = match serde_json::from_slice(&self.bytes) {
            Ok(decoded) => return Ok(decoded),
            Err(error) => error,
        };
        // One byte that JSON does not allow does not cost the rest of the response.
        let repaired = if error.is_syntax() { serde_json::from_str(&sanitize_json(&self.bytes)).ok() } else { None };
        match repaired {
            Some(decoded) => {
                trace_drift(&invalid_json());
                Ok(decoded)
            }
            None => {
                let error = self.body.context.redactor.redact_reason(decode_error(&error, &self.bytes));
                Err(self.with_response_context(error))
            }
        }
    }

    /// Decodes the body and traces its differences from `schema`: for responses whose drift is in no document.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`], with the position in the body but without its content.
    pub fn decode_traced<T: DeserializeOwned>(&self, schema: &ResponseSchema) -> Result<T, Error> {
        if let Ok(json) = self.decode::<Value>() {
            let mut drift = schema.differences(&json);
            self.body.redact_drift(&mut drift);
            drift.iter().for_each(trace_drift);
        }
        self.decode()
    }

    /// Adds provider, HTTP status and request id of the response to `error`.
    #[must_use]
    pub fn with_response_context(&self, error: Error) -> Error {
        self.body.with_response_context(error)
    }

    /// Returns typed status and snapshot; `parse` makes the snapshot from the scalar fields of the body.
    pub(super) fn into_status<T>(
        self,
        parse: impl Fn(StatusFields<'_>) -> Result<Snapshot, Error>,
    ) -> Result<StatusResponse<T>, Error> {
        let mut elider = ArrayElider::default();
        elider.push(&self.bytes);
        let snapshot = StatusFields::snapshot(elider.elided(), parse);
        let snapshot = snapshot.map_err(|error| self.with_response_context(error))?;
        let snapshot = self.body.context.redactor.redact_snapshot(snapshot).with_retry_after(self.body.retry_after);
        Ok(StatusResponse { snapshot, body: self, typed: PhantomData })
    }
}

/// The response to one poll: the neutral [`Snapshot`] at once, the provider's own type when asked for.
///
/// The snapshot is read leniently and does not depend on the typed decode: a field of another type, or a missing
/// required field, costs the typed value but never the snapshot.
pub struct StatusResponse<T> {
    /// Snapshot of the batch.
    pub snapshot: Snapshot,
    body: BufferedBody,
    typed: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> StatusResponse<T> {
    /// Decodes the provider's own type. It holds personal data.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when the response does not fit the spec; the field is named, its content is not.
    pub fn decode(&self) -> Result<T, Error> {
        self.body.decode()
    }

    /// Decodes the response as JSON, without regard to the spec. It holds personal data.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when it is not JSON.
    pub fn json(&self) -> Result<Value, Error> {
        self.body.decode()
    }

    /// Returns the response body unchanged. It holds personal data.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body.bytes
    }
}

impl<T> std::fmt::Debug for StatusResponse<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusResponse").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::error::ErrorKind;
    use crate::http::{ApiErrorBody, text_at};
    use crate::model::{DriftKind, Progress, ProviderId, State};
    use crate::test_util::VirtualClock;

    static ERRORS: ErrorMapping = ErrorMapping {
        provider: ProviderId::from_static("acme"),
        read: |body| ApiErrorBody { code: text_at(body, "/code"), ..ApiErrorBody::default() },
        codes: &[],
    };

    fn response(status: u16, chunks: &[&str], streamed: u64, buffered: u64) -> Response {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok::<_, Infallible>(Bytes::from((*chunk).to_owned()))).collect();
        let mut response = http::Response::new(reqwest::Body::wrap_stream(futures_util::stream::iter(chunks)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let limits = BodyLimits { streamed, buffered, read_timeout: Duration::from_secs(30) };
        let redactor = Redactor::default();
        redactor.add(&"token-number-1".into());
        Response::new(&ERRORS, &VirtualClock::new().clock(), limits, true, redactor, response.into())
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        VirtualClock::new().run(future)
    }

    fn body(chunks: &[&str], streamed: u64, buffered: u64) -> ResponseBody {
        run(response(200, chunks, streamed, buffered).error_for_status()).unwrap()
    }

    fn parse(fields: StatusFields<'_>) -> Result<Snapshot, Error> {
        let _ = fields;
        Ok(Snapshot::new(State::Running, "running", Progress::default()))
    }

    #[test]
    fn error_body_in_several_chunks_is_read_up_to_its_limit() {
        let error = |chunks: &[&str]| run(response(400, chunks, 1 << 30, 1 << 30).error_for_status()).unwrap_err();
        assert_eq!(error(&[r#"{"code""#, r#": "E-7""#, "}"]).code(), Some("E-7"));
        // Blanks around a value count, too.
        let blanks = " ".repeat(MAX_ERROR_BODY - 20);
        assert_eq!(error(&[&blanks, r#"{"code": "E-7"}"#]).code(), Some("E-7"));
        assert_eq!(error(&[&blanks, "          ", r#"{"code": "E-7"}"#]).code(), None, "it is cut off");
        let response = response(418, &[], 1, 1);
        assert_eq!(response.status().as_u16(), 418);
    }

    #[test]
    fn limit_of_a_body_counts_all_of_its_chunks() {
        let read = |streamed: u64| run(body(&["1234", "5678", "9"], streamed, 100).bytes());
        assert_eq!(read(9).unwrap().bytes, "123456789");
        assert_eq!(read(8).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(read(7).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(body(&[], 1, 77).max_buffered_bytes(), 77);
    }

    #[test]
    fn status_in_several_chunks_is_one_json_document_within_the_limit() {
        let status = |chunks: &[&str], buffered: u64| {
            let snapshot = run(body(chunks, 1 << 20, buffered).parse_status(parse));
            snapshot.map(|snapshot| snapshot.provider_status).map_err(|error| error.kind())
        };
        let running = || Ok("running".to_owned());
        assert_eq!(status(&[r#"{"a":1}"#], 100), running());
        assert_eq!(status(&[r#"{"a""#, ":1}"], 100), running());
        assert_eq!(status(&[r#"{"a":1}"#, "rest"], 100), Err(ErrorKind::Decode));
        // 7 bytes are held.
        assert_eq!(status(&[r#"{"a""#, ":1}"], 7), running());
        assert_eq!(status(&[r#"{"a""#, ":1}"], 6), Err(ErrorKind::TooLarge));
    }

    #[test]
    fn texts_of_a_body_that_repeat_a_credential_are_replaced() {
        let body = body(&["{}"], 10, 10);
        let mut drift = [Drift::new("/token-number-1", DriftKind::UnknownField, "a field", "string")];
        body.redact_drift(&mut drift);
        assert!(!drift[0].pointer.contains("token"), "{drift:?}");
        let mut text = "is token-number-1".to_owned();
        body.redact_text(&mut text);
        assert!(!text.contains("token"), "{text}");
    }

    #[test]
    fn status_response_has_body_and_json() {
        let buffered = run(body(&[r#"{"a":1}"#], 100, 100).bytes()).unwrap();
        let status: StatusResponse<Value> = buffered.into_status(parse).unwrap();
        assert_eq!(status.bytes(), br#"{"a":1}"#);
        assert_eq!(
            (status.json().unwrap(), status.decode().unwrap()["a"].as_u64()),
            (serde_json::json!({"a": 1}), Some(1))
        );
        assert!(format!("{status:?}").starts_with("StatusResponse { snapshot: Snapshot {"), "{status:?}");
    }
}
