//! The client against a small server that does what Persona's spec says, over real sockets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Multipart, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use bulkrail_core::http::ClientBuilder;
use bulkrail_core::test_util::ScaledClock;
use bulkrail_core::{Outcome, wait};
use persona_importers::{Client, reconcile};
use serde_json::{Value, json};

#[derive(Default)]
struct Server {
    /// Rows and idempotency key of each importer.
    importers: Mutex<Vec<(u64, String)>>,
    polls: AtomicU64,
}

fn importer(id: usize, status: &str, succeeded: u64, duplicates: u64) -> Value {
    let attributes = json!({
        "status": status, "created-at": "2026-01-01T00:00:00.000Z", "completed-at": null,
        "successful-count": succeeded, "duplicate-count": duplicates, "error-count": 0,
    });
    json!({"data": {"type": "importer/account", "id": format!("mprt_{id}"), "attributes": attributes}})
}

async fn import(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    mut form: Multipart,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    if headers.get("authorization").is_none_or(|value| value != "Bearer key-0123456789") {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let part = form.next_field().await.unwrap().unwrap();
    assert_eq!(part.name(), Some("data[attributes][file]"));
    let rows = part.text().await.unwrap().lines().count() as u64 - 1;
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let mut importers = server.importers.lock().unwrap();
    let known = importers.iter().position(|(_, known)| *known == key);
    let id = known.unwrap_or_else(|| {
        importers.push((rows, key));
        importers.len() - 1
    });
    Ok((StatusCode::CREATED, Json(importer(id, "pending", 0, 0))))
}

/// The importer is ready at the third poll; one row is a duplicate.
async fn read(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Result<Json<Value>, StatusCode> {
    let id: usize = id.strip_prefix("mprt_").and_then(|id| id.parse().ok()).ok_or(StatusCode::NOT_FOUND)?;
    let rows = server.importers.lock().unwrap().get(id).ok_or(StatusCode::NOT_FOUND)?.0;
    Ok(Json(match server.polls.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => importer(id, "pending", 0, 0),
        _ => importer(id, "ready", rows - 1, 1),
    }))
}

#[tokio::test]
async fn submit_wait_and_reconcile_over_http() {
    let server = Arc::new(Server::default());
    let routes = Router::new().route("/importer/accounts", post(import)).route("/importers/{id}", get(read));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes.with_state(Arc::clone(&server))).into_future());

    let builder = ClientBuilder::<Client>::new().credentials("key-0123456789".into()).base_url(url);
    let client = builder.clock(ScaledClock::new(1_000).clock()).build().unwrap();
    let csv = "reference_id,name_first\nr-1,Ann\nr-2,Ben\nr-3,Cem\n";
    let (batch, submitted) = client.submit(csv, "order-7").await.unwrap();
    let (again, _) = client.submit(csv, "order-7").await.unwrap();
    assert_eq!(batch.id(), again.id());

    let report = wait(&client, batch).await.unwrap();
    assert_eq!(report.polls, 3);
    let snapshot = report.snapshot.reconciled(&reconcile(&submitted));
    assert_eq!((snapshot.outcome, snapshot.progress.succeeded), (Some(Outcome::Partial), Some(2)));
    assert!(snapshot.drift.is_empty(), "{:?}", snapshot.drift);
}
