//! The gate every request passes: it counts, it limits, and it breaks things as the fault profile says.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::context::{Context, RateHint};
use crate::drift;
use crate::http::read_body;
use crate::listener::Cutter;
use crate::store::lock;

/// What goes wrong in a sandbox. Times are real time, whatever the speed.
///
/// The names that [`Display`](fmt::Display) writes are those that [`FromStr`] reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Faults {
    /// `none`: nothing.
    #[default]
    None,
    /// `flaky`: about 1 request in 8, picked by the seed and the number of the request, gets a 502 with an HTML body, a
    /// 503 with `Retry-After: 1`, a truncated JSON body, or a closed connection. The first two never reach the provider;
    /// the last two lose the answer to a request that was carried out.
    Flaky,
    /// `ratelimit`: 20 requests a second and provider, in bursts of up to 20; beyond that 429, with the
    /// `X-RateLimit-*` headers for KillB and `Retry-After` for the others.
    RateLimit,
    /// `expire`: access tokens live 2 s, and the first refresh is rejected.
    Expire,
    /// `drift`: answers have a field that is not documented and, by turns, a status word in another case, an unknown
    /// status word while the batch runs, a number as a string, a null where a value is documented.
    Drift,
    /// `outage`: from 2 s after the start on, and for 5 s, every request for the status of a batch gets a 503.
    Outage,
}

impl Faults {
    /// Every profile.
    pub const ALL: &'static [Self] =
        &[Self::None, Self::Flaky, Self::RateLimit, Self::Expire, Self::Drift, Self::Outage];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Flaky => "flaky",
            Self::RateLimit => "ratelimit",
            Self::Expire => "expire",
            Self::Drift => "drift",
            Self::Outage => "outage",
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Faults {
    type Err = UnknownFaults;

    fn from_str(name: &str) -> Result<Self, UnknownFaults> {
        let known = Self::ALL.iter().find(|faults| faults.name() == name);
        known.copied().ok_or(UnknownFaults(()))
    }
}

/// No fault profile has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFaults(());

impl fmt::Display for UnknownFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown fault profile; known are")?;
        for faults in Faults::ALL {
            write!(f, " {faults}")?;
        }
        Ok(())
    }
}

impl Error for UnknownFaults {}

/// Requests a second, and the size of a burst, under `ratelimit`.
const RATE: u64 = 20;
/// When the `outage` begins and ends, in real milliseconds since the start.
const OUTAGE: std::ops::Range<u64> = 2_000..7_000;
/// 1 request in so many is disturbed under `flaky`.
const FLAKY_ONE_IN: u64 = 8;

enum Disturbance {
    /// Answer this; the provider never sees the request.
    Answer(Response),
    /// Let the provider answer, and send the first half of it.
    Truncate,
    /// Let the provider answer, and close the connection instead of sending it.
    Cut,
}

/// The middleware in front of one provider.
pub(crate) async fn gate(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let number = context.counters.requests.add();
    let is_poll = request.method() == Method::GET && request.uri().path().starts_with(context.provider.status_path);
    if is_poll {
        context.counters.polls.add();
    }
    let cutter = request.extensions().get::<ConnectInfo<Cutter>>().cloned();
    let mut response = pass(&context, number, is_poll, cutter, request, next).await;
    if matches!(context.provider.rate_hint, RateHint::XRateLimit) && context.faults == Faults::RateLimit {
        context.bucket.describe(&context, response.headers_mut());
    }
    if response.status().is_client_error() || response.status().is_server_error() {
        context.counters.rejected.add();
    }
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        context.counters.throttled.add();
    }
    response
}

async fn pass(
    context: &Context,
    number: u64,
    is_poll: bool,
    cutter: Option<ConnectInfo<Cutter>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let plain = |status| (context.provider.plain_error)(context, status, &path);
    // The body is read before anything is answered: a client that is still sending would else see a reset.
    let (parts, body) = request.into_parts();
    let Some(body) = read_body(body, context.provider.body_limit).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let disturbance = disturb(context, number, is_poll, plain);
    if let Some(Disturbance::Answer(response)) = disturbance {
        return response;
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    match disturbance {
        Some(Disturbance::Truncate) => rewrite(response, |body| Some(body[..body.len() / 2].to_vec())).await,
        Some(Disturbance::Cut) => {
            if let Some(ConnectInfo(cutter)) = cutter {
                cutter.cut();
            }
            response
        }
        _ if context.faults == Faults::Drift && response.status().is_success() => {
            let shape = &context.provider.shape;
            rewrite(response, |body| drift::apply(shape, number, body)).await
        }
        _ => response,
    }
}

fn disturb(
    context: &Context,
    number: u64,
    is_poll: bool,
    plain: impl Fn(StatusCode) -> Response,
) -> Option<Disturbance> {
    match context.faults {
        Faults::Flaky => {
            let luck = context.seed.text("flaky").number(number);
            luck.one_in(FLAKY_ONE_IN).then(|| match luck.text("kind").below(4) {
                0 => Disturbance::Answer(bad_gateway()),
                1 => {
                    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE);
                    retry_after(response.headers_mut(), 1);
                    Disturbance::Answer(response)
                }
                2 => Disturbance::Truncate,
                _ => Disturbance::Cut,
            })
        }
        Faults::RateLimit => {
            let wait = context.bucket.take(context.clock.real())?;
            let mut response = plain(StatusCode::TOO_MANY_REQUESTS);
            if matches!(context.provider.rate_hint, RateHint::RetryAfter) {
                retry_after(response.headers_mut(), wait.div_ceil(1000));
            }
            Some(Disturbance::Answer(response))
        }
        Faults::Outage if is_poll && OUTAGE.contains(&context.clock.real()) => {
            Some(Disturbance::Answer(plain(StatusCode::SERVICE_UNAVAILABLE)))
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

fn retry_after(headers: &mut HeaderMap, seconds: u64) {
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

/// Replaces the body; leaves the answer as it is where `change` gives nothing.
async fn rewrite(response: Response, change: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Response {
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

/// A token bucket in real time.
pub(crate) struct Bucket(Mutex<Level>);

/// In thousandths of a request, as of `at`.
struct Level {
    milli_tokens: u64,
    at: u64,
}

impl Default for Bucket {
    fn default() -> Self {
        Self(Mutex::new(Level { milli_tokens: RATE * 1000, at: 0 }))
    }
}

impl Bucket {
    /// Takes one request out; or gives the milliseconds until there is one.
    fn take(&self, now: u64) -> Option<u64> {
        let mut level = lock(&self.0);
        let refill = now.saturating_sub(level.at).saturating_mul(RATE);
        level.milli_tokens = (level.milli_tokens.saturating_add(refill)).min(RATE * 1000);
        level.at = level.at.max(now);
        match level.milli_tokens.checked_sub(1000) {
            Some(rest) => {
                level.milli_tokens = rest;
                None
            }
            None => Some((1000 - level.milli_tokens).div_ceil(RATE)),
        }
    }

    fn describe(&self, context: &Context, headers: &mut HeaderMap) {
        let milli_tokens = lock(&self.0).milli_tokens;
        let full_in = (RATE * 1000 - milli_tokens).div_ceil(RATE);
        let reset = (context.clock.real_epoch() + full_in).div_ceil(1000);
        headers.insert("x-ratelimit-limit", HeaderValue::from(RATE));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(milli_tokens / 1000));
        headers.insert("x-ratelimit-reset", HeaderValue::from(reset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for faults in Faults::ALL {
            assert_eq!(faults.to_string().parse(), Ok(*faults));
        }
        let error = "nonsense".parse::<Faults>().unwrap_err();
        assert!(error.to_string().contains("ratelimit"), "{error}");
    }

    #[test]
    fn the_bucket_gives_twenty_at_once_and_twenty_a_second() {
        let bucket = Bucket::default();
        let granted = |now| (0..100).filter(|_| bucket.take(now).is_none()).count();
        assert_eq!(granted(0), 20);
        assert_eq!(bucket.take(0), Some(50));
        assert_eq!(granted(500), 10);
        assert_eq!(granted(60_000), 20);
    }
}
