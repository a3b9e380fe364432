use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Request, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::builder::checked_url;
use super::capture::PreparedRequest;
use super::client::{CallKind, HttpClient};
use super::error_mapping::text_at;
use super::secrets::secret_value;
use super::tokens::{TokenFuture, TokenResponse, TokenSource};
use crate::error::{Error, ErrorKind};

/// 5 min: the lifetime of a token whose response does not say it, as the standard allows. One that ends sooner is
/// replaced after the 401, one that lives longer costs a request every five minutes.
const UNSTATED_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// 24 h: the longest plausible lifetime in a response. A longer one is taken as this.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Login by the client credentials grant of OAuth 2.0
/// ([RFC 6749, section 4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)), for a [`TokenCache`](super::TokenCache).
///
/// The client authenticates by HTTP Basic, which every server supports by the standard. A new token is requested before
/// the old one expires, and after a 401.
///
/// ```
/// use bulkrail_core::http::{Auth, ClientCredentials, HttpClient, TokenCache};
///
/// // Called by `ProviderClient::from_http` of a provider.
/// fn auth(http: &HttpClient) -> Result<Auth, bulkrail_core::Error> {
///     let login = ClientCredentials::new(http, "/oauth/token", "client-7", "secret".into())?.with_scope("batches");
///     Ok(Auth::bearer(TokenCache::new(login)))
/// }
/// ```
pub struct ClientCredentials {
    http: HttpClient,
    url: Url,
    id: String,
    secret: SecretString,
    scope: Option<String>,
    is_in_body: bool,
}

impl ClientCredentials {
    /// Returns a login at `token_endpoint`: a path below the base URL that starts with `/`, or a URL, to which the rules
    /// of a base URL apply. `http` sends the requests, and does not have credentials yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the endpoint is not a URL that credentials may be sent to, or id or secret are
    /// empty.
    pub fn new(
        http: &HttpClient,
        token_endpoint: &str,
        id: impl Into<String>,
        secret: SecretString,
    ) -> Result<Self, Error> {
        let url = match token_endpoint.starts_with('/') {
            // The base URL was checked, and may be plain `http` where that was allowed.
            true => Url::parse(&format!("{}{token_endpoint}", http.base_url())).map_err(|_| {
                Error::new(ErrorKind::Configuration, "the path of the token endpoint is not one of a URL")
            })?,
            false => checked_url(token_endpoint, false)?,
        };
        let id = id.into();
        if id.is_empty() || secret.expose_secret().is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "client id or client secret is empty"));
        }
        http.hide(&secret);
        Ok(Self { http: http.clone(), url, id, secret, scope: None, is_in_body: false })
    }

    /// Returns the same login for a token of `scope`: names separated by blanks.
    #[must_use]
    pub fn with_scope(self, scope: impl Into<String>) -> Self {
        Self { scope: Some(scope.into()), ..self }
    }

    /// Returns the same login with id and secret in the body instead of HTTP Basic, for a server that documents it so.
    #[must_use]
    pub fn with_credentials_in_body(self) -> Self {
        Self { is_in_body: true, ..self }
    }

    fn request(&self) -> Result<PreparedRequest, Error> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("grant_type", "client_credentials");
        if let Some(scope) = &self.scope {
            body.append_pair("scope", scope);
        }
        let mut request = Request::new(Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let secret = self.secret.expose_secret();
        if self.is_in_body {
            body.append_pair("client_id", &self.id).append_pair("client_secret", secret);
        } else {
            // Encoded twice, as section 2.3.1 asks.
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let credentials = STANDARD.encode(format!("{}:{}", encoded(&self.id), encoded(secret)));
            headers.insert(AUTHORIZATION, secret_value(&format!("Basic {credentials}"))?);
        }
        *request.body_mut() = Some(body.finish().into());
        Ok(PreparedRequest { request, operation: "client_credentials" })
    }

    async fn token(&self) -> Result<TokenResponse, Error> {
        let response = self.http.send(self.request()?, CallKind::Small).await?.error_for_status().await;
        let body = response.map_err(refusal)?.bytes().await?;
        let tokens: Value = body.decode()?;
        let unusable = |reason| body.with_response_context(Error::new(ErrorKind::Decode, reason));
        let access = text_at(&tokens, "/access_token");
        let access = access.ok_or_else(|| unusable("the response has no access token"))?;
        if text_at(&tokens, "/token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(unusable("the access token is not a bearer token"));
        }
        let stated = text_at(&tokens, "/expires_in").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let lifetime = stated.filter(|stated| !stated.is_zero()).unwrap_or(UNSTATED_LIFETIME).min(MAX_LIFETIME);
        let tokens = TokenResponse::new(access, lifetime);
        self.http.hide_tokens(&tokens);
        Ok(tokens)
    }
}

/// Returns the error of a token request: the standard reports refused credentials with 400, too.
fn refusal(error: Error) -> Error {
    if error.kind() != ErrorKind::InvalidRequest {
        return error;
    }
    let refused = Error::new(ErrorKind::Authentication, "the provider refused the client credentials");
    error.http_status().into_iter().fold(refused, Error::with_http_status)
}

impl TokenSource for ClientCredentials {
    fn login(&self) -> TokenFuture<'_> {
        Box::pin(async { self.token().await.map_err(|error| error.with_action("requesting an access token")) })
    }

    /// Logs in: the grant has no refresh token (section 4.4.3).
    fn refresh<'a>(&'a self, _refresh_token: &'a SecretString) -> TokenFuture<'a> {
        self.login()
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCredentials { .. }")
    }
}

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests {
    use super::*;
    use crate::http::{ApiErrorBody, Auth, ClientBuilder, ErrorMapping, ProviderClient, TokenCache};
    use crate::json::ResponseSchema;
    use crate::model::ProviderId;
    use crate::test_util::{CapturedRequest, MockConnector, MockResponse, VirtualClock};

    static ERRORS: ErrorMapping = ErrorMapping {
        provider: ProviderId::from_static("acme"),
        read: |body| ApiErrorBody { code: text_at(body, "/error"), ..ApiErrorBody::default() },
        codes: &[],
    };

    /// Client of a provider with one request, `GET /ping`.
    struct Acme(HttpClient);

    struct Login {
        endpoint: &'static str,
        is_in_body: bool,
    }

    const LOGIN: Login = Login { endpoint: "/oauth/token", is_in_body: false };

    impl ProviderClient for Acme {
        type Credentials = Login;

        fn error_mapping() -> &'static ErrorMapping {
            &ERRORS
        }

        fn servers() -> &'static [(&'static str, &'static str)] {
            &[("sandbox", "https://api.example/v1")]
        }

        fn from_http(http: HttpClient, login: Login) -> Result<Self, Error> {
            let source = ClientCredentials::new(&http, login.endpoint, "client 7", "s3cret+key/7".into())?;
            assert_eq!(format!("{source:?}"), "ClientCredentials { .. }");
            let source = source.with_scope("batches read");
            let source = if login.is_in_body { source.with_credentials_in_body() } else { source };
            Ok(Self(http.with_auth(Auth::bearer(TokenCache::new(source)))))
        }
    }

    /// Runs one request a minute, `requests` times, and returns what was sent and the last result.
    fn run(
        login: Login,
        requests: u32,
        respond: impl Fn(&CapturedRequest) -> MockResponse + Send + Sync + 'static,
    ) -> (Vec<CapturedRequest>, Result<(), Error>) {
        let (connector, clock) = (MockConnector::new(), VirtualClock::new());
        connector.respond_with(respond);
        let builder = ClientBuilder::<Acme>::new().credentials(login).connector(connector.clone()).clock(clock.clock());
        let client = builder.build().unwrap();
        let mut result = Ok(());
        for _ in 0..requests {
            let request = Request::new(Method::GET, "https://api.example/v1/ping".parse().unwrap());
            let request = PreparedRequest { request, operation: "ping" };
            let sent = async { client.0.send(request, CallKind::Small).await?.error_for_status().await.map(drop) };
            result = clock.run(sent);
            clock.advance(Duration::from_secs(60));
        }
        (connector.requests(), result)
    }

    fn token(expires_in: &str) -> MockResponse {
        MockResponse::json(200, format!(r#"{{"access_token":"t-1","token_type":"Bearer"{expires_in}}}"#))
    }

    fn logins(requests: &[CapturedRequest]) -> usize {
        requests.iter().filter(|request| request.url.path() == "/v1/oauth/token").count()
    }

    #[test]
    fn login_sends_the_form_of_the_standard_with_basic_credentials() {
        let (requests, result) = run(LOGIN, 1, |request| match request.method {
            Method::POST => token(r#","expires_in":3600"#),
            _ => MockResponse::json(200, "{}"),
        });
        result.unwrap();
        assert_eq!(requests[0].url.as_str(), "https://api.example/v1/oauth/token");
        assert_eq!(requests[0].headers[CONTENT_TYPE], "application/x-www-form-urlencoded");
        assert_eq!(&requests[0].body[..], b"grant_type=client_credentials&scope=batches+read");
        let expected = STANDARD.encode("client+7:s3cret%2Bkey%2F7");
        assert_eq!(requests[0].headers[AUTHORIZATION], format!("Basic {expected}"));
        assert_eq!(requests[1].headers[AUTHORIZATION], "Bearer t-1");
    }

    #[test]
    fn login_can_send_the_credentials_in_the_body_to_another_host() {
        let login = Login { endpoint: "https://login.example/token", is_in_body: true };
        let (requests, _) = run(login, 1, |_| token(""));
        assert_eq!(requests[0].url.as_str(), "https://login.example/token");
        assert!(!requests[0].headers.contains_key(AUTHORIZATION));
        let body = "grant_type=client_credentials&scope=batches+read&client_id=client+7&client_secret=s3cret%2Bkey%2F7";
        assert_eq!(&requests[0].body[..], body.as_bytes());
    }

    #[test]
    fn token_is_requested_anew_before_it_expires() {
        let logins_of = |expires_in: &'static str| {
            let (requests, result) = run(LOGIN, 10, move |request| match request.method {
                Method::POST => token(expires_in),
                _ => MockResponse::json(200, "{}"),
            });
            result.unwrap();
            logins(&requests)
        };
        assert_eq!(logins_of(r#","expires_in":3600"#), 1);
        assert_eq!(logins_of(r#","expires_in":"3600""#), 1);
        // Used for 96 of 120 seconds.
        assert_eq!(logins_of(r#","expires_in":120"#), 5);
        assert_eq!(logins_of(""), 3, "every four minutes");
        assert_eq!(logins_of(r#","expires_in":0"#), 3);
    }

    #[test]
    fn token_of_any_lifetime_is_requested_anew_after_a_day() {
        let logins_of = |minutes: u32| {
            let (requests, result) = run(LOGIN, minutes, |request| match request.method {
                Method::POST => token(r#","expires_in":99999999999"#),
                _ => MockResponse::json(200, "{}"),
            });
            result.unwrap();
            logins(&requests)
        };
        assert_eq!([logins_of(20 * 60), logins_of(25 * 60)], [1, 2]);
    }

    #[test]
    fn refused_client_credentials_are_an_authentication_error_whatever_the_status() {
        for status in [400, 401] {
            let refuse = move |_: &CapturedRequest| MockResponse::json(status, r#"{"error":"invalid_client"}"#);
            let (requests, result) = run(LOGIN, 1, refuse);
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.http_status()), (ErrorKind::Authentication, Some(status)));
            assert!(error.to_string().contains("requesting an access token"), "{error}");
            assert_eq!(requests.len(), 1, "the request itself was not sent");
        }
        let (_, result) = run(LOGIN, 1, |_| MockResponse::json(503, "{}"));
        assert!(result.unwrap_err().is_transient());
    }

    #[test]
    fn submit_with_refused_client_credentials_says_so_after_one_request() {
        let (connector, clock) = (MockConnector::new(), VirtualClock::new());
        connector.respond_with(|_| MockResponse::json(400, r#"{"error":"invalid_client"}"#));
        let builder = ClientBuilder::<Acme>::new().credentials(LOGIN).connector(connector.clone());
        let client = builder.clock(clock.clock()).build().unwrap();
        let schema = ResponseSchema::new("{}", "Batch");
        let prepare = || {
            let request = Request::new(Method::POST, "https://api.example/v1/batches".parse().unwrap());
            Ok(PreparedRequest { request, operation: "create" })
        };
        let error = clock.run(client.0.submit(CallKind::Small, &schema, "/id", prepare)).unwrap_err();
        assert!(error.to_string().contains("the provider refused the client credentials"), "{error}");
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Authentication, None));
        assert_eq!(error.provider().map(ProviderId::as_str), Some("acme"));
        assert_eq!(connector.requests().len(), 1);
    }

    #[test]
    fn submit_takes_a_whole_number_as_id_and_not_one_that_lost_digits() {
        let submit = |id: &'static str| {
            let (connector, clock) = (MockConnector::new(), VirtualClock::new());
            connector.push(token(""));
            connector.push(MockResponse::json(202, format!(r#"{{"batch":{{"id":{id}}}}}"#)));
            let builder = ClientBuilder::<Acme>::new().credentials(LOGIN).connector(connector);
            let client = builder.clock(clock.clock()).build().unwrap();
            let schema = ResponseSchema::new("{}", "Batch");
            let prepare = || {
                let request = Request::new(Method::POST, "https://api.example/v1/batches".parse().unwrap());
                Ok(PreparedRequest { request, operation: "create" })
            };
            let submitted = clock.run(client.0.submit(CallKind::Small, &schema, "/batch/id", prepare));
            submitted.map(|batch| batch.id().to_owned()).map_err(|error| error.kind())
        };
        for whole in ["17", "17.0", "1.7e1", "\"17\""] {
            assert_eq!(submit(whole), Ok("17".to_owned()), "{whole}");
        }
        for inexact in ["123456789012345678901234567890", "17.5", "null"] {
            assert_eq!(submit(inexact), Err(ErrorKind::OutcomeUnknown), "{inexact}");
        }
    }

    #[test]
    fn error_body_of_a_fault_for_each_row_keeps_its_code() {
        let rows = vec![r#"{"name":"iban","reason":"is not valid for the country of the account"}"#; 2_000].join(",");
        let body = format!(r#"{{"faults":[{rows}],"error":"closed"}}"#);
        assert!(body.len() > 100_000);
        let (_, result) = run(LOGIN, 1, move |request| match request.method {
            Method::POST => token(""),
            _ => MockResponse::json(422, &body),
        });
        assert_eq!(result.unwrap_err().code(), Some("closed"));
    }

    #[test]
    fn token_response_that_cannot_be_used_is_a_decode_error_without_its_text() {
        for body in ["{}", "[]", r#"{"access_token":"mac-token-1","token_type":"mac"}"#] {
            let (_, result) = run(LOGIN, 1, move |_| MockResponse::json(200, body));
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode, "{body}");
            assert!(!format!("{error} {error:?}").contains("mac-token"), "{error}");
        }
    }

    #[test]
    fn token_endpoint_is_checked_like_a_base_url() {
        for endpoint in ["http://login.example/token", "login.example", "https://a:b@login.example/", ""] {
            let builder = ClientBuilder::<Acme>::new().connector(MockConnector::new());
            let built = builder.credentials(Login { endpoint, is_in_body: false }).build();
            assert_eq!(built.err().map(|error| error.kind()), Some(ErrorKind::Configuration), "{endpoint}");
        }
    }
}
