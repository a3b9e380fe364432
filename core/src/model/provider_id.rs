use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Short name of a provider: `killb`, `reap`, `cdq`, `localpayment`, or one of your own.
///
/// One to 32 characters of `a-z`, `0-9`, `-`, `_`.
///
/// ```
/// use bulkrail_core::ProviderId;
///
/// let provider: ProviderId = "reap".parse()?;
/// assert_eq!(provider.as_str(), "reap");
/// assert!("Not A Name".parse::<ProviderId>().is_err());
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String"))]
pub struct ProviderId(Cow<'static, str>);

impl ProviderId {
    /// Returns the id for a name that is known at compile time.
    ///
    /// # Panics
    ///
    /// Panics when `name` is not a provider name; in a `const` that is a compile error.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        assert!(is_name(name.as_bytes()), "a provider name is 1 to 32 of a-z, 0-9, - and _");
        Self(Cow::Borrowed(name))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_name(name: &[u8]) -> bool {
    let mut index = 0;
    while index < name.len() {
        if !matches!(name[index], b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') {
            return false;
        }
        index += 1;
    }
    !name.is_empty() && name.len() <= 32
}

/// Error returned when a text is not a [`ProviderId`]. Converts into [`Error`](crate::Error).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidProviderId;

impl fmt::Display for InvalidProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a provider name is 1 to 32 of a-z, 0-9, - and _")
    }
}

impl std::error::Error for InvalidProviderId {}

impl FromStr for ProviderId {
    type Err = InvalidProviderId;

    fn from_str(name: &str) -> Result<Self, InvalidProviderId> {
        name.to_owned().try_into()
    }
}

impl TryFrom<String> for ProviderId {
    type Error = InvalidProviderId;

    fn try_from(name: String) -> Result<Self, InvalidProviderId> {
        if is_name(name.as_bytes()) { Ok(Self(Cow::Owned(name))) } else { Err(InvalidProviderId) }
    }
}

impl From<ProviderId> for String {
    fn from(provider: ProviderId) -> Self {
        provider.0.into_owned()
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
