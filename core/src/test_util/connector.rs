use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::Url;

use crate::time::Clock;
use crate::transport::{Wire, WireFault, WireFuture};

/// A wire that answers from a list and remembers what was sent. Clones share both.
///
/// ```
/// # #[cfg(feature = "reap")]
/// # fn main() -> Result<(), bulkrail::Error> {
/// use bulkrail::testing::{Reply, ScriptedWire, VirtualClock};
/// use bulkrail::{Batch, Provider, State, reap};
///
/// let (clock, wire) = (VirtualClock::new(), ScriptedWire::new());
/// let client = reap::Client::builder()
///     .credentials(reap::Credentials::api_key("key"))
///     .clock(clock.clock())
///     .wire(wire.clone())
///     .build()?;
/// wire.push(Reply::json(200, r#"{"status":"in_progress"}"#));
///
/// let batch = Batch::named(reap::PROVIDER, "b-1")?;
/// assert_eq!(clock.run(client.look(&batch))?.state, State::Running);
/// assert_eq!(wire.sent()[0].url.path(), "/entity/kyc/import/batch/b-1");
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "reap"))]
/// # fn main() {}
/// ```
#[derive(Clone, Default)]
pub struct ScriptedWire(Arc<Mutex<Script>>);

type Answer = Arc<dyn Fn(&Sent) -> Reply + Send + Sync>;

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    always: Option<Answer>,
    sent: Vec<Sent>,
}

/// A request that was sent.
#[derive(Clone)]
#[non_exhaustive]
pub struct Sent {
    /// Its method.
    pub method: Method,
    /// Its address.
    pub url: Url,
    /// Its headers, credentials too.
    pub headers: HeaderMap,
    /// Its body; empty where it was a stream.
    pub body: Bytes,
}

/// One answer of a [`ScriptedWire`].
#[derive(Clone)]
pub struct Reply {
    outcome: Result<(u16, HeaderMap, Bytes), WireFault>,
    breaks_off: bool,
    after: Option<(Clock, Duration)>,
}

impl Reply {
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
    pub fn fault(fault: WireFault) -> Self {
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

    fn into_response(self) -> Result<reqwest::Response, WireFault> {
        let (status, headers, body) = self.outcome?;
        let body = if self.breaks_off { reqwest::Body::wrap(Broken(Some(body))) } else { body.into() };
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(status).expect("an HTTP status");
        *response.headers_mut() = headers;
        Ok(response.into())
    }
}

impl ScriptedWire {
    /// A wire without answers; sending on it is like having no network.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next answer after those already there.
    pub fn push(&self, reply: Reply) {
        self.script(|script| script.replies.push_back(reply));
    }

    /// What answers when the list is empty.
    pub fn otherwise(&self, answer: impl Fn(&Sent) -> Reply + Send + Sync + 'static) {
        self.script(|script| script.always = Some(Arc::new(answer)));
    }

    /// Everything sent so far.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.script(|script| script.sent.clone())
    }

    fn script<T>(&self, access: impl FnOnce(&mut Script) -> T) -> T {
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Wire for ScriptedWire {
    fn send(&self, request: reqwest::Request) -> WireFuture<'_> {
        let sent = Sent {
            method: request.method().clone(),
            url: request.url().clone(),
            headers: request.headers().clone(),
            body: Bytes::copy_from_slice(request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default()),
        };
        let (next, always) = self.script(|script| {
            script.sent.push(sent.clone());
            (script.replies.pop_front(), script.always.clone())
        });
        let reply =
            next.or_else(|| always.map(|answer| answer(&sent))).unwrap_or_else(|| Reply::fault(WireFault::Connect));
        Box::pin(async move {
            if let Some((clock, time)) = &reply.after {
                clock.sleep(*time).await;
            }
            reply.into_response()
        })
    }
}

/// A body that gives what it has and then breaks.
struct Broken(Option<Bytes>);

impl http_body::Body for Broken {
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
