//! When to look next. A pure function of what was seen; it knows neither provider nor clock.

use std::time::Duration;

use super::options::Options;

/// The gap between looks grows by half from look to look: after a minute about every 20 seconds, which notices the end of a batch about
/// a third of its age too late at worst. (This is the plain rule; an adaptive one takes its place without touching the rest.)
const GROWTH: f64 = 1.5;

/// Failed looks are repeated after 1, 2, 4 ... seconds, 30 at most.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Up to a tenth is added to a gap, so that waits that began together drift apart. Added, never taken away: gaps are what a provider
/// asked for.
const JITTER: f64 = 0.1;

/// The time from a good look (the `polls`-th) to the next one; `u` is from 0 to 1.
pub(super) fn after_look(options: &Options, polls: u32, hint: Option<Duration>, u: f64) -> Duration {
    let grown = options.min_interval.mul_f64(GROWTH.powi(polls.saturating_sub(1).min(64) as i32).min(1e6));
    let gap = grown.clamp(options.min_interval, options.max_interval);
    // The bounds hold for the gap as it is waited: jitter may not carry it past the longest.
    let gap = jittered(gap, u).min(options.max_interval.max(options.min_interval));
    gap.max(hint.map_or(Duration::ZERO, |hint| jittered(hint, u)))
}

/// The time from the `failures`-th failed look in a row to the next one.
pub(super) fn after_failure(failures: u32, hint: Option<Duration>, u: f64) -> Duration {
    let backoff = Duration::from_secs(1 << failures.saturating_sub(1).min(5)).min(MAX_BACKOFF);
    jittered(backoff.max(hint.unwrap_or_default()), u)
}

fn jittered(gap: Duration, u: f64) -> Duration {
    gap + gap.mul_f64(JITTER * u)
}
