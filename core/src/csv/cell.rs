use std::borrow::Cow;

use crate::text::{is_hidden, printable};

/// Returns `text` as the content of a CSV cell that neither a spreadsheet runs as a formula nor a terminal obeys.
///
/// An apostrophe is put before a text that begins with the sign of a formula: `=`, `+`, `-`, `@`, the minus sign, or one of
/// their small and full-width forms. Blanks, invisible characters, quotation marks and control characters before the sign
/// do not matter. The same holds for what follows a separator of some locale (`;`, `|`, tab, line break). Control
/// characters, also line breaks, then become blanks, and hidden characters are shown as their code. This follows the
/// advice of OWASP on CSV injection; a writer also quotes the cell.
///
/// ```
/// use bulkrail_core::csv::spreadsheet_safe;
///
/// assert_eq!(spreadsheet_safe("=1+1"), "'=1+1");
/// assert_eq!(spreadsheet_safe("\u{a0} =1+1"), "'\u{a0} =1+1");
/// assert_eq!(spreadsheet_safe("a;=1+1"), "a;'=1+1");
/// assert_eq!(spreadsheet_safe("a=1"), "a=1");
/// ```
#[must_use]
pub fn spreadsheet_safe(text: &str) -> Cow<'_, str> {
    let is_separator = |c: char| matches!(c, ';' | '|' | '\t' | '\n' | '\r');
    let mut safe = String::new();
    for part in text.split_inclusive(is_separator) {
        let content = part.strip_suffix(is_separator).unwrap_or(part);
        if content.trim_start_matches(is_before_a_sign).starts_with(is_sign) {
            safe.push('\'');
        }
        safe.push_str(part);
    }
    // A tab or line break at the beginning itself begins a formula in some spreadsheets.
    if safe.starts_with(['\t', '\r', '\n']) {
        safe.insert(0, '\'');
    }
    match printable(&safe) {
        Cow::Borrowed(shown) if shown == text => Cow::Borrowed(text),
        Cow::Borrowed(_) => Cow::Owned(safe),
        Cow::Owned(shown) => Cow::Owned(shown),
    }
}

/// Returns whether a spreadsheet begins a formula with the character, or may take it for one that does.
fn is_sign(c: char) -> bool {
    matches!(
        c,
        '=' | '+'
            | '-'
            | '@'
            | '\u{2212}'
            | '\u{fe62}'
            | '\u{fe63}'
            | '\u{fe66}'
            | '\u{fe6b}'
            | '\u{ff0b}'
            | '\u{ff0d}'
            | '\u{ff1d}'
            | '\u{ff20}'
    )
}

/// Returns whether a spreadsheet may skip the character before a sign, or a reader does not see it.
fn is_before_a_sign(c: char) -> bool {
    c == '"' || c.is_whitespace() || c.is_control() || is_hidden(c)
}

/// Checks a cell of any column.
///
/// # Errors
///
/// The end of a sentence such as "has a line break", when the cell has a line break or another control character than a
/// tab.
pub fn check_cell(cell: &str) -> Result<(), &'static str> {
    let is_refused = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    if !cell.contains(is_refused) {
        return Ok(());
    }
    // A quotation mark that is closed some rows later makes one cell of those rows.
    if cell.contains(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']) {
        return Err("has a line break (is a quotation mark there by mistake?)");
    }
    Err("has a control character")
}

/// Returns whether `text` has only printable ASCII and tabs, which [`check_cell`] allows: a quick test of most rows.
pub(super) fn is_plain(text: &str) -> bool {
    // Without an early exit, so that many bytes are tested at a time.
    text.bytes().fold(true, |is_plain, byte| is_plain & (matches!(byte, b' '..=b'~') | (byte == b'\t')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreadsheet_safe_disarms_formulas_and_nothing_else() {
        let table = [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "' '=1"),
            ("\r=1", "' '=1"),
            ("\n=1", "' '=1"),
            ("\u{b}=1", "' =1"),
            (" =1", "' =1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\u{200b}=1", "'\\u{200b}=1"),
            ("\u{202e}=1", "'\\u{202e}=1"),
            ("\u{e0041}=1", "'\\u{e0041}=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{2212}1", "'\u{2212}1"),
            ("\"=1", "'\"=1"),
            ("a;=1", "a;'=1"),
            ("a; =1", "a;' =1"),
            ("a\n=1", "a '=1"),
            ("a\u{1b}[2Jb\u{9b}", "a [2Jb "),
            ("a\rb\u{202e}", "a b\\u{202e}"),
            ("\nplain", "' plain"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ];
        for (text, expected) in table {
            assert_eq!(spreadsheet_safe(text), expected, "{text:?}");
        }
        for text in ["", "ref-1", "a=1", "'=1", "1", "a; b", "x@example.com", "Ann-Marie"] {
            assert_eq!(spreadsheet_safe(text), text);
        }
    }
}
