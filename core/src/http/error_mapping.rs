//! How providers complain, and what our error is for it.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::Value;

use crate::{Error, ErrorKind, ProviderId};

/// Headers that carry the id of a request; none is documented by a provider, all are common.
static REQUEST_ID_HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("x-amzn-requestid"),
];

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
    // A server that failed did not decide anything, whatever its body says.
    let meant = listed.and_then(|(.., kind)| *kind).filter(|_| !status.is_server_error());
    let kind = meant.unwrap_or_else(|| kind_of(status));
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

pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    REQUEST_ID_HEADERS.iter().find_map(|name| Some(headers.get(name)?.to_str().ok()?.to_owned()))
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
