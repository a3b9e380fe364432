//! Parses the values of options, and quotes words for a shell.

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::time::Duration;

use bulkrail::schedule::Schedule;
use bulkrail_sandbox::{Faults, Sandbox};
use clap::builder::{PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command};
use jiff::{Span, SpanRelativeTo};

/// 365 days: longer than any batch takes and than any process lives.
const MAX_DURATION: Duration = Duration::from_secs(365 * 86_400);

/// Parses a factor that a sandbox takes.
pub(crate) fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok();
    let range = Sandbox::SPEED_RANGE;
    speed
        .filter(|speed: &f64| range.contains(speed))
        .ok_or_else(|| format!("expected a number from {} to {}", range.start(), range.end()))
}

/// Parses the price of a request in seconds of lag: a duration such as `2s`, or a number of
/// seconds.
pub(crate) fn lag_per_request(text: &str) -> Result<f64, String> {
    let seconds = text.trim().parse().ok().or_else(|| duration(text).ok().map(|duration| duration.as_secs_f64()));
    seconds.filter(|seconds| Schedule::LAG_PER_REQUEST_RANGE.contains(seconds)).ok_or_else(|| {
        let (min, max) = (Schedule::LAG_PER_REQUEST_RANGE.start(), Schedule::LAG_PER_REQUEST_RANGE.end());
        format!("expected a time such as 2s or 500ms, or a number of seconds, from {min} to {max} seconds")
    })
}

/// Returns a parser of the names of fault profiles.
pub(crate) fn faults() -> impl TypedValueParser<Value = Faults> {
    PossibleValuesParser::new(Faults::ALL.iter().map(Faults::to_string)).try_map(|name| name.parse::<Faults>())
}

/// Parses a base URL. One with a user name or a password is refused without being shown: the command line is repeated in
/// messages.
#[derive(Clone)]
pub(crate) struct BaseUrlParser;

impl TypedValueParser for BaseUrlParser {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        if has_user_info(&value.to_string_lossy()) {
            let reason = "the value of --base-url holds credentials; pass them as environment variables\n";
            return Err(clap::Error::raw(ErrorKind::ValueValidation, reason).with_cmd(command));
        }
        StringValueParser::new().parse_ref(command, arg, value)
    }
}

/// Returns whether a text would have a user name or a password if it were read as a URL, however malformed it is.
fn has_user_info(url: &str) -> bool {
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest).trim_start_matches(['/', '\\']);
    rest.split(['/', '\\', '?', '#']).next().unwrap_or_default().contains('@')
}

/// Parses a time with its units. A day has 24 hours.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let span = text.trim().parse::<Span>().ok();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration
        .filter(|duration| *duration <= MAX_DURATION)
        .ok_or_else(|| "expected a time such as 30m, 1h30m, 5s or 200ms, 365d at most".to_owned())
}

/// Parses two times, the shorter one first.
pub(crate) fn interval(text: &str) -> Result<RangeInclusive<Duration>, String> {
    let (min, max) = text.split_once("..").ok_or("expected MIN..MAX, such as 200ms..5s")?;
    let (min, max) = (duration(min)?, duration(max)?);
    if min > max {
        return Err("MIN must not be longer than MAX".to_owned());
    }
    if min.is_zero() {
        return Err("MIN must be above 0: polls without a pause would overload the provider".to_owned());
    }
    Ok(min..=max)
}

/// Returns `text` as one word of a shell.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Returns a command line of `command`, `names` and `options`. Names of which one begins with a hyphen are last, after
/// `--`: they are no options.
pub(crate) fn command_line(command: &str, names: &[&str], options: &str) -> String {
    let words: String = names.iter().map(|name| format!(" {}", quoted(name))).collect();
    match names.iter().any(|name| name.starts_with('-')) {
        true => format!("{command}{options} --{words}"),
        false => format!("{command}{words}{options}"),
    }
}

/// Returns an option as part of a command line that continues. A value that begins with a hyphen is joined to it.
pub(crate) fn option(name: &str, value: &str) -> String {
    let joint = if value.starts_with('-') && value != "-" { '=' } else { ' ' };
    format!(" --{name}{joint}{}", quoted(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_parses_units_and_refuses_bare_numbers() {
        assert_eq!(duration("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("1d 1h"), Ok(Duration::from_secs(90_000)));
        assert_eq!(duration("365d"), Ok(MAX_DURATION));
        let unusable = ["", "30", "-5s", "5s ago", "1mo", "soon", "5 5", "366d", "9999999d", "99999999999999999999h"];
        for text in unusable {
            assert!(duration(text).is_err_and(|reason| reason.contains("365d at most")), "{text}");
        }
    }

    #[test]
    fn lag_per_request_takes_a_duration_or_a_number_of_seconds() {
        for (text, seconds) in [("2s", 2.0), ("500ms", 0.5), ("1m", 60.0), ("2", 2.0), ("0.5", 0.5), ("500", 500.0)] {
            assert_eq!(lag_per_request(text), Ok(seconds), "{text}");
        }
        for text in ["", "0", "0s", "10ms", "501", "9m", "-2s", "-1", "NaN", "inf", "soon"] {
            assert!(lag_per_request(text).is_err_and(|reason| reason.contains("from 0.02 to 500")), "{text}");
        }
    }

    #[test]
    fn interval_goes_from_short_to_long() {
        let ms = Duration::from_millis;
        assert_eq!(interval("200ms..5s"), Ok(ms(200)..=ms(5000)));
        assert_eq!(interval("1s..1s"), Ok(ms(1000)..=ms(1000)));
        for text in ["5s..1s", "5s", "..", "1s..", "..1s", "1s...2s", "1s..=2s", "1s-2s", "0s..0s", "0s..1s"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn user_info_is_found_however_a_url_is_written() {
        for url in
            ["https://u:p@h/x", "https://u@h", "https:u:p@h", "HTTPS:\\\\u:p@h\\x", "u:p@h/x", "p@h", "https:///u:p@h"]
        {
            assert!(has_user_info(url), "{url}");
        }
        for url in ["https://h/@x", "https://h:80/a?b=c@d", "http://[::1]:80#@", "", "h"] {
            assert!(!has_user_info(url), "{url}");
        }
    }

    #[test]
    fn speed_is_one_that_a_sandbox_takes() {
        assert_eq!((speed("0.001"), speed("8"), speed("1e6")), (Ok(0.001), Ok(8.0), Ok(1e6)));
        for text in ["0", "-1", "0.0009", "1000001", "1e18", "NaN", "inf", "fast", ""] {
            assert!(speed(text).is_err_and(|reason| reason == "expected a number from 0.001 to 1000000"), "{text}");
        }
    }

    #[test]
    fn quoted_makes_one_word_of_a_shell() {
        assert_eq!(quoted("http://127.0.0.1:80/reap"), "http://127.0.0.1:80/reap");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
