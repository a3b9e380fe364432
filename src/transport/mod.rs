//! The one way out. Every request of every generated client passes [`Transport::exec`]: authentication, limits, refusal of
//! redirects, tracing. Nothing else opens a socket.
//!
//! The rooms call the generated clients too, but in *held* mode: whatever comes back, the generated code is made to hand it over
//! undecoded (it takes an unknown status for an unexpected response), and [`Transport::fetch`] picks it up as an [`Answer`]. So one
//! place maps errors, a status body is decoded only as far as needed, and an answer that does not decode keeps its status and
//! request id.

mod answer;
mod auth;
mod builder;
mod hints;
mod limits;
mod multipart;
mod tokens;
mod vitals;
mod wire;
mod words;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use progenitor_client::ResponseValue;
use reqwest::{Request, Response};

pub use answer::Status;
pub(crate) use answer::{Answer, Complaint, Dialect, text_at};
pub(crate) use auth::Auth;
pub(crate) use builder::env_secret;
pub use builder::{ClientBuilder, Environment, Room};
pub use limits::Limits;
pub(crate) use multipart::FilePart;
pub(crate) use tokens::{Grant, GrantFuture, TokenCache, TokenSource};
pub(crate) use vitals::Vitals;
use wire::HttpWire;
pub use wire::{Wire, WireFault, WireFuture};
pub(crate) use words::Words;

use crate::time::Clock;
use crate::{Batch, Error, ErrorKind, ProviderId, Snapshot};

/// The way out of one client. Cheap to clone.
///
/// It is the `inner` value of the generated clients; its methods are the crate's own.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
    auth: Auth,
    call: Call,
}

struct Shared {
    dialect: &'static Dialect,
    /// Scheme, host and path below which the documented paths lie; no slash at the end.
    base_url: String,
    /// Builds requests; they leave through `wire`.
    http: reqwest::Client,
    wire: Arc<dyn Wire>,
    limits: Limits,
    clock: Clock,
}

/// What is special about one call.
#[derive(Clone, Default)]
struct Call {
    /// Hand the answer over undecoded.
    held: bool,
    /// Takes as long as an upload may.
    upload: bool,
    /// Instead of the generated one (a multipart body has its own).
    content_type: Option<HeaderValue>,
}

/// Marks a held response with the status that it really has.
#[derive(Clone)]
struct Held(StatusCode);

/// Marks a response that stands for an error of ours.
#[derive(Clone)]
struct Failed(Arc<std::sync::Mutex<Option<Error>>>);

/// No provider documents it, so generated code hands over what carries it.
const HELD: u16 = 999;

impl Transport {
    fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), auth: Auth::None, call: Call::default() }
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    pub(crate) fn http(&self) -> reqwest::Client {
        self.shared.http.clone()
    }

    /// The same way out, with credentials.
    pub(crate) fn with_auth(&self, auth: Auth) -> Self {
        Self { auth, ..self.clone() }
    }

    /// The same way out, for a client whose answers are picked up with [`Transport::fetch`].
    pub(crate) fn held(&self) -> Self {
        Self { call: Call { held: true, ..self.call.clone() }, ..self.clone() }
    }

    /// The same way out, for one upload whose answer is picked up with [`Transport::fetch`].
    pub(crate) fn uploading(&self, file: &FilePart) -> Self {
        let content_type = HeaderValue::from_str(&file.content_type).ok();
        Self { call: Call { held: true, upload: true, content_type }, ..self.clone() }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Runs a request of a generated client. Failures that the generated code has no words for travel inside the response.
    pub(crate) async fn exec(&self, request: Request, operation: &'static str) -> reqwest::Result<Response> {
        let outcome = self.send(request, operation).await;
        Ok(match outcome {
            Ok(response) if self.call.held => marked(response, Held),
            Ok(response) => response,
            Err(error) => failed(error),
        })
    }

    /// Picks up the answer to a call of a generated client in held mode.
    ///
    /// # Errors
    ///
    /// What kept the request from being answered. An answer of any status is `Ok`.
    pub(crate) async fn fetch<T, E>(
        &self,
        call: impl Future<Output = Result<ResponseValue<T>, progenitor_client::Error<E>>>,
    ) -> Result<Answer, Error> {
        match call.await {
            Err(error) => self.picked_up(error),
            Ok(_) => Err(self.error(ErrorKind::Configuration, "the generated client is not in held mode")),
        }
    }

    /// One look at `batch` by a call of a generated client in held mode: the snapshot that `judge` reads, and the typed answer.
    ///
    /// # Errors
    ///
    /// Whatever went wrong, with the batch in it.
    pub(crate) async fn look<T, E>(
        &self,
        batch: &Batch,
        call: impl Future<Output = Result<ResponseValue<T>, progenitor_client::Error<E>>>,
        judge: fn(&[u8]) -> Result<Snapshot, Error>,
    ) -> Result<Status<T>, Error> {
        let looked = async {
            check_batch(batch, &self.shared.dialect.provider)?;
            self.fetch(call).await?.body().await?.status(judge)
        };
        looked.await.map_err(|error| error.with_action("reading the status of the batch").with_batch(batch.clone()))
    }

    /// Submits by a call of a generated client in held mode; `id_at` is where the answer has the id of the new batch. Whatever else is in
    /// the answer, or missing from it, does not cost the id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`] when nobody can tell whether the batch exists; anything else means that it does not.
    pub(crate) async fn submit<T, E>(
        &self,
        call: impl Future<Output = Result<ResponseValue<T>, progenitor_client::Error<E>>>,
        id_at: &str,
    ) -> Result<Batch, Error> {
        let submitted = async {
            let body = self.fetch(call).await?.body().await?;
            let id = text_at(&body.decode()?, id_at);
            let id = id.ok_or_else(|| {
                body.blame(Error::new(ErrorKind::Decode, "the answer does not have the id of the batch"))
            })?;
            let batch = Batch::named(self.shared.dialect.provider.clone(), id);
            let batch =
                batch.map_err(|_| body.blame(Error::new(ErrorKind::Decode, "the id in the answer cannot be used")))?;
            Ok(batch.with_submitted_at(self.shared.clock.wall()))
        };
        submitted.await.map_err(|error: Error| error.of_submit().with_action("submitting the batch"))
    }

    fn picked_up<E>(&self, error: progenitor_client::Error<E>) -> Result<Answer, Error> {
        use progenitor_client::Error as Generated;
        match error {
            Generated::UnexpectedResponse(mut response) => {
                if let Some(Failed(error)) = response.extensions_mut().remove::<Failed>() {
                    let error = error.lock().ok().and_then(|mut slot| slot.take());
                    return Err(error.unwrap_or_else(|| self.error(ErrorKind::Unavailable, "the request failed")));
                }
                let Held(status) = response.extensions_mut().remove::<Held>().unwrap_or(Held(response.status()));
                Ok(Answer::new(self.shared.dialect, &self.shared.clock, self.shared.limits.body, status, response))
            }
            // Its text names the header or URL part that is malformed, with the value; so it is not passed on.
            Generated::InvalidRequest(_) => Err(self.error(ErrorKind::Usage, "a value cannot stand in a header")),
            _ => Err(self.error(ErrorKind::Configuration, "the request could not be built; check the base URL")),
        }
    }

    async fn send(&self, mut request: Request, operation: &'static str) -> Result<Response, Error> {
        // The generator adds it to every request; no provider documents it.
        request.headers_mut().remove("api-version");
        if let Some(content_type) = &self.call.content_type {
            request.headers_mut().insert(CONTENT_TYPE, content_type.clone());
        }
        let limits = &self.shared.limits;
        *request.timeout_mut() = Some(if self.call.upload { limits.upload } else { limits.request });
        let response = match &self.auth {
            Auth::None => self.once(request, operation).await?,
            Auth::Header(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
                self.once(request, operation).await?
            }
            Auth::Bearer(tokens) => self.with_token(tokens, request, operation).await?,
        };
        limited(response, limits.body, self)
    }

    /// Sends with the current token; after a 401 once more with a new one.
    async fn with_token(
        &self,
        tokens: &TokenCache,
        mut request: Request,
        operation: &'static str,
    ) -> Result<Response, Error> {
        let token = tokens.current(&self.shared.clock).await.map_err(Error::unsent)?;
        request.headers_mut().insert(AUTHORIZATION, token.header());
        let again = request.try_clone();
        let response = self.once(request, operation).await?;
        let Some(mut again) = again.filter(|_| response.status() == StatusCode::UNAUTHORIZED) else {
            return Ok(response);
        };
        let Some(token) = tokens.renewed(&self.shared.clock, &token).await.map_err(Error::unsent)? else {
            return Ok(response);
        };
        again.headers_mut().insert(AUTHORIZATION, token.header());
        self.once(again, operation).await
    }

    async fn once(&self, request: Request, operation: &'static str) -> Result<Response, Error> {
        let started = self.shared.clock.now();
        let method = request.method().clone();
        let outcome = self.shared.wire.send(request).await;
        let status = outcome.as_ref().ok().map(|response| response.status().as_u16());
        let duration = u64::try_from((self.shared.clock.now().saturating_sub(started)).as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            target: "bulkrail::transport",
            {
                bulkrail.provider = self.shared.dialect.provider.as_str(),
                bulkrail.operation = operation,
                http.request.method = method.as_str(),
                http.response.status_code = status,
                "error.type" = outcome.as_ref().err().map(WireFault::as_str),
                bulkrail.duration_ms = duration,
            },
            "request"
        );
        let response =
            outcome.map_err(|fault| fault.into_error().with_provider(self.shared.dialect.provider.clone()))?;
        if response.status().is_redirection() {
            let error = self.error(ErrorKind::UnsafeRedirect, "the provider answered with a redirect");
            return Err(error.with_http_status(response.status().as_u16()));
        }
        Ok(response)
    }

    fn error(&self, kind: ErrorKind, reason: &'static str) -> Error {
        Error::new(kind, reason).with_provider(self.shared.dialect.provider.clone())
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("provider", &self.shared.dialect.provider).finish_non_exhaustive()
    }
}

fn marked(mut response: Response, mark: impl FnOnce(StatusCode) -> Held) -> Response {
    let held = mark(response.status());
    response.extensions_mut().insert(held);
    let (mut parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
    parts.status = held_status();
    Response::from(http::Response::from_parts(parts, body))
}

fn failed(error: Error) -> Response {
    let mut response = http::Response::new(reqwest::Body::from(""));
    *response.status_mut() = held_status();
    response.extensions_mut().insert(Failed(Arc::new(std::sync::Mutex::new(Some(error)))));
    Response::from(response)
}

fn held_status() -> StatusCode {
    StatusCode::from_u16(HELD).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Refuses a batch of another provider before anything is sent.
fn check_batch(batch: &Batch, provider: &ProviderId) -> Result<(), Error> {
    if batch.provider() == provider {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Usage, format!("this is a batch of {}, not of {provider}", batch.provider())))
}

/// Cuts the body off at `limit` bytes, counted after decompression, and refuses one that announces more.
fn limited(response: Response, limit: usize, transport: &Transport) -> Result<Response, Error> {
    let announced = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(transport.error(ErrorKind::TooLarge, "the answer announces more bytes than the limit allows"));
    }
    let bounded = http::Response::<reqwest::Body>::from(response)
        .map(|body| reqwest::Body::wrap(http_body_util::Limited::new(body, limit)));
    Ok(Response::from(bounded))
}

/// Makes an [`Error`] of an error of a generated client that was called directly (`client.raw()`).
pub(crate) async fn explain<E>(dialect: &'static Dialect, error: progenitor_client::Error<E>) -> Error {
    use progenitor_client::Error as Generated;
    let provider = dialect.provider.clone();
    match error {
        Generated::UnexpectedResponse(mut response) => {
            if let Some(Failed(error)) = response.extensions_mut().remove::<Failed>() {
                let error = error.lock().ok().and_then(|mut slot| slot.take());
                return error.unwrap_or_else(|| Error::new(ErrorKind::Unavailable, "the request failed"));
            }
            let answer = Answer::new(dialect, &Clock::system(), Limits::BODY, response.status(), response);
            let undocumented =
                || Error::new(ErrorKind::Decode, "the provider answered with a status the spec does not have");
            answer.body().await.err().unwrap_or_else(|| undocumented().with_provider(provider))
        }
        Generated::InvalidResponsePayload(..) => {
            Error::new(ErrorKind::Decode, "the answer does not have the fields that the spec says")
                .with_provider(provider)
        }
        Generated::CommunicationError(error)
        | Generated::ResponseBodyError(error)
        | Generated::InvalidUpgrade(error) => WireFault::from(error).into_error().with_provider(provider),
        _ => Error::new(ErrorKind::Usage, "a value cannot stand in the request").with_provider(provider),
    }
}
