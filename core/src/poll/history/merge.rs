//! Two runs at once learn each for itself, from the same beginning: what either learned is kept.

use serde_json::{Map, Value};

/// The document `theirs`, which another run may have written meanwhile, with what this run learned between `before` and `ours`.
pub(super) fn merge(before: &Value, ours: &Value, theirs: &Value) -> Value {
    let mut all = theirs.as_object().cloned().unwrap_or_default();
    for (provider, ours) in ours.as_object().into_iter().flatten() {
        match (all.get_mut(provider).and_then(Value::as_object_mut), &before[provider]) {
            (Some(_), before) if before == ours => {}
            (Some(theirs), before) => add(theirs, before, ours),
            (None, _) => drop(all.insert(provider.clone(), ours.clone())),
        }
    }
    all.into()
}

/// Adds what was learned about one provider: batches to the others; of what else it learned the last run's word counts.
fn add(theirs: &mut Map<String, Value>, before: &Value, ours: &Value) {
    for (field, ours) in ours.as_object().into_iter().flatten() {
        let before = &before[field];
        match (theirs.get_mut(field).and_then(Value::as_array_mut), ours.as_array()) {
            (Some(theirs), Some(ours)) if is_list(ours) => theirs.extend_from_slice(new(before, ours)),
            _ if before == ours => {}
            _ => drop(theirs.insert(field.clone(), ours.clone())),
        }
    }
}

/// Whether these are batches, a pair of numbers each, and not a few numbers that belong together.
fn is_list(values: &[Value]) -> bool {
    values.iter().all(Value::is_array)
}

/// The end of `ours` that `before` does not have. The oldest may be gone from `ours`: so many are kept and no more.
fn new<'a>(before: &Value, ours: &'a [Value]) -> &'a [Value] {
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
    fn what_either_run_learned_is_kept() {
        let before = json!({"reap": history(json!([[1, 10]]), json!([]), 0.5)});
        let ours = json!({"reap": history(json!([[1, 10], [2, 20]]), json!([[3, 30]]), 0.6), "cdq": history(json!([[0, 7]]), json!([]), 0.5)});
        let theirs = json!({"reap": history(json!([[1, 10], [4, 40]]), json!([[5, 50]]), 0.5), "killb": history(json!([[9, 9]]), json!([]), 0.5)});
        let expected = json!({
            "reap": history(json!([[1, 10], [4, 40], [2, 20]]), json!([[5, 50], [3, 30]]), 0.6),
            "cdq": ours["cdq"],
            "killb": theirs["killb"],
        });
        assert_eq!(merge(&before, &ours, &theirs), expected);
        assert_eq!(merge(&before, &ours, &before), ours, "nobody else was there");
        assert_eq!(merge(&before, &ours, &json!({})), ours, "it was deleted");
        assert_eq!(merge(&before, &before, &theirs), theirs, "nothing was learned");
        let broken = json!({"reap": 7});
        assert_eq!(merge(&before, &ours, &broken), ours);
    }

    #[test]
    fn a_full_history_shows_what_is_new_at_its_end() {
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
