//! HTTP to Restate: the ingress and the admin port.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bulkrail_core::{Error, ErrorKind};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

/// 10 s to connect: the server is near.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// 30 s for a request that the server responds to at once.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// 1 MiB for a request: an order is a reference, of some hundred bytes.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// 4 MiB for a response: the longest is a report, of at most 100 kB.
const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;

/// Client of one port of Restate. Follows no redirects.
#[derive(Clone)]
pub(crate) struct HttpClient {
    base: Url,
    client: reqwest::Client,
    authorization: Option<HeaderValue>,
}

/// Status and body of a response.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl HttpClient {
    pub(crate) fn new(base: &str) -> Result<Self, Error> {
        let base = checked_url(base)?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("bulkrail-restate/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        // A proxy is not needed to reach this machine, and would see the token.
        let client = if base.scheme() == "http" { client.no_proxy() } else { client };
        let client =
            client.build().map_err(|error| configuration("the HTTP client cannot be built").with_source(error))?;
        Ok(Self { base, client, authorization: None })
    }

    pub(crate) fn with_token(self, token: &SecretString) -> Result<Self, Error> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
            .map_err(|_| configuration("the token cannot be part of a header"))?;
        value.set_sensitive(true);
        Ok(Self { authorization: Some(value), ..self })
    }

    /// Returns the URL with these segments after the path of the base, encoded.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    pub(crate) async fn get(&self, segments: &[&str], timeout: Duration) -> Result<Response, Error> {
        self.send(self.client.request(Method::GET, self.url(segments)), timeout).await
    }

    pub(crate) async fn post(&self, segments: &[&str], body: Option<&impl Serialize>) -> Result<Response, Error> {
        let mut request = self.client.request(Method::POST, self.url(segments));
        if let Some(body) = body {
            let body = serde_json::to_vec(body).map_err(|error| {
                Error::new(ErrorKind::Usage, "the order cannot be written as JSON").with_source(error)
            })?;
            if body.len() > MAX_REQUEST_BYTES {
                let reason = format!("the order has {} bytes, and {MAX_REQUEST_BYTES} are allowed", body.len());
                let hint = "an order holds a reference to the rows, such as a path or an id, not the rows";
                return Err(Error::new(ErrorKind::Usage, reason).with_hint(hint));
            }
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        self.send(request, REQUEST_TIMEOUT).await
    }

    async fn send(&self, mut request: RequestBuilder, timeout: Duration) -> Result<Response, Error> {
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        // The URL, which has the key, is not part of the error.
        let failed = |error: reqwest::Error| {
            Error::new(ErrorKind::Unavailable, "Restate cannot be reached").with_source(error.without_url())
        };
        let mut response = request.timeout(timeout).send().await.map_err(failed)?;
        let status = response.status();
        if status.is_redirection() {
            let error = Error::new(ErrorKind::UnsafeRedirect, "Restate responded with a redirect");
            return Err(error.with_http_status(status.as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(Error::new(ErrorKind::TooLarge, "the response of Restate is larger than 4 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, body })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Response {
    /// Returns the error of a status other than success.
    pub(crate) fn error(&self) -> Error {
        let kind = match self.status {
            StatusCode::UNAUTHORIZED => ErrorKind::Authentication,
            StatusCode::FORBIDDEN => ErrorKind::Permission,
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::CONFLICT => ErrorKind::Conflict,
            StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
            status if status.is_client_error() => ErrorKind::InvalidRequest,
            _ => ErrorKind::Unavailable,
        };
        let error = Error::new(kind, format!("Restate responded with {}", self.status));
        error.with_http_status(self.status.as_u16())
    }
}

fn checked_url(address: &str) -> Result<Url, Error> {
    let url = Url::parse(address).map_err(|_| configuration("the address of Restate is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(configuration("the address of Restate holds credentials; use a token"));
    }
    if url.query().is_some() || url.fragment().is_some() || url.host().is_none() {
        return Err(configuration("the address of Restate must be scheme, host and path only"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(configuration("plain http is allowed to loopback addresses only; use https")),
        _ => Err(configuration("the address of Restate must start with https://")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn configuration(reason: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_https_or_loopback_and_has_no_credentials() {
        for address in ["https://restate.internal", "http://127.0.0.1:8080", "http://localhost:8080/", "http://[::1]:1"]
        {
            HttpClient::new(address).unwrap();
        }
        for address in [
            "http://restate.internal",
            "http://10.0.0.1:8080",
            "http://127.0.0.1.example.com",
            "https://user:password@restate.internal",
            "https://restate.internal/?key=1",
            "ftp://127.0.0.1",
            "restate.internal",
        ] {
            let error = HttpClient::new(address).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{address}");
            assert!(!error.to_string().contains("password"), "{error}");
        }
    }

    #[test]
    fn url_encodes_each_segment() {
        let url = |base: &str, segments: &[&str]| HttpClient::new(base).unwrap().url(segments).to_string();
        assert_eq!(url("http://localhost:8080", &["a b", "c/d?e#f"]), "http://localhost:8080/a%20b/c%2Fd%3Fe%23f");
        assert_eq!(url("https://restate.internal/path/", &["a"]), "https://restate.internal/path/a");
    }

    #[test]
    fn debug_does_not_show_the_token() {
        let client = HttpClient::new("http://localhost").unwrap().with_token(&"s3cret".into()).unwrap();
        assert!(!format!("{client:?}").contains("s3cret"), "{client:?}");
        let error = HttpClient::new("http://localhost").unwrap().with_token(&"s3cret\n".into()).unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
