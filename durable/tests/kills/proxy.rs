//! Proxy between the child and the sandbox. It delays submits, and counts what the provider made of them.
//!
//! A request that has arrived goes on to the provider, also when its client is killed.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use bulkrail::time::Clock;
use serde_json::Value;
use tokio::sync::watch;

use crate::random::Random;

/// Path and status of a submit that makes a batch.
const SUBMITS: [&str; 4] = [
    "/killb/api/v2/accounts/bulk/upload",
    "/reap/entity/kyc/import/batch",
    "/cdq/bankaccounts/jobs/confirmation",
    "/localpayment/api/virtual-account-batch",
];

pub(crate) struct Proxy {
    shared: Arc<Shared>,
    port: u16,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    upstream: String,
    client: reqwest::Client,
    content: Mutex<Content>,
    /// Number of submits that have arrived.
    arrived: watch::Sender<usize>,
    in_flight: watch::Sender<usize>,
}

struct Content {
    random: Random,
    /// Times in milliseconds before a submit goes on to the provider, and before its response goes back.
    delays: [Range<u64>; 2],
    /// Keys by content of the file, for the provider that gets nothing but the file.
    keys: HashMap<Vec<u8>, String>,
    created: HashMap<String, usize>,
    sent: HashMap<String, usize>,
}

impl Proxy {
    pub(crate) async fn start(upstream: u16, seed: u64) -> Self {
        let content = Content {
            random: Random::new(seed),
            delays: [0..1, 0..1],
            keys: HashMap::new(),
            created: HashMap::new(),
            sent: HashMap::new(),
        };
        let shared = Arc::new(Shared {
            upstream: format!("http://127.0.0.1:{upstream}"),
            client: reqwest::Client::new(),
            content: Mutex::new(content),
            arrived: watch::channel(0).0,
            in_flight: watch::channel(0).0,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { shared, port, server }
    }

    pub(crate) fn base_url(&self, provider: &str) -> String {
        format!("http://127.0.0.1:{}/{provider}", self.port)
    }

    /// Delays each submit from now on by random times in milliseconds: before it goes on, and before its response.
    pub(crate) fn delay(&self, delays: [Range<u64>; 2]) {
        self.shared.content.lock().unwrap().delays = delays;
    }

    pub(crate) fn knows(&self, key: &str, file: Vec<u8>) {
        self.shared.content.lock().unwrap().keys.insert(file, key.to_owned());
    }

    /// Returns once another `submits` have arrived.
    pub(crate) async fn arrivals(&self, submits: usize) {
        let mut arrived = self.shared.arrived.subscribe();
        let goal = *arrived.borrow_and_update() + submits;
        arrived.wait_for(|arrived| *arrived >= goal).await.unwrap();
    }

    /// Returns once nothing is on its way.
    pub(crate) async fn idle(&self) {
        self.shared.in_flight.subscribe().wait_for(|requests| *requests == 0).await.unwrap();
    }

    /// Returns how many batches the provider has made of the order `key`.
    pub(crate) fn created(&self, key: &str) -> usize {
        self.shared.content.lock().unwrap().created.get(key).copied().unwrap_or(0)
    }

    /// Returns how many times the order was sent.
    pub(crate) fn sent(&self, key: &str) -> usize {
        self.shared.content.lock().unwrap().sent.get(key).copied().unwrap_or(0)
    }

    pub(crate) fn all_created(&self) -> usize {
        self.shared.content.lock().unwrap().created.values().sum()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    shared.in_flight.send_modify(|requests| *requests += 1);
    let of = Arc::clone(&shared);
    // A task of its own goes on when the connection of the client is closed.
    let forwarded = tokio::spawn(async move {
        let response = forward(&of, request).await;
        of.in_flight.send_modify(|requests| *requests -= 1);
        response
    });
    forwarded.await.unwrap()
}

async fn forward(shared: &Shared, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().unwrap().as_str().to_owned();
    // A client that was killed while it sent has sent nothing to the provider.
    let Ok(body) = to_bytes(body, usize::MAX).await else { return Response::new(Body::empty()) };
    let is_submit = parts.method == Method::POST && SUBMITS.contains(&parts.uri.path().trim_end_matches('/'));
    let submit = is_submit.then(|| {
        let mut content = shared.content.lock().unwrap();
        let key = key(&content, &path, &parts.headers, &body);
        *content.sent.entry(key.clone()).or_default() += 1;
        let [before, after] = content.delays.clone();
        let delays = [content.random.within(before), content.random.within(after)];
        (key, delays.map(Duration::from_millis))
    });
    if let Some((_, [before, _])) = &submit {
        shared.arrived.send_modify(|submits| *submits += 1);
        Clock::system().sleep(*before).await;
    }
    let request = shared.client.request(parts.method, format!("{}{path}", shared.upstream));
    let mut headers = parts.headers;
    headers.remove("host");
    let response = request.headers(headers).body(body).send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.unwrap();
    if let Some((key, [_, after])) = submit {
        if status == StatusCode::CREATED {
            *shared.content.lock().unwrap().created.entry(key).or_default() += 1;
        }
        Clock::system().sleep(after).await;
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Returns the key of the order that a submit has: that of the provider, or that of the file.
fn key(content: &Content, path: &str, headers: &HeaderMap, body: &Bytes) -> String {
    if let Some(key) = headers.get("idempotency-key") {
        return key.to_str().unwrap().to_owned();
    }
    let field = |field| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body[field].as_str().unwrap().to_owned()
    };
    match path.split('/').nth(1) {
        Some("cdq") => field("storageId"),
        Some("localpayment") => field("externalId"),
        _ => {
            let find = |text: &[u8]| body.windows(text.len()).position(|window| window == text);
            let start = find(b"\r\n\r\n").unwrap() + 4;
            let end = body.windows(4).rposition(|window| window == b"\r\n--").unwrap();
            content.keys[&body[start..end]].clone()
        }
    }
}
