//! Answers that no longer look quite like the documentation.

use serde_json::Value;

/// Where drift shows in a provider's answers: JSON pointers and words.
pub(crate) struct Shape {
    /// The status word.
    pub(crate) status: &'static str,
    /// Its value while rows are being processed.
    pub(crate) running: &'static str,
    /// An undocumented word to say instead of it.
    pub(crate) unknown: &'static str,
    /// A number, or a string of digits.
    pub(crate) number: &'static str,
    /// A field that is documented to have a value.
    pub(crate) value: &'static str,
}

/// Changes one JSON answer: always an added field, and by turns (`turn` modulo 4) another case of the status word,
/// an undocumented status word while running, a number as a string (or the other way round), a null.
pub(crate) fn apply(shape: &Shape, turn: u64, body: &[u8]) -> Option<Vec<u8>> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let object = answer.as_object_mut()?;
    object.insert("addedLater".to_owned(), Value::from("not documented"));
    match turn % 4 {
        0 => change(&mut answer, shape.status, other_case),
        1 => change(&mut answer, shape.status, |word| {
            let running = *word == shape.running;
            running.then(|| Value::from(shape.unknown))
        }),
        2 => change(&mut answer, shape.number, other_type),
        _ => change(&mut answer, shape.value, |_| Some(Value::Null)),
    }
    serde_json::to_vec(&answer).ok()
}

fn change(answer: &mut Value, pointer: &str, to: impl FnOnce(&Value) -> Option<Value>) {
    if let Some(place) = answer.pointer_mut(pointer)
        && let Some(value) = to(place)
    {
        *place = value;
    }
}

/// `COMPLETED` to `Completed`, `in_progress` to `IN_PROGRESS`.
fn other_case(word: &Value) -> Option<Value> {
    let word = word.as_str()?;
    let upper = word.to_uppercase();
    if word != upper {
        return Some(upper.into());
    }
    let first = word.chars().next()?;
    Some(format!("{first}{}", word[first.len_utf8()..].to_lowercase()).into())
}

fn other_type(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) => Some(number.to_string().into()),
        Value::String(digits) => Some(digits.parse::<u64>().ok()?.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SHAPE: Shape =
        Shape { status: "/state/word", running: "BUSY", unknown: "PONDERING", number: "/done", value: "/at" };

    fn drifted(turn: u64, word: &str) -> Value {
        let body = json!({"state": {"word": word}, "done": 3, "at": "now"}).to_string();
        let mut answer: Value = serde_json::from_slice(&apply(&SHAPE, turn, body.as_bytes()).unwrap()).unwrap();
        assert!(answer.as_object_mut().unwrap().remove("addedLater").is_some());
        answer
    }

    #[test]
    fn each_turn_changes_one_thing() {
        assert_eq!(drifted(0, "BUSY"), json!({"state": {"word": "Busy"}, "done": 3, "at": "now"}));
        assert_eq!(drifted(1, "BUSY"), json!({"state": {"word": "PONDERING"}, "done": 3, "at": "now"}));
        assert_eq!(drifted(1, "DONE"), json!({"state": {"word": "DONE"}, "done": 3, "at": "now"}));
        assert_eq!(drifted(2, "BUSY"), json!({"state": {"word": "BUSY"}, "done": "3", "at": "now"}));
        assert_eq!(drifted(3, "BUSY"), json!({"state": {"word": "BUSY"}, "done": 3, "at": null}));
    }

    #[test]
    fn leaves_what_is_not_an_object() {
        assert!(apply(&SHAPE, 0, b"[]").is_none());
        assert!(apply(&SHAPE, 0, b"<html>").is_none());
    }
}
