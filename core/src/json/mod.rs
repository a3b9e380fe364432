//! JSON of responses: read leniently, in chunks, and compared with the spec. Depends neither on HTTP nor on a provider.
//!
//! A status body becomes [`StatusFields`], and those a [`Snapshot`](crate::Snapshot). A body of rows is read by a
//! [`JsonArrayReader`], which passes on one row at a time. Differences from the spec are [`Drift`], never an error.
//!
//! | Type | Does |
//! |---|---|
//! | [`ArrayElider`] | replaces the arrays of a text by their lengths as it arrives |
//! | [`StatusFields`] | returns the scalar fields of a status body by pointer |
//! | [`StatusMap`] | maps a provider's status words to states |
//! | [`JsonArrayReader`] | cuts the items of one array out of a text as it arrives |
//! | [`ResponseSchema`] | compares a response with its schema in the spec |
//! | [`FingerprintCache`] | compares only the first of many items that have the same fields of the same types |

mod array_reader;
mod block;
mod collect;
mod decode;
mod elide;
mod fingerprint;
mod long_text;
mod schema;
mod status_fields;
mod status_map;

pub use array_reader::{JsonArrayReader, sanitize_json};
pub use collect::collect_drift;
pub(crate) use decode::decode_error;
pub use elide::ArrayElider;
pub use fingerprint::{FingerprintCache, TokenSpans};
pub use schema::{JsonPath, ResponseSchema};
pub use status_fields::StatusFields;
pub use status_map::StatusMap;

use crate::model::{Drift, DriftKind};

/// Emits a tracing event for `drift` (target `bulkrail::drift`, level `WARN`).
///
/// The event has pointer, kind and expected value. The value found is in [`Drift::found`] only. The drift is also
/// returned by [`collect_drift`], if the caller is in one.
pub fn trace_drift(drift: &Drift) {
    collect::add(drift);
    tracing::warn!(
        target: "bulkrail::drift",
        {
            bulkrail.drift.pointer = drift.pointer,
            bulkrail.drift.kind = drift.kind.as_str(),
            bulkrail.drift.expected = &*drift.expected,
        },
        "the response differs from the spec"
    );
}

/// Returns `number` as text: as an integer where it has no fraction and is exact.
pub(crate) fn number_text(number: &serde_json::Number) -> String {
    /// 2^53: up to here a float is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

/// Returns the drift of a body that was repaired before it could be parsed.
pub(crate) fn invalid_json() -> Drift {
    Drift::new("", DriftKind::TypeMismatch, "JSON", "text with bytes that JSON does not allow")
}
