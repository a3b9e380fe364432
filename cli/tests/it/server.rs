//! HTTP server on loopback that sends the responses of a test, and bodies of the providers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Listens on loopback until dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    script: Script,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Script {
    responses: Arc<Mutex<VecDeque<(u16, String)>>>,
    requests: Arc<Mutex<Vec<String>>>,
    /// Seconds of `Retry-After`; 0 for none.
    retry_after: Arc<AtomicU64>,
}

impl Server {
    /// Sends these responses in order, and then the last one again and again.
    pub(crate) async fn start(responses: impl IntoIterator<Item = (u16, Value)>) -> Self {
        Self::with_bodies(responses.into_iter().map(|(status, body)| (status, body.to_string()))).await
    }

    /// Always sends this page, like a proxy that is not the provider.
    pub(crate) async fn page(html: &str) -> Self {
        Self::with_bodies([(200, html.to_owned())]).await
    }

    async fn with_bodies(responses: impl IntoIterator<Item = (u16, String)>) -> Self {
        let responses = Arc::new(Mutex::new(responses.into_iter().collect()));
        let script = Script { responses, requests: Arc::default(), retry_after: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(respond).with_state(script.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, script, task }
    }

    /// Always sends this response.
    pub(crate) async fn always(status: u16, body: Value) -> Self {
        Self::start([(status, body)]).await
    }

    /// Asks in each response to wait `seconds` for the next request.
    pub(crate) fn with_retry_after(self, seconds: u64) -> Self {
        self.script.retry_after.store(seconds, Ordering::Relaxed);
        self
    }

    /// Returns method and path of each request.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.script.requests.lock().unwrap().clone()
    }

    /// Always sends this response from now on.
    pub(crate) fn respond_with(&self, status: u16, body: Value) {
        *self.script.responses.lock().unwrap() = VecDeque::from([(status, body.to_string())]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn respond(State(script): State<Script>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let request_id = requested_id(request.method().as_str(), request.uri());
    script.requests.lock().unwrap().push(line);
    let mut responses = script.responses.lock().unwrap();
    let (status, body) =
        if responses.len() > 1 { responses.pop_front().unwrap() } else { responses.front().cloned().unwrap() };
    let body = about(&request_id, body);
    let content_type = if body.starts_with('<') { "text/html" } else { "application/json" };
    let status = StatusCode::from_u16(status).unwrap();
    let mut response = (status, [(header::CONTENT_TYPE, content_type)], body).into_response();
    if let seconds @ 1.. = script.retry_after.load(Ordering::Relaxed) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Returns the id of the batch whose status is asked for.
fn requested_id(method: &str, uri: &axum::http::Uri) -> Option<String> {
    let id = match uri.query() {
        Some(query) => query.strip_prefix("jobId="),
        None => uri.path().trim_end_matches('/').rsplit('/').next(),
    };
    id.filter(|_| method == "GET").map(str::to_owned)
}

/// Returns `body` with the id that was asked for, instead of that of the documented example.
fn about(id: &Option<String>, body: String) -> String {
    let examples =
        ["550e8400-e29b-41d4-a716-446655440000", "784d4045-c900-4050-aad6-8fe4c8d2fb16", "job-1", "1111111111-1"];
    match id {
        Some(id) => {
            examples.iter().fold(body, |body, example| body.replace(&format!("\"{example}\""), &format!("\"{id}\"")))
        }
        None => body,
    }
}

/// Returns a KillB job without rows, as its status page shows one.
pub(crate) fn killb(status: &str, [total, processed, succeeded, failed]: [u64; 4]) -> Value {
    json!({
        "jobId": "550e8400-e29b-41d4-a716-446655440000",
        "status": status,
        "totalRows": total,
        "processedRows": processed,
        "successCount": succeeded,
        "errorCount": failed,
        "results": [],
        "createdAt": "2024-01-15T10:30:00.000Z",
        "updatedAt": "2024-01-15T10:35:00.000Z",
    })
}

/// Returns a Reap batch, as its status page shows one.
pub(crate) fn reap(status: &str, [total, processed, succeeded, failed]: [u64; 4]) -> Value {
    json!({
        "batchId": "784d4045-c900-4050-aad6-8fe4c8d2fb16",
        "status": status,
        "totalRecords": total,
        "processedRecords": processed,
        "failedRecords": failed,
        "createdAt": "2025-01-15T10:30:00.000Z",
        "updatedAt": "2025-01-15T10:35:00.000Z",
        "startedAt": null,
        "completedAt": null,
        "summary": {"successfulRecords": succeeded, "errors": []},
    })
}

/// Returns a CDQ job, as its pages show one.
pub(crate) fn cdq(status: &str, progress: &str) -> Value {
    json!({"id": "job-1", "createdAt": "2021-01-01T10:00:00Z", "user": "u-1", "progress": progress, "status": status})
}

/// Returns the ended batch of Localpayment's check page.
pub(crate) fn localpayment_completed() -> Value {
    json!({
        "externalId": "1111111111-1",
        "internalId": "2222",
        "accountNumber": "484.484.00000011",
        "status": {"code": "200", "description": "COMPLETED", "detail": "Batch Process Virtual Account completed"},
        "comment": "The batch process is done - Total accounts requested = 2 - Total accounts created = 2",
        "csvFormatResponse": "internal_id,external_id,bank_account\n\
                              i-1,e-1,646180111100000001\ni-2,e-2,646180111100000002\n",
    })
}
