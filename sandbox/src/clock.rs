//! Real time, batch time and the timestamp formats of responses. No other module reads a clock.
#![expect(clippy::disallowed_methods, reason = "the only module of the sandbox that reads the system clock")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Clock that moves only when advanced, so that tests need not sleep.
///
/// Clones share one time. The clock stands for *real* time: token lifetimes, rate limits and
/// outages follow it directly, batch progress follows it multiplied by the sandbox's speed.
///
/// ```
/// use std::time::Duration;
///
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
    /// Creates a clock stopped at the current system time.
    pub fn new() -> Self {
        Self::starting_at(SystemTime::now())
    }

    /// Creates a clock stopped at `epoch`.
    ///
    /// With a fixed epoch, two sandboxes of one seed give byte-identical responses. The `exp` of
    /// access tokens is then close to that epoch. A client that compares it with the system clock
    /// may treat the token as expired.
    pub fn starting_at(epoch: SystemTime) -> Self {
        Self { elapsed: Arc::default(), epoch }
    }

    /// Moves the clock forward by `duration`.
    pub fn advance(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed.fetch_add(nanos, Ordering::SeqCst);
    }

    /// Returns the total time that the clock was advanced by since its creation.
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
    System { start: Instant },
    Manual(ManualClock),
}

/// Clock of a sandbox.
///
/// Unless stated otherwise, times are milliseconds since the start of the sandbox, or since the
/// creation of its manual clock.
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
            None => (Source::System { start: Instant::now() }, SystemTime::now()),
        };
        let epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            // `elapsed` of a manual clock includes time before the start of the sandbox, so the
            // epoch must not.
            epoch: match &source {
                Source::System { .. } => millis(epoch),
                Source::Manual(clock) => millis(epoch) - millis(clock.elapsed()),
            },
            source,
            speed,
        }
    }

    fn elapsed(&self) -> Duration {
        match &self.source {
            Source::System { start } => start.elapsed(),
            Source::Manual(clock) => clock.elapsed(),
        }
    }

    /// Returns the real time, used for tokens, rate limits and outages.
    pub(crate) fn real_millis(&self) -> u64 {
        millis(self.elapsed())
    }

    /// Returns the real time since the Unix epoch.
    pub(crate) fn unix_millis(&self) -> u64 {
        self.epoch.saturating_add(self.real_millis())
    }

    /// Returns the batch time: the real time multiplied by the speed.
    pub(crate) fn batch_millis(&self) -> u64 {
        (self.elapsed().as_secs_f64() * self.speed * 1000.0) as u64
    }

    /// Formats a batch time with milliseconds: `2026-04-23T00:38:08.439Z`.
    pub(crate) fn format_millis(&self, millis: u64) -> String {
        let time = CivilDateTime::from_unix_millis(self.epoch.saturating_add(millis));
        format!("{}T{}.{:03}Z", time.date(), time.time(), time.millis)
    }

    /// Formats a batch time with seconds: `2025-08-29T09:46:42Z`.
    pub(crate) fn format_seconds(&self, millis: u64) -> String {
        let time = CivilDateTime::from_unix_millis(self.epoch.saturating_add(millis));
        format!("{}T{}Z", time.date(), time.time())
    }

    /// Formats a batch time with milliseconds and without a time zone: `2025-06-19 02:24:50.381`.
    pub(crate) fn format_without_zone(&self, millis: u64) -> String {
        let time = CivilDateTime::from_unix_millis(self.epoch.saturating_add(millis));
        format!("{} {}.{:03}", time.date(), time.time(), time.millis)
    }
}

/// Awaits `future` for at most `limit`; returns `None` if the time is up.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Date and time of day in UTC.
struct CivilDateTime {
    year: u64,
    month: u64,
    day: u64,
    second_of_day: u64,
    millis: u64,
}

impl CivilDateTime {
    /// Converts with Howard Hinnant's `civil_from_days`, for dates from 1970 on.
    fn from_unix_millis(unix_millis: u64) -> Self {
        let shifted = unix_millis / 86_400_000 + 719_468;
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
            second_of_day: unix_millis / 1000 % 86_400,
            millis: unix_millis % 1000,
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

    fn clock_at(epoch_millis: u64) -> Clock {
        let epoch = UNIX_EPOCH + Duration::from_millis(epoch_millis);
        Clock::new(Some(ManualClock::starting_at(epoch)), 1.0)
    }

    #[test]
    fn clock_formats_timestamps_in_each_format() {
        assert_eq!(clock_at(0).format_millis(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(clock_at(951_782_400_000).format_millis(1), "2000-02-29T00:00:00.001Z");
        assert_eq!(clock_at(1_776_904_688_439).format_millis(0), "2026-04-23T00:38:08.439Z");
        assert_eq!(clock_at(1_750_299_890_381).format_without_zone(0), "2025-06-19 02:24:50.381");
        assert_eq!(clock_at(1_767_225_599_999).format_seconds(0), "2025-12-31T23:59:59Z");
    }

    #[test]
    fn batch_time_of_a_century_at_the_greatest_speed_is_formatted() {
        let manual = ManualClock::starting_at(UNIX_EPOCH);
        let clock = Clock::new(Some(manual.clone()), *crate::Sandbox::SPEED_RANGE.end());
        manual.advance(Duration::from_secs(100 * 365 * 86_400));
        let millis = clock.batch_millis();
        assert!(clock.format_millis(millis).ends_with('Z') && !clock.format_seconds(u64::MAX).is_empty());
    }

    #[test]
    fn batch_time_is_real_time_times_speed() {
        let manual = ManualClock::new();
        manual.advance(Duration::from_secs(1));
        let clock = Clock::new(Some(manual.clone()), 60.0);
        manual.advance(Duration::from_secs(1));
        assert_eq!(clock.real_millis(), 2000);
        assert_eq!(clock.batch_millis(), 120_000);
    }
}
