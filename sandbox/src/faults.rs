//! Fault profiles.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Fault profile of a sandbox.
///
/// Times are real time, independent of the [speed](crate::SandboxBuilder::speed). The names
/// written by [`Display`](fmt::Display) are accepted by [`FromStr`].
///
/// ```
/// use bulkrail_sandbox::Faults;
///
/// assert_eq!("flaky".parse(), Ok(Faults::Flaky));
/// assert!("nonsense".parse::<Faults>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Faults {
    /// `none`: no faults.
    #[default]
    None,
    /// `flaky`: about 1 request in 8, selected by the seed and the number of the request, fails.
    ///
    /// The client gets a 502 with an HTML body, a 503 with `Retry-After: 1`, a truncated body or a
    /// closed connection. A request that gets a 502 or 503 is not processed. The other two lose
    /// the response to a request that was processed.
    Flaky,
    /// `ratelimit`: more than 20 requests per second and provider, after a burst of 20, get a 429.
    ///
    /// KillB sends its documented `X-RateLimit-*` headers, the others send `Retry-After`. The
    /// limit is the sandbox's own, lower than KillB's. The other providers document neither a
    /// limit nor a header.
    RateLimit,
    /// `expire`: access tokens expire after 2 s, and the first refresh is rejected.
    Expire,
    /// `drift`: successful responses deviate from the documentation.
    ///
    /// Each has an undocumented field and, in turn, one more change:
    ///
    /// - the status in another letter case
    /// - an unknown status while the batch runs
    /// - a number as a string, or the reverse
    /// - a null for a documented value
    Drift,
    /// `outage`: every poll gets a 503 from 2 s to 7 s after the start.
    Outage,
}

impl Faults {
    /// All profiles.
    pub const ALL: &'static [Self] =
        &[Self::None, Self::Flaky, Self::RateLimit, Self::Expire, Self::Drift, Self::Outage];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Flaky => "flaky",
            Self::RateLimit => "ratelimit",
            Self::Expire => "expire",
            Self::Drift => "drift",
            Self::Outage => "outage",
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Faults {
    type Err = ParseFaultsError;

    fn from_str(name: &str) -> Result<Self, ParseFaultsError> {
        let known = Self::ALL.iter().find(|faults| faults.name() == name);
        known.copied().ok_or(ParseFaultsError(()))
    }
}

/// Error returned when a string is not the name of a fault profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFaultsError(());

impl fmt::Display for ParseFaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown fault profile, expected one of: ")?;
        for (index, faults) in Faults::ALL.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{faults}")?;
        }
        Ok(())
    }
}

impl Error for ParseFaultsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_parses_to_same_profile_and_unknown_name_lists_all() {
        for faults in Faults::ALL {
            assert_eq!(faults.to_string().parse(), Ok(*faults));
        }
        let error = "nonsense".parse::<Faults>().unwrap_err();
        assert!(error.to_string().contains("ratelimit"), "{error}");
    }
}
