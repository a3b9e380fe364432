//! Values of options: how they are read, and how one is written for a shell.

use std::ops::RangeInclusive;
use std::time::Duration;

use bulkrail::schedule::WORTHS;
use bulkrail_sandbox::Faults;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::{Span, SpanRelativeTo};

/// Longer than any batch takes, and than any process lives.
const MAX: Duration = Duration::from_secs(365 * 86_400);

/// How many times faster.
pub(crate) fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok();
    speed.filter(|speed: &f64| speed.is_finite() && *speed > 0.0).ok_or_else(|| "expected a number above 0".to_owned())
}

/// How many seconds of lag one request is worth.
pub(crate) fn worth(text: &str) -> Result<f64, String> {
    let (least, most) = (WORTHS.start(), WORTHS.end());
    let worth = text.parse().ok().filter(|worth| WORTHS.contains(worth));
    worth.ok_or_else(|| format!("expected a number of seconds from {least} to {most}"))
}

/// A fault profile by its name.
pub(crate) fn faults() -> impl TypedValueParser<Value = Faults> {
    PossibleValuesParser::new(Faults::ALL.iter().map(Faults::to_string)).try_map(|name| name.parse::<Faults>())
}

/// A time with its units. A day has 24 hours.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let span = text.trim().parse::<Span>().ok();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration
        .filter(|duration| *duration <= MAX)
        .ok_or_else(|| "expected a time such as 30m, 1h30m, 5s or 200ms, 365d at most".to_owned())
}

/// Two times, the shorter one first.
pub(crate) fn interval(text: &str) -> Result<RangeInclusive<Duration>, String> {
    let (min, max) = text.split_once("..").ok_or("expected MIN..MAX, such as 200ms..5s")?;
    let (min, max) = (duration(min)?, duration(max)?);
    if min > max {
        return Err("MIN must not be longer than MAX".to_owned());
    }
    if min.is_zero() {
        return Err("MIN must be longer than nothing: a provider is not asked without a pause".to_owned());
    }
    Ok(min..=max)
}

/// `text` as one word of a shell.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!(duration("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("1d 1h"), Ok(Duration::from_secs(90_000)));
        assert_eq!(duration("365d"), Ok(MAX));
        let unusable = ["", "30", "-5s", "5s ago", "1mo", "soon", "5 5", "366d", "9999999d", "99999999999999999999h"];
        for text in unusable {
            assert!(duration(text).is_err_and(|reason| reason.contains("365d at most")), "{text}");
        }
    }

    #[test]
    fn an_interval_goes_from_short_to_long() {
        let ms = Duration::from_millis;
        assert_eq!(interval("200ms..5s"), Ok(ms(200)..=ms(5000)));
        assert_eq!(interval("1s..1s"), Ok(ms(1000)..=ms(1000)));
        for text in ["5s..1s", "5s", "..", "1s..", "..1s", "1s...2s", "1s..=2s", "1s-2s", "0s..0s", "0s..1s"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        assert_eq!(quoted("http://127.0.0.1:80/reap"), "http://127.0.0.1:80/reap");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
