//! Maps error responses to errors: the one place that does.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::model::ProviderId;

/// Headers that carry the id of a request. Providers do not document them; all are common.
static REQUEST_ID_HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("x-amzn-requestid"),
];

/// How a provider reports errors: its error body, and the codes that its pages list.
#[derive(Debug)]
pub struct ErrorMapping {
    /// Provider whose errors these are.
    pub provider: ProviderId,
    /// Reads an error body. It gets any JSON, and must not expect a field to be there.
    pub read: fn(&Value) -> ApiErrorBody,
    /// Code, its meaning in our words, and the kind of error where the HTTP status alone would mislead.
    pub codes: &'static [(&'static str, &'static str, Option<ErrorKind>)],
}

/// Fields of an error body, as far as they are there.
#[derive(Debug, Default)]
pub struct ApiErrorBody {
    /// The provider's error code.
    pub code: Option<String>,
    /// The provider's text. It may name people.
    pub message: Option<String>,
    /// Name of the field that the provider refuses.
    pub parameter: Option<String>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
}

/// Returns the non-empty text (or the number, as text) at the JSON pointer `pointer` of `body`.
#[must_use]
pub fn text_at(body: &Value, pointer: &str) -> Option<String> {
    match body.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the error that a response with another status than 2xx means, whatever its body is.
pub(super) fn error_of_response(
    errors: &'static ErrorMapping,
    status: StatusCode,
    headers: &HeaderMap,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Error {
    let body = serde_json::from_slice(body).map(|json| (errors.read)(&json)).unwrap_or_default();
    let listed = errors.codes.iter().find(|(code, ..)| body.code.as_deref() == Some(code));
    // A server that failed did not decide anything, whatever its body says.
    let meant = listed.and_then(|(.., kind)| *kind).filter(|_| !status.is_server_error());
    let kind = meant.unwrap_or_else(|| kind_of(status));
    let mut error =
        Error::new(kind, reason(kind)).with_provider(errors.provider.clone()).with_http_status(status.as_u16());
    if let Some(code) = body.code {
        error = error.with_code(code, listed.map(|(_, meaning, _)| *meaning));
    }
    if let Some(message) = body.message {
        error = error.with_provider_message(message);
    }
    if let Some(parameter) = body.parameter {
        error = error.with_parameter(parameter);
    }
    if let Some(id) = request_id(headers).or(body.request_id) {
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
