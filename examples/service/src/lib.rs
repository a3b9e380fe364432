//! An HTTP service that submits CSV files to payments providers, waits for all open batches, and
//! survives restarts.
//!
//! | Request | Response |
//! |---|---|
//! | `POST /batches/{provider}?key=...` with a CSV body | the batches that are ordered; 422 names row and column |
//! | `GET /batches` | every order |
//! | `GET /batches/{provider}/{key}` | the order with the last snapshot of its batch |
//! | `GET /batches/{provider}/{key}/events` | events: `progress` after each poll, then `end` |
//! | `GET /batches/{provider}/{key}/failed` | the failed rows, safe to paste into a spreadsheet |
//! | `POST /batches/{provider}/{key}/retry` | submits the failed rows again, once |

mod files;
mod submit;

use std::collections::HashMap;
use std::io;
use std::path::Path as Directory;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bulkrail::csv::spreadsheet_safe;
use bulkrail::poll::WaitOptions;
use bulkrail::{AnyClient, Batch, Error, ErrorDocument, ErrorKind, Provider, ProviderId, Row, Snapshot, SubmitOptions};
use bulkrail_durable::{Change, FileOrder, Filter, Phase, Record, RedbStore, Service, ServiceError};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use files::Files;

/// 10 MiB: the limit that Reap documents.
const MAX_UPLOAD: usize = 10 * 1024 * 1024;

/// A day: a provider that cannot be reached is polled on, over an outage.
const FAILURE_BUDGET: Duration = Duration::from_secs(24 * 60 * 60);

/// 1,000 records of a provider are listed.
const MAX_LISTED: usize = 1_000;

struct Accounts {
    services: HashMap<ProviderId, Service<AnyClient>>,
    files: Files,
}

/// Serves requests on `listener` until `shutdown` completes. `directory` keeps what the next start
/// goes on with.
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
    let files = Files::open(directory).await?;
    let store = RedbStore::open(directory.join("bulkrail.redb")).await.map_err(io::Error::other)?;
    let mut services = HashMap::new();
    for client in clients {
        let options = WaitOptions::new(&client).without_deadline().failure_budget(FAILURE_BUDGET);
        let service = Service::builder(store.clone(), client.clone()).wait_options(options);
        services.insert(client.id(), service.start().await.map_err(io::Error::other)?);
    }
    let accounts = Arc::new(Accounts { services, files });
    let router = Router::new()
        .route("/batches", get(list))
        .route("/batches/{provider}", post(submit).layer(DefaultBodyLimit::max(MAX_UPLOAD)))
        .route("/batches/{provider}/{key}", get(last))
        .route("/batches/{provider}/{key}/events", get(events))
        .route("/batches/{provider}/{key}/failed", get(failed))
        .route("/batches/{provider}/{key}/retry", post(retry))
        .with_state(Arc::clone(&accounts));
    let shutdown = async move {
        shutdown.await;
        // Awaits the submits that are under way, and ends the event streams.
        for service in accounts.services.values() {
            service.stop().await;
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

/// An order, as the responses show it.
#[derive(Debug, Serialize)]
struct Entry {
    provider: ProviderId,
    key: String,
    /// `ordered`, `submitting`, `waiting`, `ended` or `gave_up`.
    phase: &'static str,
    batch: Option<Batch>,
    /// Last snapshot of the batch, with its outcome once it has ended.
    snapshot: Option<Snapshot>,
    /// Error that ended the order, or the last one of a submit that is repeated.
    error: Option<Box<ErrorDocument>>,
}

impl Entry {
    fn new(provider: &ProviderId, record: Record<FileOrder>) -> Self {
        let (batch, snapshot, phase) = (record.batch().cloned(), record.snapshot(), record.phase.as_str());
        let error = match record.phase {
            Phase::GaveUp { error } => Some(error),
            Phase::Ordered { fault } => fault,
            _ => None,
        };
        Self { provider: provider.clone(), key: record.key, phase, batch, snapshot, error }
    }
}

/// Options of a submission, as the query of a request has them.
#[derive(Debug, Default, Deserialize)]
struct Options {
    key: Option<String>,
    account_number: Option<String>,
    country: Option<String>,
}

impl From<&Options> for SubmitOptions {
    fn from(Options { account_number, country, .. }: &Options) -> Self {
        let options = Self::default();
        let options = account_number.iter().fold(options, |options, number| options.account_number(number));
        country.iter().fold(options, |options, country| options.country(country))
    }
}

type BatchPath = Path<(ProviderId, String)>;
type Ordered = Result<(StatusCode, Json<Vec<Entry>>), Failure>;

async fn submit(
    State(accounts): State<Arc<Accounts>>,
    Path(provider): Path<ProviderId>,
    Query(options): Query<Options>,
    csv: Bytes,
) -> Ordered {
    Ok((StatusCode::ACCEPTED, Json(accounts.submit(&provider, &options, &csv).await?)))
}

async fn retry(State(accounts): State<Arc<Accounts>>, Path((provider, key)): BatchPath) -> Ordered {
    Ok((StatusCode::ACCEPTED, Json(accounts.retry(&provider, &key).await?)))
}

async fn list(State(accounts): State<Arc<Accounts>>) -> Result<Json<Vec<Entry>>, Failure> {
    let mut entries = Vec::new();
    for (provider, service) in &accounts.services {
        let records = service.view().list(Filter::All, None, MAX_LISTED).await?;
        entries.extend(records.into_iter().map(|record| Entry::new(provider, record)));
    }
    Ok(Json(entries))
}

async fn last(State(accounts): State<Arc<Accounts>>, Path((provider, key)): BatchPath) -> Result<Json<Entry>, Failure> {
    Ok(Json(accounts.entry(&provider, &key).await?))
}

async fn events(
    State(accounts): State<Arc<Accounts>>,
    Path((provider, key)): BatchPath,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, Failure> {
    let changes = accounts.service(&provider)?.view().changes();
    let first = accounts.entry(&provider, &key).await?;
    let events = stream::unfold(Some((changes, Some(first))), move |state| {
        let (accounts, provider, key) = (Arc::clone(&accounts), provider.clone(), key.clone());
        async move {
            let (mut changes, first) = state?;
            let entry = match first {
                Some(first) => first,
                None => {
                    while let Change::Record { key: changed, .. } = changes.next().await?
                        && *changed != *key
                    {}
                    accounts.entry(&provider, &key).await.ok()?
                }
            };
            let is_end = matches!(entry.phase, "ended" | "gave_up");
            let event = Event::default().event(if is_end { "end" } else { "progress" }).json_data(&entry);
            Some((event, (!is_end).then_some((changes, None))))
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

async fn failed(
    State(accounts): State<Arc<Accounts>>,
    Path((provider, key)): BatchPath,
) -> Result<Json<Vec<Value>>, Failure> {
    let safe = |text: &Option<String>| text.as_deref().map(|text| spreadsheet_safe(text).into_owned());
    let row = |row: &Row| json!({"row": row.index, "reference": safe(&row.reference), "reason": safe(&row.reason)});
    Ok(Json(accounts.reconcile(&provider, &key).await?.failed_rows().map(row).collect()))
}

impl Accounts {
    fn service(&self, provider: &ProviderId) -> Result<&Service<AnyClient>, Failure> {
        let unknown = || Error::new(ErrorKind::NotFound, format!("there is no account at {provider}"));
        Ok(self.services.get(provider).ok_or_else(unknown)?)
    }

    async fn entry(&self, provider: &ProviderId, key: &str) -> Result<Entry, Failure> {
        let record = self.service(provider)?.view().get(key).await?;
        let record = record.ok_or_else(|| ServiceError::NotFound(key.to_owned()))?;
        Ok(Entry::new(provider, record))
    }
}

/// Error as a response: the status that suits its kind, and a document with kind, message and hint.
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

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let kind = match error {
            ServiceError::GaveUp(error) | ServiceError::Client(error) => return Self(*error),
            ServiceError::InvalidKey(_) => ErrorKind::Usage,
            ServiceError::KeyUsed(_) | ServiceError::Open(_) | ServiceError::WrongPhase(..) => ErrorKind::Conflict,
            ServiceError::NotFound(_) | ServiceError::UnknownBatch(_) => ErrorKind::NotFound,
            ServiceError::Stopped => ErrorKind::Unavailable,
            _ => ErrorKind::Configuration,
        };
        Self(Error::new(kind, error.to_string()))
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
