use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{OnceLock, PoisonError, RwLock};

use reqwest::{Request, Response, Url};

use super::connection_error::ConnectorError;
use super::limits::Limits;
use super::proxy::Proxy;
use super::tls::Tls;
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

/// The default connector.
pub(super) struct ReqwestConnector {
    /// Client for requests that only read, and how often it was replaced.
    reading: RwLock<(u64, reqwest::Client)>,
    /// Client for all other requests, built when it is first needed.
    writing: OnceLock<reqwest::Client>,
    settings: Settings,
    tls: Tls,
}

/// Settings that the HTTP clients of a connector have in common.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    pub(super) base_url: Url,
    pub(super) proxy: Option<Proxy>,
}

impl ReqwestConnector {
    /// Returns a connector that does not follow redirects, does not retry, and uses the proxy of the settings only.
    pub(super) fn new(settings: Settings) -> Result<Self, Error> {
        // Both clients have the same certificates, which are read once.
        let tls = if settings.uses_tls() { Tls::verified()? } else { Tls::unused()? };
        let reading = settings.reading_client(&tls).map_err(setup_error)?;
        Ok(Self { reading: RwLock::new((0, reading)), writing: OnceLock::new(), settings, tls })
    }

    /// Returns a client that can build requests, and is not used to send them.
    pub(super) fn request_builder() -> Result<reqwest::Client, Error> {
        Tls::unused()?.apply(reqwest::Client::builder().no_proxy()).build().map_err(setup_error)
    }

    /// Returns the client that sends `request`, and its number if it is one that reads.
    fn client(&self, request: &Request) -> (Option<u64>, reqwest::Client) {
        if request.method().is_safe() {
            let (number, client) = self.reading();
            return (Some(number), client);
        }
        // It was possible to build the other client; so it is to build this one.
        let build = || self.settings.writing_client(&self.tls).unwrap_or_else(|_| self.reading().1);
        let client = self.writing.get_or_init(build);
        (None, client.clone())
    }

    fn reading(&self) -> (u64, reqwest::Client) {
        self.reading.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the client that reads after a timeout, so that the next request has a new connection.
    ///
    /// A connection whose peer answers pings and nothing else is not noticed otherwise, as long as HTTP/2 keeps it. Of
    /// many requests that time out together, the first replaces the client.
    fn replace_reading(&self, number: u64) {
        let mut reading = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        if reading.0 == number
            && let Ok(client) = self.settings.reading_client(&self.tls)
        {
            *reading = (number + 1, client);
        }
    }
}

impl Settings {
    /// Returns a client that pings an HTTP/2 connection while a response is awaited, so that a dead connection is
    /// noticed and replaced.
    fn reading_client(&self, tls: &Tls) -> reqwest::Result<reqwest::Client> {
        let timeout = self.limits.ping_timeout;
        self.builder(tls).http2_keep_alive_interval(timeout).http2_keep_alive_timeout(timeout).build()
    }

    /// Returns a client with a new connection for each request, and without pings. A connection from a pool may be
    /// dead, or just being closed by the server: a submit on it would have an unknown outcome. On a slow link, the
    /// response to a ping would wait behind the upload for longer than the timeout.
    fn writing_client(&self, tls: &Tls) -> reqwest::Result<reqwest::Client> {
        self.builder(tls).pool_max_idle_per_host(0).build()
    }

    fn builder(&self, tls: &Tls) -> reqwest::ClientBuilder {
        let mut builder = tls
            .apply(reqwest::Client::builder())
            .user_agent(concat!("bulkrail/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // The variables were read already, and an unusable one refused.
            .no_proxy()
            // Not `read_timeout`: its clock starts with the request, so that a slow upload would run into it.
            .connect_timeout(self.limits.connect_timeout);
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.to_reqwest());
        }
        if self.base_url.host_str() == Some("localhost") {
            // Neither DNS nor a hosts file sends credentials to another machine. The port is that of the URL.
            let addresses: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            builder = builder.resolve_to_addrs("localhost", &addresses.map(|ip| SocketAddr::new(ip, 0)));
        }
        builder
    }

    fn uses_tls(&self) -> bool {
        self.base_url.scheme() == "https" || self.proxy.as_ref().is_some_and(Proxy::uses_tls)
    }
}

/// Returns the error of an HTTP client that cannot be built.
fn setup_error(_: reqwest::Error) -> Error {
    Error::new(ErrorKind::Configuration, "the HTTP client cannot be set up")
}

impl HttpConnector for ReqwestConnector {
    fn send(&self, request: Request) -> ConnectorFuture<'_> {
        // Without a tunnel, the connection is one to the proxy.
        let is_to_proxy = self.settings.proxy.is_some() && request.url().scheme() == "http";
        let (number, client) = self.client(&request);
        let sending = client.execute(request);
        Box::pin(async move {
            sending.await.map_err(|error| {
                let error = ConnectorError::from(error);
                if error == ConnectorError::Timeout
                    && let Some(number) = number
                {
                    self.replace_reading(number);
                }
                if is_to_proxy { error.to_proxy() } else { error }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;

    use reqwest::dns::{Name, Resolve, Resolving};

    use super::*;

    /// Resolver that sends every name to an address that is not loopback.
    struct Elsewhere;

    impl Resolve for Elsewhere {
        fn resolve(&self, _: Name) -> Resolving {
            let addresses: reqwest::dns::Addrs = Box::new(std::iter::once(SocketAddr::from(([192, 0, 2, 1], 1))));
            Box::pin(async { Ok(addresses) })
        }
    }

    #[test]
    fn localhost_is_loopback_whatever_the_resolver_says() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // Not every machine has IPv6.
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; 16]).unwrap();
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            });
            let url = Url::parse(&format!("http://localhost:{port}/")).unwrap();
            let settings = Settings { limits: Limits::default(), base_url: url.clone(), proxy: None };
            let client = settings.builder(&Tls::unused().unwrap()).dns_resolver(Arc::new(Elsewhere)).build().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let response = runtime.block_on(client.get(url).send()).unwrap();
            assert_eq!(response.status(), 204);
            server.join().unwrap();
        }
    }

    #[test]
    fn requests_that_change_something_have_a_client_of_their_own() {
        let url = Url::parse("http://localhost/").unwrap();
        let settings = Settings { limits: Limits::default(), base_url: url.clone(), proxy: None };
        let connector = ReqwestConnector::new(settings).unwrap();
        let is_reading = |method: reqwest::Method| connector.client(&Request::new(method, url.clone())).0.is_some();
        assert!(is_reading(reqwest::Method::GET));
        assert!(!is_reading(reqwest::Method::POST) && !is_reading(reqwest::Method::PUT));
    }

    #[test]
    fn request_after_a_timeout_has_a_new_connection() {
        let url = Url::parse("http://localhost/").unwrap();
        let settings = Settings { limits: Limits::default(), base_url: url, proxy: None };
        let connector = ReqwestConnector::new(settings).unwrap();
        // Two requests of one client time out.
        connector.replace_reading(0);
        connector.replace_reading(0);
        assert_eq!(connector.reading().0, 1);
    }

    #[test]
    fn certificates_are_needed_for_tls_to_the_provider_or_the_proxy() {
        for (base_url, proxy, expected) in [
            ("https://api.example", None, true),
            ("http://api.example", None, false),
            ("https://api.example", Some("http://proxy.example"), true),
            ("http://api.example", Some("http://proxy.example"), false),
            ("http://api.example", Some("https://proxy.example"), true),
        ] {
            let proxy = proxy.map(|address| Proxy::new("HTTP_PROXY", address).unwrap());
            let settings = Settings { limits: Limits::default(), base_url: base_url.parse().unwrap(), proxy };
            assert_eq!(settings.uses_tls(), expected, "{base_url}");
        }
    }
}
