use std::fmt;

use serde::{Deserialize, Serialize};

/// Kind of an [`Error`](super::Error), as far as a caller has to tell errors apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The arguments cannot work; nothing was sent.
    Usage,
    /// The client cannot be set up: an address, a credential or TLS is missing or malformed.
    Configuration,
    /// The credentials were refused.
    Authentication,
    /// The credentials are valid, but do not allow the request.
    Permission,
    /// The provider does not know the batch or resource.
    NotFound,
    /// The resource exists already.
    Conflict,
    /// The provider refused the request for its content.
    InvalidRequest,
    /// Too many requests were sent.
    RateLimited,
    /// The provider or the network failed: a 5xx status, connection, TLS, timeout.
    Unavailable,
    /// The body of a 2xx response cannot be decoded.
    Decode,
    /// The deadline of a wait passed, and recent polls did not see the batch end.
    Deadline,
    /// The deadline or the failure budget of a wait ran out without a recent successful poll.
    Unreachable,
    /// A submit may or may not have worked.
    OutcomeUnknown,
    /// The caller stopped a wait.
    Interrupted,
    /// The provider answered with a redirect; following it could carry credentials to another host.
    UnsafeRedirect,
    /// A response was larger than the limit.
    TooLarge,
}

impl ErrorKind {
    /// Returns the word used in JSON.
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

    /// Returns what to do next, if it follows from the kind.
    pub(super) fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::Usage | Self::Configuration => return None,
            Self::Conflict => "it exists: look it up at the provider, and do not submit it again under another key",
            Self::Authentication => "check the credentials and that they belong to this environment",
            Self::Permission => "ask the provider to allow this for these credentials (some also allow-list addresses)",
            Self::NotFound => "check the id, the environment and which account the credentials belong to",
            Self::InvalidRequest => "correct the request; code and parameter name the fault where the provider does",
            Self::RateLimited => "wait as long as `retry_after` says, and send fewer requests",
            Self::Unavailable => "try again later",
            Self::Decode => {
                "the response may not be the provider's: check the base URL, and what is between (a proxy, a login page)"
            }
            Self::Deadline => "it is still running; wait for it again, do not submit it again",
            Self::Unreachable => "its state is unknown; wait for it again, do not submit it again",
            Self::OutcomeUnknown => "find out at the provider whether it exists before submitting it again",
            Self::Interrupted => "the batch continues at the provider; wait for it again to see its end",
            Self::UnsafeRedirect => "check the base URL; redirects are never followed",
            Self::TooLarge => "raise the limit for responses if this size is expected",
        })
    }

    pub(super) fn suggested_http_status(self) -> u16 {
        match self {
            Self::Usage | Self::InvalidRequest => 422,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::RateLimited | Self::Unavailable => 503,
            Self::Deadline | Self::Unreachable => 504,
            Self::Authentication
            | Self::Permission
            | Self::Decode
            | Self::OutcomeUnknown
            | Self::UnsafeRedirect
            | Self::TooLarge => 502,
            Self::Configuration => 500,
            Self::Interrupted => 503,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
