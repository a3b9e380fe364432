//! Middleware in front of every provider: counts requests, limits bodies and injects faults.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::context::Context;
use crate::drift;
use crate::faults::Faults;
use crate::http::read_body;
use crate::listener::AbortHandle;
use crate::rate_limit::RateLimitHeaders;

/// Time of the [`Faults::Outage`], in real milliseconds since the start.
const OUTAGE: std::ops::Range<u64> = 2_000..7_000;
/// Average number of requests per failing request under [`Faults::Flaky`].
const FLAKY_ONE_IN: u64 = 8;

enum InjectedFault {
    /// Respond without passing the request to the provider.
    Respond(Response),
    /// Process the request and send the first half of the response body.
    Truncate,
    /// Process the request and close the connection instead of sending the response.
    CloseConnection,
}

/// Handles one request of a provider.
pub(crate) async fn handle(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let request_number = context.counters.requests.increment();
    let is_poll =
        request.method() == Method::GET && request.uri().path().starts_with(context.provider.status_path_prefix);
    if is_poll {
        context.counters.polls.increment();
    }
    let connection = request.extensions().get::<ConnectInfo<AbortHandle>>().cloned();
    let mut response = respond(&context, request_number, is_poll, connection, request, next).await;
    if matches!(context.provider.rate_limit_headers, RateLimitHeaders::XRateLimit)
        && context.faults == Faults::RateLimit
    {
        context.rate_limit.insert_headers(context.clock.unix_millis(), response.headers_mut());
    }
    if response.status().is_client_error() || response.status().is_server_error() {
        context.counters.rejected.increment();
    }
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        context.counters.throttled.increment();
    }
    response
}

async fn respond(
    context: &Context,
    request_number: u64,
    is_poll: bool,
    connection: Option<ConnectInfo<AbortHandle>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let error = |status| (context.provider.error_response)(context, status, &path);
    // The body is read before any response: a client that is still sending could get a connection
    // reset instead of the response.
    let (parts, body) = request.into_parts();
    let Some(body) = read_body(body, context.provider.body_limit).await else {
        return error(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let fault = choose_fault(context, request_number, is_poll, error);
    if let Some(InjectedFault::Respond(response)) = fault {
        return response;
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    match fault {
        Some(InjectedFault::Truncate) => replace_body(response, |body| Some(body[..body.len() / 2].to_vec())).await,
        Some(InjectedFault::CloseConnection) => {
            if let Some(ConnectInfo(connection)) = connection {
                connection.abort();
            }
            response
        }
        _ if context.faults == Faults::Drift && response.status().is_success() => {
            let targets = &context.provider.drift_targets;
            replace_body(response, |body| drift::apply(targets, request_number, body)).await
        }
        _ => response,
    }
}

fn choose_fault(
    context: &Context,
    request_number: u64,
    is_poll: bool,
    error: impl Fn(StatusCode) -> Response,
) -> Option<InjectedFault> {
    match context.faults {
        Faults::Flaky => {
            let seed = context.seed.derive("flaky").derive_index(request_number);
            seed.one_in(FLAKY_ONE_IN).then(|| match seed.derive("kind").below(4) {
                0 => InjectedFault::Respond(bad_gateway()),
                1 => {
                    let mut response = error(StatusCode::SERVICE_UNAVAILABLE);
                    insert_retry_after(response.headers_mut(), 1);
                    InjectedFault::Respond(response)
                }
                2 => InjectedFault::Truncate,
                _ => InjectedFault::CloseConnection,
            })
        }
        Faults::RateLimit => {
            let wait_millis = context.rate_limit.try_acquire(context.clock.real_millis()).err()?;
            let mut response = error(StatusCode::TOO_MANY_REQUESTS);
            if matches!(context.provider.rate_limit_headers, RateLimitHeaders::RetryAfter) {
                insert_retry_after(response.headers_mut(), wait_millis.div_ceil(1000));
            }
            Some(InjectedFault::Respond(response))
        }
        Faults::Outage if is_poll && OUTAGE.contains(&context.clock.real_millis()) => {
            Some(InjectedFault::Respond(error(StatusCode::SERVICE_UNAVAILABLE)))
        }
        _ => None,
    }
}

fn bad_gateway() -> Response {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n\
                <body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n";
    let html = [(header::CONTENT_TYPE, "text/html")];
    (StatusCode::BAD_GATEWAY, html, page).into_response()
}

fn insert_retry_after(headers: &mut HeaderMap, seconds: u64) {
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

/// Replaces the body of a response; keeps the old body if `change` returns `None`.
async fn replace_body(response: Response, change: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = match change(&body) {
        Some(changed) => Body::from(changed),
        None => Body::from(body),
    };
    Response::from_parts(parts, body)
}
