//! Texts of providers and files, made harmless.

use bulkrail_core::csv::{check_cell, spreadsheet_safe};
use bulkrail_core::json::sanitize_json;
use bulkrail_core::text::{is_blank, is_hidden, printable, trimmed, truncated};
use bulkrail_core::{BatchId, ProviderId, check_id, identifier_or_length, normal_form};
use serde_json::Value;

use crate::check_message;

/// What is shown has no control or hidden character and begins no formula; JSON stays JSON; a second pass changes nothing.
pub fn sanitising(data: &[u8]) {
    json(data);
    let text = String::from_utf8_lossy(data);
    shown(&text, usize::from(data.last().copied().unwrap_or_default()));
    spreadsheet(&text);
    names(&text);
}

fn json(data: &[u8]) {
    let sanitized = sanitize_json(data);
    assert!(!sanitized.contains(char::is_control), "a control character: {sanitized:?}");
    let again = sanitize_json(sanitized.as_bytes());
    assert_eq!(again, sanitized.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}'), "a second pass");
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        let found: Value = serde_json::from_str(&sanitized).expect("JSON stays JSON");
        let text = String::from_utf8_lossy(data);
        let is_kept = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        // Surrogates are replaced also where they are a pair.
        if text.chars().all(is_kept) && !text.to_ascii_lowercase().contains("\\ud") {
            assert_eq!(found, value);
        }
    }
    // A cell of a file that is repeated without escapes: only its own quotation mark can end it too early.
    let cell: Vec<u8> = data.iter().copied().filter(|byte| *byte != b'"').collect();
    let row = sanitize_json(&[b"{\"cell\":\"", &cell[..], b"x\"}"].concat());
    assert!(serde_json::from_str::<Value>(&row).is_ok_and(|row| row["cell"].is_string()), "a row with the cell: {row}");
}

fn shown(text: &str, max_chars: usize) {
    let shown = printable(text);
    assert!(!shown.contains(|c: char| c.is_control() || is_hidden(c)), "{shown:?}");
    assert_eq!(printable(&shown), shown, "a second pass");
    assert_eq!(shown == text, !text.contains(|c: char| c.is_control() || is_hidden(c)));
    let cut = truncated(text, max_chars);
    if text.chars().count() <= max_chars {
        assert_eq!(cut, text);
    } else if cut != text {
        let (start, mark) = cut.rsplit_once("… (").expect("a mark");
        assert!(text.starts_with(start) && start.chars().count() == max_chars, "{cut:?}");
        assert!(mark.ends_with(" cut)"), "{cut:?}");
        assert_eq!(truncated(&cut, max_chars), cut, "a second cut");
    }
    let inner = trimmed(text);
    assert_eq!(inner.is_empty(), is_blank(text));
    assert_eq!(trimmed(inner), inner);
    let normal = normal_form(text);
    assert_eq!(normal_form(&normal), normal, "the normal form of a normal form");
    assert_eq!(normal_form(inner), normal, "blanks around it do not count");
    let is_refused = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    assert_eq!(check_cell(text).is_err(), text.contains(is_refused));
}

fn spreadsheet(text: &str) {
    let safe = spreadsheet_safe(text);
    assert_eq!(spreadsheet_safe(&safe), safe, "a second pass");
    assert!(!safe.contains(|c: char| c.is_control() || is_hidden(c)), "{safe:?}");
    let signs = "=+-@\u{2212}\u{fe62}\u{fe63}\u{fe66}\u{fe6b}\u{ff0b}\u{ff0d}\u{ff1d}\u{ff20}";
    for part in safe.split([';', '|', '\t', '\n', '\r']) {
        let content = part.trim_start_matches(|c: char| c == '"' || c.is_whitespace());
        assert!(!content.starts_with(|c| signs.contains(c)), "a formula in {safe:?}");
    }
}

fn names(text: &str) {
    let shown = identifier_or_length(text).to_string();
    assert!(shown.is_ascii() && shown.len() <= 256, "{shown:?}");
    if let Err(error) = check_id(text) {
        check_message(&error.to_string());
    }
    match text.parse::<BatchId>() {
        Ok(id) => {
            assert_eq!(id.to_string(), text);
            check_id(id.id()).expect("the id of a batch");
            assert!(id.id().bytes().all(|byte| byte.is_ascii_graphic()));
        }
        Err(error) => check_message(&error.to_string()),
    }
    if let Ok(provider) = text.parse::<ProviderId>() {
        assert_eq!(provider.to_string(), text);
    }
}
