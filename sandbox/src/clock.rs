//! The one place that reads a clock: real time, virtual time, and how both are written.
#![expect(clippy::disallowed_methods, reason = "the place for them: the sandbox has a clock of its own")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that moves only when told to, so that a test never sleeps.
///
/// Clones share one clock. It stands for *real* time: token lifetimes, rate limits and outages follow it as it is,
/// the progress of batches follows it multiplied by the sandbox's speed.
///
/// ```
/// use std::time::Duration;
/// let clock = bulkrail_sandbox::ManualClock::new();
/// clock.clone().advance(Duration::from_secs(90));
/// assert_eq!(clock.elapsed(), Duration::from_secs(90));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    elapsed: Arc<AtomicU64>,
    epoch: SystemTime,
}

impl ManualClock {
    /// A clock that stands still at the present moment.
    pub fn new() -> Self {
        Self::starting_at(SystemTime::now())
    }

    /// A clock that stands still at `epoch`.
    ///
    /// With a fixed epoch two sandboxes of one seed give the same answers to the byte. Access tokens then carry an
    /// `exp` near that epoch, which a client that compares it with its own clock may take for expired.
    pub fn starting_at(epoch: SystemTime) -> Self {
        Self { elapsed: Arc::default(), epoch }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed.fetch_add(nanos, Ordering::SeqCst);
    }

    /// How far the clock was moved since it was made.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed.load(Ordering::SeqCst))
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Clone, Debug)]
enum Source {
    Wall { start: Instant },
    Manual(ManualClock),
}

/// What a sandbox reads: all times are milliseconds since it started.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    source: Source,
    epoch: u64,
    speed: f64,
}

impl Clock {
    pub(crate) fn new(manual: Option<ManualClock>, speed: f64) -> Self {
        let (source, now) = match manual {
            Some(clock) => {
                let now = clock.epoch + clock.elapsed();
                (Source::Manual(clock), now)
            }
            None => (Source::Wall { start: Instant::now() }, SystemTime::now()),
        };
        let epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            // A manual clock may have been moved before the start; the epoch holds only where it began.
            epoch: match &source {
                Source::Wall { .. } => millis(epoch),
                Source::Manual(clock) => millis(epoch) - millis(clock.elapsed()),
            },
            source,
            speed,
        }
    }

    fn elapsed(&self) -> Duration {
        match &self.source {
            Source::Wall { start } => start.elapsed(),
            Source::Manual(clock) => clock.elapsed(),
        }
    }

    /// Real milliseconds: what tokens, rate limits and outages live in.
    pub(crate) fn real(&self) -> u64 {
        millis(self.elapsed())
    }

    /// Real milliseconds since the Unix epoch.
    pub(crate) fn real_epoch(&self) -> u64 {
        self.epoch + self.real()
    }

    /// Virtual milliseconds: what batches live in.
    pub(crate) fn now(&self) -> u64 {
        (self.elapsed().as_secs_f64() * self.speed * 1000.0) as u64
    }

    /// `2026-04-23T00:38:08.439Z`
    pub(crate) fn stamp(&self, at: u64) -> String {
        let time = Civil::from_millis(self.epoch + at);
        format!("{}T{}.{:03}Z", time.date(), time.time(), time.millis)
    }

    /// `2025-08-29T09:46:42Z`
    pub(crate) fn stamp_seconds(&self, at: u64) -> String {
        let time = Civil::from_millis(self.epoch + at);
        format!("{}T{}Z", time.date(), time.time())
    }

    /// `2025-06-19 02:24:50.381`, without a zone.
    pub(crate) fn stamp_plain(&self, at: u64) -> String {
        let time = Civil::from_millis(self.epoch + at);
        format!("{} {}.{:03}", time.date(), time.time(), time.millis)
    }
}

/// Waits for `work` no longer than `limit`.
pub(crate) async fn within<F: Future>(limit: Duration, work: F) -> Option<F::Output> {
    tokio::time::timeout(limit, work).await.ok()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

struct Civil {
    year: u64,
    month: u64,
    day: u64,
    second_of_day: u64,
    millis: u64,
}

impl Civil {
    /// Days to date after Howard Hinnant's `civil_from_days`, for dates from 1970 on.
    fn from_millis(at: u64) -> Self {
        let shifted = at / 86_400_000 + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            second_of_day: at / 1000 % 86_400,
            millis: at % 1000,
        }
    }

    fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    fn time(&self) -> String {
        let s = self.second_of_day;
        format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch_millis: u64) -> Clock {
        let epoch = UNIX_EPOCH + Duration::from_millis(epoch_millis);
        Clock::new(Some(ManualClock::starting_at(epoch)), 1.0)
    }

    #[test]
    fn writes_dates() {
        assert_eq!(at(0).stamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400_000).stamp(1), "2000-02-29T00:00:00.001Z");
        assert_eq!(at(1_776_904_688_439).stamp(0), "2026-04-23T00:38:08.439Z");
        assert_eq!(at(1_750_299_890_381).stamp_plain(0), "2025-06-19 02:24:50.381");
        assert_eq!(at(1_767_225_599_999).stamp_seconds(0), "2025-12-31T23:59:59Z");
    }

    #[test]
    fn virtual_time_is_real_time_times_speed() {
        let manual = ManualClock::new();
        manual.advance(Duration::from_secs(1));
        let clock = Clock::new(Some(manual.clone()), 60.0);
        manual.advance(Duration::from_secs(1));
        assert_eq!(clock.real(), 2000);
        assert_eq!(clock.now(), 120_000);
    }
}
