use std::borrow::Cow;

use crate::text::trimmed;

/// Returns the normal form of a reference, by which references that differ are paired.
///
/// White space and [invisible characters](crate::text::is_hidden) around it are removed, and a number that a spreadsheet
/// wrote with a fraction of zero or an exponent is written as an integer. Letter case matters.
///
/// ```
/// use bulkrail_core::normal_form;
///
/// assert_eq!(normal_form("\u{a0}ref-1 "), "ref-1");
/// assert_eq!(normal_form("1230000000000000.0"), "1230000000000000");
/// assert_eq!(normal_form("1.23E+15"), "1230000000000000");
/// assert_eq!(normal_form("007"), "007");
/// ```
#[must_use]
pub fn normal_form(reference: &str) -> Cow<'_, str> {
    let trimmed = trimmed(reference);
    match integer(trimmed) {
        Some(digits) => Cow::Owned(digits),
        None => Cow::Borrowed(trimmed),
    }
}

/// Returns the digits of a whole number that is written with a fraction or an exponent.
fn integer(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<usize>().ok().filter(|exponent| *exponent <= 40)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number || (exponent == 0 && !mantissa.contains('.')) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > exponent {
        return None;
    }
    Some(format!("{whole}{fraction}{}", "0".repeat(exponent - fraction.len())))
}
