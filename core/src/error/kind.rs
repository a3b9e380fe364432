use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, as far as a caller has to tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum ErrorKind {
    /// Called with something that cannot work; nothing was sent.
    Usage,
    /// The client cannot be set up: an address, a credential or TLS is missing or malformed.
    Configuration,
    /// The credentials were refused.
    Authentication,
    /// The credentials are good, but not for this.
    Permission,
    /// The provider does not know the thing asked for.
    NotFound,
    /// It is there already.
    Conflict,
    /// The provider refused the request for its content.
    InvalidRequest,
    /// Too many requests.
    RateLimited,
    /// The provider or the way to it had a bad moment: 5xx, network, TLS, timeouts.
    Unavailable,
    /// A 2xx answer whose body is not what it should be.
    Decode,
    /// The deadline of a wait passed while the batch was seen running.
    Deadline,
    /// The deadline or the failure budget of a wait ran out without a fresh look at the batch.
    Unreachable,
    /// A submit whose fate nobody can tell.
    OutcomeUnknown,
    /// The caller stopped a wait.
    Interrupted,
    /// The provider answered with a redirect; following it could carry credentials to another host.
    UnsafeRedirect,
    /// An answer larger than the limit.
    TooLarge,
}

impl ErrorKind {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Configuration => "configuration",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::InvalidRequest => "invalid_request",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Decode => "decode",
            Self::Deadline => "deadline",
            Self::Unreachable => "unreachable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Interrupted => "interrupted",
            Self::UnsafeRedirect => "unsafe_redirect",
            Self::TooLarge => "too_large",
        }
    }

    /// What to do next, as the end of a message.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Usage | Self::Configuration => "",
            Self::Conflict => "it exists: look it up at the provider, and do not submit it again under another key",
            Self::Authentication => "check the credentials and that they belong to this environment",
            Self::Permission => "ask the provider to allow this for these credentials (some also allow-list addresses)",
            Self::NotFound => "check the id, the environment and whose credentials are in use",
            Self::InvalidRequest => "correct the request; code and parameter say what, where the provider does",
            Self::RateLimited => "wait as long as `retry_after` says, and ask less often",
            Self::Unavailable | Self::Decode => "try again later",
            Self::Deadline => "it is still running; wait for it again, do not submit it again",
            Self::Unreachable => "its state is unknown; wait for it again, do not submit it again",
            Self::OutcomeUnknown => "find out at the provider whether it exists before submitting it again",
            Self::Interrupted => "the batch goes on at the provider; wait for it again to see its end",
            Self::UnsafeRedirect => "check the base URL; redirects are never followed",
            Self::TooLarge => "raise the limit for answers if this size is expected",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
