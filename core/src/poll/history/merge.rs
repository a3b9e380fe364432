//! Merges the documents of two processes that learned at the same time, from the same beginning.

use serde_json::{Map, Value};

/// Returns `theirs`, which another process may have written meanwhile, with what this process added
/// between `before` and `ours`.
pub(super) fn merge(before: &Value, ours: &Value, theirs: &Value) -> Value {
    let mut merged = theirs.as_object().cloned().unwrap_or_default();
    for (provider, ours) in ours.as_object().into_iter().flatten() {
        match (merged.get_mut(provider).and_then(Value::as_object_mut), &before[provider]) {
            (Some(_), before) if before == ours => {}
            (Some(theirs), before) => merge_provider(theirs, before, ours),
            (None, _) => drop(merged.insert(provider.clone(), ours.clone())),
        }
    }
    merged.into()
}

/// Merges the document of one provider: lists of samples are joined; of any other field the last
/// change wins.
fn merge_provider(theirs: &mut Map<String, Value>, before: &Value, ours: &Value) {
    for (field, ours) in ours.as_object().into_iter().flatten() {
        let before = &before[field];
        match (theirs.get_mut(field).and_then(Value::as_array_mut), ours.as_array()) {
            (Some(theirs), Some(ours)) if is_samples(ours) => theirs.extend_from_slice(added(before, ours)),
            _ if before == ours => {}
            _ => drop(theirs.insert(field.clone(), ours.clone())),
        }
    }
}

/// Returns whether these are samples, a pair of numbers each, and not numbers that belong together.
fn is_samples(values: &[Value]) -> bool {
    values.iter().all(Value::is_array)
}

/// Returns the end of `ours` that `before` does not have. The number of samples is limited, so the
/// oldest may be missing in `ours`.
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
        let ours = json!({"reap": history(json!([[1, 10], [2, 20]]), json!([[3, 30]]), 0.6), "cdq": history(json!([[0, 7]]), json!([]), 0.5)});
        let theirs = json!({"reap": history(json!([[1, 10], [4, 40]]), json!([[5, 50]]), 0.5), "killb": history(json!([[9, 9]]), json!([]), 0.5)});
        let expected = json!({
            "reap": history(json!([[1, 10], [4, 40], [2, 20]]), json!([[5, 50], [3, 30]]), 0.6),
            "cdq": ours["cdq"],
            "killb": theirs["killb"],
        });
        assert_eq!(merge(&before, &ours, &theirs), expected);
        assert_eq!(merge(&before, &ours, &before), ours, "another process added nothing");
        assert_eq!(merge(&before, &ours, &json!({})), ours, "the document was deleted");
        assert_eq!(merge(&before, &before, &theirs), theirs, "this process added nothing");
        let broken = json!({"reap": 7});
        assert_eq!(merge(&before, &ours, &broken), ours);
    }

    #[test]
    fn merge_of_full_documents_keeps_the_newest_samples() {
        let batches = |numbers: std::ops::Range<u64>| numbers.map(|number| json!([1, number + 1])).collect::<Value>();
        let before = json!({"reap": history(batches(0..256), json!([]), 0.5)});
        let ours = json!({"reap": history(batches(2..258), json!([]), 0.5)});
        let theirs = json!({"reap": history(batches(1000..1256), json!([]), 0.5)});
        let all = merge(&before, &ours, &theirs);
        let history = DurationHistory::default();
        history.import(&all.to_string()).unwrap();
        let kept: Value = serde_json::from_str(&history.export()).unwrap();
        let finished = kept["reap"]["finished"].as_array().unwrap();
        assert_eq!(
            (finished.len(), &finished[253..]),
            (256, &[json!([1, 1256]), json!([1, 257]), json!([1, 258])][..])
        );
    }
}
