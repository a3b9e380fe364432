//! Durations as they are stored. A document may contain anything: values that are not plausible are
//! dropped, and no more are kept than [`DurationSamples`] holds.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::DurationSamples;
use super::duration_samples::{Calibration, Ring};

/// Version of the document that [`DurationSamples::export`] writes.
const VERSION: u32 = 1;

/// Error returned when a document does not hold durations, or is of a later version.
#[derive(Debug)]
pub struct InvalidDocument(Reason);

#[derive(Debug)]
enum Reason {
    Json(serde_json::Error),
    Version(u32),
}

impl DurationSamples {
    /// Returns the samples as a small JSON document, without names and ids.
    #[must_use]
    pub fn export(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`export`](DurationSamples::export) wrote. Implausible durations are dropped.
    ///
    /// # Errors
    ///
    /// Not such a document, or one of a later version. Start with new samples then: they are safe
    /// to lose.
    pub fn import(document: &str) -> Result<Self, InvalidDocument> {
        let document: Document =
            serde_json::from_str(document).map_err(|error| InvalidDocument(Reason::Json(error)))?;
        document.try_into()
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Document {
    version: u32,
    /// `[rows or 0, milliseconds]` each, the oldest first.
    #[serde(default)]
    finished: Ring,
    #[serde(default)]
    failed: Ring,
    /// The fields of [`Calibration`], in their order.
    #[serde(default)]
    calibration: Lenient<(u32, f64, f64, f64)>,
}

impl From<DurationSamples> for Document {
    fn from(samples: DurationSamples) -> Self {
        let Calibration { count, bias, variance, onset } = samples.calibration;
        Self {
            version: VERSION,
            finished: samples.finished,
            failed: samples.failed,
            calibration: Lenient::Valid((count, bias, variance, onset)),
        }
    }
}

impl TryFrom<Document> for DurationSamples {
    type Error = InvalidDocument;

    fn try_from(document: Document) -> Result<Self, InvalidDocument> {
        if document.version != VERSION {
            return Err(InvalidDocument(Reason::Version(document.version)));
        }
        let calibration = match document.calibration {
            Lenient::Valid((count, bias, variance, onset)) => Calibration { count, bias, variance, onset }.validated(),
            Lenient::Invalid(_) => None,
        };
        Ok(Self::restored(document.finished, document.failed, calibration.unwrap_or_default()))
    }
}

/// A `T`, or any other JSON value.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Valid(T),
    Invalid(IgnoredAny),
}

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self::Invalid(IgnoredAny)
    }
}

impl<T: Serialize> Serialize for Lenient<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Valid(value) => value.serialize(serializer),
            Self::Invalid(_) => serializer.serialize_unit(),
        }
    }
}

impl Serialize for Ring {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Ring {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RingVisitor)
    }
}

/// Reads a list of any length, and never keeps more in memory than the ring.
struct RingVisitor;

impl<'de> Visitor<'de> for RingVisitor {
    type Value = Ring;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of pairs of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ring, A::Error> {
        let mut ring = Ring::default();
        while let Some(sample) = list.next_element::<Lenient<(u64, u64)>>()? {
            if let Lenient::Valid(sample) = sample {
                ring.push(sample);
            }
        }
        Ok(ring)
    }
}

impl fmt::Display for InvalidDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Json(error) => {
                write!(f, "not a history of durations (line {}, column {})", error.line(), error.column())
            }
            Reason::Version(version) => {
                write!(f, "a history of version {version}; only version {VERSION} can be read")
            }
        }
    }
}

impl std::error::Error for InvalidDocument {}
