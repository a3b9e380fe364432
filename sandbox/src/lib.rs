//! Local stand-ins for the batch APIs of four payments providers, with fault injection, for demos
//! and tests.
//!
//! A [`Sandbox`] listens on one port of 127.0.0.1 and serves KillB, Reap, CDQ and Localpayment,
//! each under its own path prefix. Paths, fields, status values, error bodies and limits follow
//! the providers' public documentation. Batches take seconds to minutes, divided by the
//! [speed](SandboxBuilder::speed), and about one row in twelve fails.
//!
//! ```
//! # async fn demo() -> std::io::Result<()> {
//! use bulkrail_sandbox::{Faults, Sandbox};
//!
//! let sandbox = Sandbox::builder().seed(42).speed(60.0).faults(Faults::Flaky).start().await?;
//! let killb = sandbox.base_url("killb").expect("a known provider");
//! for (variable, value) in sandbox.credentials("killb") {
//!     // KILLB_EMAIL, KILLB_PASSWORD
//! #   assert!(variable.starts_with("KILLB_") && !value.is_empty());
//! }
//! # assert!(killb.starts_with("http://127.0.0.1:") && killb.ends_with("/killb"));
//! sandbox.shutdown().await;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(demo()).unwrap();
//! ```
//!
//! # Guarantees
//!
//! - **Responses are deterministic.** The same seed and the same requests in the same order give
//!   the same ids, failing rows, failure reasons and durations. Responses are byte-identical if
//!   both runs also advance a [`ManualClock`] in the same way from the same
//!   [start](ManualClock::starting_at).
//! - **Progress is a function of time**, not of polling. Counters never decrease, and they add up
//!   when the batch has ended.
//! - **Undocumented behaviour is marked.** Where the documentation is silent, the sandbox makes a
//!   choice. The module comment of each provider (`src/killb/mod.rs` and its siblings) lists these
//!   choices. KillB error codes that start with `SANDBOX.` and Reap error codes that start with
//!   `9999999` are not the provider's.
//!
//! # Limitations
//!
//! - Requests are checked as far as the documentation describes the checks, which is less than a
//!   provider does.
//! - All state is in memory: up to 10,000 batches and 250,000 rows per provider. Beyond either
//!   limit the oldest batches are discarded.
//! - Credentials are public and token signatures are not cryptographic. Do not expose the port
//!   beyond loopback.

use std::fmt;
use std::future::{IntoFuture, Ready, ready};
use std::io;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::any;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use clock::ManualClock;
pub use faults::{Faults, ParseFaultsError};
pub use stats::Stats;

use clock::Clock;
use context::{Context, Provider};
use listener::{AbortHandle, AbortableListener};

mod auth;
mod cdq;
mod clock;
mod context;
mod drift;
mod faults;
mod fields;
mod http;
mod killb;
mod listener;
mod localpayment;
mod middleware;
mod rate_limit;
mod reap;
mod seed;
mod stats;
mod store;
mod timeline;

/// All providers. A new provider is one module, one line here and its name in
/// [`Sandbox::PROVIDERS`].
static PROVIDERS: [&Provider; 4] = [&killb::PROVIDER, &reap::PROVIDER, &cdq::PROVIDER, &localpayment::PROVIDER];

/// Time that a shutdown waits for requests in progress.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// Running sandbox, stopped when dropped.
pub struct Sandbox {
    port: u16,
    contexts: Vec<Arc<Context>>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Names accepted by [`base_url`](Self::base_url), [`credentials`](Self::credentials) and
    /// [`stats`](Self::stats).
    pub const PROVIDERS: [&'static str; 4] = ["killb", "reap", "cdq", "localpayment"];

    /// Speeds that [`SandboxBuilder::speed`] takes.
    pub const SPEED_RANGE: RangeInclusive<f64> = 0.001..=1_000_000.0;

    /// Returns a builder with the defaults: seed 0, speed 1, any free port, no faults, the system
    /// clock.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Returns the base URL of a provider, without a trailing slash, or `None` for an unknown name.
    pub fn base_url(&self, provider: &str) -> Option<String> {
        let name = find(provider)?.name;
        Some(format!("http://127.0.0.1:{}/{name}", self.port))
    }

    /// Returns the only credentials that a provider accepts, as pairs of environment variable and
    /// value.
    ///
    /// The slice is empty for an unknown name.
    pub fn credentials(&self, provider: &str) -> &'static [(&'static str, &'static str)] {
        find(provider).map_or(&[], |provider| provider.credentials)
    }

    /// Returns the id of KillB's user with this e-mail, who owns the accounts of workbook rows that have it.
    ///
    /// It is the same in every sandbox. Which user owns such an account is not documented: it is the sandbox's own choice.
    ///
    /// ```
    /// use bulkrail_sandbox::Sandbox;
    ///
    /// assert_eq!(Sandbox::killb_user_id("ana@example.com"), Sandbox::killb_user_id("ana@example.com"));
    /// assert_ne!(Sandbox::killb_user_id("ana@example.com"), Sandbox::killb_user_id("ben@example.com"));
    /// ```
    #[must_use]
    pub fn killb_user_id(email: &str) -> String {
        killb::user_id(email)
    }

    /// Returns the port that the sandbox listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the request counts of a provider since the start; all zero for an unknown name.
    pub fn stats(&self, provider: &str) -> Stats {
        let mut contexts = self.contexts.iter();
        let context = contexts.find(|context| context.provider.name == provider);
        context.map_or_else(Stats::default, |context| context.counters.snapshot())
    }

    /// Stops listening and waits up to 2 s for requests in progress.
    ///
    /// # Panics
    ///
    /// Panics if the timer of the tokio runtime is not enabled.
    pub async fn shutdown(mut self) {
        self.stop.take();
        let _ = clock::timeout(SHUTDOWN_GRACE, &mut self.server).await;
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn find(name: &str) -> Option<&'static Provider> {
    PROVIDERS.into_iter().find(|provider| provider.name == name)
}

/// Builder of a [`Sandbox`], created by [`Sandbox::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SandboxBuilder {
    seed: u64,
    speed: f64,
    port: u16,
    faults: Faults,
    clock: Option<ManualClock>,
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self { seed: 0, speed: 1.0, port: 0, faults: Faults::None, clock: None }
    }
}

impl SandboxBuilder {
    /// Sets the seed that ids, failing rows and durations are derived from. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the factor by which batch time runs faster than real time, within [`Sandbox::SPEED_RANGE`]. Default: 1.
    ///
    /// Batch progress and the timestamps of responses follow batch time. Token lifetimes, rate
    /// limits and outages follow real time.
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    /// Sets the port of 127.0.0.1 to listen on. Default: 0, any free port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the fault profile. Default: [`Faults::None`].
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Replaces the system clock with a clock that the caller advances.
    pub fn clock(mut self, clock: ManualClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Binds the port and starts serving on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// - Kind [`InvalidInput`](io::ErrorKind::InvalidInput): the speed is outside of
    ///   [`Sandbox::SPEED_RANGE`].
    /// - Any other kind: the operating system cannot bind the port.
    ///
    /// # Panics
    ///
    /// Panics if polled outside a tokio runtime with I/O enabled.
    pub async fn start(self) -> io::Result<Sandbox> {
        let range = Sandbox::SPEED_RANGE;
        if !range.contains(&self.speed) {
            let reason = format!("the speed of a sandbox must be from {} to {}", range.start(), range.end());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let port = listener.local_addr()?.port();
        let clock = Clock::new(self.clock, self.speed);
        let contexts: Vec<_> = PROVIDERS
            .into_iter()
            .map(|provider| Context::new(provider, self.seed, clock.clone(), self.faults))
            .collect();
        let app = contexts.iter().fold(Router::new(), |app, context| {
            let prefix = format!("/{}", context.provider.name);
            // A nested router does not have the path that is only its prefix and a slash.
            app.route(&format!("{prefix}/"), any(error(context, StatusCode::NOT_FOUND))).nest(&prefix, routes(context))
        });
        let app = app.fallback(async || {
            let names = Sandbox::PROVIDERS.map(|name| format!("/{name}\n"));
            (StatusCode::NOT_FOUND, names.concat())
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let make_service = app.into_make_service_with_connect_info::<AbortHandle>();
        let server = axum::serve(AbortableListener(listener), make_service).with_graceful_shutdown(async {
            // `shutdown` drops the sender without sending, so the error is the usual result.
            let _ = stopped.await;
        });
        Ok(Sandbox { port, contexts, stop: Some(stop), server: tokio::spawn(server.into_future()) })
    }
}

/// Returns the routes of a provider behind the shared middleware.
///
/// A request that matches no route gets an error in the provider's own format.
fn routes(context: &Arc<Context>) -> Router {
    (context.provider.routes)(Arc::clone(context))
        .fallback(error(context, StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(error(context, StatusCode::METHOD_NOT_ALLOWED))
        // The middleware has already applied the provider's own body limit.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(context), middleware::handle))
}

/// Returns a handler that gives every request the same error, in the provider's own format.
fn error(
    context: &Arc<Context>,
    status: StatusCode,
) -> impl Fn(Uri) -> Ready<Response> + Clone + Send + Sync + 'static {
    let context = Arc::clone(context);
    move |uri| ready((context.provider.error_response)(&context, status, uri.path()))
}
