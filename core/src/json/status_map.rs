//! The status words of a provider.

use super::status_fields::StatusFields;
use crate::model::{Drift, DriftKind, State, identifier_or_length};

/// Maps the status words of a provider to states. Letter case does not matter.
///
/// A constant per provider, so that the words can be read beside the documentation of their sources.
///
/// ```
/// use bulkrail_core::State;
/// use bulkrail_core::json::{StatusFields, StatusMap};
///
/// const STATES: StatusMap = StatusMap::new(&[("PENDING", State::Queued), ("DONE", State::Finished)]);
/// let mut fields = StatusFields::from_body(br#"{"status":"done"}"#)?;
/// assert_eq!(STATES.parse_status(&mut fields, "/status"), (State::Finished, "done".to_owned()));
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct StatusMap(&'static [(&'static str, State)]);

impl StatusMap {
    /// Returns the map of `words`.
    #[must_use]
    pub const fn new(words: &'static [(&'static str, State)]) -> Self {
        Self(words)
    }

    /// Returns the state that `word` means, if it is in the map.
    #[must_use]
    pub fn state(&self, word: &str) -> Option<State> {
        let known = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(word.trim()));
        known.map(|(_, state)| *state)
    }

    /// Returns the pairs of word and state.
    #[must_use]
    pub fn words(&self) -> &'static [(&'static str, State)] {
        self.0
    }

    /// Returns the words of the enum `name` in `schemas` that have no state; empty if each has one.
    ///
    /// For a test: a word that the provider documents must not be left unknown when the spec is updated. `schemas` is
    /// the constant `SCHEMAS` of a generated client.
    ///
    /// ```
    /// use bulkrail_core::State;
    /// use bulkrail_core::json::StatusMap;
    ///
    /// const SCHEMAS: &str = r#"{"JobStatus":{"type":"string","enum":["PENDING","DONE","PAUSED"]}}"#;
    /// const STATES: StatusMap = StatusMap::new(&[("PENDING", State::Queued), ("DONE", State::Finished)]);
    /// assert_eq!(STATES.words_without_state(SCHEMAS, "JobStatus"), ["PAUSED"]);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if `schemas` has no enum of this name, so that a test with a wrong name does not pass. It must be a component
    /// schema, not inline.
    #[must_use]
    pub fn words_without_state(&self, schemas: &str, name: &str) -> Vec<String> {
        let schemas: serde_json::Value = serde_json::from_str(schemas).unwrap_or_default();
        let words = schemas[name]["enum"].as_array().filter(|words| !words.is_empty());
        let words = words.unwrap_or_else(|| panic!("the schemas have no enum `{name}`"));
        let words = words.iter().filter_map(serde_json::Value::as_str);
        words.filter(|word| self.state(word).is_none()).map(str::to_owned).collect()
    }

    /// Returns the state of the word at `pointer`, and the word as it was received.
    ///
    /// A word that is missing or not in the map gives [`State::Unknown`], and is recorded as drift in `fields`. A
    /// missing word is returned as an empty string.
    pub fn parse_status(&self, fields: &mut StatusFields<'_>, pointer: &str) -> (State, String) {
        let Some(word) = fields.text(pointer).map(str::to_owned) else {
            fields.note(Drift::new(pointer, DriftKind::MissingField, "a status word", "nothing"));
            return (State::Unknown, String::new());
        };
        (self.parse(fields, pointer, &word), word)
    }

    /// Returns the state of `word`, which is at `pointer`. One that is not in the map is recorded as drift in `fields`.
    pub fn parse(&self, fields: &mut StatusFields<'_>, pointer: &str, word: &str) -> State {
        let state = self.state(word);
        if state.is_none() {
            let found = identifier_or_length(word);
            fields.note(Drift::new(pointer, DriftKind::UnknownValue, "a documented status word", found));
        }
        state.unwrap_or(State::Unknown)
    }
}
