//! What every provider has: a description of itself, and the things all its handlers share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;

use crate::clock::Clock;
use crate::drift::Shape;
use crate::faults::{Bucket, Faults};
use crate::seed::Seed;
use crate::stats::{Counter, Counters};

/// A provider, as the rest of the crate sees it. A new provider is one module with one of these.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) credentials: &'static [(&'static str, &'static str)],
    /// A GET whose path starts like this asks for the status of a batch.
    pub(crate) status_path: &'static str,
    /// The largest request body, in bytes.
    pub(crate) body_limit: usize,
    pub(crate) rate_hint: RateHint,
    pub(crate) shape: Shape,
    /// An error in the provider's own dress, for what no handler answers: a wrong path, an injected fault.
    pub(crate) plain_error: fn(&Context, StatusCode, &str) -> Response,
    pub(crate) routes: fn(Arc<Context>) -> Router,
}

/// How a provider tells a client to slow down.
pub(crate) enum RateHint {
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` (epoch seconds).
    XRateLimit,
    /// `Retry-After` in seconds.
    RetryAfter,
}

pub(crate) struct Context {
    pub(crate) provider: &'static Provider,
    pub(crate) seed: Seed,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) counters: Counters,
    pub(crate) bucket: Bucket,
    /// Whether the one refresh that the `expire` profile refuses was refused already.
    pub(crate) refresh_refused: AtomicBool,
    batches: Counter,
    records: Counter,
    tokens: Counter,
    errors: Counter,
}

/// What gets an id. Each kind is numbered on its own, so that a second login does not change the id of the next batch.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Batch,
    Record,
    Token,
    Error,
}

impl Context {
    pub(crate) fn new(provider: &'static Provider, seed: u64, clock: Clock, faults: Faults) -> Arc<Self> {
        Arc::new(Self {
            provider,
            seed: Seed::new(seed).text(provider.name),
            clock,
            faults,
            counters: Counters::default(),
            bucket: Bucket::default(),
            refresh_refused: AtomicBool::new(false),
            batches: Counter::default(),
            records: Counter::default(),
            tokens: Counter::default(),
            errors: Counter::default(),
        })
    }

    /// The seed of the next thing of its kind.
    pub(crate) fn next(&self, kind: Kind) -> Seed {
        let (label, counter) = match kind {
            Kind::Batch => ("batch", &self.batches),
            Kind::Record => ("record", &self.records),
            Kind::Token => ("token", &self.tokens),
            Kind::Error => ("error", &self.errors),
        };
        self.seed.text(label).number(counter.add())
    }
}
