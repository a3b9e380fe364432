//! In what the answers of a provider differ from its spec.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One way in which answers differed from the spec. Holds no personal data: for a field `found` is its JSON type, for a status word
/// the word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Drift {
    /// Where, as a JSON pointer into the answer.
    pub pointer: String,
    /// What kind of difference.
    pub kind: DriftKind,
    /// What the spec says.
    pub expected: Cow<'static, str>,
    /// What came.
    pub found: String,
    /// How often.
    pub count: u64,
}

impl Drift {
    /// One difference, seen once.
    #[must_use]
    pub fn new(
        pointer: impl Into<String>,
        kind: DriftKind,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
    ) -> Self {
        Self { pointer: pointer.into(), kind, expected: expected.into(), found: found.into(), count: 1 }
    }

    /// Says it to who listens to events. What was found is in the reports; here only where, and what was expected.
    pub(crate) fn tell(&self) {
        tracing::warn!(
            target: "bulkrail::drift",
            {
                bulkrail.drift.pointer = self.pointer,
                bulkrail.drift.kind = self.kind.as_str(),
                bulkrail.drift.expected = &*self.expected,
            },
            "the answer differs from the spec"
        );
    }

    /// Adds `more` to `known`, counting what is already there instead of listing it twice.
    pub(crate) fn merge(known: &mut Vec<Self>, more: &[Self]) {
        for drift in more {
            let same =
                |old: &&mut Self| (&old.pointer, old.kind, &old.found) == (&drift.pointer, drift.kind, &drift.found);
            if let Some(old) = known.iter_mut().find(same) {
                old.count += drift.count;
            } else if known.len() < MAX_DRIFT {
                known.push(drift.clone());
            }
        }
    }
}

/// Differences that are listed; more than this is another API, and the list would only use up memory.
const MAX_DRIFT: usize = 100;

/// The kind of a [`Drift`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum DriftKind {
    /// A field that the spec does not have.
    UnknownField,
    /// A word that the spec's enum does not have.
    UnknownValue,
    /// Another JSON type than the spec has.
    TypeMismatch,
    /// A field that the spec requires is missing.
    MissingField,
}

impl DriftKind {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownField => "unknown_field",
            Self::UnknownValue => "unknown_value",
            Self::TypeMismatch => "type_mismatch",
            Self::MissingField => "missing_field",
        }
    }
}
