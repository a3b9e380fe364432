use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use reqwest::Url;

use super::client::{HttpClient, Shared};
use super::connector::{HttpConnector, ReqwestConnector, Settings};
use super::error_mapping::ErrorMapping;
use super::limits::Limits;
use super::proxy::Proxy;
use crate::error::{Error, ErrorKind};
use crate::provider::PollLimit;
use crate::time::Clock;

/// Installation of a provider that requests go to.
///
/// A base URL may have credentials by mistake, or a name in its path: `Debug` shows its origin.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Environment {
    /// The provider's sandbox, as its pages name it. The default: nothing real happens by accident.
    #[default]
    Sandbox,
    /// The provider's production environment.
    Production,
    /// Any other base URL: a proxy, a stand-in, a mock. It may have a path, below which the documented paths are.
    Custom(String),
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sandbox => f.write_str("Sandbox"),
            Self::Production => f.write_str("Production"),
            Self::Custom(url) => match Url::parse(url) {
                Ok(url) => f.debug_tuple("Custom").field(&url.origin().ascii_serialization()).finish(),
                Err(_) => f.write_str("Custom(..)"),
            },
        }
    }
}

/// Client of a provider that [`ClientBuilder`] can build. Implemented by the client of each provider.
pub trait ProviderClient: Sized {
    /// Credentials of the provider.
    type Credentials;

    /// Returns how the provider reports errors.
    fn error_mapping() -> &'static ErrorMapping;

    /// Returns name and URL of each server in the spec. `production`, `sandbox` and `mock` are the names in use.
    fn servers() -> &'static [(&'static str, &'static str)];

    /// Returns the client that sends its requests by `http`, which does not have credentials yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the credentials cannot be used.
    fn from_http(http: HttpClient, credentials: Self::Credentials) -> Result<Self, Error>;
}

/// Options that the clients of all providers have in common.
///
/// # Environment variables
///
/// Read when the client is built, unless [`connector`](Self::connector) is set:
///
/// - `HTTPS_PROXY` (for an `https` base URL), `HTTP_PROXY` (for `http`), else `ALL_PROXY`: the address of an HTTP
///   proxy, with user and password if it asks for them. `NO_PROXY` lists hosts, domains and networks to reach without
///   it. The names are read in lower case, too; those in upper case come first. Loopback is always reached without a
///   proxy. An address that cannot be used is an error, also one of a SOCKS proxy.
/// - `SSL_CERT_FILE`, `SSL_CERT_DIR`: CA certificates in PEM form that are trusted instead of the system's. They have
///   no effect on macOS and Windows.
///
/// A client whose base URL is plain `http` needs no CA certificates. The host `localhost` is 127.0.0.1 or ::1, whatever
/// DNS and the hosts file say.
///
/// ```
/// use bulkrail_core::http::{Environment, HttpOptions};
///
/// let options = HttpOptions::default().environment(Environment::Production);
/// ```
#[derive(Clone, Default)]
pub struct HttpOptions {
    environment: Environment,
    limits: Limits,
    insecure_http: bool,
    any_environment: bool,
    connector: Option<Arc<dyn HttpConnector>>,
    clock: Option<Clock>,
}

impl HttpOptions {
    /// Sets the environment that requests go to. Default: [`Environment::Sandbox`].
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets any base URL instead of a documented environment; see [`Environment::Custom`].
    #[must_use]
    pub fn base_url(self, url: impl Into<String>) -> Self {
        self.environment(Environment::Custom(url.into()))
    }

    /// Sets the limits of requests. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Allows plain `http://` to hosts other than loopback. Credentials and personal data then travel readable.
    #[must_use]
    pub fn allow_insecure_http(mut self) -> Self {
        self.insecure_http = true;
        self
    }

    /// Accepts batches of other environments than the one that requests go to; see
    /// [`Batch::environment`](crate::Batch::environment).
    #[must_use]
    pub fn any_environment(mut self) -> Self {
        self.any_environment = true;
        self
    }

    /// Sends requests by `connector` instead of the default HTTP client; for tests.
    #[must_use]
    pub fn connector(mut self, connector: impl HttpConnector) -> Self {
        self.connector = Some(Arc::new(connector));
        self
    }

    /// Sets another clock; for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    fn into_client(self, errors: &'static ErrorMapping, servers: &[(&str, &str)]) -> Result<HttpClient, Error> {
        let url = checked_url(self.server(servers)?, self.insecure_http)?;
        let (connector, proxy) = match self.connector {
            Some(connector) => (connector, None),
            None => {
                // Loopback is reached without a proxy, which would ask its own machine instead.
                let proxy = if is_loopback(&url) { None } else { Proxy::from_env(&url)? };
                let host = proxy.as_ref().map(Proxy::host);
                let settings = Settings { limits: self.limits, base_url: url.clone(), proxy };
                let connector: Arc<dyn HttpConnector> = Arc::new(ReqwestConnector::new(settings)?);
                (connector, host)
            }
        };
        Ok(HttpClient::new(Shared {
            errors,
            host: match (url.host_str().unwrap_or_default(), url.port()) {
                (host, Some(port)) => format!("{host}:{port}"),
                (host, None) => host.to_owned(),
            },
            proxy,
            base_url: url.as_str().trim_end_matches('/').to_owned(),
            environment: match self.environment {
                Environment::Sandbox => "sandbox".to_owned(),
                Environment::Production => "production".to_owned(),
                Environment::Custom(_) => url.origin().ascii_serialization(),
            },
            any_environment: self.any_environment,
            builder: ReqwestConnector::request_builder()?,
            connector,
            limits: self.limits,
            poll_limit: PollLimit::new(self.limits.max_polls_in_flight),
            clock: self.clock.unwrap_or_else(Clock::system),
        }))
    }

    fn server<'a>(&'a self, servers: &[(&str, &'a str)]) -> Result<&'a str, Error> {
        let names: &[&str] = match &self.environment {
            Environment::Custom(url) => return Ok(url),
            Environment::Production => &["production"],
            // CDQ documents a mock server instead.
            Environment::Sandbox => &["sandbox", "mock"],
        };
        let server = servers.iter().find(|(name, _)| names.contains(name));
        server.map(|(_, url)| *url).ok_or_else(|| {
            let known: Vec<_> = servers.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let reason = format!("the provider has no server with the name \"{}\" (it has: {known})", names[0]);
            Error::new(ErrorKind::Configuration, reason).with_hint("set a base URL, or another environment")
        })
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("environment", &self.environment)
            .field("limits", &self.limits)
            .field("insecure_http", &self.insecure_http)
            .field("any_environment", &self.any_environment)
            .finish_non_exhaustive()
    }
}

/// Builds a client. Made by `Client::builder()` of each provider.
pub struct ClientBuilder<C: ProviderClient> {
    options: HttpOptions,
    credentials: Option<C::Credentials>,
    client: PhantomData<fn() -> C>,
}

impl<C: ProviderClient> Default for ClientBuilder<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: ProviderClient> ClientBuilder<C> {
    /// Returns a builder with the default options and without credentials.
    #[must_use]
    pub fn new() -> Self {
        Self { options: HttpOptions::default(), credentials: None, client: PhantomData }
    }

    /// Sets the credentials. Required.
    #[must_use]
    pub fn credentials(mut self, credentials: C::Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Sets all options that the clients of all providers have in common.
    #[must_use]
    pub fn options(mut self, options: HttpOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the environment that requests go to. Default: [`Environment::Sandbox`].
    #[must_use]
    pub fn environment(self, environment: Environment) -> Self {
        self.map_options(|options| options.environment(environment))
    }

    /// Sets any base URL instead of a documented environment; see [`Environment::Custom`].
    #[must_use]
    pub fn base_url(self, url: impl Into<String>) -> Self {
        self.map_options(|options| options.base_url(url))
    }

    /// Sets the limits of requests. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.map_options(|options| options.limits(limits))
    }

    /// Allows plain `http://` to hosts other than loopback. Credentials and personal data then travel readable.
    #[must_use]
    pub fn allow_insecure_http(self) -> Self {
        self.map_options(HttpOptions::allow_insecure_http)
    }

    /// Sends requests by `connector` instead of the default HTTP client; for tests.
    #[must_use]
    pub fn connector(self, connector: impl HttpConnector) -> Self {
        self.map_options(|options| options.connector(connector))
    }

    /// Sets another clock; for tests.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.map_options(|options| options.clock(clock))
    }

    /// Returns the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when credentials are missing or unusable, the base URL is not `https` (or `http`
    /// to loopback), a proxy variable cannot be used, or there are no CA certificates.
    pub fn build(self) -> Result<C, Error> {
        let errors = C::error_mapping();
        let build = || {
            let http = self.options.into_client(errors, C::servers())?;
            let credentials = self.credentials.ok_or_else(|| configuration("there are no credentials"))?;
            C::from_http(http, credentials)
        };
        build().map_err(|error| error.with_provider(errors.provider.clone()).with_action("setting up the client"))
    }

    fn map_options(mut self, map: impl FnOnce(HttpOptions) -> HttpOptions) -> Self {
        self.options = map(self.options);
        self
    }
}

impl<C: ProviderClient> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}

pub(super) fn checked_url(address: &str, insecure_http: bool) -> Result<Url, Error> {
    let url =
        Url::parse(address).map_err(|_| configuration("the base URL is not a URL (expected https://host/...)"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(configuration("the base URL holds credentials; pass them as credentials"));
    }
    if url.query().is_some() || url.fragment().is_some() || url.host().is_none() {
        return Err(configuration("the base URL must be scheme, host and path only"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if insecure_http || is_loopback(&url) => Ok(url),
        "http" => Err(configuration("plain http is allowed to loopback addresses only; use https")),
        _ => Err(configuration("the base URL must start with https://")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
        None => false,
    }
}

fn configuration(reason: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_may_be_plain_http_to_loopback_only() {
        for url in ["https://api.example", "http://127.0.0.1:8080/reap", "http://localhost", "http://[::1]:80"] {
            checked_url(url, false).unwrap();
        }
        let refused = [
            "http://api.example",
            "http://127.0.0.1.example.com",
            "http://localhost.example",
            "http://10.0.0.1",
            "ftp://api.example",
            "api.example",
            "",
            "https://user:pw@api.example",
            "https://api.example?key=1",
            "https://api.example#f",
            "data:,x",
        ];
        for url in refused {
            assert_eq!(checked_url(url, false).unwrap_err().kind(), ErrorKind::Configuration, "{url}");
        }
        checked_url("http://api.example", true).unwrap();
    }

    #[test]
    fn base_url_with_a_user_or_a_password_alone_is_refused() {
        for url in ["https://user@api.example", "https://:pw@api.example", "https://user:pw@api.example"] {
            assert!(checked_url(url, false).unwrap_err().to_string().contains("holds credentials"), "{url}");
        }
        let reason = |url: &str| checked_url(url, false).unwrap_err().to_string();
        assert!(reason("http://api.example").contains("loopback"));
        assert!(reason("ftp://api.example").contains("must start with https://"));
    }

    #[cfg(feature = "test-util")]
    mod builders {
        use super::*;
        use crate::http::ApiErrorBody;
        use crate::model::{Batch, ProviderId};
        use crate::test_util::MockConnector;

        static ERRORS: ErrorMapping =
            ErrorMapping { provider: ProviderId::from_static("acme"), read: |_| ApiErrorBody::default(), codes: &[] };

        struct Acme(HttpClient);

        impl ProviderClient for Acme {
            type Credentials = ();

            fn error_mapping() -> &'static ErrorMapping {
                &ERRORS
            }

            fn servers() -> &'static [(&'static str, &'static str)] {
                &[("sandbox", "https://sandbox.example/v1"), ("production", "https://api.example/v1")]
            }

            fn from_http(http: HttpClient, (): ()) -> Result<Self, Error> {
                Ok(Self(http))
            }
        }

        fn builder() -> ClientBuilder<Acme> {
            ClientBuilder::new().credentials(()).connector(MockConnector::new())
        }

        #[test]
        fn environment_decides_base_url_and_name() {
            let of = |builder: ClientBuilder<Acme>| {
                let client = builder.build().unwrap().0;
                (client.base_url().to_owned(), client.environment().to_owned())
            };
            let expected = |url: &str, name: &str| (url.to_owned(), name.to_owned());
            assert_eq!(of(builder()), expected("https://sandbox.example/v1", "sandbox"));
            let production = builder().environment(Environment::Production);
            assert_eq!(of(production), expected("https://api.example/v1", "production"));
            let custom = builder().base_url("https://mock.example:8443/a/");
            assert_eq!(of(custom), expected("https://mock.example:8443/a", "https://mock.example:8443"));
        }

        #[test]
        fn plain_http_beyond_loopback_is_allowed_on_request_only() {
            let plain = || builder().base_url("http://api.example");
            assert_eq!(plain().build().err().unwrap().kind(), ErrorKind::Configuration);
            assert!(plain().allow_insecure_http().build().is_ok());
            let options = HttpOptions::default().base_url("http://api.example").connector(MockConnector::new());
            assert!(builder().options(options.clone()).build().is_err());
            let client = builder().options(options.allow_insecure_http()).build().unwrap().0;
            assert_eq!(client.base_url(), "http://api.example");
        }

        #[test]
        fn batch_of_another_environment_is_accepted_on_request_only() {
            let batch = |environment: &str| {
                Batch::new(ProviderId::from_static("acme"), "b-1").unwrap().with_environment(environment)
            };
            let options = HttpOptions::default().connector(MockConnector::new());
            let client = builder().options(options.clone()).build().unwrap().0;
            assert!(client.check_batch(&batch("sandbox")).is_ok());
            assert_eq!(client.check_batch(&batch("production")).unwrap_err().kind(), ErrorKind::Usage);
            let any = builder().options(options.limits(Limits::new().with_max_polls_in_flight(7)).any_environment());
            let any = any.build().unwrap().0;
            assert!(any.check_batch(&batch("production")).is_ok());
            let other = Batch::new(ProviderId::from_static("other"), "b-1").unwrap();
            assert_eq!(any.check_batch(&other).unwrap_err().kind(), ErrorKind::Usage);
        }

        #[test]
        fn debug_of_builders_shows_options_and_no_credentials() {
            let options = format!("{:?}", HttpOptions::default());
            assert!(options.starts_with("HttpOptions { environment: Sandbox, limits: Limits {"), "{options}");
            assert_eq!(
                format!("{:?}", ClientBuilder::<Acme>::new()),
                format!("ClientBuilder {{ options: {options}, .. }}")
            );
            let custom = |url: &str| format!("{:?}", Environment::Custom(url.to_owned()));
            assert_eq!(custom("https://me:CANARY@h.example:8443/CANARY"), "Custom(\"https://h.example:8443\")");
            assert_eq!(custom("CANARY"), "Custom(..)");
        }
    }
}
