use super::status_fields::StatusFields;
use crate::model::{Drift, DriftKind, State};

/// A provider's status words and the state that each means.
///
/// Letter case does not matter: pages and responses differ in it.
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

    /// Returns the words and the state that each means.
    #[must_use]
    pub fn words(&self) -> &'static [(&'static str, State)] {
        self.0
    }

    /// Returns the state that the word at `pointer` means, and the word unchanged.
    ///
    /// A word that is not in the map, or a missing one, is [`State::Unknown`] and drift.
    pub fn parse_status(&self, fields: &mut StatusFields<'_>, pointer: &str) -> (State, String) {
        let Some(word) = fields.text(pointer).map(str::to_owned) else {
            fields.note(Drift::new(pointer, DriftKind::MissingField, "a status word", "nothing"));
            return (State::Unknown, String::new());
        };
        let known = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(word.trim()));
        let state = known.map_or(State::Unknown, |(_, state)| *state);
        if known.is_none() {
            fields.note(Drift::new(pointer, DriftKind::UnknownValue, "a documented status word", word.clone()));
        }
        (state, word)
    }
}
