use std::env;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use reqwest::Url;
use secrecy::SecretString;

use super::{Dialect, HttpWire, Limits, Shared, Transport, Wire};
use crate::time::Clock;
use crate::{Error, ErrorKind};

/// Which of a provider's installations is talked to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Environment {
    /// The one for trying things out, as the provider's pages name it. The default: nothing real happens by accident.
    #[default]
    Sandbox,
    /// The real one.
    Production,
    /// Any other address: a proxy, a stand-in, a mock. May have a path, below which the documented paths lie.
    Custom(String),
}

/// What [`ClientBuilder`] has to know about a provider. Implemented by the clients; not for others (your own provider implements
/// [`Provider`](crate::Provider)).
pub trait Room: Sized {
    /// What proves who you are.
    type Credentials;

    #[doc(hidden)]
    fn dialect() -> &'static Dialect;

    /// Name and address of each server in the spec.
    #[doc(hidden)]
    fn servers() -> &'static [(&'static str, &'static str)];

    #[doc(hidden)]
    fn assemble(transport: Transport, credentials: Self::Credentials) -> Result<Self, Error>;
}

/// Sets up a client. Made by `Client::builder()` of each provider.
pub struct ClientBuilder<C: Room> {
    environment: Environment,
    credentials: Option<C::Credentials>,
    limits: Limits,
    insecure_http: bool,
    wire: Option<Arc<dyn Wire>>,
    clock: Option<Clock>,
    client: PhantomData<fn() -> C>,
}

impl<C: Room> ClientBuilder<C> {
    pub(crate) fn new() -> Self {
        Self {
            environment: Environment::default(),
            credentials: None,
            limits: Limits::default(),
            insecure_http: false,
            wire: None,
            clock: None,
            client: PhantomData,
        }
    }

    /// Where to send requests. Default: [`Environment::Sandbox`].
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Any address instead of a documented environment; see [`Environment::Custom`].
    #[must_use]
    pub fn base_url(self, url: impl Into<String>) -> Self {
        self.environment(Environment::Custom(url.into()))
    }

    /// What proves who you are. Required.
    #[must_use]
    pub fn credentials(mut self, credentials: C::Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// What one request may cost. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Lets plain `http://` through to hosts other than loopback. Credentials and personal data then travel readable.
    #[must_use]
    pub fn allow_insecure_http(mut self) -> Self {
        self.insecure_http = true;
        self
    }

    /// Carries requests by something else than the library's HTTP client; for tests.
    #[must_use]
    pub fn wire(mut self, wire: impl Wire) -> Self {
        self.wire = Some(Arc::new(wire));
        self
    }

    /// Reads another clock; for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when credentials are missing or unusable, the address is not `https` (or `http` to loopback), or
    /// the HTTP client cannot be set up.
    pub fn build(self) -> Result<C, Error> {
        let dialect = C::dialect();
        let built = self.assemble(dialect);
        built.map_err(|error| error.with_provider(dialect.provider.clone()).with_action("setting up the client"))
    }

    fn assemble(self, dialect: &'static Dialect) -> Result<C, Error> {
        let url = checked_url(self.address()?, self.insecure_http)?;
        let credentials = self.credentials.ok_or_else(|| misconfigured("there are no credentials"))?;
        let http = HttpWire::client(&self.limits, is_loopback(&url))?;
        let wire = self.wire.unwrap_or_else(|| Arc::new(HttpWire(http.clone())));
        let transport = Transport::new(Shared {
            dialect,
            host: url.host_str().unwrap_or_default().to_owned(),
            base_url: url.as_str().trim_end_matches('/').to_owned(),
            http,
            wire,
            limits: self.limits,
            clock: self.clock.unwrap_or_else(Clock::system),
        });
        C::assemble(transport, credentials)
    }

    fn address(&self) -> Result<&str, Error> {
        let wanted: &[&str] = match &self.environment {
            Environment::Custom(url) => return Ok(url),
            Environment::Production => &["production"],
            // CDQ documents a mock server instead.
            Environment::Sandbox => &["sandbox", "mock"],
        };
        let server = C::servers().iter().find(|(name, _)| wanted.contains(name));
        server
            .map(|(_, url)| *url)
            .ok_or_else(|| misconfigured("the provider documents no such environment; name a base URL"))
    }
}

impl<C: Room> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("environment", &self.environment)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

fn checked_url(address: &str, insecure_http: bool) -> Result<Url, Error> {
    let url =
        Url::parse(address).map_err(|_| misconfigured("the base URL is not a URL (expected https://host/...)"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(misconfigured("the base URL holds credentials; pass them as credentials"));
    }
    if url.query().is_some() || url.fragment().is_some() || url.host().is_none() {
        return Err(misconfigured("the base URL must be scheme, host and path only"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if insecure_http || is_loopback(&url) => Ok(url),
        "http" => Err(misconfigured("plain http is allowed to loopback addresses only; use https")),
        _ => Err(misconfigured("the base URL must start with https://")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
        None => false,
    }
}

/// The secret in the environment variable `name`; empty counts as absent.
pub(crate) fn env_secret(name: &str) -> Option<SecretString> {
    env::var(name).ok().filter(|value| !value.is_empty()).map(SecretString::from)
}

fn misconfigured(reason: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_loopback_only() {
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
}
