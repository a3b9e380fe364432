use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use reqwest::{Request, Response};

use super::Limits;
use crate::{Error, ErrorKind};

/// The future of [`Wire::send`].
pub type WireFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, WireFault>> + Send + 'a>>;

/// What carries requests. The library's own is an HTTP client; tests answer from a script, without a socket.
///
/// An answer is made of any `http::Response`:
///
/// ```
/// use bulkrail::transport::{Wire, WireFuture};
///
/// struct AlwaysEmpty;
///
/// impl Wire for AlwaysEmpty {
///     fn send(&self, _request: reqwest::Request) -> WireFuture<'_> {
///         Box::pin(async { Ok(http::Response::new("{}").into()) })
///     }
/// }
/// ```
pub trait Wire: Send + Sync + 'static {
    /// Sends `request` and returns once the head of the answer is there.
    fn send(&self, request: Request) -> WireFuture<'_>;
}

/// Why a request was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WireFault {
    /// No connection came about: refused, no such host, no route, TLS. Nothing of the request was sent.
    Connect,
    /// It took longer than the limits allow. The provider may have done what was asked.
    Timeout,
    /// The connection broke in the middle. The provider may have done what was asked.
    Broken,
    /// The answer is larger than the limit.
    TooLarge,
    /// The body of the answer cannot be read (compression, framing).
    Garbled,
}

impl WireFault {
    /// A short word for traces.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::TooLarge => "too_large",
            Self::Garbled => "garbled",
        }
    }

    /// Whether it is certain that the provider saw nothing of the request.
    #[must_use]
    pub fn is_before_sending(&self) -> bool {
        matches!(self, Self::Connect)
    }

    pub(crate) fn into_error(self) -> Error {
        let kind = match self {
            Self::TooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::Unavailable,
        };
        let error = Error::new(kind, self.to_string()).with_source(self);
        if self.is_before_sending() { error.unsent() } else { error }
    }
}

impl fmt::Display for WireFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection to the provider (refused, unknown host, no route, or TLS)",
            Self::Timeout => "the provider did not answer in time",
            Self::Broken => "the connection broke before the answer was complete",
            Self::TooLarge => "the answer is larger than the limit allows",
            Self::Garbled => "the answer could not be read",
        })
    }
}

impl StdError for WireFault {}

/// Keeps the class and drops the text: it may hold the URL, and with it an id.
impl From<reqwest::Error> for WireFault {
    fn from(error: reqwest::Error) -> Self {
        let causes = || std::iter::successors(error.source(), next_cause);
        if causes().any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            Self::TooLarge
        } else if error.is_connect() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_decode() && !causes().any(|cause| cause.is::<io::Error>()) {
            Self::Garbled
        } else {
            Self::Broken
        }
    }
}

fn next_cause<'a>(cause: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    (*cause).source()
}

/// The library's own wire.
pub(super) struct HttpWire(pub(super) reqwest::Client);

impl HttpWire {
    /// An HTTP client that follows no redirect, repeats nothing by itself, and does not reach loopback through a proxy.
    pub(super) fn client(limits: &Limits, loopback: bool) -> Result<reqwest::Client, Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("bulkrail/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(limits.connect)
            .read_timeout(limits.stall);
        if loopback {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|_| {
            Error::new(
                ErrorKind::Configuration,
                "the HTTP client cannot be set up; are there CA certificates on this machine?",
            )
        })
    }
}

impl Wire for HttpWire {
    fn send(&self, request: Request) -> WireFuture<'_> {
        let sending = self.0.execute(request);
        Box::pin(async move { sending.await.map_err(WireFault::from) })
    }
}
