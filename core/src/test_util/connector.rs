use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::Url;

use crate::http::{ConnectorError, ConnectorFuture, HttpConnector};
use crate::time::Clock;

/// A connector that answers from a list and remembers what was sent. Clones share both.
///
/// ```
/// # #[cfg(feature = "reap")]
/// # fn main() -> Result<(), bulkrail::Error> {
/// use bulkrail::test_util::{Reply, MockConnector, VirtualClock};
/// use bulkrail::{Batch, Provider, State, reap};
///
/// let (clock, connector) = (VirtualClock::new(), MockConnector::new());
/// let client = reap::Client::builder()
///     .credentials(reap::Credentials::api_key("key"))
///     .clock(clock.clock())
///     .connector(connector.clone())
///     .build()?;
/// connector.push(Reply::json(200, r#"{"status":"in_progress"}"#));
///
/// let batch = Batch::new(reap::PROVIDER, "b-1")?;
/// assert_eq!(clock.run(client.poll(&batch))?.state, State::Running);
/// assert_eq!(connector.sent()[0].url.path(), "/entity/kyc/import/batch/b-1");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "reap"))]
/// # fn main() {}
/// ```
#[derive(Clone, Default)]
pub struct MockConnector(Arc<Mutex<MockProvider>>);

type Response = Arc<dyn Fn(&CapturedRequest) -> MockResponse + Send + Sync>;

#[derive(Default)]
struct MockProvider {
    replies: VecDeque<MockResponse>,
    always: Option<Response>,
    sent: Vec<CapturedRequest>,
}

/// A request that was sent.
#[derive(Clone)]
#[non_exhaustive]
pub struct CapturedRequest {
    /// Its method.
    pub method: Method,
    /// Its address.
    pub url: Url,
    /// Its headers, credentials too.
    pub headers: HeaderMap,
    /// Its body; empty where it was a stream.
    pub body: Bytes,
}

/// One answer of a [`MockConnector`].
#[derive(Clone)]
pub struct MockResponse {
    outcome: Result<(u16, HeaderMap, Bytes), ConnectorError>,
    breaks_off: bool,
    after: Option<(Clock, Duration)>,
}

impl MockResponse {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: impl ToString) -> Self {
        Self::new(status, body.to_string()).header("content-type", "application/json")
    }

    /// An answer with any body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { outcome: Ok((status, HeaderMap::new(), body.into())), breaks_off: false, after: None }
    }

    /// No answer.
    #[must_use]
    pub fn fault(fault: ConnectorError) -> Self {
        Self { outcome: Err(fault), breaks_off: false, after: None }
    }

    /// Adds a header.
    ///
    /// # Panics
    ///
    /// When it is no header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok((_, headers, _)) = &mut self.outcome {
            headers.insert(name, value.parse().expect("a header value"));
        }
        self
    }

    /// The connection breaks after the body as far as it is given.
    #[must_use]
    pub fn breaking_off(mut self) -> Self {
        self.breaks_off = true;
        self
    }

    /// Comes only after `time` on `clock`.
    #[must_use]
    pub fn after(mut self, clock: &Clock, time: Duration) -> Self {
        self.after = Some((clock.clone(), time));
        self
    }

    fn into_response(self) -> Result<reqwest::Response, ConnectorError> {
        let (status, headers, body) = self.outcome?;
        let body = if self.breaks_off { reqwest::Body::wrap(ConnectionReset(Some(body))) } else { body.into() };
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(status).expect("an HTTP status");
        *response.headers_mut() = headers;
        Ok(response.into())
    }
}

impl MockConnector {
    /// A connector without answers; sending on it is like having no network.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next answer after those already there.
    pub fn push(&self, reply: MockResponse) {
        self.script(|script| script.replies.push_back(reply));
    }

    /// What answers when the list is empty.
    pub fn otherwise(&self, answer: impl Fn(&CapturedRequest) -> MockResponse + Send + Sync + 'static) {
        self.script(|script| script.always = Some(Arc::new(answer)));
    }

    /// Everything sent so far.
    #[must_use]
    pub fn sent(&self) -> Vec<CapturedRequest> {
        self.script(|script| script.sent.clone())
    }

    fn script<T>(&self, access: impl FnOnce(&mut MockProvider) -> T) -> T {
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpConnector for MockConnector {
    fn send(&self, request: reqwest::Request) -> ConnectorFuture<'_> {
        let sent = CapturedRequest {
            method: request.method().clone(),
            url: request.url().clone(),
            headers: request.headers().clone(),
            body: Bytes::copy_from_slice(request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default()),
        };
        let (next, always) = self.script(|script| {
            script.sent.push(sent.clone());
            (script.replies.pop_front(), script.always.clone())
        });
        let reply = next
            .or_else(|| always.map(|answer| answer(&sent)))
            .unwrap_or_else(|| MockResponse::fault(ConnectorError::Connect));
        Box::pin(async move {
            if let Some((clock, time)) = &reply.after {
                clock.sleep(*time).await;
            }
            reply.into_response()
        })
    }
}

/// A body that gives what it has and then breaks.
struct ConnectionReset(Option<Bytes>);

impl http_body::Body for ConnectionReset {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        std::task::Poll::Ready(Some(match self.0.take() {
            Some(bytes) => Ok(http_body::Frame::data(bytes)),
            None => Err(std::io::ErrorKind::ConnectionReset.into()),
        }))
    }
}
