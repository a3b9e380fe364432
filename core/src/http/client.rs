use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{Method, StatusCode};
use progenitor_client::{Error as GeneratedError, OperationInfo};
use reqwest::Request;
use secrecy::SecretString;

use super::auth::{Auth, Scheme};
use super::capture::{PreparedRequest, take_request};
use super::connection_error::ConnectorError;
use super::connector::{ConnectorFuture, HttpConnector};
use super::error_mapping::{ErrorMapping, error_of_response};
use super::limits::Limits;
use super::redact::Redactor;
use super::response::{BodyLimits, Response, StatusResponse};
use super::retry_after::retry_after;
use super::tokens::{TokenCache, TokenResponse};
use crate::error::{Error, ErrorDocument, ErrorKind};
use crate::json::{StatusFields, decode_error};
use crate::model::{Batch, Drift, ProviderId, Snapshot};
use crate::provider::PollLimit;
use crate::time::{Clock, Sleep};

/// Sends the requests of one provider client: credentials, limits, traces, no redirects. Cheap to clone.
///
/// It is the `inner` value of the generated client, so that direct calls of generated methods have the same
/// credentials and limits. Made by [`ClientBuilder`](super::ClientBuilder).
#[derive(Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
    auth: Auth,
    redactor: Redactor,
}

pub(super) struct Shared {
    pub(super) errors: &'static ErrorMapping,
    /// Scheme, host and path below which the documented paths are; without a slash at the end.
    pub(super) base_url: String,
    /// Name of the environment, as batches carry it.
    pub(super) environment: String,
    /// Batches of other environments are accepted.
    pub(super) any_environment: bool,
    /// Host of the base URL, and its port where the URL names one, for messages.
    pub(super) host: String,
    /// Host and port of the proxy, for messages.
    pub(super) proxy: Option<String>,
    /// Builds requests; `connector` sends them.
    pub(super) builder: reqwest::Client,
    pub(super) connector: Arc<dyn HttpConnector>,
    pub(super) limits: Limits,
    pub(super) poll_limit: PollLimit,
    pub(super) clock: Clock,
}

/// Kind of a call: which of the [`Limits`] apply to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallKind {
    /// A small request and a response that is held in memory.
    Small,
    /// A status request: quick, but its response is read in chunks and may be large.
    Poll,
    /// A status request whose response has the rows, too: it begins within the request timeout, and is read in chunks for
    /// as long as a download may take.
    PollWithRows,
    /// A response that is read in chunks for as long as a download may take.
    Download,
    /// An upload and a small response.
    Upload,
}

impl HttpClient {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), auth: Auth::none(), redactor: Redactor::default() }
    }

    /// Returns the same client with other credentials, which it [hides](Self::hide).
    #[must_use]
    pub fn with_auth(&self, auth: Auth) -> Self {
        auth.secret.iter().for_each(|secret| self.hide(secret));
        Self { auth, ..self.clone() }
    }

    /// Keeps `secret` out of the status words, names of fields, messages and codes of responses that repeat it.
    ///
    /// For each credential that is not in [`Auth`], such as the password of a login, and each token that it obtains. It
    /// is recognised in part, too, URL-encoded and as Base64. Clones of the client share it.
    pub fn hide(&self, secret: &SecretString) {
        self.redactor.add(secret);
    }

    /// [Hides](Self::hide) the tokens that a login or refresh returned.
    pub fn hide_tokens(&self, tokens: &TokenResponse) {
        tokens.secrets().for_each(|secret| self.hide(secret));
    }

    /// Replaces names of fields and status words that repeat a [hidden](Self::hide) credential.
    pub fn redact_drift(&self, drift: &mut [Drift]) {
        self.redactor.redact_drift(drift);
    }

    /// Replaces a text of the provider, such as the reason of a row, that repeats a [hidden](Self::hide) credential.
    ///
    /// Status words, messages of snapshots and texts of errors are replaced already. Not for references and ids, which
    /// pair rows.
    pub fn redact_text(&self, text: &mut String) {
        self.redactor.redact(text);
    }

    /// Returns the provider that requests go to.
    #[must_use]
    pub fn provider(&self) -> &ProviderId {
        &self.shared.errors.provider
    }

    /// Returns the clock of the client.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Returns the limits of the client.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Returns the limit on polls in flight, of [`Limits::max_polls_in_flight`].
    ///
    /// Waits obey it. Calls of [`HttpClient::poll`] by others do not count.
    #[must_use]
    pub fn poll_limit(&self) -> &PollLimit {
        &self.shared.poll_limit
    }

    /// Sends a request once; after a 401 once more with a new token, where the credentials can get one.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::UnsafeRedirect`]: the response is a redirect.
    /// - [`ErrorKind::TooLarge`]: a response of success announces more bytes than the limit.
    /// - [`ErrorKind::Authentication`]: the token was refreshed, but a streamed body cannot be sent again.
    /// - [`ErrorKind::Unavailable`]: the status is not one of HTTP.
    /// - Every failure without a response.
    ///
    /// Any other response is `Ok`, whatever its status.
    pub async fn send(&self, request: PreparedRequest, kind: CallKind) -> Result<Response, Error> {
        let PreparedRequest { request, operation } = request;
        let is_read = request.method().is_safe();
        let response = self.execute(request, operation, kind).await?;
        let limits = self.body_limits(kind);
        // Of an error response only the beginning is read, and its status matters more than its size.
        if response.status().is_success() {
            self.check_announced(&response, limits)?;
        }
        Ok(self.response(response, limits, is_read))
    }

    /// Polls `batch` once: reads status and counters of the response, and skips its lists as they arrive.
    ///
    /// `parse` makes the snapshot from the scalar fields of the body. The id of the batch is at the JSON pointer
    /// `id_pointer` of the body, if the provider repeats it: a response about another batch is an error. Rows that `parse`
    /// finds in a body can be kept in what it captures.
    ///
    /// # Errors
    ///
    /// Every failure, with the batch. Nothing is retried.
    pub async fn poll(
        &self,
        batch: &Batch,
        request: Result<PreparedRequest, Error>,
        id_pointer: &str,
        parse: impl FnMut(StatusFields<'_>) -> Snapshot,
    ) -> Result<Snapshot, Error> {
        self.poll_as(CallKind::Poll, batch, request, id_pointer, parse).await
    }

    /// Polls `batch` once as [`HttpClient::poll`], where the response has the rows, too, and takes as long as they do: see
    /// [`CallKind::PollWithRows`]. Waits allow for it by [`PollingDefaults::poll_timeout`](crate::PollingDefaults).
    ///
    /// # Errors
    ///
    /// Every failure, with the batch. Nothing is retried.
    pub async fn poll_with_rows(
        &self,
        batch: &Batch,
        request: Result<PreparedRequest, Error>,
        id_pointer: &str,
        parse: impl FnMut(StatusFields<'_>) -> Snapshot,
    ) -> Result<Snapshot, Error> {
        self.poll_as(CallKind::PollWithRows, batch, request, id_pointer, parse).await
    }

    async fn poll_as(
        &self,
        kind: CallKind,
        batch: &Batch,
        request: Result<PreparedRequest, Error>,
        id_pointer: &str,
        mut parse: impl FnMut(StatusFields<'_>) -> Snapshot,
    ) -> Result<Snapshot, Error> {
        let parse = |fields: StatusFields<'_>| {
            fields.check_batch_id(id_pointer, batch.id())?;
            Ok(parse(fields))
        };
        let poll = async {
            self.check_batch(batch)?;
            self.send(request?, kind).await?.error_for_status().await?.parse_status(parse).await
        };
        poll.await.map_err(|error| self.with_status_context(error, batch))
    }

    /// Polls `batch` once as [`HttpClient::poll`], and keeps the whole response for typed decoding.
    ///
    /// # Errors
    ///
    /// Every failure, with the batch. Nothing is retried.
    pub async fn status<T>(
        &self,
        batch: &Batch,
        request: Result<PreparedRequest, Error>,
        id_pointer: &str,
        parse: fn(StatusFields<'_>) -> Snapshot,
    ) -> Result<StatusResponse<T>, Error> {
        let parse = |fields: StatusFields<'_>| {
            fields.check_batch_id(id_pointer, batch.id())?;
            Ok(parse(fields))
        };
        let poll = async {
            self.check_batch(batch)?;
            self.send(request?, CallKind::Small).await?.error_for_status().await?.bytes().await?.into_status(parse)
        };
        poll.await.map_err(|error| self.with_status_context(error, batch))
    }

    /// Returns the name of the environment that requests go to, as batches carry it.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.shared.environment
    }

    /// Checks that `batch` is of this provider and environment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when it is not.
    pub fn check_batch(&self, batch: &Batch) -> Result<(), Error> {
        if batch.provider() != self.provider() {
            let reason = format!("this is a batch of {}, not of {}", batch.provider(), self.provider());
            return Err(Error::new(ErrorKind::Usage, reason));
        }
        match batch.environment() {
            Some(environment) if environment != self.environment() && !self.shared.any_environment => {
                let reason = format!("this is a batch in {environment}, and the client uses {}", self.environment());
                let hint = "use the environment in which the batch was submitted";
                Err(Error::new(ErrorKind::Usage, reason).with_hint(hint))
            }
            _ => Ok(()),
        }
    }

    /// Converts the error of a directly called generated method.
    ///
    /// The generator's own errors print whole responses: do not log those.
    pub async fn map_raw_error<E>(&self, error: GeneratedError<E>) -> Error {
        let mapped = match error {
            GeneratedError::UnexpectedResponse(response) => {
                let limits = self.body_limits(CallKind::Small);
                let response = self.response(response, limits, false);
                let undocumented = "the provider answered with a status that the spec does not have";
                match response.error_for_status().await {
                    Ok(_) => Error::new(ErrorKind::Decode, undocumented),
                    Err(error) => error,
                }
            }
            // Lowering leaves no error schema in a spec, so that this does not happen with generated clients of ours.
            GeneratedError::ErrorResponse(response) => {
                let (status, headers) = (response.status(), response.headers());
                let retry_after = retry_after(headers, true, &self.shared.clock);
                error_of_response(self.shared.errors, status, headers, retry_after, b"", false)
                    .map_provider_texts(|text| self.redactor.redact(text))
            }
            GeneratedError::InvalidResponsePayload(body, error) => {
                self.redactor.redact_reason(decode_error(&error, &body))
            }
            GeneratedError::CommunicationError(error)
            | GeneratedError::ResponseBodyError(error)
            | GeneratedError::InvalidUpgrade(error) => ConnectorError::from(error).into_error(),
            GeneratedError::Custom(document) => match serde_json::from_str::<ErrorDocument>(&document) {
                Ok(document) => return document.into(),
                Err(_) => Error::new(ErrorKind::Unavailable, "the request failed"),
            },
            GeneratedError::InvalidRequest(_) => {
                Error::new(ErrorKind::Usage, "an argument cannot be part of a request")
            }
        };
        mapped.with_provider(self.provider().clone())
    }

    fn response(&self, response: reqwest::Response, limits: BodyLimits, is_read: bool) -> Response {
        let redactor = self.redactor.clone();
        Response::new(self.shared.errors, &self.shared.clock, limits, is_read, redactor, response)
    }

    fn with_status_context(&self, error: Error, batch: &Batch) -> Error {
        error
            .with_provider(self.provider().clone())
            .with_action("reading the status of the batch")
            .with_batch(batch.clone())
    }

    async fn execute(
        &self,
        mut request: Request,
        operation: &'static str,
        kind: CallKind,
    ) -> Result<reqwest::Response, Error> {
        *request.timeout_mut() = Some(self.timeout(kind));
        match &self.auth.scheme {
            Scheme::None => self.execute_once(request, operation, kind).await,
            Scheme::Header(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
                self.execute_once(request, operation, kind).await
            }
            Scheme::Bearer(tokens) => self.execute_with_token(tokens, request, operation, kind).await,
        }
    }

    fn timeout(&self, kind: CallKind) -> Duration {
        match kind {
            CallKind::Small | CallKind::Poll => self.shared.limits.request_timeout,
            CallKind::Download | CallKind::PollWithRows => self.shared.limits.download_timeout,
            CallKind::Upload => self.shared.limits.upload_timeout,
        }
    }

    fn body_limits(&self, kind: CallKind) -> BodyLimits {
        let buffered = self.shared.limits.max_buffered_bytes as u64;
        let streamed = match kind {
            CallKind::Small | CallKind::Upload => buffered,
            CallKind::Poll | CallKind::PollWithRows | CallKind::Download => self.shared.limits.max_streamed_bytes,
        };
        BodyLimits { streamed, buffered, read_timeout: self.shared.limits.read_timeout }
    }

    /// Sends with the current token; after a 401 once more with a new one.
    async fn execute_with_token(
        &self,
        tokens: &TokenCache,
        mut request: Request,
        operation: &'static str,
        kind: CallKind,
    ) -> Result<reqwest::Response, Error> {
        let unobtained = |error: Error| error.with_provider(self.provider().clone()).with_nothing_sent();
        let token = tokens.current(&self.shared.clock).await.map_err(unobtained)?;
        request.headers_mut().insert(AUTHORIZATION, token.header());
        let repeated = request.try_clone();
        let response = self.execute_once(request, operation, kind).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let refreshed = tokens.refresh(&self.shared.clock, &token).await.map_err(unobtained)?;
        let Some(token) = refreshed else {
            return Ok(response);
        };
        let Some(mut repeated) = repeated else {
            // A streamed body cannot be sent again from here: the caller does, with the new token.
            let reason = "the provider refused the access token, and it was refreshed";
            let error = self.error(ErrorKind::Authentication, reason);
            return Err(error.with_http_status(response.status().as_u16()).with_token_refreshed());
        };
        repeated.headers_mut().insert(AUTHORIZATION, token.header());
        self.execute_once(repeated, operation, kind).await
    }

    /// Returns a future instead of being `async`: moving the request into the future would copy it once more.
    fn execute_once(
        &self,
        request: Request,
        operation: &'static str,
        kind: CallKind,
    ) -> impl Future<Output = Result<reqwest::Response, Error>> {
        let method = request.method().clone();
        let sending = self.shared.connector.send(request);
        async move {
            let started = self.shared.clock.now();
            let result = match kind {
                CallKind::PollWithRows => {
                    let timeout = self.shared.clock.sleep(self.shared.limits.request_timeout);
                    begun_within(sending, timeout).await
                }
                _ => sending.await,
            };
            self.trace_request(&method, operation, started, &result);
            self.check_response(result)
        }
    }

    fn trace_request(
        &self,
        method: &Method,
        operation: &'static str,
        started: Duration,
        result: &Result<reqwest::Response, ConnectorError>,
    ) {
        let status = result.as_ref().ok().map(|response| response.status().as_u16());
        let duration = || self.shared.clock.now().saturating_sub(started).as_millis();
        tracing::debug!(
            target: "bulkrail::http",
            {
                bulkrail.provider = self.provider().as_str(),
                bulkrail.operation = operation,
                http.request.method = method.as_str(),
                http.response.status_code = status,
                "error.type" = result.as_ref().err().map(ConnectorError::as_str),
                bulkrail.duration_ms = u64::try_from(duration()).unwrap_or(u64::MAX),
            },
            "request"
        );
    }

    fn check_response(&self, result: Result<reqwest::Response, ConnectorError>) -> Result<reqwest::Response, Error> {
        let response = match result {
            // Without a tunnel, the proxy responds in the provider's place.
            Ok(response) if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED && self.uses_proxy() => {
                return Err(self.connector_error(ConnectorError::ProxyAuthentication));
            }
            Ok(response) => response,
            Err(error) => return Err(self.connector_error(error)),
        };
        if response.status().as_u16() >= 600 {
            return Err(self.error(ErrorKind::Unavailable, "the response has a status that HTTP does not define"));
        }
        // 304 is not a redirect; the error mapping says what it is.
        if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
            let error = self.error(ErrorKind::UnsafeRedirect, "the provider answered with a redirect");
            return Err(error.with_http_status(response.status().as_u16()));
        }
        Ok(response)
    }

    fn uses_proxy(&self) -> bool {
        self.shared.proxy.is_some()
    }

    /// Returns the error with the hosts that the connection was for.
    fn connector_error(&self, connector_error: ConnectorError) -> Error {
        let error = connector_error.into_error().with_provider(self.provider().clone());
        let host = &self.shared.host;
        match &self.shared.proxy {
            _ if !connector_error.is_of_connecting() => error,
            Some(proxy) if connector_error.is_of_proxy() => {
                error.map_reason(|reason| format!("{reason}: proxy {proxy}, host {host}"))
            }
            Some(proxy) => error.map_reason(|reason| format!("{reason}: {host}, through the proxy {proxy}")),
            None => error.map_reason(|reason| format!("{reason}: {host}")),
        }
    }

    fn check_announced(&self, response: &reqwest::Response, limits: BodyLimits) -> Result<(), Error> {
        let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > limits.streamed) {
            return Err(self.error(ErrorKind::TooLarge, "the response announces more bytes than the limit allows"));
        }
        Ok(())
    }

    fn error(&self, kind: ErrorKind, reason: &'static str) -> Error {
        Error::new(kind, reason).with_provider(self.provider().clone())
    }
}

/// Called by generated clients; not for other callers.
#[doc(hidden)]
#[expect(clippy::result_large_err, reason = "the generator's own error")]
impl HttpClient {
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    pub fn request_builder(&self) -> reqwest::Client {
        self.shared.builder.clone()
    }

    /// Hands the request to `capture` where it waits for one.
    pub fn before_send<E>(&self, request: &mut Request, info: &OperationInfo) -> Result<(), GeneratedError<E>> {
        if take_request(request, info.operation_id) {
            // `capture` has the request and drops this error.
            return Err(GeneratedError::Custom(String::new()));
        }
        Ok(())
    }

    /// Sends the request of a direct call. The hook's signature has no place for our errors: one travels in the
    /// extensions of a placeholder response to `after_send`, which returns it as an error.
    pub async fn execute_direct(&self, request: Request, info: &OperationInfo) -> reqwest::Result<reqwest::Response> {
        let sent = self.execute(request, info.operation_id, CallKind::Small).await;
        Ok(sent.and_then(|response| self.limit_body(response)).unwrap_or_else(|error| {
            let mut placeholder = http::Response::new(reqwest::Body::from(""));
            placeholder.extensions_mut().insert(DirectError(Arc::new(Mutex::new(Some(error)))));
            placeholder.into()
        }))
    }

    /// Returns the error of a direct call as an error document.
    pub fn after_send<E>(&self, result: &reqwest::Result<reqwest::Response>) -> Result<(), GeneratedError<E>> {
        let failed = result.as_ref().ok().and_then(|response| response.extensions().get::<DirectError>());
        let Some(DirectError(error)) = failed else { return Ok(()) };
        let error = error.lock().ok().and_then(|mut slot| slot.take());
        let error = error.unwrap_or_else(|| self.error(ErrorKind::Unavailable, "the request failed"));
        Err(GeneratedError::Custom(serde_json::to_string(&error.document()).unwrap_or_default()))
    }

    /// Cuts the body off at the limit, counted after decompression, and refuses one that announces more.
    fn limit_body(&self, response: reqwest::Response) -> Result<reqwest::Response, Error> {
        let limits = self.body_limits(CallKind::Small);
        self.check_announced(&response, limits)?;
        let limited = http::Response::<reqwest::Body>::from(response).map(|body| {
            let limit = usize::try_from(limits.streamed).unwrap_or(usize::MAX);
            reqwest::Body::wrap(http_body_util::Limited::new(body, limit))
        });
        Ok(limited.into())
    }
}

/// Error of a direct call on its way from one hook to the next.
#[derive(Clone)]
struct DirectError(Arc<Mutex<Option<Error>>>);

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("provider", self.provider()).finish_non_exhaustive()
    }
}

/// Returns the response, unless `timeout` completes before its head has arrived.
async fn begun_within(
    mut sending: ConnectorFuture<'_>,
    mut timeout: Sleep,
) -> Result<reqwest::Response, ConnectorError> {
    std::future::poll_fn(|context| {
        if let Poll::Ready(response) = sending.as_mut().poll(context) {
            return Poll::Ready(response);
        }
        timeout.as_mut().poll(context).map(|()| Err(ConnectorError::Timeout))
    })
    .await
}

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests {
    use super::*;
    use crate::http::ApiErrorBody;
    use crate::http::connector::ReqwestConnector;
    use crate::model::DriftKind;
    use crate::test_util::{MockConnector, VirtualClock};

    static ERRORS: ErrorMapping =
        ErrorMapping { provider: ProviderId::from_static("acme"), read: |_| ApiErrorBody::default(), codes: &[] };

    fn client(proxy: Option<&str>) -> HttpClient {
        HttpClient::new(Shared {
            errors: &ERRORS,
            base_url: "https://api.example/v1".to_owned(),
            environment: "sandbox".to_owned(),
            any_environment: false,
            host: "api.example".to_owned(),
            proxy: proxy.map(str::to_owned),
            builder: ReqwestConnector::request_builder().unwrap(),
            connector: Arc::new(MockConnector::new()),
            limits: Limits::default(),
            poll_limit: PollLimit::new(1),
            clock: VirtualClock::new().clock(),
        })
    }

    fn response(status: u16, length: Option<&str>) -> reqwest::Response {
        let mut response = http::Response::new("");
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if let Some(length) = length {
            response.headers_mut().insert(CONTENT_LENGTH, length.parse().unwrap());
        }
        response.into()
    }

    #[test]
    fn error_of_a_connection_names_the_hosts_that_it_was_for() {
        use ConnectorError::{Connect, NotProcessed, ProxyConnect, Timeout};
        for (error, proxy, hosts) in [
            (Connect, None, ": api.example"),
            (Connect, Some("proxy:3128"), ": api.example, through the proxy proxy:3128"),
            (ProxyConnect, Some("proxy:3128"), ": proxy proxy:3128, host api.example"),
            (Timeout, None, ""),
            (Timeout, Some("proxy:3128"), ""),
            (NotProcessed, Some("proxy:3128"), ""),
        ] {
            let mapped = client(proxy).check_response(Err(error)).unwrap_err();
            assert!(mapped.to_string().ends_with(&format!("{error}{hosts}")), "{mapped}");
            assert_eq!(mapped.is_nothing_sent(), error.is_before_sending());
        }
    }

    #[test]
    fn response_without_a_meaning_for_the_call_is_an_error() {
        let result = |status: u16, proxy: Option<&str>| {
            let checked = client(proxy).check_response(Ok(response(status, None)));
            checked.map(|response| response.status().as_u16()).map_err(|error| error.kind())
        };
        for proxy in [None, Some("proxy:3128")] {
            for status in [200, 304, 400, 401, 404, 500, 599] {
                assert_eq!(result(status, proxy), Ok(status));
            }
            for status in [300, 302, 303, 305, 307, 308] {
                assert_eq!(result(status, proxy), Err(ErrorKind::UnsafeRedirect));
            }
            for status in [600, 999] {
                assert_eq!(result(status, proxy), Err(ErrorKind::Unavailable));
            }
        }
        // From the provider it is a response like any other.
        assert_eq!((result(407, None), result(407, Some("proxy:3128"))), (Ok(407), Err(ErrorKind::Authentication)));
    }

    #[test]
    fn announced_length_is_refused_beyond_the_limit_only() {
        let client = client(None);
        let limits = BodyLimits { streamed: 100, ..client.body_limits(CallKind::Small) };
        for (length, expected) in
            [(None, true), (Some("99"), true), (Some("100"), true), (Some("101"), false), (Some("x"), true)]
        {
            let checked = client.check_announced(&response(200, length), limits);
            assert_eq!(checked.map_err(|error| error.kind()), if expected { Ok(()) } else { Err(ErrorKind::TooLarge) });
        }
    }

    #[test]
    fn tokens_that_a_client_hides_are_replaced_in_texts_and_differences() {
        let client = client(None);
        let tokens = TokenResponse::new("access-token-1", Duration::from_secs(60));
        let tokens = tokens.with_refresh_token(Some("refresh-token-2"));
        client.hide_tokens(&tokens);
        for (text, is_hidden) in [("access-token-1", true), ("is refresh-token-2", true), ("another text", false)] {
            let mut shown = text.to_owned();
            client.redact_text(&mut shown);
            assert_eq!(shown != text, is_hidden, "{text}");
            let mut drift = [Drift::new(format!("/{text}"), DriftKind::UnknownField, "a field", "string")];
            client.redact_drift(&mut drift);
            assert_eq!(drift[0].pointer != format!("/{text}"), is_hidden, "{text}");
        }
        assert!(format!("{client:?}").starts_with("HttpClient { provider"));
        assert_eq!(format!("{tokens:?}"), "TokenResponse { lifetime: 60s, .. }");
    }
}
