use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use reqwest::{Request, Response};

use super::limits::Limits;
use crate::error::{Error, ErrorKind};

/// Future of [`HttpConnector::send`].
pub type ConnectorFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, ConnectorError>> + Send + 'a>>;

/// Sends requests and returns responses. The default is an HTTP client; tests use a mock without a socket.
///
/// A response is made of any `http::Response`:
///
/// ```
/// use bulkrail_core::http::{ConnectorFuture, HttpConnector};
///
/// struct AlwaysEmpty;
///
/// impl HttpConnector for AlwaysEmpty {
///     fn send(&self, _request: reqwest::Request) -> ConnectorFuture<'_> {
///         Box::pin(async { Ok(http::Response::new("{}").into()) })
///     }
/// }
/// ```
pub trait HttpConnector: Send + Sync + 'static {
    /// Sends `request` and returns once the status and headers of the response have arrived.
    fn send(&self, request: Request) -> ConnectorFuture<'_>;
}

/// Reason why a request has no response, or its body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectorError {
    /// A connection was not made: refused, unknown host, no route, TLS. Nothing of the request was sent.
    Connect,
    /// The request took longer than the limits allow. The provider may have carried it out.
    Timeout,
    /// The connection was reset or closed early. The provider may have carried the request out.
    ConnectionReset,
    /// The response is larger than the limit.
    TooLarge,
    /// The body of the response cannot be read (compression, framing).
    InvalidBody,
}

impl ConnectorError {
    /// Returns a short word for traces.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::ConnectionReset => "connection_reset",
            Self::TooLarge => "too_large",
            Self::InvalidBody => "invalid_body",
        }
    }

    /// Returns whether it is certain that the provider received nothing of the request.
    #[must_use]
    pub fn is_before_sending(&self) -> bool {
        matches!(self, Self::Connect)
    }

    pub(super) fn into_error(self) -> Error {
        let kind = match self {
            Self::TooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::Unavailable,
        };
        let error = Error::new(kind, self.to_string()).with_source(self);
        if self.is_before_sending() { error.with_nothing_sent() } else { error }
    }
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "a connection to the provider was not made (refused, unknown host, no route, or TLS)",
            Self::Timeout => "the provider did not respond in time",
            Self::ConnectionReset => "the connection closed before the response was complete",
            Self::TooLarge => "the response is larger than the limit allows",
            Self::InvalidBody => "the response could not be read",
        })
    }
}

impl StdError for ConnectorError {}

/// Keeps the class of the error and drops its text, which may hold the URL and with it an id.
impl From<reqwest::Error> for ConnectorError {
    fn from(error: reqwest::Error) -> Self {
        let causes = || std::iter::successors(error.source(), next_cause);
        if causes().any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            Self::TooLarge
        } else if error.is_connect() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_decode() && !causes().any(|cause| cause.is::<io::Error>()) {
            Self::InvalidBody
        } else {
            Self::ConnectionReset
        }
    }
}

fn next_cause<'a>(cause: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    (*cause).source()
}

/// The default connector.
pub(super) struct ReqwestConnector(pub(super) reqwest::Client);

impl ReqwestConnector {
    /// Returns an HTTP client that does not follow redirects, does not retry, and reaches loopback without a proxy.
    pub(super) fn client(limits: &Limits, loopback: bool) -> Result<reqwest::Client, Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("bulkrail/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // Not `read_timeout`: its clock starts with the request, so that a slow upload would run into it.
            .connect_timeout(limits.connect_timeout);
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

impl HttpConnector for ReqwestConnector {
    fn send(&self, request: Request) -> ConnectorFuture<'_> {
        let sending = self.0.execute(request);
        Box::pin(async move { sending.await.map_err(ConnectorError::from) })
    }
}
