//! Polling rules of others, with the numbers from their sources.

use std::time::Duration;

use bulkrail::schedule::IntervalBounds;

use crate::rng;

/// Rule that depends on the number of polls only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    pub(crate) name: &'static str,
    /// Seconds to the first poll.
    first: f64,
    /// Seconds from the first poll to the second, the factor from interval to interval, and the
    /// longest interval.
    base: f64,
    factor: f64,
    max: f64,
    jitter: Jitter,
    /// Shortest time from a failed poll to the next.
    pub(crate) min_retry_delay: Duration,
    /// Seconds after which it gives up. Not applied to lag; reported as the share of batches
    /// abandoned.
    pub(crate) deadline: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
enum Jitter {
    None,
    /// From 0 to the interval.
    Full,
    /// From the base to the interval.
    AboveBase,
}

const fn fixed(name: &'static str, first: f64, interval: f64, deadline: Option<f64>) -> Anchor {
    Anchor { deadline, ..exponential(name, first, interval, 1.0, interval, Jitter::None) }
}

const fn exponential(name: &'static str, first: f64, base: f64, factor: f64, max: f64, jitter: Jitter) -> Anchor {
    Anchor { name, first, base, factor, max, jitter, min_retry_delay: IntervalBounds::DEFAULT_MIN, deadline: None }
}

/// The gapic LRO settings of Google's generated clients (Java and others).
pub(crate) const GAPIC: Anchor =
    Anchor { deadline: Some(300.0), ..exponential("google_gapic", 5.0, 7.5, 1.5, 45.0, Jitter::None) };
/// `DEFAULT_POLLING` of python-api-core.
pub(crate) const GOOGLE_PYTHON: Anchor =
    Anchor { deadline: Some(900.0), ..exponential("google_python", 0.0, 1.0, 1.5, 20.0, Jitter::Full) };
/// `ExponentialBackoff` of google-cloud-rust's polling.
pub(crate) const GOOGLE_RUST: Anchor = exponential("google_rust", 1.0, 2.0, 2.0, 60.0, Jitter::None);
/// `longrunning.Wait` of google-cloud-go.
pub(crate) const GOOGLE_GO: Anchor = exponential("google_go", 0.0, 1.0, 2.0, 60.0, Jitter::Full);
/// The connectors of Google Workflows.
pub(crate) const WORKFLOWS: Anchor =
    Anchor { deadline: Some(1800.0), ..exponential("google_workflows", 1.0, 1.25, 1.25, 60.0, Jitter::None) };
/// The waiters of Smithy clients (Rust, JavaScript v3, Kotlin).
pub(crate) const AWS_SMITHY: Anchor = exponential("aws_smithy", 0.0, 2.0, 2.0, 120.0, Jitter::AboveBase);
/// The common waiter of boto3: 40 polls.
pub(crate) const BOTO3: Anchor = fixed("boto3_15", 0.0, 15.0, Some(600.0));
/// `PollUntilDone` of the Azure SDK for Go.
pub(crate) const AZURE30: Anchor = fixed("azure30", 0.0, 30.0, None);
/// `gh run watch`.
pub(crate) const GH_WATCH: Anchor = fixed("gh_watch_3", 0.0, 3.0, None);
/// The sample loop in Anthropic's batch docs.
pub(crate) const SAMPLE60: Anchor = fixed("sample_60", 60.0, 60.0, None);
/// A provider that advises 60 to 120 s before the first poll and 30 to 60 s between polls: the
/// middle of both. A failed poll is repeated after the 30 s that it advises at least.
pub(crate) const PROVIDER_90_45: Anchor =
    Anchor { min_retry_delay: Duration::from_secs(30), ..fixed("provider_90_45", 90.0, 45.0, Some(1800.0)) };
/// A fixed interval, first poll included.
pub(crate) const FIXED30: Anchor = fixed_interval("fixed30", 30.0);

pub(crate) const ALL: [Anchor; 12] = [
    GAPIC,
    GOOGLE_PYTHON,
    GOOGLE_RUST,
    GOOGLE_GO,
    WORKFLOWS,
    AWS_SMITHY,
    BOTO3,
    AZURE30,
    GH_WATCH,
    SAMPLE60,
    PROVIDER_90_45,
    FIXED30,
];

/// Returns the intervals among which the best-tuned fixed interval is found: four per octave from 1 to 1,024 s.
pub(crate) fn tuned() -> impl Iterator<Item = f64> {
    (0..=40).map(|quarter| 2f64.powf(f64::from(quarter) / 4.0))
}

pub(crate) const fn fixed_interval(name: &'static str, interval: f64) -> Anchor {
    fixed(name, interval, interval, None)
}

impl Anchor {
    pub(crate) fn first(&self) -> u64 {
        (self.first * 1000.0).round() as u64
    }

    /// Returns the milliseconds to the next poll after `polls` successful ones; `key` seeds the
    /// jitter.
    pub(crate) fn next(&self, polls: u32, key: &[u64]) -> u64 {
        let interval = (self.base * self.factor.powi(polls.saturating_sub(1).min(1000) as i32)).min(self.max);
        let from = match self.jitter {
            Jitter::None => interval,
            Jitter::Full => 0.0,
            Jitter::AboveBase => self.base,
        };
        let jittered = from + (interval - from) * rng::unit(key);
        ((jittered * 1000.0).round() as u64).max(1)
    }
}
