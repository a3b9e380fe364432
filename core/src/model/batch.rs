use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InvalidProviderId, ProviderId};

/// 256 bytes: documented ids are UUIDs or the caller's own reference; this allows for longer ones and refuses accidents.
pub const MAX_BATCH_ID_LEN: usize = 256;

/// A batch at a provider: everything needed to wait for it, in this process or another, now or days later.
///
/// Serialises to `{"provider","id","key","submitted_at","environment"}` and holds no secret.
///
/// ```
/// use bulkrail_core::{Batch, ProviderId};
///
/// let batch = Batch::new(ProviderId::from_static("reap"), "784d4045-c900-4050-aad6-8fe4c8d2fb16")?;
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
    environment: Option<String>,
}

impl Batch {
    /// Returns the batch that `provider` knows by `id`. It does not count as submitted by us.
    ///
    /// # Errors
    ///
    /// [`InvalidBatchId`] when `id` cannot be one segment of a URL: empty, `.`, `..`, longer than
    /// [`MAX_BATCH_ID_LEN`], or with a character other than printable ASCII without `/ \ ? # %`.
    pub fn new(provider: ProviderId, id: impl Into<String>) -> Result<Self, InvalidBatchId> {
        let id = id.into();
        check_id(&id).map_err(|error| InvalidBatchId { provider: Some(provider.clone()), ..error })?;
        Ok(Self { provider, id, key: None, submitted_at: None, environment: None })
    }

    /// Returns the same batch with the idempotency key (or your own reference) it was submitted under.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Returns the same batch, submitted by us at `at`.
    ///
    /// Only such a batch is given time to become visible at the provider, and has its first poll delayed as the
    /// provider's pages ask. Any other is polled within a second, and its duration is learned only where the first response says
    /// that it is queued.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use bulkrail_core::{Batch, ProviderId};
    ///
    /// let batch = Batch::new(ProviderId::from_static("reap"), "b-1")?.with_submitted_at(SystemTime::now());
    /// # Ok::<(), bulkrail_core::InvalidBatchId>(())
    /// ```
    #[must_use]
    pub fn with_submitted_at(mut self, at: impl Into<SystemTime>) -> Self {
        let at = at.into();
        // Years beyond 9999 count as the last moment of that year.
        let bound = if at < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
        self.submitted_at = Some(Timestamp::try_from(at).unwrap_or(bound));
        self
    }

    /// Returns the same batch, in `environment` of the provider: `production`, `sandbox`, or the origin
    /// of a custom base URL.
    ///
    /// A client of another environment refuses the batch: ids of one environment mean other batches, or none, in
    /// another.
    #[must_use]
    pub fn with_environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Returns the provider that has the batch.
    #[must_use]
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// Returns the id that the provider knows the batch by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the environment that the batch is in; `None` where it is not known.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// Returns provider and id as one value, to be a key in maps or a line in a file.
    #[must_use]
    pub fn batch_id(&self) -> BatchId {
        BatchId { provider: self.provider.clone(), id: self.id.clone() }
    }

    /// Returns the idempotency key or external reference the batch was submitted under, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns when we submitted the batch; `None` for a batch that is known by its id alone.
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

impl From<BatchId> for Batch {
    /// Returns the batch of that id. It does not count as submitted by us.
    fn from(BatchId { provider, id }: BatchId) -> Self {
        Self { provider, id, key: None, submitted_at: None, environment: None }
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
    #[serde(default)]
    environment: Option<String>,
}

impl TryFrom<Unchecked> for Batch {
    type Error = InvalidBatchId;

    fn try_from(found: Unchecked) -> Result<Self, InvalidBatchId> {
        let batch = Self::new(found.provider, found.id)?;
        Ok(Self { key: found.key, submitted_at: found.submitted_at, environment: found.environment, ..batch })
    }
}

/// Provider and id of a batch: what identifies it everywhere.
///
/// Prints as `provider/id` and parses what it prints.
///
/// ```
/// use bulkrail_core::{Batch, BatchId};
///
/// let id: BatchId = "reap/784d4045-c900-4050-aad6-8fe4c8d2fb16".parse()?;
/// assert_eq!(id.to_string(), "reap/784d4045-c900-4050-aad6-8fe4c8d2fb16");
/// assert_eq!(Batch::from(id.clone()).batch_id(), id);
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String"))]
pub struct BatchId {
    provider: ProviderId,
    id: String,
}

impl BatchId {
    /// Returns the id of the batch that `provider` knows by `id`.
    ///
    /// # Errors
    ///
    /// [`InvalidBatchId`] as for [`Batch::new`].
    pub fn new(provider: ProviderId, id: impl Into<String>) -> Result<Self, InvalidBatchId> {
        Batch::new(provider, id).map(|batch| batch.batch_id())
    }

    /// Returns the provider that has the batch.
    #[must_use]
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// Returns the id that the provider knows the batch by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.id)
    }
}

impl FromStr for BatchId {
    type Err = InvalidBatchId;

    fn from_str(text: &str) -> Result<Self, InvalidBatchId> {
        let (provider, id) = text.split_once('/').ok_or(InvalidBatchId::new("is not of the form provider/id"))?;
        let provider: ProviderId = provider.parse().map_err(|InvalidProviderId| {
            InvalidBatchId::new("does not begin with a provider name (1 to 32 of a-z, 0-9, - and _)")
        })?;
        Batch::new(provider, id).map(|batch| batch.batch_id())
    }
}

impl TryFrom<String> for BatchId {
    type Error = InvalidBatchId;

    fn try_from(text: String) -> Result<Self, InvalidBatchId> {
        text.parse()
    }
}

impl From<BatchId> for String {
    fn from(id: BatchId) -> Self {
        id.to_string()
    }
}

/// Error returned when a text cannot be the id of a batch. Converts into [`Error`](crate::Error).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidBatchId {
    provider: Option<ProviderId>,
    reason: &'static str,
}

impl InvalidBatchId {
    const fn new(reason: &'static str) -> Self {
        Self { provider: None, reason }
    }

    /// Returns the provider of the id, if it was known.
    #[must_use]
    pub fn provider(&self) -> Option<&ProviderId> {
        self.provider.as_ref()
    }

    /// Returns the reason as the end of a sentence: "is empty".
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for InvalidBatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the batch id {}", self.reason)
    }
}

impl std::error::Error for InvalidBatchId {}

/// Checks that `id` stays one segment of a URL.
///
/// The generated code percent-encodes, but leaves `..`, which URL parsers fold.
///
/// # Errors
///
/// [`InvalidBatchId`] as for [`Batch::new`].
pub fn check_id(id: &str) -> Result<(), InvalidBatchId> {
    Err(InvalidBatchId::new(if id.is_empty() {
        "is empty"
    } else if id.len() > MAX_BATCH_ID_LEN {
        "is longer than 256 bytes"
    } else if id == "." || id == ".." {
        "is a relative path"
    } else if !id.bytes().all(|byte| byte.is_ascii_graphic() && !b"/\\?#%".contains(&byte)) {
        "has a character that an id cannot have (allowed: printable ASCII without / \\ ? # %)"
    } else {
        return Ok(());
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_id_refuses_ids_that_would_leave_their_url_segment() {
        let long = "x".repeat(MAX_BATCH_ID_LEN + 1);
        for id in ["", ".", "..", "a/b", "a\\b", "a?b", "a#b", "a%2fb", "a b", "a\nb", "é", &long] {
            assert!(check_id(id).is_err(), "{id:?}");
        }
        for id in ["784d4045-c900-4050-aad6-8fe4c8d2fb16", "ent_1", "a.b", "...", "1111111111-1", "a:b@c"] {
            check_id(id).unwrap();
        }
    }

    #[test]
    fn batch_is_checked_when_it_is_deserialised() {
        let saved = r#"{"provider":"reap","id":"../../admin"}"#;
        assert!(serde_json::from_str::<Batch>(saved).is_err());
    }

    #[test]
    fn batch_survives_json() {
        let batch = Batch::new(ProviderId::from_static("reap"), "b-1")
            .unwrap()
            .with_key("k")
            .with_submitted_at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap())
            .with_environment("sandbox");
        let json = serde_json::to_value(&batch).unwrap();
        let expected = serde_json::json!(
            {"provider":"reap","id":"b-1","key":"k","submitted_at":"2026-01-01T00:00:00Z","environment":"sandbox"}
        );
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Batch>(json).unwrap(), batch);
    }

    #[test]
    fn batch_id_parses_what_it_prints_and_nothing_else() {
        let id = Batch::new(ProviderId::from_static("reap"), "a:b@c").unwrap().batch_id();
        assert_eq!(id.to_string().parse(), Ok(id.clone()));
        assert_eq!(serde_json::from_str::<BatchId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        for text in ["", "reap", "reap/", "Reap/b", "/b", "reap/a/b", "reap/.."] {
            assert!(text.parse::<BatchId>().is_err(), "{text:?}");
        }
    }
}
