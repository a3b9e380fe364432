//! Maps error responses to errors: the one place that does.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::json::number_text;
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
    /// Reads an error body of up to 1 MiB. It gets any JSON, and must not expect a field to be there. Also called with the
    /// error bodies of token requests.
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
///
/// A number without a fraction is written as an integer, also where the body has `17.0` or `1.7e1`.
///
/// ```
/// use bulkrail_core::http::text_at;
///
/// let body = serde_json::json!({"code": 300.0, "errors": [{"title": "refused"}]});
/// assert_eq!(text_at(&body, "/code").as_deref(), Some("300"));
/// assert_eq!(text_at(&body, "/errors/0/title").as_deref(), Some("refused"));
/// assert_eq!(text_at(&body, "/message"), None);
/// ```
#[must_use]
pub fn text_at(body: &Value, pointer: &str) -> Option<String> {
    match body.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number_text(number)),
        _ => None,
    }
}

/// Returns the error that a response with another status than 2xx means, whatever its body is.
///
/// `is_read` says that the request only reads: a conflict is then not about a batch that exists already.
pub(super) fn error_of_response(
    errors: &'static ErrorMapping,
    status: StatusCode,
    headers: &HeaderMap,
    retry_after: Option<Duration>,
    body: &[u8],
    is_read: bool,
) -> Error {
    // A page that says 413 has said what is wrong: servers and proxies send it alike.
    let is_html = body.trim_ascii_start().first() == Some(&b'<') && status != StatusCode::PAYLOAD_TOO_LARGE;
    let body = serde_json::from_slice(body).map(|json| (errors.read)(&json)).unwrap_or_default();
    let listed = errors.codes.iter().find(|(code, ..)| body.code.as_deref() == Some(code));
    // A server that failed did not decide anything, whatever its body says.
    let meant = listed.and_then(|(.., kind)| *kind).filter(|_| !status.is_server_error());
    let kind = meant.unwrap_or_else(|| kind_of(status));
    let reason = if is_html && status.is_client_error() {
        "the request was refused with an HTML page, probably by a proxy or firewall between here and the provider"
    } else {
        reason(kind, status, is_read)
    };
    let mut error = Error::new(kind, reason).with_provider(errors.provider.clone()).with_http_status(status.as_u16());
    if is_html && !status.is_server_error() {
        error = error.with_hint(
            "the response is an HTML page, which a proxy, firewall or login page may have sent: check the base URL and \
             what is between",
        );
    } else if let Some(hint) = hint(kind, status, is_read) {
        error = error.with_hint(hint);
    }
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
        // A cache between here and the provider: the requests have no condition.
        304 => ErrorKind::Unavailable,
        300..=399 => ErrorKind::UnsafeRedirect,
        401 | 407 => ErrorKind::Authentication,
        403 => ErrorKind::Permission,
        404 | 410 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimited,
        408 | 423 | 425 | 500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::InvalidRequest,
    }
}

fn reason(kind: ErrorKind, status: StatusCode, is_read: bool) -> &'static str {
    match (kind, status.as_u16()) {
        (ErrorKind::Unavailable, 304) => "a cache answered \"not modified\", although the request had no condition",
        (ErrorKind::Unavailable, 423) => "the provider has locked the resource",
        (ErrorKind::Authentication, 407) => "a proxy refused the request without its credentials",
        (ErrorKind::InvalidRequest, 413) => {
            "the provider, or a proxy before it, refused the request because its body is too large"
        }
        (ErrorKind::Conflict, _) if is_read => "the provider reports a conflict with the state of the resource",
        (ErrorKind::UnsafeRedirect, _) => "the provider answered with a redirect",
        (ErrorKind::Authentication, _) => "the provider refused the credentials",
        (ErrorKind::Permission, _) => "the provider does not allow this",
        (ErrorKind::NotFound, _) => "the provider does not know it",
        (ErrorKind::Conflict, _) => "the provider has it already",
        (ErrorKind::RateLimited, _) => "the provider's rate limit is reached",
        (ErrorKind::Unavailable, _) => "the provider cannot respond now",
        _ => "the provider refused the request",
    }
}

/// Returns what to do next, where that of the kind would mislead.
fn hint(kind: ErrorKind, status: StatusCode, is_read: bool) -> Option<&'static str> {
    match (kind, status.as_u16()) {
        (ErrorKind::Unavailable, 304) => Some("check what is between here and the provider: caches, proxies"),
        (ErrorKind::Authentication, 407) => Some(
            "put user and password into the proxy's address (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY), or correct them",
        ),
        (ErrorKind::InvalidRequest, 413) if !is_read => {
            Some("split the file into smaller ones; nothing of it was accepted")
        }
        (ErrorKind::Conflict, _) if is_read => {
            Some("the request changed nothing: ask the provider about the conflict, and do not submit again before")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ERRORS: ErrorMapping =
        ErrorMapping { provider: ProviderId::from_static("acme"), read: |_| ApiErrorBody::default(), codes: &[] };

    fn error(status: u16, body: &str, is_read: bool) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        error_of_response(&ERRORS, status, &HeaderMap::new(), None, body.as_bytes(), is_read)
    }

    #[test]
    fn error_response_of_each_status_has_its_own_true_sentence() {
        let table = [
            (304, true, ErrorKind::Unavailable, "a cache answered"),
            (407, true, ErrorKind::Authentication, "a proxy refused"),
            (409, true, ErrorKind::Conflict, "a conflict with the state"),
            (409, false, ErrorKind::Conflict, "has it already"),
            (413, false, ErrorKind::InvalidRequest, "its body is too large"),
            (423, true, ErrorKind::Unavailable, "has locked the resource"),
            (502, true, ErrorKind::Unavailable, "cannot respond now"),
        ];
        for (status, is_read, kind, reason) in table {
            let error = error(status, "{}", is_read);
            assert_eq!(error.kind(), kind, "{status}");
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn hint_of_a_refused_status_request_does_not_speak_of_a_submission() {
        let hint = |status, is_read| error(status, "{}", is_read).hint().unwrap_or_default().to_owned();
        assert!(hint(409, true).starts_with("the request changed nothing"));
        assert!(hint(409, false).contains("do not submit it again under another key"));
        assert!(hint(304, true).contains("caches"));
        assert!(hint(407, true).contains("HTTPS_PROXY"));
        assert!(hint(413, false).starts_with("split the file"));
        assert!(!hint(413, true).contains("split the file"));
        assert_eq!(hint(423, true), "try again later");
    }

    #[test]
    fn html_page_with_a_client_error_hints_at_what_is_between() {
        let hint = |status, body| error(status, body, true).hint().unwrap_or_default().to_owned();
        assert!(hint(403, "<html>CANARY</html>").contains("an HTML page"));
        let refused = error(403, " <!DOCTYPE html>CANARY", true).to_string();
        assert!(refused.contains("an HTML page, probably by a proxy or firewall"), "{refused}");
        assert!(!hint(403, "<html>CANARY</html>").contains("CANARY"));
        assert!(!hint(403, "{}").contains("HTML"));
        assert!(!hint(502, "<html></html>").contains("HTML"), "any gateway answers so");
    }

    #[test]
    fn html_page_that_says_that_an_upload_is_too_large_keeps_its_sentence() {
        let error = error(413, "<html><title>413 Request Entity Too Large</title></html>", false);
        assert!(error.to_string().contains("its body is too large"), "{error}");
        assert!(error.hint().unwrap_or_default().starts_with("split the file"));
    }

    /// Kind, reason, and hint of each status for a request that reads, and for one that does not where that differs.
    #[test]
    fn error_response_of_each_status_has_its_kind_reason_and_hint() {
        use ErrorKind::{
            Authentication, Conflict, InvalidRequest, NotFound, Permission, RateLimited, Unavailable, UnsafeRedirect,
        };
        let refused = "the provider refused the request";
        let redirect = "the provider answered with a redirect";
        let unavailable = "the provider cannot respond now";
        let unknown = "the provider does not know it";
        let too_large = "the provider, or a proxy before it, refused the request because its body is too large";
        let correct = "correct the request; code";
        let (later, redirects) = ("try again later", "check the base URL; redirects");
        let table: &[(u16, ErrorKind, &str, &str)] = &[
            (199, InvalidRequest, refused, correct),
            (300, UnsafeRedirect, redirect, redirects),
            (301, UnsafeRedirect, redirect, redirects),
            (303, UnsafeRedirect, redirect, redirects),
            (
                304,
                Unavailable,
                "a cache answered \"not modified\", although the request had no condition",
                "check what is between here and the provider: caches",
            ),
            (305, UnsafeRedirect, redirect, redirects),
            (399, UnsafeRedirect, redirect, redirects),
            (400, InvalidRequest, refused, correct),
            (401, Authentication, "the provider refused the credentials", "check the credentials"),
            (402, InvalidRequest, refused, correct),
            (403, Permission, "the provider does not allow this", "ask the provider to allow this"),
            (404, NotFound, unknown, "check the id, the environment"),
            (405, InvalidRequest, refused, correct),
            (
                407,
                Authentication,
                "a proxy refused the request without its credentials",
                "put user and password into the proxy's address",
            ),
            (408, Unavailable, unavailable, later),
            (410, NotFound, unknown, "check the id, the environment"),
            (411, InvalidRequest, refused, correct),
            (422, InvalidRequest, refused, correct),
            (423, Unavailable, "the provider has locked the resource", later),
            (424, InvalidRequest, refused, correct),
            (425, Unavailable, unavailable, later),
            (426, InvalidRequest, refused, correct),
            (429, RateLimited, "the provider's rate limit is reached", "wait as long as `retry_after` says"),
            (499, InvalidRequest, refused, correct),
            (500, Unavailable, unavailable, later),
            (503, Unavailable, unavailable, later),
            (599, Unavailable, unavailable, later),
        ];
        let check = |status, is_read, kind, reason: &str, hint: &str| {
            let found = error(status, "{}", is_read);
            assert_eq!((found.kind(), found.http_status()), (kind, Some(status)), "{status}");
            assert!(found.to_string().contains(reason), "{status} {is_read}: {found}");
            assert!(found.hint().unwrap().starts_with(hint), "{status} {is_read}: {:?}", found.hint());
        };
        for (status, kind, reason, hint) in table {
            check(*status, true, *kind, reason, hint);
            check(*status, false, *kind, reason, hint);
        }
        let conflict = "the provider reports a conflict with the state of the resource";
        check(409, true, Conflict, conflict, "the request changed nothing");
        check(409, false, Conflict, "the provider has it already", "it exists: look it up");
        check(413, true, InvalidRequest, too_large, correct);
        check(413, false, InvalidRequest, too_large, "split the file into smaller ones");
    }

    #[test]
    fn html_page_has_its_reason_for_client_errors_and_its_hint_below_500_except_for_413() {
        let table = [
            (302, false, true),
            (400, true, true),
            (401, true, true),
            (407, true, true),
            (409, true, true),
            (413, false, false),
            (429, true, true),
            (499, true, true),
            (500, false, false),
            (503, false, false),
        ];
        for (status, in_reason, in_hint) in table {
            for is_read in [true, false] {
                let page = error(status, "\r\n <p>CANARY", is_read);
                assert_eq!(page.kind(), error(status, "{}", is_read).kind(), "{status}");
                assert_eq!(page.to_string().contains("an HTML page"), in_reason, "{status}: {page}");
                assert_eq!(page.hint().unwrap().contains("an HTML page"), in_hint, "{status}: {:?}", page.hint());
            }
        }
    }

    static CODES: ErrorMapping = ErrorMapping {
        provider: ProviderId::from_static("acme"),
        read: |body| ApiErrorBody {
            code: text_at(body, "/code"),
            message: text_at(body, "/message"),
            parameter: text_at(body, "/parameter"),
            request_id: text_at(body, "/id"),
        },
        codes: &[
            ("E1", "the first meaning", Some(ErrorKind::Conflict)),
            ("E2", "the second meaning", None),
            ("E3", "the third meaning", Some(ErrorKind::Authentication)),
        ],
    };

    fn coded(status: u16, headers: &HeaderMap, body: &str) -> Error {
        error_of_response(&CODES, StatusCode::from_u16(status).unwrap(), headers, None, body.as_bytes(), false)
    }

    #[test]
    fn code_decides_the_kind_where_the_mapping_says_so_and_the_server_did_not_fail() {
        use ErrorKind::{Authentication, Conflict, InvalidRequest, NotFound, Unavailable};
        let table = [
            (400, "E1", Conflict, Some("the first meaning"), "the provider has it already"),
            (404, "E1", Conflict, Some("the first meaning"), "the provider has it already"),
            (499, "E1", Conflict, Some("the first meaning"), "the provider has it already"),
            (500, "E1", Unavailable, Some("the first meaning"), "the provider cannot respond now"),
            (599, "E1", Unavailable, Some("the first meaning"), "the provider cannot respond now"),
            (400, "E2", InvalidRequest, Some("the second meaning"), "the provider refused the request"),
            (404, "E2", NotFound, Some("the second meaning"), "the provider does not know it"),
            (400, "E3", Authentication, Some("the third meaning"), "the provider refused the credentials"),
            (400, "e1", InvalidRequest, None, "the provider refused the request"),
            (400, "E", InvalidRequest, None, "the provider refused the request"),
        ];
        for (status, code, kind, meaning, reason) in table {
            let body = format!(r#"{{"code":"{code}","message":"m","parameter":"p"}}"#);
            let found = coded(status, &HeaderMap::new(), &body);
            assert_eq!((found.kind(), found.code()), (kind, Some(code)), "{status} {code}");
            assert_eq!((found.provider_message(), found.parameter()), (Some("m"), Some("p")));
            let shown = found.to_string();
            assert!(shown.contains(reason), "{shown}");
            for other in ["the first meaning", "the second meaning", "the third meaning"] {
                assert_eq!(shown.contains(other), meaning == Some(other), "{shown}");
            }
        }
    }

    #[test]
    fn request_id_is_of_the_first_header_that_can_be_read_else_of_the_body() {
        type Headers = &'static [(&'static str, &'static [u8])];
        let table: &[(Headers, Option<&str>)] = &[
            (&[("x-request-id", b"r-1"), ("request-id", b"r-2")], Some("r-1")),
            (&[("x-correlation-id", b"r-3"), ("request-id", b"r-2")], Some("r-2")),
            (&[("x-amzn-requestid", b"r-4"), ("x-correlation-id", b"r-3")], Some("r-3")),
            (&[("x-amzn-requestid", b"r-4")], Some("r-4")),
            (&[("x-request-id", b"r\xff1"), ("request-id", b"r-2")], Some("r-2")),
            (&[("x-request-id", b"r\xff1")], Some("of the body")),
            (&[("x-request-number", b"r-5")], Some("of the body")),
        ];
        for (headers, expected) in table {
            let headers = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), http::HeaderValue::from_bytes(value).unwrap()));
            let error = coded(400, &headers.collect(), r#"{"id":"of the body"}"#);
            assert_eq!(error.request_id(), *expected);
        }
        assert_eq!(coded(400, &HeaderMap::new(), "{}").request_id(), None);
    }

    #[test]
    fn text_at_reads_texts_and_numbers_that_are_not_empty() {
        let body =
            serde_json::json!({"a": "x", "empty": "", "n": 7, "zero": 0, "no": null, "yes": true, "list": ["y"]});
        let table =
            [("/a", Some("x")), ("/empty", None), ("/n", Some("7")), ("/zero", Some("0")), ("/list/0", Some("y"))];
        for (pointer, expected) in table {
            assert_eq!(text_at(&body, pointer).as_deref(), expected, "{pointer}");
        }
        assert!(
            ["/no", "/yes", "/list", "/list/1", "/other", ""].iter().all(|pointer| text_at(&body, pointer).is_none())
        );
    }
}
