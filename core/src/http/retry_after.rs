//! Reads when a response allows the next request.

use std::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use crate::time::Clock;

/// 24 h, longer than any wait: a later time is cut to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

static REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
static RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Returns the time before which the response asks for no other request: `Retry-After` in seconds or as a date, else
/// `X-RateLimit-Reset` in epoch seconds, where nothing remains of a rate limit.
///
/// Dates are compared with the response's own `Date`, because the local clock may be wrong; `clock` stands in where it
/// has none. Values that cannot be read are ignored, and so is the next reset of a limit on a response that was not
/// `refused`.
pub(super) fn retry_after(headers: &HeaderMap, refused: bool, clock: &Clock) -> Option<Duration> {
    let now = || text(headers, &DATE).and_then(date).unwrap_or_else(|| clock.wall());
    let hint = text(headers, &RETRY_AFTER).and_then(|hint| seconds(hint).or_else(|| until(date(hint)?, now())));
    let hint = hint.or_else(|| {
        let spent = text(headers, &REMAINING).map_or(refused, |remaining| remaining == "0");
        let reset = text(headers, &RESET).filter(|_| spent)?;
        until(Timestamp::from_second(reset.parse().ok()?).ok()?, now())
    });
    hint.map(|hint| hint.min(MAX_RETRY_AFTER))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn seconds(hint: &str) -> Option<Duration> {
    let digits = !hint.is_empty() && hint.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| hint.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs))
}

/// An HTTP date is an RFC 2822 date in GMT.
fn date(hint: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(hint).ok()
}

fn until(then: Timestamp, now: Timestamp) -> Option<Duration> {
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use super::*;

    fn hint(headers: &[(&'static str, &'static str)]) -> Option<u64> {
        hint_when(true, headers)
    }

    fn hint_when(refused: bool, headers: &[(&'static str, &'static str)]) -> Option<u64> {
        let map = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        retry_after(&map, refused, &crate::test_util::VirtualClock::new().clock()).map(|hint| hint.as_secs())
    }

    #[test]
    fn retry_after_ignores_the_next_reset_of_a_limit_that_is_not_reached() {
        let headers = [("x-ratelimit-reset", "784111782"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
        assert_eq!(hint_when(false, &headers), None);
        assert_eq!(hint_when(true, &headers), Some(5));
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
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
            (&[("retry-after", "1.5")], None),
            (&[("x-ratelimit-reset", "784111782"), date], Some(5)),
            (&[("x-ratelimit-reset", "784111782"), ("x-ratelimit-remaining", "0"), date], Some(5)),
            (&[("x-ratelimit-reset", "784111782"), ("x-ratelimit-remaining", "3"), date], None),
            (&[("x-ratelimit-reset", "tomorrow"), date], None),
            (&[("retry-after", "2"), ("x-ratelimit-reset", "784111782"), date], Some(2)),
        ];
        for (headers, expected) in table {
            assert_eq!(hint(headers), *expected, "{headers:?}");
        }
    }
}
