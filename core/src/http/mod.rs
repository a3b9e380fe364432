//! The one way out. Every request of every generated client passes `Transport::exec`: authentication, limits, refusal of
//! redirects, tracing. Nothing else opens a socket.
//!
//! The rooms call the generated clients too, but in *held* mode: whatever comes back, the generated code hands it over undecoded, as an
//! unexpected response (the build script gave it that way out), and `Transport::fetch` picks it up as an `Answer`. So one place maps
//! errors, a status body is decoded only as far as needed, and an answer that does not decode keeps its status and request id.

mod answer;
mod auth;
mod builder;
mod dialect;
mod forms;
mod held;
mod hints;
mod items;
mod limits;
mod multipart;
mod shape;
mod skim;
#[cfg(any(feature = "cdq", feature = "reap", feature = "xlsx"))]
mod table;
mod tokens;
mod vitals;
mod wire;
mod words;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use reqwest::{Request, Response};

use answer::Allowance;
pub(crate) use answer::Reading;
pub use answer::Status;
pub(crate) use auth::Auth;
pub(crate) use builder::env_secret;
pub use builder::{ClientBuilder, Environment, Room};
pub(crate) use dialect::{Complaint, Dialect, text_at};
pub(crate) use forms::Forms;
pub(crate) use held::explain;
pub(crate) use items::{Items, mended};
pub use limits::Limits;
pub use multipart::Upload;
pub(crate) use shape::{At, Shape, shape};
#[cfg(feature = "testing")]
pub(crate) use skim::Skimmer;
#[cfg(any(feature = "cdq", feature = "reap"))]
pub(crate) use table::Table;
#[cfg(feature = "xlsx")]
pub(crate) use table::{check_quotes, csv_reason};
pub(crate) use tokens::{Grant, GrantFuture, TokenCache, TokenSource};
pub(crate) use vitals::Vitals;
use wire::HttpWire;
pub use wire::{Wire, WireFault, WireFuture};
pub(crate) use words::Words;

use crate::time::Clock;
use crate::{Error, ErrorKind};

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
    /// Of it, for people.
    host: String,
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
    /// How much it may cost.
    size: Size,
    /// Instead of the generated one (a multipart body has its own).
    content_type: Option<HeaderValue>,
}

/// How much a call may cost; see [`Limits`].
#[derive(Clone, Copy, Default)]
enum Size {
    /// A small request, and an answer that is held in memory.
    #[default]
    Small,
    /// A poll: quick, but its answer passes through and may be large.
    Look,
    /// An answer that passes through and takes its time.
    Download,
    /// A file, and a small answer.
    Upload,
}

/// Marks a response that stands for an error of ours.
#[derive(Clone)]
struct Failed(Arc<std::sync::Mutex<Option<Error>>>);

/// The status of a response that stands for an error of ours: no spec has it, so generated code hands it over as unexpected.
const FAILED: u16 = 999;

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
        self.held_for(Size::Small)
    }

    /// The same way out, for a look that only takes vital signs.
    pub(crate) fn looking(&self) -> Self {
        self.held_for(Size::Look)
    }

    /// The same way out, for answers that pass through and are never held in memory.
    pub(crate) fn downloading(&self) -> Self {
        self.held_for(Size::Download)
    }

    fn held_for(&self, size: Size) -> Self {
        Self { call: Call { held: true, size, content_type: None }, ..self.clone() }
    }

    /// The same way out, for one upload.
    pub(crate) fn uploading(&self, content_type: &str) -> Self {
        let content_type = HeaderValue::from_str(content_type).ok();
        Self { call: Call { held: true, size: Size::Upload, content_type }, ..self.clone() }
    }

    /// Whether generated code hands answers over undecoded.
    pub(crate) fn is_held(&self) -> bool {
        self.call.held
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Runs a request of a generated client. Failures that the generated code has no words for travel inside the response.
    pub(crate) async fn exec(&self, request: Request, operation: &'static str) -> reqwest::Result<Response> {
        let outcome = self.send(request, operation).await;
        Ok(outcome.unwrap_or_else(failed))
    }

    async fn send(&self, mut request: Request, operation: &'static str) -> Result<Response, Error> {
        if let Some(content_type) = &self.call.content_type {
            request.headers_mut().insert(CONTENT_TYPE, content_type.clone());
        }
        *request.timeout_mut() = Some(self.time_limit());
        let response = match &self.auth {
            Auth::None => self.once(request, operation).await?,
            Auth::Header(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
                self.once(request, operation).await?
            }
            Auth::Bearer(tokens) => self.with_token(tokens, request, operation).await?,
        };
        limited(response, self.allowance().pass, self)
    }

    fn time_limit(&self) -> Duration {
        match self.call.size {
            Size::Small | Size::Look => self.shared.limits.request,
            Size::Download => self.shared.limits.download,
            Size::Upload => self.shared.limits.upload,
        }
    }

    fn allowance(&self) -> Allowance {
        let keep = self.shared.limits.body as u64;
        let pass = match self.call.size {
            Size::Small | Size::Upload => keep,
            Size::Look | Size::Download => self.shared.limits.stream,
        };
        Allowance { pass, keep }
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
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let Some(token) = tokens.renewed(&self.shared.clock, &token).await.map_err(Error::unsent)? else {
            return Ok(response);
        };
        let Some(mut again) = again else {
            // A file that streams: whoever has it sends it again, with the new token.
            let error =
                self.error(ErrorKind::Authentication, "the provider refused the access token, and it was renewed");
            return Err(error.with_http_status(response.status().as_u16()).unsent());
        };
        again.headers_mut().insert(AUTHORIZATION, token.header());
        self.once(again, operation).await
    }

    /// Not `async` itself, so that the request is handed on at once, instead of being held and moved along.
    fn once(&self, request: Request, operation: &'static str) -> impl Future<Output = Result<Response, Error>> {
        let method = request.method().clone();
        let sending = self.shared.wire.send(request);
        async move {
            let started = self.shared.clock.now();
            let outcome = sending.await;
            self.told(&method, operation, started, &outcome);
            self.checked(outcome)
        }
    }

    fn told(&self, method: &Method, operation: &'static str, started: Duration, outcome: &Result<Response, WireFault>) {
        let status = outcome.as_ref().ok().map(|response| response.status().as_u16());
        let duration = || self.shared.clock.now().saturating_sub(started).as_millis();
        tracing::debug!(
            target: "bulkrail::transport",
            {
                bulkrail.provider = self.shared.dialect.provider.as_str(),
                bulkrail.operation = operation,
                http.request.method = method.as_str(),
                http.response.status_code = status,
                "error.type" = outcome.as_ref().err().map(WireFault::as_str),
                bulkrail.duration_ms = u64::try_from(duration()).unwrap_or(u64::MAX),
            },
            "request"
        );
    }

    fn checked(&self, outcome: Result<Response, WireFault>) -> Result<Response, Error> {
        let response = outcome.map_err(|fault| {
            let error = fault.into_error().with_provider(self.shared.dialect.provider.clone());
            if fault == WireFault::Connect { error.at(&self.shared.host) } else { error }
        })?;
        if response.status().as_u16() >= 600 {
            return Err(self.error(ErrorKind::Unavailable, "the answer has a status that HTTP does not define"));
        }
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

fn failed(error: Error) -> Response {
    let mut response = http::Response::new(reqwest::Body::from(""));
    *response.status_mut() = StatusCode::from_u16(FAILED).unwrap_or_default();
    response.extensions_mut().insert(Failed(Arc::new(std::sync::Mutex::new(Some(error)))));
    Response::from(response)
}

/// Cuts the body off at `limit` bytes, counted after decompression, and refuses one that announces more.
fn limited(response: Response, limit: u64, transport: &Transport) -> Result<Response, Error> {
    let announced = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    // Of a refusal only the beginning is read, and its status matters more than its size.
    let counts = response.status().is_success() || !transport.call.held;
    if counts && announced.is_some_and(|length: u64| length > limit) {
        return Err(transport.error(ErrorKind::TooLarge, "the answer announces more bytes than the limit allows"));
    }
    if transport.call.held {
        // Whoever reads a held answer counts.
        return Ok(response);
    }
    let bounded = http::Response::<reqwest::Body>::from(response).map(|body| {
        reqwest::Body::wrap(http_body_util::Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX)))
    });
    Ok(Response::from(bounded))
}
