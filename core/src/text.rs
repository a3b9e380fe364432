//! Text of providers and files on its way out: escaped for a terminal, and cut to a limit.
//!
//! | Limit | Applies to |
//! |---|---|
//! | [`MAX_TEXT_CHARS`] | each text of a provider that an [`Error`](crate::Error), [`Snapshot`](crate::Snapshot) or [`Row`](crate::Row) keeps, and so each text in JSON |
//! | [`MAX_MESSAGE_CHARS`] | the message of an [`Error`](crate::Error) as `Display` shows it |
//!
//! References and ids of accounts are never cut: they identify.

use std::borrow::Cow;

/// 65,536 characters of a text are kept: documented texts have up to a few hundred.
///
/// A longer text ends with `… (N characters cut)`.
pub const MAX_TEXT_CHARS: usize = 65_536;

/// 2,000 characters of a message are shown, about 25 lines of a terminal. [`ErrorDocument`](crate::ErrorDocument) has up to
/// [`MAX_TEXT_CHARS`].
pub const MAX_MESSAGE_CHARS: usize = 2_000;

/// Returns the first `max_chars` characters of `text`, and the number of the others, if there are any.
///
/// ```
/// use bulkrail_core::text::truncated;
///
/// assert_eq!(truncated("abcdef", 6), "abcdef");
/// assert_eq!(truncated("abcdef", 2), "ab… (4 characters cut)");
/// ```
#[must_use]
pub fn truncated(text: &str, max_chars: usize) -> Cow<'_, str> {
    // A character has at least one byte.
    if text.len() <= max_chars {
        return Cow::Borrowed(text);
    }
    let (text_before, cut_before) = without_mark(text).unwrap_or((text, 0));
    let Some((end, _)) = text_before.char_indices().nth(max_chars) else { return Cow::Borrowed(text) };
    let cut = text_before[end..].chars().count() + cut_before;
    let noun = if cut == 1 { "character" } else { "characters" };
    Cow::Owned(format!("{}… ({cut} {noun} cut)", &text[..end]))
}

/// Returns a text that was cut before, without the mark, and the number in the mark.
fn without_mark(text: &str) -> Option<(&str, usize)> {
    let (text, mark) = text.strip_suffix(" cut)")?.rsplit_once("… (")?;
    let number = mark.strip_suffix(" characters").or_else(|| mark.strip_suffix(" character"))?;
    Some((text, number.parse::<u32>().ok()? as usize))
}

/// Returns `text` as a provider's text is kept: cut at [`MAX_TEXT_CHARS`].
pub(crate) fn kept(text: impl Into<String>) -> String {
    let text = text.into();
    match truncated(&text, MAX_TEXT_CHARS) {
        Cow::Owned(cut) => cut,
        Cow::Borrowed(_) => text,
    }
}

/// Returns `text` without characters that steer a terminal or hide what is shown.
///
/// Control characters (also line breaks and tabs) become blanks. [Hidden](is_hidden) characters are shown as their code.
///
/// ```
/// use bulkrail_core::text::printable;
///
/// assert_eq!(printable("a\u{1b}[2Jb\r\nc"), "a [2Jb  c");
/// assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
/// assert_eq!(printable("Muñoz, 山田 👩"), "Muñoz, 山田 👩");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() || is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => shown.push(' '),
            c if is_hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Returns whether a character is not seen, or changes how those around it are seen, although it is not a control
/// character.
///
/// Those change the direction of text, have no width, separate lines, tag text, or fill an empty place.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Returns `text` without white space and invisible characters around it.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(is_invisible)
}

/// Returns whether a cell or row of a file says nothing: it has only white space and invisible characters.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_invisible)
}

fn is_invisible(c: char) -> bool {
    c.is_whitespace() || is_hidden(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncated_cuts_between_characters_and_says_how_many() {
        assert_eq!(truncated("ñandú", 5), "ñandú");
        assert_eq!(truncated("ñandú", 4), "ñand… (1 character cut)");
        assert_eq!(truncated("", 0), "");
        assert_eq!(truncated("abcdef… (94 characters cut)", 4), "abcd… (96 characters cut)");
        assert_eq!(truncated("abcd… (96 characters cut)", 4), "abcd… (96 characters cut)");
        let long = "é".repeat(200_000);
        assert_eq!(truncated(&long, 100), format!("{}… (199900 characters cut)", "é".repeat(100)));
        assert_eq!(kept(long.as_str()).chars().count(), MAX_TEXT_CHARS + "… (134464 characters cut)".chars().count());
    }

    #[test]
    fn printable_shows_each_class_of_hidden_characters_as_its_code() {
        for c in [
            '\u{61c}',
            '\u{200b}',
            '\u{2028}',
            '\u{202e}',
            '\u{2066}',
            '\u{3164}',
            '\u{feff}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            assert_eq!(printable(&format!("a{c}b")), format!("a{}b", c.escape_unicode()));
        }
        assert_eq!(printable("a\u{85}b\u{9b}31mc\u{7f}\td\u{0}"), "a b 31mc  d ");
        assert_eq!(printable("❤\u{fe0f} ≠ 25 €"), "❤\u{fe0f} ≠ 25 €", "emoji keep their form");
    }
}
