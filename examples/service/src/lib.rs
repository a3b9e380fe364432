//! An HTTP service that submits CSV files to payments providers, waits for all open batches, and survives restarts.
//!
//! | Request | Response |
//! |---|---|
//! | `POST /batches/{provider}` with a CSV body | the batches that were submitted; 422 names row and column |
//! | `GET /batches` | every submission |
//! | `GET /batches/{provider}/{id}` | the submission with its last report |
//! | `GET /batches/{provider}/{id}/events` | server-sent events: `progress` after each poll, then `end` |
//! | `GET /batches/{provider}/{id}/failed` | the failed rows, safe to paste into a spreadsheet |
//! | `POST /batches/{provider}/{id}/retry` | submits the failed rows again, once |

mod store;
mod waits;

use std::collections::{BTreeMap, HashMap, HashSet};
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
use bulkrail::{AnyClient, Batch, BatchId, Error, ErrorKind, FileFormat, Provider, ProviderId, RowOutcome, Upload};
use futures_util::{Stream, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use store::Store;
pub use store::{Entry, Options};

/// 10 MiB: what the providers that document a limit take.
const MAX_UPLOAD: usize = 10 * 1024 * 1024;

/// Column that all providers tell rows apart by.
const REFERENCE: &str = "externalId";

struct Service {
    accounts: HashMap<ProviderId, Account>,
    entries: Mutex<BTreeMap<Uuid, watch::Sender<Entry>>>,
    store: Store,
    /// Submissions in progress. They are completed when the client disconnects or the service stops.
    submissions: TaskTracker,
    stop: CancellationToken,
}

/// Account at a provider: its client, and the way to its wait set.
struct Account {
    client: AnyClient,
    open: mpsc::UnboundedSender<(Batch, u64)>,
}

/// Serves requests on `listener` until `shutdown` completes. `directory` keeps what the next start resumes.
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
    for Entry { batch, rows, is_ended, .. } in &entries {
        if let Some(batch) = batch
            && !is_ended
            && let Some(account) = accounts.get(batch.provider())
        {
            let _ = account.open.send((batch.clone(), *rows));
        }
    }
    let entries = entries.into_iter().map(|entry| (entry.id, watch::Sender::new(entry))).collect();
    let (submissions, stop) = (TaskTracker::new(), CancellationToken::new());
    let service = Arc::new(Service { accounts, entries: Mutex::new(entries), store, submissions, stop: stop.clone() });
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
    let stopped = stop.clone();
    let shutdown = async move {
        shutdown.await;
        stopped.cancel(); // Ends the waits and the event streams, for which the shutdown would wait.
    };
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown).await;
    stop.cancel();
    service.submissions.close();
    service.submissions.wait().await;
    waiting.close();
    waiting.wait().await;
    served
}

type BatchPath = Path<(ProviderId, String)>;

async fn submit(
    State(service): State<Arc<Service>>,
    Path(provider): Path<ProviderId>,
    Query(options): Query<Options>,
    csv: Bytes,
) -> Result<Response, Failure> {
    let submitting = Arc::clone(&service);
    service.to_the_end(async move { submitting.submit(provider, options, None, csv).await }).await
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
    let rows = entry.report.and_then(|report| report.rows).ok_or_else(not_ended)?;
    let safe = |text: Option<String>| text.map(spreadsheet_safe);
    let failed = rows.into_iter().filter(|row| row.outcome == RowOutcome::Failed);
    let failed =
        failed.map(|row| json!({"row": row.index, "reference": safe(row.reference), "reason": safe(row.reason)}));
    Ok(Json(failed.collect()))
}

async fn retry(State(service): State<Arc<Service>>, Path(path): BatchPath) -> Result<Response, Failure> {
    let submitting = Arc::clone(&service);
    service.to_the_end(async move { submitting.retry(path).await }).await
}

impl Service {
    /// Runs a submission in a task of its own: a client that disconnects must not cut it off.
    async fn to_the_end(
        &self,
        submission: impl Future<Output = Result<Response, Failure>> + Send + 'static,
    ) -> Result<Response, Failure> {
        self.submissions.spawn(submission).await.map_err(io::Error::from)?
    }

    async fn submit(
        &self,
        provider: ProviderId,
        options: Options,
        retry_of: Option<BatchId>,
        csv: Bytes,
    ) -> Result<Response, Failure> {
        let mut submitted = Vec::new();
        match self.submit_all(provider, options, retry_of, csv, &mut submitted).await {
            Ok(()) => Ok((StatusCode::CREATED, Json(submitted)).into_response()),
            Err(Failure(error, _)) => Err(Failure(error, submitted)),
        }
    }

    /// Submits the failed rows of a batch, unless that was done before.
    async fn retry(&self, path: (ProviderId, String)) -> Result<Response, Failure> {
        let sender = self.find(path)?;
        let entry = sender.borrow().clone();
        let rows = entry.report.as_ref().and_then(|report| report.rows.as_ref()).ok_or_else(not_ended)?;
        let failed = rows.iter().filter(|row| row.outcome == RowOutcome::Failed);
        let failed: HashSet<_> = failed.filter_map(|row| row.reference.as_deref()).collect();
        if failed.is_empty() {
            return Err(conflict("the batch does not have failed rows with a reference").into());
        }
        let csv = rows_with_reference(&tokio::fs::read(self.store.path(entry.file)).await?, &failed)?;
        if !sender.send_if_modified(|entry| !std::mem::replace(&mut entry.is_retried, true)) {
            return Err(conflict("the failed rows were submitted already").into());
        }
        self.update(entry.id, |_| {}).await?;
        let retry_of = entry.batch.as_ref().map(Batch::batch_id);
        let result = self.submit(entry.provider, entry.options.without_key(), retry_of, csv.into()).await;
        if let Err(Failure(error, submitted)) = &result
            && submitted.is_empty()
            && !error.is_outcome_unknown()
        {
            self.update(entry.id, |entry| entry.is_retried = false).await?;
        }
        result
    }

    /// Checks and submits `csv`; `submitted` has the batches that exist then, whatever is returned.
    async fn submit_all(
        &self,
        provider: ProviderId,
        options: Options,
        retry_of: Option<BatchId>,
        csv: Bytes,
        submitted: &mut Vec<Batch>,
    ) -> Result<(), Failure> {
        let unknown = || Error::new(ErrorKind::NotFound, format!("there is no account at {provider}"));
        let Account { client, open } = self.accounts.get(&provider).ok_or_else(unknown)?;
        let file = Uuid::new_v4();
        self.store.save(file, &csv).await?;
        let upload = Upload::from_path(self.store.path(file));
        let prepared = match client.prepare(Some(upload), Some(FileFormat::Csv), &(&options).into()).await {
            Ok(prepared) => prepared,
            Err(error) => {
                self.store.remove(file).await;
                return Err(error.into());
            }
        };
        for submission in prepared {
            let id = Uuid::new_v4();
            let entry = Entry {
                id,
                file,
                provider: provider.clone(),
                options: options.clone(),
                key: submission.key().map(str::to_owned),
                rows: submission.rows().rows,
                retry_of: retry_of.clone(),
                is_retried: false,
                batch: submission.batch(),
                report: None,
                error: None,
                is_ended: false,
            };
            // Saved before anything is sent: if the process dies now, the next one knows that the batch may exist.
            self.store.append(&entry).await?;
            self.entries().insert(id, watch::Sender::new(entry));
            match client.submit(&submission).await {
                Ok(batch) => {
                    submitted.push(batch.clone());
                    self.update(id, |entry| entry.batch = Some(batch.clone())).await?;
                    let _ = open.send((batch, submission.rows().rows)); // Fails while stopping; the next start resumes.
                }
                Err(error) => {
                    let document = error.document();
                    let set = |entry: &mut Entry| {
                        (entry.batch, entry.error, entry.is_ended) = (error.batch().cloned(), Some(document), true);
                    };
                    self.update(id, set).await?;
                    return Err(error.into());
                }
            }
        }
        Ok(())
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

/// Returns the header of `csv` and the rows with a reference in `references`.
fn rows_with_reference(csv: &[u8], references: &HashSet<&str>) -> io::Result<Vec<u8>> {
    let mut reader = csv::Reader::from_reader(csv);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = reader.headers()?.clone();
    let column = header.iter().position(|name| name.trim() == REFERENCE).unwrap_or_default();
    writer.write_record(&header)?;
    for row in reader.records() {
        let row = row?;
        if row.get(column).is_some_and(|reference| references.contains(reference.trim())) {
            writer.write_record(&row)?;
        }
    }
    writer.into_inner().map_err(|error| error.into_error())
}

/// Returns `text` so that a spreadsheet does not take it for a formula.
fn spreadsheet_safe(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

fn conflict(reason: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, reason).with_hint("read the batch, and its retry in the list of batches")
}

fn not_ended() -> Error {
    Error::new(ErrorKind::Conflict, "the batch has not ended").with_hint("read its events until the end")
}

/// Response to a request that failed, with the batches that were submitted before.
struct Failure(Error, Vec<Batch>);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error, Vec::new())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Error::new(ErrorKind::Configuration, "the service cannot use its directory").with_source(error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(error, submitted) = self;
        tracing::warn!(error.message = %error, "request failed");
        let status = StatusCode::from_u16(error.suggested_http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // The document has kind, message and hint. Its kind `outcome_unknown` says that the batch may exist.
        let body = json!({"error": error.document().error, "submitted": submitted});
        let mut response = (status, Json(body)).into_response();
        if let Some(after) = error.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, after.as_secs().max(1).into());
        }
        response
    }
}
