//! An HTTP service that submits CSV files to payments providers, waits for all open batches, and
//! survives restarts.
//!
//! | Request | Response |
//! |---|---|
//! | `POST /batches/{provider}` with a CSV body | the batches; 422 names row and column |
//! | `GET /batches` | every submission |
//! | `GET /batches/{provider}/{id}` | the submission with its last report |
//! | `GET /batches/{provider}/{id}/events` | events: `progress` after each poll, then `end` |
//! | `GET /batches/{provider}/{id}/failed` | the failed rows, safe to paste into a spreadsheet |
//! | `POST /batches/{provider}/{id}/retry` | submits the failed rows again, once |

mod store;
mod submit;
mod waits;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path as Directory;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bulkrail::csv::spreadsheet_safe;
use bulkrail::{AnyClient, Batch, BatchId, Error, ErrorKind, Provider, ProviderId, Row};
use futures_util::{Stream, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use store::Store;
pub use store::{Entry, Options};

/// 10 MiB: the limit that Reap documents.
const MAX_UPLOAD: usize = 10 * 1024 * 1024;

struct Service {
    accounts: HashMap<ProviderId, Account>,
    entries: Mutex<BTreeMap<Uuid, watch::Sender<Entry>>>,
    store: Store,
    /// Submissions in progress. They complete when the client disconnects or the service stops.
    submissions: TaskTracker,
    /// Held while failed rows are submitted again, so that they are submitted once.
    retrying: tokio::sync::Mutex<()>,
    stop: CancellationToken,
}

/// Account at a provider: its client, and the sender of new batches to its wait set.
struct Account {
    client: AnyClient,
    open: mpsc::UnboundedSender<(Batch, u64)>,
}

/// Serves requests on `listener` until `shutdown` completes. `directory` keeps what the next start
/// resumes.
///
/// # Errors
///
/// When the directory cannot be read or written, or the listener fails.
pub async fn serve(
    listener: TcpListener,
    directory: &Directory,
    clients: impl IntoIterator<Item = AnyClient>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (store, entries) = Store::open(directory).await?;
    let (mut accounts, mut waits) = (HashMap::new(), Vec::new());
    for client in clients {
        let (open, added) = mpsc::unbounded_channel();
        waits.push((client.clone(), added));
        accounts.insert(client.id(), Account { client, open });
    }
    for entry in entries.iter().filter(|entry| !entry.is_ended) {
        if let Some((account, batch)) = accounts.get(&entry.provider).zip(entry.batch.clone()) {
            let _ = account.open.send((batch, entry.rows));
        }
    }
    let service = Arc::new(Service {
        accounts,
        entries: Mutex::new(entries.into_iter().map(|entry| (entry.id, watch::Sender::new(entry))).collect()),
        store,
        submissions: TaskTracker::new(),
        retrying: tokio::sync::Mutex::default(),
        stop: CancellationToken::new(),
    });
    let waiting = TaskTracker::new();
    for (client, added) in waits {
        waiting.spawn(Arc::clone(&service).wait_for_all(client, added));
    }
    let router = Router::new()
        .route("/batches", get(list))
        .route("/batches/{provider}", post(submit).layer(DefaultBodyLimit::max(MAX_UPLOAD)))
        .route("/batches/{provider}/{id}", get(last))
        .route("/batches/{provider}/{id}/events", get(events))
        .route("/batches/{provider}/{id}/failed", get(failed))
        .route("/batches/{provider}/{id}/retry", post(retry))
        .with_state(Arc::clone(&service));
    let stop = service.stop.clone();
    let shutdown = async move {
        shutdown.await;
        stop.cancel(); // Ends the waits and the event streams, for which the shutdown would wait.
    };
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown).await;
    service.stop.cancel();
    for tasks in [&service.submissions, &waiting] {
        tasks.close();
        tasks.wait().await;
    }
    served
}

type BatchPath = Path<(ProviderId, String)>;

async fn submit(
    State(service): State<Arc<Service>>,
    Path(provider): Path<ProviderId>,
    Query(options): Query<Options>,
    csv: Bytes,
) -> Result<(StatusCode, Json<Vec<Batch>>), Failure> {
    let submitting = Arc::clone(&service);
    service.to_the_end(async move { submitting.submit(provider, options, None, csv).await }).await
}

async fn retry(
    State(service): State<Arc<Service>>,
    Path(path): BatchPath,
) -> Result<(StatusCode, Json<Vec<Batch>>), Failure> {
    let submitting = Arc::clone(&service);
    service.to_the_end(async move { submitting.retry(submitting.find(path)?).await }).await
}

async fn list(State(service): State<Arc<Service>>) -> Json<Vec<Entry>> {
    let mut entries: Vec<_> = service.entries().values().map(|entry| entry.borrow().clone()).collect();
    entries.iter_mut().filter_map(|entry| entry.report.as_mut()).for_each(|report| report.rows = None);
    Json(entries)
}

async fn last(State(service): State<Arc<Service>>, Path(path): BatchPath) -> Result<Json<Entry>, Failure> {
    Ok(Json(service.find(path)?.borrow().clone()))
}

async fn events(
    State(service): State<Arc<Service>>,
    Path(path): BatchPath,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, Failure> {
    let (entry, stop) = (service.find(path)?.subscribe(), service.stop.clone());
    let events = stream::unfold(Some((entry, true)), move |state| {
        let stop = stop.clone();
        async move {
            let (mut entry, is_first) = state?;
            if !is_first {
                stop.run_until_cancelled(entry.changed()).await?.ok()?;
            }
            let latest = entry.borrow_and_update().clone();
            let event = Event::default().event(if latest.is_ended { "end" } else { "progress" }).json_data(&latest);
            Some((event, (!latest.is_ended).then_some((entry, false))))
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

async fn failed(State(service): State<Arc<Service>>, Path(path): BatchPath) -> Result<Json<Vec<Value>>, Failure> {
    let entry = service.find(path)?.borrow().clone();
    let safe = |text: &Option<String>| text.as_deref().map(|text| spreadsheet_safe(text).into_owned());
    let row = |row: &Row| json!({"row": row.index, "reference": safe(&row.reference), "reason": safe(&row.reason)});
    Ok(Json(entry.failed_rows()?.map(row).collect()))
}

impl Service {
    /// Runs a submission in a task of its own: a client that disconnects must not cut it off.
    async fn to_the_end(
        &self,
        submission: impl Future<Output = Result<Vec<Batch>, Failure>> + Send + 'static,
    ) -> Result<(StatusCode, Json<Vec<Batch>>), Failure> {
        let batches = self.submissions.spawn(submission).await.map_err(io::Error::from)??;
        Ok((StatusCode::CREATED, Json(batches)))
    }

    /// Changes an entry, publishes it and saves it.
    async fn update(&self, id: Uuid, change: impl FnOnce(&mut Entry)) -> io::Result<()> {
        let Some(sender) = self.entries().get(&id).cloned() else { return Ok(()) };
        sender.send_modify(change);
        let entry = sender.borrow().clone();
        self.store.append(&entry).await
    }

    fn find(&self, (provider, id): (ProviderId, String)) -> Result<watch::Sender<Entry>, Error> {
        let id = Batch::new(provider, id)?.batch_id();
        let not_found = || Error::new(ErrorKind::NotFound, format!("{id} was not submitted here"));
        self.sender(&id).ok_or_else(not_found)
    }

    fn sender(&self, id: &BatchId) -> Option<watch::Sender<Entry>> {
        let is_it = |entry: &Entry| entry.batch.as_ref().is_some_and(|batch| batch.batch_id() == *id);
        self.entries().values().find(|entry| is_it(&entry.borrow())).cloned()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Uuid, watch::Sender<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Error as a response: the status that suits its kind, and a document with kind, message and hint.
///
/// The kind `outcome_unknown` says that the batch may exist.
struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(Error::new(ErrorKind::Configuration, "the service cannot use its directory").with_source(error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        tracing::warn!(error = %self.0, "request failed");
        let status = StatusCode::from_u16(self.0.suggested_http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0.document())).into_response();
        if let Some(after) = self.0.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, after.as_secs().max(1).into());
        }
        response
    }
}
