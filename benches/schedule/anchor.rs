//! What others do, with the numbers from their sources.

use std::time::Duration;

use bulkrail::schedule::IntervalBounds;

use crate::rng;

/// A rule that looks at nothing but how often it has looked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    pub(crate) name: &'static str,
    /// Seconds to the first look.
    first: f64,
    /// Seconds from the first look to the second, the growth from gap to gap, and the longest gap.
    base: f64,
    growth: f64,
    most: f64,
    jitter: Jitter,
    /// The shortest time from a failed look to the next.
    pub(crate) retries_after: Duration,
    /// Seconds after which it gives up. Not applied to lag; reported as the share of batches abandoned.
    pub(crate) gives_up: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
enum Jitter {
    None,
    /// From 0 to the gap.
    Full,
    /// From the base to the gap.
    AboveBase,
}

const fn fixed(name: &'static str, first: f64, gap: f64, gives_up: Option<f64>) -> Anchor {
    Anchor { gives_up, ..growing(name, first, gap, 1.0, gap, Jitter::None) }
}

const fn growing(name: &'static str, first: f64, base: f64, growth: f64, most: f64, jitter: Jitter) -> Anchor {
    Anchor { name, first, base, growth, most, jitter, retries_after: IntervalBounds::MIN_GAP, gives_up: None }
}

/// The gapic LRO settings of Google's generated clients (Java and others).
pub(crate) const GAPIC: Anchor =
    Anchor { gives_up: Some(300.0), ..growing("google_gapic", 5.0, 7.5, 1.5, 45.0, Jitter::None) };
/// `DEFAULT_POLLING` of python-api-core.
pub(crate) const GOOGLE_PYTHON: Anchor =
    Anchor { gives_up: Some(900.0), ..growing("google_python", 0.0, 1.0, 1.5, 20.0, Jitter::Full) };
/// `ExponentialBackoff` of google-cloud-rust's polling.
pub(crate) const GOOGLE_RUST: Anchor = growing("google_rust", 1.0, 2.0, 2.0, 60.0, Jitter::None);
/// `longrunning.Wait` of google-cloud-go.
pub(crate) const GOOGLE_GO: Anchor = growing("google_go", 0.0, 1.0, 2.0, 60.0, Jitter::Full);
/// The connectors of Google Workflows.
pub(crate) const WORKFLOWS: Anchor =
    Anchor { gives_up: Some(1800.0), ..growing("google_workflows", 1.0, 1.25, 1.25, 60.0, Jitter::None) };
/// The waiters of Smithy clients (Rust, JavaScript v3, Kotlin).
pub(crate) const AWS_SMITHY: Anchor = growing("aws_smithy", 0.0, 2.0, 2.0, 120.0, Jitter::AboveBase);
/// The common waiter of boto3: 40 looks.
pub(crate) const BOTO3: Anchor = fixed("boto3_15", 0.0, 15.0, Some(600.0));
/// `PollUntilDone` of the Azure SDK for Go.
pub(crate) const AZURE30: Anchor = fixed("azure30", 0.0, 30.0, None);
/// `gh run watch`.
pub(crate) const GH_WATCH: Anchor = fixed("gh_watch_3", 0.0, 3.0, None);
/// The sample loop in Anthropic's batch docs.
pub(crate) const SAMPLE60: Anchor = fixed("sample_60", 60.0, 60.0, None);
/// A provider that advises 60 to 120 s before the first look and 30 to 60 s between looks, taken in the middle. A
/// failed look is repeated after the 30 s that it advises at least.
pub(crate) const POLLING_DEFAULTS: Anchor =
    Anchor { retries_after: Duration::from_secs(30), ..fixed("advice_90_45", 90.0, 45.0, Some(1800.0)) };
/// A fixed interval, first look included.
pub(crate) const FIXED30: Anchor = plain("fixed30", 30.0);

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
    POLLING_DEFAULTS,
    FIXED30,
];

/// The intervals that the best-tuned fixed interval is found among.
pub(crate) const TUNED: [f64; 20] = [
    1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0, 192.0, 256.0, 384.0, 512.0,
    1024.0,
];

pub(crate) const fn plain(name: &'static str, interval: f64) -> Anchor {
    fixed(name, interval, interval, None)
}

impl Anchor {
    pub(crate) fn first(&self) -> u64 {
        (self.first * 1000.0).round() as u64
    }

    /// Milliseconds to the next look after `looks` good ones; `key` is the jitter's.
    pub(crate) fn next(&self, looks: u32, key: &[u64]) -> u64 {
        let gap = (self.base * self.growth.powi(looks.saturating_sub(1).min(1000) as i32)).min(self.most);
        let from = match self.jitter {
            Jitter::None => gap,
            Jitter::Full => 0.0,
            Jitter::AboveBase => self.base,
        };
        let spread = from + (gap - from) * rng::unit(key);
        ((spread * 1000.0).round() as u64).max(1)
    }
}
