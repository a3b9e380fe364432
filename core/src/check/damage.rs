use crate::text::{is_blank, trimmed};

/// Damage that a spreadsheet or its user did to a value.
///
/// ```
/// use bulkrail_core::check::Damage;
///
/// assert_eq!(Damage::of_text("6.46180157E+17"), Some(Damage::Exponent));
/// assert_eq!(Damage::of_text("#REF!"), Some(Damage::SheetError));
/// assert_eq!(Damage::of_text("646180157000000004"), None);
/// assert_eq!(Damage::of_code("Mar-04"), Some(Damage::Date));
/// assert_eq!(Damage::of_code("10203049.0"), Some(Damage::Fraction));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// A number with an exponent, such as `1.23E+15`: its last digits are lost.
    Exponent,
    /// Error value of a spreadsheet, such as `#REF!` or `#####`.
    SheetError,
    /// Formula whose text is in the cell, such as `="007"`.
    Formula,
    /// Apostrophe that marks a text in a spreadsheet, before a number.
    Apostrophe,
    /// White space or invisible characters around the value.
    Blanks,
    /// Number with a fraction of zero, such as `123.0`.
    Fraction,
    /// Date in place of a code, such as `Mar-04`.
    Date,
}

impl Damage {
    /// Returns the damage of a value of any column.
    #[must_use]
    pub fn of_text(value: &str) -> Option<Self> {
        // Most values end here.
        let first = value.bytes().next()?;
        if matches!(first, b'#' | b'=' | b'\'') {
            let rest = &value[1..];
            let is_error = matches!(value, "#N/A" | "#REF!" | "#VALUE!" | "#NAME?" | "#DIV/0!" | "#NUM!" | "#NULL!");
            if is_error || (value.len() > 1 && value.bytes().all(|byte| byte == b'#')) {
                return Some(Self::SheetError);
            }
            if first == b'=' && (rest.starts_with('"') || rest.starts_with("TEXT(")) {
                return Some(Self::Formula);
            }
            if first == b'\'' && rest.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '=') {
                return Some(Self::Apostrophe);
            }
        }
        if is_exponent(value) {
            return Some(Self::Exponent);
        }
        let is_padded = !first.is_ascii_graphic() || !value.as_bytes()[value.len() - 1].is_ascii_graphic();
        (is_padded && !is_blank(value) && trimmed(value).len() < value.len()).then_some(Self::Blanks)
    }

    /// Returns the damage of a code or number whose characters all count, such as an account number.
    #[must_use]
    pub fn of_code(value: &str) -> Option<Self> {
        Self::of_text(value).or_else(|| {
            if is_fraction_of_zero(value) {
                return Some(Self::Fraction);
            }
            is_date(value).then_some(Self::Date)
        })
    }

    /// Identifier of the rule.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Exponent => "scientific-notation",
            Self::SheetError => "spreadsheet-error",
            Self::Formula => "formula",
            Self::Apostrophe => "leading-apostrophe",
            Self::Blanks => "blanks-around",
            Self::Fraction => "number-with-fraction",
            Self::Date => "date",
        }
    }

    /// End of a sentence such as "has blanks around it".
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Exponent => "is a number with an exponent; digits are lost",
            Self::SheetError => "is an error value of a spreadsheet",
            Self::Formula => "is the text of a formula",
            Self::Apostrophe => "begins with the apostrophe that marks a text",
            Self::Blanks => "has blanks or invisible characters around it",
            Self::Fraction => "is a number with a fraction; store it as text",
            Self::Date => "is a date, as a spreadsheet makes of a code",
        }
    }
}

/// Returns whether a spreadsheet wrote the number with an exponent: one digit, a fraction, `E`, a sign, two or three digits.
fn is_exponent(value: &str) -> bool {
    // Most values end here: `E` is the fourth or fifth byte from the end.
    if !value.as_bytes()[value.len().saturating_sub(5)..].contains(&b'E') {
        return false;
    }
    let Some((mantissa, exponent)) = value.rsplit_once("E+").or_else(|| value.rsplit_once("E-")) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    whole.len() == 1 && digits(whole) && digits(fraction) && (2..=3).contains(&exponent.len()) && digits(exponent)
}

fn is_fraction_of_zero(value: &str) -> bool {
    let Some((whole, fraction)) = value.split_once('.') else { return false };
    !whole.is_empty()
        && !fraction.is_empty()
        && whole.bytes().all(|byte| byte.is_ascii_digit())
        && fraction.bytes().all(|byte| byte == b'0')
}

/// Returns whether the value is a date as spreadsheets write it: `Mar-04`, `4-Mar`, `4-Mar-24`, `04/03/2024`, `2024-03-04`
/// with or without a time.
fn is_date(value: &str) -> bool {
    if !(5..=19).contains(&value.len()) || !value.contains(['-', '/']) {
        return false;
    }
    let day = value.split(' ').next().unwrap_or(value);
    let rest = &value[day.len()..];
    if !rest.bytes().all(|byte| byte.is_ascii_digit() || b" :".contains(&byte)) {
        return false;
    }
    let number = |text: &str, lengths: &[usize], max: u32| {
        lengths.contains(&text.len()) && text.parse::<u32>().is_ok_and(|number| number <= max)
    };
    let month = |text: &str| {
        const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        MONTHS.iter().any(|month| month.eq_ignore_ascii_case(text))
    };
    let dashed: Vec<_> = day.split('-').collect();
    let slashed: Vec<_> = day.split('/').collect();
    match (&dashed[..], &slashed[..]) {
        ([a, b], _) => (month(a) && number(b, &[2], 99)) || (number(a, &[1, 2], 31) && month(b)),
        ([a, b, c], _) => {
            (number(a, &[1, 2], 31) && month(b) && number(c, &[2, 4], 9999))
                || (number(a, &[4], 2199) && number(b, &[2], 12) && number(c, &[2], 31))
        }
        (_, [a, b, c]) => number(a, &[1, 2], 31) && number(b, &[1, 2], 31) && number(c, &[4], 2199),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_recognised_by_the_form_that_spreadsheets_write() {
        for (value, expected) in [
            ("1.23E+15", Damage::Exponent),
            ("1,23E+15", Damage::Exponent),
            ("6E+17", Damage::Exponent),
            ("1.2E-05", Damage::Exponent),
            ("#N/A", Damage::SheetError),
            ("########", Damage::SheetError),
            ("=\"007\"", Damage::Formula),
            ("'007", Damage::Apostrophe),
            ("ok-2 ", Damage::Blanks),
            ("\u{a0}ok", Damage::Blanks),
            ("ok\u{200b}", Damage::Blanks),
        ] {
            assert_eq!(Damage::of_text(value), Some(expected), "{value:?}");
            assert_eq!(Damage::of_code(value), Some(expected), "{value:?}");
        }
        for (value, expected) in [
            ("123.0", Damage::Fraction),
            ("Mar-04", Damage::Date),
            ("4-mar", Damage::Date),
            ("04-Mar-2024", Damage::Date),
            ("04/03/2024", Damage::Date),
            ("2024-03-04", Damage::Date),
            ("2024-03-04 00:00:00", Damage::Date),
        ] {
            assert_eq!(Damage::of_code(value), Some(expected), "{value:?}");
            assert_eq!(Damage::of_text(value), None, "{value:?}");
        }
    }

    #[test]
    fn ordinary_values_are_not_damage() {
        for value in [
            "",
            " ",
            "1E5",
            "12E+15",
            "E+15",
            "1.E+15",
            "1.23E+1",
            "O'Hara",
            "'t Hooft",
            "#1",
            "#",
            "=1+1",
            "ref-1",
            "4-5",
            "12-345",
            "2024-13-04",
            "001-002-003",
            "1.5",
            "Ann Lee",
            "é",
            "山田",
            "+576015555555",
            "a/b/c",
            "1/2/3",
        ] {
            assert_eq!(Damage::of_code(value), None, "{value:?}");
        }
    }
}
