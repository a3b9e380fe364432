//! A history as it is stored. What is read may be anything: what cannot be true is dropped, and no more is kept than a history holds.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::DurationSamples;
use super::history::{Calibration, Ring};

/// The version of the document that [`History::export`] writes.
pub const VERSION: u32 = 1;

/// That is not a history, or one of a later version.
#[derive(Debug)]
pub struct Unreadable(Why);

#[derive(Debug)]
enum Why {
    Json(serde_json::Error),
    Version(u32),
}

impl DurationSamples {
    /// A small JSON document: numbers, nothing that names anybody.
    #[must_use]
    pub fn export(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`export`](History::export) wrote. Durations that cannot be true are dropped.
    ///
    /// # Errors
    ///
    /// It is no such document, or one of a later version. Begin with a new history then: it is safe to lose.
    pub fn import(document: &str) -> Result<Self, Unreadable> {
        let document: Document = serde_json::from_str(document).map_err(|error| Unreadable(Why::Json(error)))?;
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
    /// Forecasts compared with the end, their mean error and its variance (of the logarithm), and where progress begins.
    #[serde(default)]
    calibration: Lenient<(u32, f64, f64, f64)>,
}

impl From<DurationSamples> for Document {
    fn from(history: DurationSamples) -> Self {
        let Calibration { count, bias, variance, onset } = history.calibration;
        Self {
            version: VERSION,
            finished: history.finished,
            failed: history.failed,
            calibration: Lenient::Good((count, bias, variance, onset)),
        }
    }
}

impl TryFrom<Document> for DurationSamples {
    type Error = Unreadable;

    fn try_from(document: Document) -> Result<Self, Unreadable> {
        if document.version != VERSION {
            return Err(Unreadable(Why::Version(document.version)));
        }
        let calibration = match document.calibration {
            Lenient::Good((count, bias, variance, onset)) => Calibration { count, bias, variance, onset }.checked(),
            Lenient::Bad(_) => None,
        };
        Ok(Self::restored(document.finished, document.failed, calibration.unwrap_or_default()))
    }
}

/// What was meant, or anything else.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Good(T),
    Bad(IgnoredAny),
}

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self::Bad(IgnoredAny)
    }
}

impl<T: Serialize> Serialize for Lenient<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Good(value) => value.serialize(serializer),
            Self::Bad(_) => serializer.serialize_unit(),
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
        deserializer.deserialize_seq(Points)
    }
}

/// Reads a list of any length into a ring, without ever holding more than the ring.
struct Points;

impl<'de> Visitor<'de> for Points {
    type Value = Ring;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of pairs of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Ring, A::Error> {
        let mut ring = Ring::default();
        while let Some(point) = list.next_element::<Lenient<(u64, u64)>>()? {
            if let Lenient::Good(point) = point {
                ring.push(point);
            }
        }
        Ok(ring)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Json(error) => {
                write!(f, "not a history of durations (line {}, column {})", error.line(), error.column())
            }
            Why::Version(version) => write!(f, "a history of version {version}; only version {VERSION} can be read"),
        }
    }
}

impl std::error::Error for Unreadable {}
