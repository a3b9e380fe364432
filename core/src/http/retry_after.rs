//! The time that a response asks to wait before the next request.

use std::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use crate::time::Clock;

/// 24 h: longer than any wait. A later time is reduced to it.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Names of the headers for requests that are left and for the time when there are more.
static RATE_LIMITS: [(HeaderName, HeaderName); 2] = [
    (HeaderName::from_static("ratelimit-remaining"), HeaderName::from_static("ratelimit-reset")),
    (HeaderName::from_static("x-ratelimit-remaining"), HeaderName::from_static("x-ratelimit-reset")),
];

/// 100,000,000: a smaller number in a reset header is seconds left (three years at most), a larger one is seconds since
/// the epoch (1973 at least). Providers have both, under both names.
const FIRST_EPOCH_SECOND: i64 = 100_000_000;

/// Returns the time to wait before the next request: `Retry-After` in seconds or as a date, else `RateLimit-Reset` or
/// `X-RateLimit-Reset` in seconds left or seconds since the epoch.
///
/// A reset counts only if `RateLimit-Remaining` (`X-RateLimit-Remaining`) is 0, or is missing and the request was
/// `refused`.
/// Dates are compared with the `Date` of the response, because the local clock may be wrong; `clock` is used when it is
/// missing. Values that cannot be parsed are ignored.
pub(super) fn retry_after(headers: &HeaderMap, refused: bool, clock: &Clock) -> Option<Duration> {
    let now = || text(headers, &DATE).and_then(parse_date).unwrap_or_else(|| clock.wall());
    let delay = text(headers, &RETRY_AFTER)
        .and_then(|value| parse_seconds(value).or_else(|| until(parse_date(value)?, now())))
        .or_else(|| {
            RATE_LIMITS.iter().find_map(|(remaining, reset)| {
                let is_exhausted = text(headers, remaining).map_or(refused, |remaining| remaining == "0");
                let reset = text(headers, reset).filter(|_| is_exhausted)?;
                match reset.parse::<i64>() {
                    Ok(second @ FIRST_EPOCH_SECOND..) => until(Timestamp::from_second(second).ok()?, now()),
                    _ => parse_seconds(reset),
                }
            })
        });
    delay.map(|delay| delay.min(MAX_RETRY_AFTER))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Seconds, with or without a fraction (some servers send one; RFC 9110 does not have it).
fn parse_seconds(value: &str) -> Option<Duration> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = value.parse().ok().filter(|_| is_number)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(MAX_RETRY_AFTER))
}

/// A date in one of the three forms of RFC 9110: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`. All are in GMT.
fn parse_date(value: &str) -> Option<Timestamp> {
    if let Ok(timestamp) = rfc2822::DateTimeParser::new().parse_timestamp(value) {
        return Some(timestamp);
    }
    let obsolete = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let date = obsolete.iter().find_map(|format| DateTime::strptime(format, value).ok())?;
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn until(then: Timestamp, now: Timestamp) -> Option<Duration> {
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests {
    use super::*;

    fn delay(headers: &[(&'static str, &'static str)], refused: bool) -> Option<u64> {
        let map = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        retry_after(&map, refused, &crate::test_util::VirtualClock::new().clock()).map(|delay| delay.as_secs())
    }

    #[test]
    fn retry_after_ignores_the_reset_of_a_rate_limit_that_is_not_exhausted() {
        let headers = [("x-ratelimit-reset", "784111782"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
        assert_eq!(delay(&headers, false), None);
        assert_eq!(delay(&headers, true), Some(5));
    }

    #[test]
    fn retry_after_reads_seconds_dates_and_rate_limit_resets() {
        let day = MAX_RETRY_AFTER.as_secs();
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let table: &[(&[(&'static str, &'static str)], Option<u64>)] = &[
            (&[], None),
            (&[("retry-after", "7")], Some(7)),
            (&[("retry-after", "0")], Some(0)),
            (&[("retry-after", "1000000000")], Some(day)),
            (&[("retry-after", "99999999999999999999999")], Some(day)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), date], Some(30)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT"), date], Some(0)),
            (&[("retry-after", "Thu, 01 Jan 2026 00:00:05 GMT")], Some(5)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "-5")], None),
            (&[("retry-after", "")], None),
            (&[("retry-after", "2.5")], Some(2)),
            (&[("retry-after", "1e3")], None),
            (&[("retry-after", "inf")], None),
            (&[("retry-after", "Sunday, 06-Nov-94 08:50:07 GMT"), date], Some(30)),
            (&[("retry-after", "Sun Nov  6 08:50:07 1994"), date], Some(30)),
            (&[("retry-after", "Wed Nov 16 08:49:37 1994"), date], Some(day)),
            (&[("x-ratelimit-reset", "784111782"), date], Some(5)),
            (&[("x-ratelimit-reset", "784111782"), ("x-ratelimit-remaining", "0"), date], Some(5)),
            (&[("x-ratelimit-reset", "784111782"), ("x-ratelimit-remaining", "3"), date], None),
            (&[("x-ratelimit-reset", "tomorrow"), date], None),
            (&[("x-ratelimit-reset", "12"), date], Some(12)),
            (&[("x-ratelimit-reset", "-12"), date], None),
            (&[("ratelimit-reset", "12"), ("ratelimit-remaining", "0")], Some(12)),
            (&[("ratelimit-reset", "12"), ("ratelimit-remaining", "1")], None),
            (&[("ratelimit-reset", "784111782"), date], Some(5)),
            (&[("ratelimit-reset", "12"), ("x-ratelimit-reset", "13")], Some(12)),
            (&[("retry-after", "2"), ("ratelimit-reset", "12")], Some(2)),
            (&[("retry-after", "2"), ("x-ratelimit-reset", "784111782"), date], Some(2)),
        ];
        for (headers, expected) in table {
            assert_eq!(delay(headers, true), *expected, "{headers:?}");
        }
    }

    #[test]
    fn retry_after_is_a_day_at_most() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let table: &[(&[(&'static str, &'static str)], u64)] = &[
            (&[("retry-after", "3600")], 3_600),
            (&[("retry-after", "86399")], 86_399),
            (&[("retry-after", "86400")], 86_400),
            (&[("retry-after", "86401")], 86_400),
            (&[("retry-after", "Mon, 07 Nov 1994 08:49:36 GMT"), date], 86_399),
            (&[("retry-after", "Mon, 07 Nov 1994 08:49:38 GMT"), date], 86_400),
            (&[("retry-after", "Thu, 30 Dec 9999 00:00:00 GMT"), date], 86_400),
            (&[("ratelimit-reset", "86399")], 86_399),
            (&[("ratelimit-reset", "86401")], 86_400),
            // The last number that counts as seconds left, and the first that is a time of day.
            (&[("ratelimit-reset", "99999999"), date], 86_400),
            (&[("ratelimit-reset", "100000000"), date], 0),
            (&[("x-ratelimit-reset", "9223372036854775807"), ("retry-after", "7")], 7),
        ];
        for (headers, expected) in table {
            assert_eq!(delay(headers, true), Some(*expected), "{headers:?}");
        }
    }

    #[test]
    fn retry_after_ignores_each_header_that_is_malformed() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let table: &[(&[(&'static str, &'static str)], Option<u64>)] = &[
            (&[("retry-after", "\u{e9}")], None),
            (&[("retry-after", "7\u{e9}"), ("ratelimit-reset", "12")], Some(12)),
            (&[("retry-after", "7, 8")], None),
            (&[("retry-after", "7 s")], None),
            (&[("retry-after", "+7")], None),
            (&[("retry-after", "0x7")], None),
            (&[("retry-after", "1.2.3")], None),
            (&[("retry-after", ".")], None),
            (&[("retry-after", "\t7 ")], Some(7)),
            (&[("retry-after", "Sun, 36 Nov 1994 08:50:07 GMT"), date], None),
            (&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), ("date", "yesterday")], Some(0)),
            (&[("retry-after", "Thu, 01 Jan 2026 00:00:05 GMT"), ("date", "\u{e9}")], Some(5)),
            (&[("ratelimit-reset", "\u{e9}"), ("x-ratelimit-reset", "13")], Some(13)),
            (&[("ratelimit-reset", "soon"), ("x-ratelimit-reset", "13")], Some(13)),
            (&[("ratelimit-reset", "9223372036854775807"), date], None),
            (&[("ratelimit-reset", "12"), ("ratelimit-remaining", "none")], None),
            (&[("ratelimit-reset", "12"), ("ratelimit-remaining", " 0 ")], Some(12)),
            // A malformed one says nothing.
            (&[("ratelimit-reset", "12"), ("ratelimit-remaining", "\u{e9}")], Some(12)),
        ];
        for (headers, expected) in table {
            assert_eq!(delay(headers, true), *expected, "{headers:?}");
        }
        assert_eq!(delay(&[("ratelimit-reset", "12"), ("ratelimit-remaining", "\u{e9}")], false), None);
    }
}
