//! The rate limit of a provider, before the sandbox: a token bucket, as that of KillB's pages.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bulkrail_core::reqwest;
use bulkrail_core::time::Clock;
use tokio::net::TcpListener;

/// Requests per second, and requests at once after a time without any.
const LIMIT: f64 = 25.0;

pub(crate) struct Limiter {
    sandbox: String,
    client: reqwest::Client,
    clock: Clock,
    bucket: Mutex<Bucket>,
    pub(crate) requests: AtomicU64,
    pub(crate) refused: AtomicU64,
}

struct Bucket {
    tokens: f64,
    updated: Duration,
}

/// Serves before `sandbox` until the process ends, and returns the URL.
pub(crate) async fn start(sandbox: String) -> (Arc<Limiter>, String) {
    let clock = Clock::system();
    let limiter = Arc::new(Limiter {
        sandbox,
        client: reqwest::Client::builder().no_proxy().build().expect("a client"),
        bucket: Mutex::new(Bucket { tokens: LIMIT, updated: clock.now() }),
        clock,
        requests: AtomicU64::new(0),
        refused: AtomicU64::new(0),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it listens"));
    let router = Router::new().fallback(forward).with_state(Arc::clone(&limiter));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (limiter, url)
}

async fn forward(State(limiter): State<Arc<Limiter>>, request: Request) -> Response {
    limiter.requests.fetch_add(1, Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if !limiter.allows() {
        limiter.refused.fetch_add(1, Ordering::Relaxed);
        let retry_after = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
        return (StatusCode::TOO_MANY_REQUESTS, retry_after, "{}").into_response();
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers;
    for header in [header::HOST, header::CONTENT_LENGTH] {
        headers.remove(header);
    }
    let request =
        limiter.client.request(parts.method, format!("{}{path}", limiter.sandbox)).headers(headers).body(body);
    match request.send().await {
        Ok(response) => axum::http::Response::<reqwest::Body>::from(response).map(Body::new),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

impl Limiter {
    fn allows(&self) -> bool {
        let now = self.clock.now();
        let mut bucket = self.bucket.lock().expect("no panic");
        let refill = now.saturating_sub(bucket.updated).as_secs_f64() * LIMIT;
        bucket.tokens = (bucket.tokens + refill).min(LIMIT);
        bucket.updated = now;
        let is_allowed = bucket.tokens >= 1.0;
        if is_allowed {
            bucket.tokens -= 1.0;
        }
        is_allowed
    }
}
