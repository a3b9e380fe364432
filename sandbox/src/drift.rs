//! Deviations of responses from the documentation.

use serde_json::Value;

/// Parts of a provider's responses that drift changes. Fields are JSON pointers unless noted.
pub(crate) struct DriftTargets {
    /// The batch status.
    pub(crate) status: &'static str,
    /// Status value of a batch whose rows are being processed.
    pub(crate) running_status: &'static str,
    /// Undocumented status value that replaces `running_status`.
    pub(crate) unknown_status: &'static str,
    /// A number, or a string of digits.
    pub(crate) number: &'static str,
    /// A field whose documented value is not null.
    pub(crate) non_null: &'static str,
}

/// Changes one JSON response, or returns `None` if the body is not a JSON object.
///
/// Always adds a field. In addition, `request_number` modulo 4 selects one change:
///
/// - 0: the letter case of the status
/// - 1: an undocumented status while the batch runs
/// - 2: a number as a string, or the reverse
/// - 3: a null for a documented value
pub(crate) fn apply(targets: &DriftTargets, request_number: u64, body: &[u8]) -> Option<Vec<u8>> {
    let mut response: Value = serde_json::from_slice(body).ok()?;
    let object = response.as_object_mut()?;
    object.insert("addedLater".to_owned(), Value::from("not documented"));
    match request_number % 4 {
        0 => replace(&mut response, targets.status, change_case),
        1 => replace(&mut response, targets.status, |status| {
            let running = *status == targets.running_status;
            running.then(|| Value::from(targets.unknown_status))
        }),
        2 => replace(&mut response, targets.number, change_type),
        _ => replace(&mut response, targets.non_null, |_| Some(Value::Null)),
    }
    serde_json::to_vec(&response).ok()
}

fn replace(response: &mut Value, pointer: &str, replacement: impl FnOnce(&Value) -> Option<Value>) {
    if let Some(value) = response.pointer_mut(pointer)
        && let Some(new_value) = replacement(value)
    {
        *value = new_value;
    }
}

/// Changes `COMPLETED` to `Completed` and `in_progress` to `IN_PROGRESS`.
fn change_case(status: &Value) -> Option<Value> {
    let status = status.as_str()?;
    let upper = status.to_uppercase();
    if status != upper {
        return Some(upper.into());
    }
    let first = status.chars().next()?;
    Some(format!("{first}{}", status[first.len_utf8()..].to_lowercase()).into())
}

/// Changes a number to a string and a string of digits to a number.
fn change_type(value: &Value) -> Option<Value> {
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

    const TARGETS: DriftTargets = DriftTargets {
        status: "/state/word",
        running_status: "BUSY",
        unknown_status: "PONDERING",
        number: "/done",
        non_null: "/at",
    };

    fn drifted(request_number: u64, status: &str) -> Value {
        let body = json!({"state": {"word": status}, "done": 3, "at": "now"}).to_string();
        let changed = apply(&TARGETS, request_number, body.as_bytes()).unwrap();
        let mut response: Value = serde_json::from_slice(&changed).unwrap();
        assert!(response.as_object_mut().unwrap().remove("addedLater").is_some());
        response
    }

    #[test]
    fn drift_changes_one_field_by_request_number() {
        assert_eq!(drifted(0, "BUSY"), json!({"state": {"word": "Busy"}, "done": 3, "at": "now"}));
        assert_eq!(drifted(1, "BUSY"), json!({"state": {"word": "PONDERING"}, "done": 3, "at": "now"}));
        assert_eq!(drifted(1, "DONE"), json!({"state": {"word": "DONE"}, "done": 3, "at": "now"}));
        assert_eq!(drifted(2, "BUSY"), json!({"state": {"word": "BUSY"}, "done": "3", "at": "now"}));
        assert_eq!(drifted(3, "BUSY"), json!({"state": {"word": "BUSY"}, "done": 3, "at": null}));
    }

    #[test]
    fn drift_returns_none_for_body_that_is_not_an_object() {
        assert!(apply(&TARGETS, 0, b"[]").is_none());
        assert!(apply(&TARGETS, 0, b"<html>").is_none());
    }
}
