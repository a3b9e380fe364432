//! Values from examples and enums, as text.

use serde_json::Value;

/// Returns the value as a page would print it: strings without quotes.
pub(crate) fn value_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns the start of a text from a page, for use in an error.
pub(crate) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns whether the value is a date and time (`2025-08-29T09:46:42Z`).
///
/// Pages that are built daily show the current day in examples, so two times never count as
/// different.
pub(crate) fn is_date_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| bytes[range].iter().all(u8::is_ascii_digit);
        bytes.len() >= 19 && digits(0..4) && digits(5..7) && digits(8..10) && bytes[10] == b'T' && digits(11..13)
    })
}
