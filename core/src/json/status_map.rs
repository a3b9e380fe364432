use super::Vitals;
use crate::State;
use crate::drift::{Drift, DriftKind};

/// A provider's status words and what each means. Letter case does not matter: pages and answers differ in it.
pub(crate) struct Words(pub(crate) &'static [(&'static str, State)]);

impl Words {
    /// The state that the word at `pointer` means, and the word as it came. A word that is not in the table, or none at all, is
    /// [`State::Unrecognised`] and drift.
    pub(crate) fn read(&self, vitals: &mut Vitals<'_>, pointer: &str) -> (State, String) {
        let Some(word) = vitals.text(pointer).map(str::to_owned) else {
            vitals.note(Drift::new(pointer, DriftKind::MissingField, "a status word", "nothing"));
            return (State::Unrecognised, String::new());
        };
        let known = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(word.trim()));
        let state = known.map_or(State::Unrecognised, |(_, state)| *state);
        if known.is_none() {
            vitals.note(Drift::new(pointer, DriftKind::UnknownValue, "a documented status word", word.clone()));
        }
        (state, word)
    }
}
