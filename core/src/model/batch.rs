use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ProviderId;
use crate::{Error, ErrorKind};

/// The longest id that is put into a URL. Documented ids are UUIDs or your own reference; this leaves room and refuses accidents.
pub(crate) const MAX_ID_LEN: usize = 256;

/// A batch at a provider: all that is needed to wait for it, in this process or another, now or days later.
///
/// It serialises to `{"provider","id","key","submitted_at"}` and holds no secret.
///
/// ```
/// use bulkrail::{Batch, ProviderId};
///
/// let batch = Batch::named(ProviderId::from_static("reap"), "784d4045-c900-4050-aad6-8fe4c8d2fb16")?;
/// let saved = serde_json::to_string(&batch)?;
/// let resumed: Batch = serde_json::from_str(&saved)?;
/// assert_eq!(resumed, batch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(!try_from))]
#[non_exhaustive]
pub struct Batch {
    provider: ProviderId,
    id: String,
    key: Option<String>,
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    submitted_at: Option<Timestamp>,
}

impl Batch {
    /// A batch that somebody else submitted, known by its id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when `id` cannot stand in a URL as one segment: empty, `.`, `..`, longer than 256 bytes, or with a
    /// character other than printable ASCII without `/ \ ? # %`.
    pub fn named(provider: ProviderId, id: impl Into<String>) -> Result<Self, Error> {
        let id = id.into();
        check_id(&id, "the batch id").map_err(|error| error.with_provider(provider.clone()))?;
        Ok(Self { provider, id, key: None, submitted_at: None })
    }

    /// The same batch with the idempotency key (or your own reference) it was submitted under.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same batch, submitted by us at `at`. Only such a batch is given time to become visible at the provider, and has its
    /// first look delayed as the provider asks.
    #[must_use]
    pub fn with_submitted_at(mut self, at: Timestamp) -> Self {
        self.submitted_at = Some(at);
        self
    }

    /// The provider that has it.
    #[must_use]
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// The id that the provider knows it by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The idempotency key or external reference it was submitted under, where there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// When we submitted it; `None` for a batch named by hand.
    #[must_use]
    pub fn submitted_at(&self) -> Option<Timestamp> {
        self.submitted_at
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} batch {}", self.provider, self.id)
    }
}

#[derive(Deserialize)]
struct Unchecked {
    provider: ProviderId,
    id: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    submitted_at: Option<Timestamp>,
}

impl TryFrom<Unchecked> for Batch {
    type Error = Error;

    fn try_from(found: Unchecked) -> Result<Self, Error> {
        let batch = Self::named(found.provider, found.id)?;
        Ok(Self { key: found.key, submitted_at: found.submitted_at, ..batch })
    }
}

/// Refuses an id that would not stay one segment of a URL. The generator percent-encodes, but leaves `..`, which URL parsers fold.
pub(crate) fn check_id(id: &str, what: &str) -> Result<(), Error> {
    let reason = if id.is_empty() {
        "is empty".to_owned()
    } else if id.len() > MAX_ID_LEN {
        format!("is longer than {MAX_ID_LEN} bytes")
    } else if id == "." || id == ".." {
        "is a relative path".to_owned()
    } else if !id.bytes().all(|byte| byte.is_ascii_graphic() && !b"/\\?#%".contains(&byte)) {
        "has a character that does not belong into an id (allowed: printable ASCII without / \\ ? # %)".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Usage, format!("{what} {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_would_leave_their_url_segment_are_refused() {
        let long = "x".repeat(MAX_ID_LEN + 1);
        for id in ["", ".", "..", "a/b", "a\\b", "a?b", "a#b", "a%2fb", "a b", "a\nb", "é", &long] {
            assert_eq!(check_id(id, "id").unwrap_err().kind(), ErrorKind::Usage, "{id:?}");
        }
        for id in ["784d4045-c900-4050-aad6-8fe4c8d2fb16", "ent_1", "a.b", "...", "1111111111-1", "a:b@c"] {
            check_id(id, "id").unwrap();
        }
    }

    #[test]
    fn a_saved_batch_is_checked_when_it_is_read() {
        let saved = r#"{"provider":"reap","id":"../../admin"}"#;
        assert!(serde_json::from_str::<Batch>(saved).is_err());
    }

    #[test]
    fn a_batch_survives_json() {
        let batch = Batch::named(ProviderId::from_static("reap"), "b-1")
            .unwrap()
            .with_key("k")
            .with_submitted_at("2026-01-01T00:00:00Z".parse().unwrap());
        let json = serde_json::to_value(&batch).unwrap();
        let expected =
            serde_json::json!({"provider":"reap","id":"b-1","key":"k","submitted_at":"2026-01-01T00:00:00Z"});
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Batch>(json).unwrap(), batch);
    }
}
