//! Differences between a provider's responses and its spec.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One difference between responses and the spec.
///
/// Holds no personal data: for a field `found` is its JSON type, for a status word the word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Drift {
    /// JSON pointer into the response. `*` stands for the index in a list.
    pub pointer: String,
    /// Kind of the difference.
    pub kind: DriftKind,
    /// Value or type that the spec has.
    pub expected: Cow<'static, str>,
    /// JSON type, or status word, that the response has.
    pub found: String,
    /// Number of times the difference was seen.
    pub count: u64,
}

impl Drift {
    /// Returns a difference that was seen once.
    #[must_use]
    pub fn new(
        pointer: impl Into<String>,
        kind: DriftKind,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
    ) -> Self {
        Self { pointer: pointer.into(), kind, expected: expected.into(), found: found.into(), count: 1 }
    }

    /// Adds `more` to `known`. A difference that is already there is counted instead of listed twice.
    pub fn merge(known: &mut Vec<Self>, more: &[Self]) {
        for drift in more {
            let same =
                |old: &&mut Self| (&old.pointer, old.kind, &old.found) == (&drift.pointer, drift.kind, &drift.found);
            if let Some(old) = known.iter_mut().find(same) {
                old.count = old.count.saturating_add(drift.count);
            } else if known.len() < MAX_DRIFT {
                known.push(drift.clone());
            }
        }
    }
}

/// Longest name or status word that is shown: documented ones have up to 30 characters.
const MAX_IDENTIFIER_LEN: usize = 40;

/// Longest code of digits that is shown: documented ones have 3, phone and account numbers have 7 at least.
const MAX_CODE_DIGITS: usize = 6;

/// Returns `text` if it has the form of an identifier (`A-Z`, `a-z`, `0-9`, `_`, `.`, `-`; up to 40 characters), else its
/// length. Of digits alone, it has 6 at most.
///
/// Unknown field names and status words are data of a provider: one without the form of a name may be personal.
///
/// ```
/// use bulkrail_core::identifier_or_length;
///
/// assert_eq!(identifier_or_length("COMPLETED_WITH_ERRORS"), "COMPLETED_WITH_ERRORS");
/// assert_eq!(identifier_or_length("ann@example.com"), "(a text of 15 bytes)");
/// assert_eq!(identifier_or_length("11-5555-1234"), "(a text of 12 bytes)");
/// ```
#[must_use]
pub fn identifier_or_length(text: &str) -> Cow<'_, str> {
    let is_identifier = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let has_letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_code = || text.bytes().filter(u8::is_ascii_digit).count() <= MAX_CODE_DIGITS;
    if text.len() <= MAX_IDENTIFIER_LEN && text.bytes().all(is_identifier) && (has_letter || is_code()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("(a text of {} bytes)", text.len()))
    }
}

/// 100 differences are listed: more than that is another API, and the list would only use memory.
const MAX_DRIFT: usize = 100;

/// Kind of a [`Drift`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum DriftKind {
    /// The response has a field that the spec does not have.
    UnknownField,
    /// The response has a word that the spec's enum does not have.
    UnknownValue,
    /// The response has another JSON type than the spec.
    TypeMismatch,
    /// The response does not have a field that the spec requires.
    MissingField,
}

impl DriftKind {
    /// Returns the word used in JSON.
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
