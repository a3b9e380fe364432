//! Responses, as the clients read them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bulkrail::http::{ConnectorFuture, HttpConnector};
use bulkrail::test_util::VirtualClock;
use bulkrail::{Batch, Error, ErrorKind, Provider, ProviderId, Snapshot, cdq, killb, localpayment, reap};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{check_message, chunks};

/// Response that a client gets to each of its requests.
#[derive(Clone, Default)]
struct Response {
    status: u16,
    headers: HeaderMap,
    chunks: VecDeque<Bytes>,
}

/// Connector that returns one response again and again.
#[derive(Clone, Default)]
struct Connector(Arc<Mutex<Response>>);

impl Connector {
    fn set(&self, response: Response) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = response;
    }
}

impl HttpConnector for Connector {
    fn send(&self, _request: reqwest::Request) -> ConnectorFuture<'_> {
        let Response { status, headers, chunks } = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut response = http::Response::new(reqwest::Body::wrap(Chunks(chunks)));
        *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        *response.headers_mut() = headers;
        Box::pin(async { Ok(response.into()) })
    }
}

/// Body that arrives in chunks.
struct Chunks(VecDeque<Bytes>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<http_body::Frame<Bytes>>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(http_body::Frame::data(chunk))))
    }
}

/// Clients of all providers over one connector. They are made once: that takes longer than a poll.
struct Clients {
    clock: VirtualClock,
    connector: Connector,
    killb: killb::Client,
    reap: reap::Client,
    cdq: cdq::Client,
    localpayment: localpayment::Client,
}

impl Clients {
    fn new() -> Self {
        let (clock, connector) = (VirtualClock::new(), Connector::default());
        macro_rules! client {
            ($provider:ident, $credentials:expr) => {
                $provider::Client::builder()
                    .credentials($credentials)
                    .clock(clock.clock())
                    .connector(connector.clone())
                    .build()
                    .expect("a client")
            };
        }
        Self {
            killb: client!(killb, killb::Credentials::access_token("the-access-token")),
            reap: client!(reap, reap::Credentials::api_key("the-api-key")),
            cdq: client!(cdq, cdq::Credentials::api_key("the-api-key")),
            localpayment: client!(localpayment, localpayment::Credentials::access_token("the-access-token")),
            clock,
            connector,
        }
    }
}

static CLIENTS: LazyLock<Mutex<Clients>> = LazyLock::new(|| Mutex::new(Clients::new()));

/// Returns the id of the batch that a body is about, if it is one.
fn batch(provider: ProviderId, body: &[u8]) -> Batch {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let id = ["jobId", "batchId", "id", "externalId"].iter().find_map(|name| body[name].as_str());
    let batch = id.and_then(|id| Batch::new(provider.clone(), id).ok());
    batch.unwrap_or_else(|| Batch::new(provider, "b-1").expect("an id"))
}

/// A body is a snapshot or an error of the right kind, at every provider and however it arrives.
pub fn provider_polls(data: &[u8]) {
    let clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    macro_rules! check {
        ($provider:ident) => {
            let batch = batch($provider::PROVIDER, data);
            let client = &clients.$provider;
            let whole = read(&clients, VecDeque::from([Bytes::copy_from_slice(data)]), || client.poll(&batch));
            let chunks = || chunks(data).into_iter().map(Bytes::copy_from_slice).collect();
            assert_eq!(whole, read(&clients, chunks(), || client.poll(&batch)), "a poll in chunks");
            if let Ok(snapshot) = &whole {
                check_snapshot(snapshot);
            }
            let status = read(&clients, chunks(), || async {
                let status = client.status(&batch).await?;
                status.decode().map(drop)
            });
            if let Err(Failure { message, .. }) = status {
                check_message(&message);
            }
        };
    }
    check!(killb);
    check!(reap);
    check!(cdq);
    check!(localpayment);
    macro_rules! reconcile {
        ($provider:ident) => {
            let batch = batch($provider::PROVIDER, data);
            let client = &clients.$provider;
            let rows = |chunks| read(&clients, chunks, || client.reconcile(&batch, None));
            let whole = rows(VecDeque::from([Bytes::copy_from_slice(data)]));
            assert_eq!(whole, rows(chunks(data).into_iter().map(Bytes::copy_from_slice).collect()), "rows in chunks");
        };
    }
    reconcile!(killb);
    reconcile!(localpayment);
}

/// Error of a request, as it can be compared.
#[derive(Debug, PartialEq)]
struct Failure {
    kind: ErrorKind,
    message: String,
}

fn read<T, F: Future<Output = Result<T, Error>>>(
    clients: &Clients,
    chunks: VecDeque<Bytes>,
    read: impl FnOnce() -> F,
) -> Result<T, Failure> {
    clients.connector.set(Response { status: 200, headers: HeaderMap::new(), chunks });
    clients.clock.run(read()).map_err(|error| {
        assert!([ErrorKind::Decode, ErrorKind::TooLarge].contains(&error.kind()), "{error}");
        Failure { kind: error.kind(), message: error.to_string() }
    })
}

fn check_snapshot(snapshot: &Snapshot) {
    let json = serde_json::to_string(snapshot).expect("a document");
    let again: Snapshot = serde_json::from_str(&json).expect("the document of a snapshot");
    assert_eq!(serde_json::to_string(&again).expect("a document"), json);
    assert_eq!(snapshot.outcome.is_some(), snapshot.is_terminal());
    assert!(snapshot.drift.len() <= 200, "{} differences", snapshot.drift.len());
}

/// Longest time that a response may ask to wait: 24 h.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A response cannot ask to wait for longer than a day, and seconds and dates in each form are read as they are meant.
///
/// The input is lines of headers. Its first bytes are also two times.
pub fn retry_after(data: &[u8]) {
    let clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(50) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
        let value = parts.next().and_then(|value| HeaderValue::from_bytes(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let delays = [429, 503, 200].map(|status| ask(&clients, status, headers.clone()));
    assert_eq!(delays[0], delays[1], "both refuse");
    assert!(delays.iter().flatten().all(|delay| *delay <= MAX_RETRY_AFTER), "{delays:?}");
    // Where a refused request and an answered one differ, only the former has a limit that is exhausted. Of two limits, one
    // may be exhausted for both, and the other, which comes first, for the former.
    let has_two = ["ratelimit-reset", "x-ratelimit-reset"].iter().all(|name| headers.contains_key(*name));
    assert!(has_two || delays[2].is_none() || delays[2] == delays[0], "{delays:?}");
    let value = headers.get("retry-after").and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(seconds) = value.filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())) {
        let seconds = seconds.parse().unwrap_or(u64::MAX);
        assert_eq!(delays, [Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER)); 3]);
    }
    if let (Some(then), Some(now)) = (time(data, 0), time(data, 8)) {
        dates(&clients, then, now);
    }
}

/// Returns the delay of a response.
fn ask(clients: &Clients, status: u16, headers: HeaderMap) -> Option<Duration> {
    let body = Bytes::from_static(br#"{"jobId":"b-1","status":"PENDING"}"#);
    clients.connector.set(Response { status, headers, chunks: VecDeque::from([body]) });
    let batch = Batch::new(cdq::PROVIDER, "b-1").expect("an id");
    match clients.clock.run(clients.cdq.poll(&batch)) {
        Ok(snapshot) => snapshot.retry_after,
        Err(error) => {
            check_message(&error.to_string());
            error.retry_after()
        }
    }
}

/// Returns the time of a year from 1970 to 9999 that begins at a byte of the input.
fn time(data: &[u8], start: usize) -> Option<Timestamp> {
    let bytes = data.get(start..start + 8)?.first_chunk()?;
    Timestamp::from_second((u64::from_le_bytes(*bytes) % 253_370_764_800) as i64).ok()
}

/// Each form of a date in RFC 9110 is the same time.
fn dates(clients: &Clients, then: Timestamp, now: Timestamp) {
    let expected = Duration::try_from(then.duration_since(now)).unwrap_or_default().min(MAX_RETRY_AFTER);
    let form = |time: Timestamp, form: &str| time.to_zoned(TimeZone::UTC).strftime(form).to_string();
    let year = then.to_zoned(TimeZone::UTC).year();
    let date = form(now, "%a, %d %b %Y %H:%M:%S GMT");
    for (is_short, format) in
        [(false, "%a, %d %b %Y %H:%M:%S GMT"), (true, "%A, %d-%b-%y %H:%M:%S GMT"), (false, "%a %b %e %H:%M:%S %Y")]
    {
        // A year of two digits is one of the years around now.
        if is_short && !(1970..2069).contains(&year) {
            continue;
        }
        let mut headers = HeaderMap::new();
        let value = form(then, format);
        headers.insert("retry-after", HeaderValue::from_str(&value).expect("a header"));
        headers.insert("date", HeaderValue::from_str(&date).expect("a header"));
        assert_eq!(ask(clients, 503, headers), Some(expected), "{value}, at {date}");
    }
}
