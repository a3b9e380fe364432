//! Description of a provider, and the state shared by its handlers.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;

use crate::clock::Clock;
use crate::drift::DriftTargets;
use crate::faults::Faults;
use crate::rate_limit::{RateLimitHeaders, TokenBucket};
use crate::seed::Seed;
use crate::stats::{Counter, Counters};

/// Description of a provider; each provider module has one as a static.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) credentials: &'static [(&'static str, &'static str)],
    /// Path prefix of a poll: a GET below it requests the status of a batch.
    pub(crate) status_path_prefix: &'static str,
    /// Maximum size of a request body, in bytes.
    pub(crate) body_limit: usize,
    pub(crate) rate_limit_headers: RateLimitHeaders,
    pub(crate) drift_targets: DriftTargets,
    /// Returns an error in the provider's format for a request that reaches no handler: an unknown
    /// path, an injected fault. The string is the request path.
    pub(crate) error_response: fn(&Context, StatusCode, &str) -> Response,
    pub(crate) routes: fn(Arc<Context>) -> Router,
}

/// State shared by the middleware and the handlers of one provider.
pub(crate) struct Context {
    pub(crate) provider: &'static Provider,
    pub(crate) seed: Seed,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) counters: Counters,
    pub(crate) rate_limit: TokenBucket,
    /// Whether [`Faults::Expire`] has already rejected its one refresh.
    pub(crate) refresh_rejected: AtomicBool,
    batches: Counter,
    records: Counter,
    tokens: Counter,
    errors: Counter,
}

/// Kind of object that gets an id.
///
/// Each kind has its own counter, so that a second login does not change the id of the next batch.
#[derive(Clone, Copy)]
pub(crate) enum SeedKind {
    Batch,
    Record,
    Token,
    Error,
}

impl Context {
    pub(crate) fn new(provider: &'static Provider, seed: u64, clock: Clock, faults: Faults) -> Arc<Self> {
        Arc::new(Self {
            provider,
            seed: Seed::new(seed).derive(provider.name),
            clock,
            faults,
            counters: Counters::default(),
            rate_limit: TokenBucket::default(),
            refresh_rejected: AtomicBool::new(false),
            batches: Counter::default(),
            records: Counter::default(),
            tokens: Counter::default(),
            errors: Counter::default(),
        })
    }

    /// Returns the seed of the next object of a kind.
    pub(crate) fn next_seed(&self, kind: SeedKind) -> Seed {
        let (label, counter) = match kind {
            SeedKind::Batch => ("batch", &self.batches),
            SeedKind::Record => ("record", &self.records),
            SeedKind::Token => ("token", &self.tokens),
            SeedKind::Error => ("error", &self.errors),
        };
        self.seed.derive(label).derive_index(counter.increment())
    }
}
