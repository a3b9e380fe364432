//! Merges the histories of two processes that imported the same document and added to it.

use serde_json::{Map, Value};

/// Returns `stored` with what was added between `before` and `ours`. Another process may have replaced `stored` since.
pub(super) fn merge(before: &Value, ours: &Value, stored: &Value) -> Value {
    let mut merged = stored.as_object().cloned().unwrap_or_default();
    for (provider, ours) in ours.as_object().into_iter().flatten() {
        match (merged.get_mut(provider).and_then(Value::as_object_mut), &before[provider]) {
            (Some(stored), before) => merge_provider(stored, before, ours),
            (None, _) => drop(merged.insert(provider.clone(), ours.clone())),
        }
    }
    merged.into()
}

/// Adds the new batches of one provider to `stored`, and replaces its other values that have changed.
fn merge_provider(stored: &mut Map<String, Value>, before: &Value, ours: &Value) {
    for (field, ours) in ours.as_object().into_iter().flatten() {
        let before = &before[field];
        match (stored.get_mut(field).and_then(Value::as_array_mut), ours.as_array()) {
            (Some(stored), Some(ours)) if is_list(ours) => stored.extend_from_slice(added(before, ours)),
            _ if before == ours => {}
            _ => drop(stored.insert(field.clone(), ours.clone())),
        }
    }
}

/// Returns whether the items are batches (a pair of numbers each), not numbers of one value.
fn is_list(values: &[Value]) -> bool {
    values.iter().all(Value::is_array)
}

/// Returns the end of `ours` that is not in `before`. `ours` may lack the oldest items, because its length is limited.
fn added<'a>(before: &Value, ours: &'a [Value]) -> &'a [Value] {
    let before = before.as_array().map_or(&[][..], Vec::as_slice);
    let kept = (0..=ours.len()).rev().find(|kept| before.ends_with(&ours[..*kept]));
    &ours[kept.unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use super::super::DurationHistory;
    use serde_json::json;

    use super::*;

    fn history(finished: Value, failed: Value, onset: f64) -> Value {
        json!({"version": 1, "finished": finished, "failed": failed, "calibration": [1, 0.0, 0.04, onset]})
    }

    #[test]
    fn merge_keeps_what_either_process_added() {
        let before = json!({"reap": history(json!([[1, 10]]), json!([]), 0.5)});
        let ours = json!({
            "reap": history(json!([[1, 10], [2, 20]]), json!([[3, 30]]), 0.6),
            "cdq": history(json!([[0, 7]]), json!([]), 0.5),
        });
        let stored = json!({
            "reap": history(json!([[1, 10], [4, 40]]), json!([[5, 50]]), 0.5),
            "killb": history(json!([[9, 9]]), json!([]), 0.5),
        });
        let expected = json!({
            "reap": history(json!([[1, 10], [4, 40], [2, 20]]), json!([[5, 50], [3, 30]]), 0.6),
            "cdq": ours["cdq"],
            "killb": stored["killb"],
        });
        assert_eq!(merge(&before, &ours, &stored), expected);
        assert_eq!(merge(&before, &ours, &before), ours, "nothing else was added");
        assert_eq!(merge(&before, &ours, &json!({})), ours, "the document was deleted");
        assert_eq!(merge(&before, &before, &stored), stored, "nothing was added here");
        let broken = json!({"reap": 7});
        assert_eq!(merge(&before, &ours, &broken), ours);
    }

    #[test]
    fn merge_keeps_a_calibration_that_another_process_changed() {
        let before = json!({"reap": history(json!([[1, 10]]), json!([]), 0.5)});
        let ours = json!({"reap": history(json!([[1, 10], [2, 20]]), json!([]), 0.5)});
        let stored = json!({"reap": history(json!([[1, 10]]), json!([]), 0.7)});
        let expected = json!({"reap": history(json!([[1, 10], [2, 20]]), json!([]), 0.7)});
        assert_eq!(merge(&before, &ours, &stored), expected);
        assert_eq!(merge(&before, &before, &stored), stored);
    }

    #[test]
    fn merged_history_has_the_batches_of_both_processes() {
        let [ours, theirs] = [DurationHistory::default(), DurationHistory::default()];
        let batches = |history: &DurationHistory| {
            let document: Value = serde_json::from_str(&history.export()).unwrap();
            document["reap"]["finished"].clone()
        };
        ours.import(&json!({"reap": history(json!([[1, 10]]), json!([]), 0.5)}).to_string()).unwrap();
        theirs.import(&json!({"reap": history(json!([[2, 20]]), json!([]), 0.5)}).to_string()).unwrap();
        ours.import(&ours.export()).unwrap();
        ours.merge(&theirs.export()).unwrap();
        assert_eq!(batches(&ours), json!([[2, 20]]), "all of ours was imported, and removed since");
        assert!(ours.merge("[]").is_err());
        assert_eq!(batches(&ours), json!([[2, 20]]));
    }

    #[test]
    fn merge_adds_only_new_batches_of_a_full_history() {
        let batches = |numbers: std::ops::Range<u64>| numbers.map(|number| json!([1, number + 1])).collect::<Value>();
        let before = json!({"reap": history(batches(0..256), json!([]), 0.5)});
        let ours = json!({"reap": history(batches(2..258), json!([]), 0.5)});
        let stored = json!({"reap": history(batches(1000..1256), json!([]), 0.5)});
        let merged = merge(&before, &ours, &stored);
        let history = DurationHistory::default();
        history.import(&merged.to_string()).unwrap();
        let kept: Value = serde_json::from_str(&history.export()).unwrap();
        let finished = kept["reap"]["finished"].as_array().unwrap();
        assert_eq!(
            (finished.len(), &finished[253..]),
            (256, &[json!([1, 1256]), json!([1, 257]), json!([1, 258])][..])
        );
    }
}
