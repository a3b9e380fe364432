use std::marker::PhantomData;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use reqwest::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{WireFault, hints};
use crate::time::Clock;
use crate::{Error, ErrorKind, ProviderId, Snapshot};

/// Error bodies are small. Of a larger one (a proxy's page, an attack) this much is looked at.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// Headers that carry the id of a request; none is documented by a provider, all are common.
const REQUEST_ID_HEADERS: [&str; 4] = ["x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid"];

/// How a provider complains: its error body, and the codes that its pages list.
pub struct Dialect {
    pub(crate) provider: ProviderId,
    /// Reads an error body. Gets whatever JSON came, and must not expect any of its fields.
    pub(crate) read: fn(&Value) -> Complaint,
    /// Code, its meaning in our words, and the kind where the HTTP status alone would mislead.
    pub(crate) codes: &'static [(&'static str, &'static str, Option<ErrorKind>)],
}

/// What an error body says.
#[derive(Default)]
pub(crate) struct Complaint {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) parameter: Option<String>,
    pub(crate) request_id: Option<String>,
}

/// The non-empty text (or number, as text) at `pointer`.
pub(crate) fn text_at(body: &Value, pointer: &str) -> Option<String> {
    match body.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An answer of any status, its body not read yet.
pub(crate) struct Answer {
    dialect: &'static Dialect,
    status: StatusCode,
    retry_after: Option<Duration>,
    limit: usize,
    response: Response,
}

impl Answer {
    pub(super) fn new(
        dialect: &'static Dialect,
        clock: &Clock,
        limit: usize,
        status: StatusCode,
        response: Response,
    ) -> Self {
        let retry_after = hints::retry_after(response.headers(), !status.is_success(), clock.wall());
        Self { dialect, status, retry_after, limit, response }
    }

    /// Reads the body of a good answer into memory.
    ///
    /// # Errors
    ///
    /// The mapped error of any other answer, or what kept the body from being read.
    pub(crate) async fn body(self) -> Result<Body, Error> {
        let Self { dialect, status, retry_after, limit, mut response } = self;
        let headers = response.headers().clone();
        if !status.is_success() {
            // A body that breaks off still has a status.
            let (start, _) = read(&mut response, MAX_ERROR_BODY).await;
            return Err(refused(dialect, status, &headers, retry_after, &start));
        }
        let (bytes, end) = read(&mut response, limit).await;
        let meta = Meta { dialect, status, request_id: request_id(&headers) };
        match end {
            Ok(()) => Ok(Body { bytes: bytes.freeze(), retry_after, meta }),
            Err(fault) => Err(meta.complete(fault.into_error())),
        }
    }
}

/// Reads up to `limit` bytes, and says how it ended.
async fn read(response: &mut Response, limit: usize) -> (BytesMut, Result<(), WireFault>) {
    let mut bytes = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) if bytes.len() + piece.len() > limit => return (bytes, Err(WireFault::TooLarge)),
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => return (bytes, Ok(())),
            Err(error) => return (bytes, Err(error.into())),
        }
    }
}

/// The body of a good answer.
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) retry_after: Option<Duration>,
    meta: Meta,
}

impl Body {
    /// Decodes into the generated type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`], with the place but without what stands there.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.bytes).map_err(|error| self.meta.complete(undecodable(&error)))
    }

    /// Fills in what is known about the answer that `error` is about.
    pub(crate) fn blame(&self, error: Error) -> Error {
        self.meta.complete(error)
    }

    /// The typed status and what it means, read leniently by `judge`.
    pub(crate) fn status<T>(self, judge: impl FnOnce(&[u8]) -> Result<Snapshot, Error>) -> Result<Status<T>, Error> {
        let mut snapshot = judge(&self.bytes).map_err(|error| self.blame(error))?;
        snapshot.retry_after = self.retry_after;
        Ok(Status { snapshot, body: self, typed: PhantomData })
    }
}

#[derive(Clone)]
struct Meta {
    dialect: &'static Dialect,
    status: StatusCode,
    request_id: Option<String>,
}

impl Meta {
    fn complete(&self, error: Error) -> Error {
        let error = error.with_provider(self.dialect.provider.clone()).with_http_status(self.status.as_u16());
        match &self.request_id {
            Some(id) => error.with_request_id(id),
            None => error,
        }
    }
}

/// One look at a batch, as the provider answered: the neutral [`Snapshot`] at once, the provider's own type when asked for.
///
/// The snapshot is read leniently and does not depend on the typed decode: a field of another type, or one missing that the spec
/// requires, costs the typed value but never the snapshot.
pub struct Status<T> {
    /// What it means.
    pub snapshot: Snapshot,
    body: Body,
    typed: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Status<T> {
    /// The provider's own type, decoded now. Holds personal data.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when the answer does not fit the spec; the place is named, what stands there is not.
    pub fn typed(&self) -> Result<T, Error> {
        self.body.decode()
    }

    /// The answer as JSON, without regard to the spec. Holds personal data.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when it is not JSON.
    pub fn json(&self) -> Result<Value, Error> {
        self.body.decode()
    }

    /// The answer as it came. Holds personal data.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body.bytes
    }
}

impl<T> std::fmt::Debug for Status<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Status").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

/// A decode error without what serde quotes from the body.
pub(super) fn undecodable(error: &serde_json::Error) -> Error {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Eof => "the answer breaks off",
        Category::Data => "the answer does not have the fields that the spec says",
        Category::Syntax | Category::Io => "the answer is not JSON",
    };
    Error::new(ErrorKind::Decode, format!("{what} (line {}, column {})", error.line(), error.column()))
}

/// The error that a non-2xx answer means, whatever its body is.
pub(super) fn refused(
    dialect: &'static Dialect,
    status: StatusCode,
    headers: &HeaderMap,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Error {
    let complaint = serde_json::from_slice(body).map(|json| (dialect.read)(&json)).unwrap_or_default();
    let listed = dialect.codes.iter().find(|(code, ..)| complaint.code.as_deref() == Some(code));
    let kind = listed.and_then(|(.., kind)| *kind).unwrap_or_else(|| kind_of(status));
    let mut error =
        Error::new(kind, reason(kind)).with_provider(dialect.provider.clone()).with_http_status(status.as_u16());
    if let Some(code) = complaint.code {
        error = error.with_code(code, listed.map(|(_, meaning, _)| *meaning));
    }
    if let Some(message) = complaint.message {
        error = error.with_provider_message(message);
    }
    if let Some(parameter) = complaint.parameter {
        error = error.with_parameter(parameter);
    }
    if let Some(id) = request_id(headers).or(complaint.request_id) {
        error = error.with_request_id(id);
    }
    match retry_after {
        Some(after) => error.with_retry_after(after),
        None => error,
    }
}

fn kind_of(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        300..=399 => ErrorKind::UnsafeRedirect,
        401 | 407 => ErrorKind::Authentication,
        403 => ErrorKind::Permission,
        404 | 410 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimited,
        408 | 425 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::InvalidRequest,
    }
}

fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UnsafeRedirect => "the provider answered with a redirect",
        ErrorKind::Authentication => "the provider refused the credentials",
        ErrorKind::Permission => "the provider does not allow this",
        ErrorKind::NotFound => "the provider does not know it",
        ErrorKind::Conflict => "the provider has it already",
        ErrorKind::RateLimited => "the provider's rate limit is reached",
        ErrorKind::Unavailable => "the provider cannot answer now",
        _ => "the provider refused the request",
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    REQUEST_ID_HEADERS.iter().find_map(|name| Some(headers.get(*name)?.to_str().ok()?.to_owned()))
}
