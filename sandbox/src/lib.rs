//! Four payments providers' batch APIs on loopback, with faults: for demos and tests.
//!
//! A [`Sandbox`] binds one port of 127.0.0.1 and answers there as KillB, Reap, CDQ and Localpayment would, each under
//! a path prefix of its own. It follows the providers' public documentation: paths, fields, status words, error
//! bodies, limits. Batches take as long as with the providers, divided by the [speed](Builder::speed); about one row in
//! twelve fails.
//!
//! ```
//! # async fn demo() -> std::io::Result<()> {
//! use bulkrail_sandbox::{Faults, Sandbox};
//!
//! let sandbox = Sandbox::builder().seed(42).speed(60.0).faults(Faults::Flaky).start().await?;
//! let killb = sandbox.base_url("killb").expect("a provider of this name");
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
//! # What it can be trusted for
//!
//! - **The same seed gives the same answers** to the same requests in the same order: ids, which rows fail and why, how
//!   long things take. Only timestamps differ, and with a [`ManualClock`] not even they.
//! - **Progress is a function of time**, not of polling: counters never fall, and at the end they add up.
//! - **Where the documentation is silent, the sandbox says so**: each provider's module lists what is its own choice.
//!   KillB error codes that start with `SANDBOX.` and Reap error codes that start with `9999999` are not the provider's.
//!
//! # What it is not
//!
//! It checks requests as far as the documentation does, which is less than a provider does. It keeps everything in
//! memory, up to 10,000 batches and 250,000 rows a provider, and then forgets the oldest. Its tokens are no secret:
//! keep it on loopback.

use std::fmt;
use std::future::IntoFuture;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use clock::ManualClock;
pub use faults::{Faults, UnknownFaults};
pub use stats::Stats;

use clock::Clock;
use context::{Context, Provider};
use listener::{CuttableListener, Cutter};

mod auth;
mod cdq;
mod clock;
mod context;
mod drift;
mod engine;
mod faults;
mod http;
mod killb;
mod listener;
mod localpayment;
mod reap;
mod seed;
mod stats;
mod store;

/// Every provider. A new one is a module and a line here.
static PROVIDERS: [&Provider; 4] = [&killb::PROVIDER, &reap::PROVIDER, &cdq::PROVIDER, &localpayment::PROVIDER];

/// How long a shutdown waits for requests under way.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// A running sandbox. It stops when dropped.
pub struct Sandbox {
    port: u16,
    contexts: Vec<Arc<Context>>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// The names that the other functions take: `killb`, `reap`, `cdq`, `localpayment`.
    pub const PROVIDERS: [&'static str; 4] = ["killb", "reap", "cdq", "localpayment"];

    /// A sandbox to be: seed 0, speed 1, any free port, no faults, the wall clock.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where a provider answers, without a trailing slash; `None` if there is no provider of this name.
    pub fn base_url(&self, provider: &str) -> Option<String> {
        let name = find(provider)?.name;
        Some(format!("http://127.0.0.1:{}/{name}", self.port))
    }

    /// The only credentials a provider accepts, as pairs of environment variable and value; none if there is no
    /// provider of this name.
    pub fn credentials(&self, provider: &str) -> &'static [(&'static str, &'static str)] {
        find(provider).map_or(&[], |provider| provider.credentials)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What a provider was asked so far; all zero if there is no provider of this name.
    pub fn stats(&self, provider: &str) -> Stats {
        let mut contexts = self.contexts.iter();
        let context = contexts.find(|context| context.provider.name == provider);
        context.map_or_else(Stats::default, |context| context.counters.read())
    }

    /// Stops listening, and waits up to 2 s for requests under way.
    pub async fn shutdown(mut self) {
        self.stop.take();
        let _ = clock::within(SHUTDOWN_GRACE, &mut self.server).await;
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

/// Settings of a [`Sandbox`] that is not yet running.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    seed: u64,
    speed: f64,
    port: u16,
    faults: Faults,
    clock: Option<ManualClock>,
}

impl Default for Builder {
    fn default() -> Self {
        Self { seed: 0, speed: 1.0, port: 0, faults: Faults::None, clock: None }
    }
}

impl Builder {
    /// What every id, every failing row and every duration is derived from.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many times faster than the providers batches are worked on. Timestamps in answers run as fast; token
    /// lifetimes, rate limits and outages do not.
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    /// The port of 127.0.0.1 to listen on; 0 for any that is free.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// What goes wrong.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Puts the time into the caller's hands.
    pub fn clock(mut self, clock: ManualClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Binds the port and begins to answer, on the tokio runtime this is called from.
    ///
    /// # Errors
    ///
    /// If the port cannot be bound, or if the speed is not a positive number.
    pub async fn start(self) -> io::Result<Sandbox> {
        if !(self.speed.is_finite() && self.speed > 0.0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the speed of a sandbox must be a positive number",
            ));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let port = listener.local_addr()?.port();
        let clock = Clock::new(self.clock, self.speed);
        let contexts: Vec<_> = PROVIDERS
            .into_iter()
            .map(|provider| Context::new(provider, self.seed, clock.clone(), self.faults))
            .collect();
        let app = contexts
            .iter()
            .fold(Router::new(), |app, context| app.nest(&format!("/{}", context.provider.name), routes(context)));
        let app = app.fallback(async || {
            let names = Sandbox::PROVIDERS.map(|name| format!("/{name}\n"));
            (StatusCode::NOT_FOUND, names.concat())
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let server = axum::serve(CuttableListener(listener), app.into_make_service_with_connect_info::<Cutter>())
            .with_graceful_shutdown(async {
                // Either way of ending counts: the sender is dropped with the sandbox.
                let _ = stopped.await;
            });
        Ok(Sandbox { port, contexts, stop: Some(stop), server: tokio::spawn(server.into_future()) })
    }
}

/// A provider's routes behind the gate; what no route takes gets the provider's own error.
fn routes(context: &Arc<Context>) -> Router {
    let unanswered = |status| {
        let context = Arc::clone(context);
        move |uri: Uri| async move { (context.provider.plain_error)(&context, status, uri.path()) }
    };
    (context.provider.routes)(Arc::clone(context))
        .fallback(unanswered(StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(unanswered(StatusCode::METHOD_NOT_ALLOWED))
        // The gate has measured every body by now.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(context), faults::gate))
}
