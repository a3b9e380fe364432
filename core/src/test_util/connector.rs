use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::Url;

use crate::http::{ConnectorError, ConnectorFuture, HttpConnector};
use crate::time::Clock;

/// Connector of tests that responds from a queue, without a network, and records the requests.
///
/// Pass a clone to [`ClientBuilder::connector`](crate::http::ClientBuilder::connector): clones share the queue and the
/// requests. If the queue is empty, [`respond_with`](Self::respond_with) responds; without that, every request fails
/// with [`ConnectorError::Connect`].
///
/// ```
/// use bulkrail_core::http::HttpConnector;
/// use bulkrail_core::test_util::{MockConnector, MockResponse, VirtualClock};
/// use reqwest::{Method, Request};
///
/// let connector = MockConnector::new();
/// connector.push(MockResponse::json(200, r#"{"status":"DONE"}"#));
///
/// // Usually a client sends the request.
/// let request = Request::new(Method::GET, "https://api.example/jobs/1".parse()?);
/// let response = VirtualClock::new().run(connector.send(request))?;
/// assert_eq!(response.status(), 200);
/// assert_eq!(connector.requests()[0].url.path(), "/jobs/1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct MockConnector(Arc<Mutex<State>>);

type Responder = Arc<dyn Fn(&CapturedRequest) -> MockResponse + Send + Sync>;

#[derive(Default)]
struct State {
    queue: VecDeque<MockResponse>,
    responder: Option<Responder>,
    requests: Vec<CapturedRequest>,
}

/// Request that a [`MockConnector`] has received.
#[derive(Clone)]
#[non_exhaustive]
pub struct CapturedRequest {
    /// Method of the request.
    pub method: Method,
    /// URL of the request.
    pub url: Url,
    /// Headers of the request, including credentials.
    pub headers: HeaderMap,
    /// Body of the request; empty when it was streamed.
    pub body: Bytes,
}

/// Response of a [`MockConnector`], or its error.
#[derive(Clone)]
pub struct MockResponse {
    result: Result<(u16, HeaderMap, Bytes), ConnectorError>,
    is_reset: bool,
    delay: Option<(Clock, Duration)>,
}

impl MockResponse {
    /// Returns a response with the JSON text `body`.
    #[must_use]
    pub fn json(status: u16, body: impl ToString) -> Self {
        Self::new(status, body.to_string()).header("content-type", "application/json")
    }

    /// Returns a response with any body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { result: Ok((status, HeaderMap::new(), body.into())), is_reset: false, delay: None }
    }

    /// Returns an error in place of a response.
    #[must_use]
    pub fn error(error: ConnectorError) -> Self {
        Self { result: Err(error), is_reset: false, delay: None }
    }

    /// Sets a header of the response. An error stays as it is.
    ///
    /// # Panics
    ///
    /// Panics when name or value cannot be that of a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok((_, headers, _)) = &mut self.result {
            headers.insert(name, value.parse().expect("a header value"));
        }
        self
    }

    /// Resets the connection after the bytes of the body.
    #[must_use]
    pub fn reset_after_body(mut self) -> Self {
        self.is_reset = true;
        self
    }

    /// Delays the response, or the error, by `delay` on `clock`.
    #[must_use]
    pub fn after(mut self, clock: &Clock, delay: Duration) -> Self {
        self.delay = Some((clock.clone(), delay));
        self
    }

    fn into_response(self) -> Result<reqwest::Response, ConnectorError> {
        let (status, headers, body) = self.result?;
        let body = if self.is_reset { reqwest::Body::wrap(ResetBody(Some(body))) } else { body.into() };
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(status).expect("an HTTP status");
        *response.headers_mut() = headers;
        Ok(response.into())
    }
}

impl MockConnector {
    /// Returns a connector with an empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a response to the queue. It is used for one request.
    pub fn push(&self, response: MockResponse) {
        self.with_state(|state| state.queue.push_back(response));
    }

    /// Sets the function that responds while the queue is empty.
    pub fn respond_with(&self, responder: impl Fn(&CapturedRequest) -> MockResponse + Send + Sync + 'static) {
        self.with_state(|state| state.responder = Some(Arc::new(responder)));
    }

    /// Returns the requests so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<CapturedRequest> {
        self.with_state(|state| state.requests.clone())
    }

    fn with_state<T>(&self, access: impl FnOnce(&mut State) -> T) -> T {
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpConnector for MockConnector {
    fn send(&self, request: reqwest::Request) -> ConnectorFuture<'_> {
        let request = CapturedRequest {
            method: request.method().clone(),
            url: request.url().clone(),
            headers: request.headers().clone(),
            body: Bytes::copy_from_slice(request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default()),
        };
        let (next, responder) = self.with_state(|state| {
            state.requests.push(request.clone());
            (state.queue.pop_front(), state.responder.clone())
        });
        // Called without the lock, so that it may use the connector.
        let response = next
            .or_else(|| responder.map(|respond| respond(&request)))
            .unwrap_or_else(|| MockResponse::error(ConnectorError::Connect));
        Box::pin(async move {
            if let Some((clock, delay)) = &response.delay {
                clock.sleep(*delay).await;
            }
            response.into_response()
        })
    }
}

/// Body that ends with a reset connection.
struct ResetBody(Option<Bytes>);

impl http_body::Body for ResetBody {
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
