//! Public standards of the values in files: account numbers, tax numbers, codes and addresses.
//!
//! Each [`Standard`] names the document that it comes from. [`ALL`] lists them. A value that passes is well-formed; that
//! does not say that the account, person or address exists.
//!
//! IBANs and currency codes are checked by the crates `iban_validate` and `iso_currency`. For the others there is no
//! maintained crate of a fitting size, and each rule is a few lines.

mod codes;
mod numbers;

use std::borrow::Cow;
use std::fmt;

pub use codes::{BIC, COUNTRY, COUNTRY_ALPHA_2, COUNTRY_ALPHA_3, CURRENCY, E164, EMAIL, UUID};
pub use numbers::{ABA, CBU, CLABE, CNPJ, CPF, IBAN};

/// Public standard that a value can be checked against.
///
/// ```
/// use bulkrail_core::check::standards::CLABE;
///
/// assert!(CLABE.check("032180000118359719").is_ok());
/// assert_eq!(CLABE.check("032180000118359718").unwrap_err().rule, "clabe-check-digit");
/// assert_eq!(CLABE.check("32180000118359719").unwrap_err().rule, "leading-zeros-lost");
/// ```
pub struct Standard {
    /// Short name, with which its rules begin.
    pub name: &'static str,
    /// Document that defines it.
    pub citation: &'static str,
    /// Address of that document, or of a description of it.
    pub source: &'static str,
    /// Published examples.
    pub samples: &'static [&'static str],
    /// Number of digits of a value that has nothing else.
    digits: Option<usize>,
    check: fn(&str) -> Result<(), Fault>,
}

impl Standard {
    /// Checks a value. A blank value passes.
    ///
    /// # Errors
    ///
    /// The first rule that the value breaks.
    pub fn check(&self, value: &str) -> Result<(), Fault> {
        if value.is_empty() {
            return Ok(());
        }
        let Err(fault) = (self.check)(value) else { return Ok(()) };
        match self.digits {
            Some(digits) if self.has_lost_zeros(value, digits) => {
                let lost = digits - value.len();
                let zeros = if lost == 1 { "zero" } else { "zeros" };
                Err(Fault::new("leading-zeros-lost", format!("has lost {lost} leading {zeros}; store it as text")))
            }
            _ => Err(fault),
        }
    }

    /// Returns whether zeros before the value make it valid, as a spreadsheet drops them from a number.
    fn has_lost_zeros(&self, value: &str, digits: usize) -> bool {
        // Half of the digits may be zeros; a shorter number is another one.
        (digits.div_ceil(2)..digits).contains(&value.len())
            && value.bytes().all(|byte| byte.is_ascii_digit())
            && (self.check)(&format!("{value:0>digits$}")).is_ok()
    }
}

impl fmt::Debug for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standard").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Rule that a value breaks. It does not hold the value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Stable identifier of the rule, such as `clabe-check-digit`.
    pub rule: &'static str,
    /// End of a sentence such as "has a wrong check digit".
    pub reason: Cow<'static, str>,
}

impl Fault {
    /// Returns the fault of a rule; `reason` is the end of a sentence such as "is empty".
    #[must_use]
    pub fn new(rule: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { rule, reason: reason.into() }
    }
}

/// All standards.
pub static ALL: &[&Standard] = &[
    &CLABE,
    &CBU,
    &ABA,
    &IBAN,
    &BIC,
    &CPF,
    &CNPJ,
    &E164,
    &COUNTRY,
    &COUNTRY_ALPHA_2,
    &COUNTRY_ALPHA_3,
    &CURRENCY,
    &EMAIL,
    &UUID,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_standard_names_its_source_and_takes_its_published_samples() {
        for standard in ALL {
            assert!(standard.source.starts_with("https://"), "{standard:?}");
            assert!(!standard.citation.is_empty() && !standard.samples.is_empty(), "{standard:?}");
            for sample in standard.samples {
                assert_eq!(standard.check(sample), Ok(()), "{standard:?}");
            }
            assert_eq!(standard.check(""), Ok(()), "{standard:?}");
        }
    }

    #[test]
    fn rules_of_a_standard_begin_with_its_name() {
        for standard in ALL {
            for wrong in ["x", "!", "1", "\u{ff11}", "00000000000000000000000", "ZZ", "a b", "é"] {
                let fault = standard.check(wrong).unwrap_err();
                let begins = fault.rule.strip_prefix(standard.name).is_some_and(|rest| rest.starts_with('-'));
                assert!(begins, "{standard:?} {wrong}: {fault:?}");
            }
        }
    }

    #[test]
    fn value_that_breaks_a_rule_is_refused_with_the_name_of_the_rule() {
        let table: &[(&Standard, &str, &str)] = &[
            (&CLABE, "03218000011835971", "clabe-length"),
            (&CLABE, "03218000011835971A", "clabe-characters"),
            (&CLABE, "CLABE123456789012345", "clabe-characters"),
            (&CLABE, "012345678901234567", "clabe-check-digit"),
            (&CBU, "0000003100012345678901", "cbu-check-digit"),
            (&CBU, "472900016847756532", "leading-zeros-lost"),
            (&ABA, "1029382", "aba-length"),
            (&ABA, "21000021", "leading-zeros-lost"),
            (&ABA, "021000022", "aba-check-digit"),
            (&IBAN, "GB29NWBK60161331926818", "iban-check-digits"),
            (&IBAN, "GB29 NWBK 6016 1331 9268 19", "iban-characters"),
            (&IBAN, "gb29nwbk60161331926819", "iban-characters"),
            (&IBAN, "GB82WEST1234569876543", "iban-check-digits"),
            (&IBAN, "ZZ29NWBK60161331926819", "iban-country"),
            (&BIC, "BOFAUS3", "bic-length"),
            (&BIC, "BOFAUS3NXX", "bic-length"),
            (&BIC, "BOFAZZ3N", "bic-country"),
            (&BIC, "bofaus3n", "bic-characters"),
            (&CPF, "12345678901", "cpf-check-digits"),
            (&CPF, "111.444.777-36", "cpf-check-digits"),
            (&CPF, "1234567", "cpf-length"),
            (&CPF, "11111111111", "cpf-repeated"),
            (&CNPJ, "12ABC34501DE36", "cnpj-check-digits"),
            (&CNPJ, "12abc34501de35", "cnpj-characters"),
            (&CNPJ, "191", "cnpj-length"),
            (&E164, "576015555555", "e164-plus"),
            (&E164, "+57 601 5555555", "e164-digits"),
            (&E164, "+0576015555555", "e164-digits"),
            (&E164, "+1234567890123456", "e164-length"),
            (&COUNTRY_ALPHA_2, "UK", "country-code"),
            (&COUNTRY_ALPHA_2, "MEX", "country-code"),
            (&COUNTRY_ALPHA_3, "MXN", "country-code"),
            (&COUNTRY_ALPHA_3, "MX", "country-code"),
            (&COUNTRY_ALPHA_2, "mx", "country-code"),
            (&CURRENCY, "USDC", "currency-code"),
            (&EMAIL, "user.example.com", "email-format"),
            (&EMAIL, "user@", "email-format"),
            (&EMAIL, "user@-example.com", "email-format"),
            (&EMAIL, "user@example.com ", "email-format"),
            (&UUID, "784d4045c9004050aad68fe4c8d2fb16", "uuid-format"),
            (&UUID, "784d4045-c900-4050-aad6-8fe4c8d2fb1g", "uuid-format"),
        ];
        for (standard, value, rule) in table {
            let fault = standard.check(value).expect_err(value);
            assert_eq!(fault.rule, *rule, "{standard:?} {value}");
            assert!(!fault.reason.contains(value), "{fault:?}");
        }
    }

    #[test]
    fn countries_are_those_of_the_standard_in_both_forms() {
        for code in ["AR", "BR", "CO", "MX", "US", "ZW", "AD"] {
            assert_eq!(COUNTRY_ALPHA_2.check(code), Ok(()));
        }
        for code in ["ARG", "BRA", "COL", "MEX", "USA", "ZWE", "AND"] {
            assert_eq!(COUNTRY_ALPHA_3.check(code), Ok(()));
            assert_eq!(COUNTRY.check(code), Ok(()));
        }
        // Not across two entries of the list.
        assert!(COUNTRY_ALPHA_3.check("ADA").is_err());
        assert!(COUNTRY_ALPHA_2.check("NO").is_ok() && COUNTRY_ALPHA_2.check("ND").is_err());
    }

    /// Returns `body` with the digits behind it that make it valid.
    fn completed(standard: &Standard, body: &str, digits: usize) -> String {
        let all = (0..10_u32.pow(digits as u32)).map(|number| format!("{body}{number:0digits$}"));
        all.into_iter().find(|value| (standard.check)(value).is_ok()).expect("one of all check digits")
    }

    /// Returns every value that differs from `value` in one digit.
    fn with_one_digit_changed(value: &str) -> Vec<String> {
        let mut changed = Vec::new();
        for (place, old) in value.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
            for new in ('0'..='9').filter(|new| *new != old) {
                changed.push(format!("{}{new}{}", &value[..place], &value[place + 1..]));
            }
        }
        changed
    }

    fn all_changes_are_caught(standard: &Standard, value: &str) -> Result<(), TestCaseError> {
        prop_assert_eq!(standard.check(value), Ok(()));
        for wrong in with_one_digit_changed(value) {
            prop_assert!(standard.check(&wrong).is_err(), "{} for {}", wrong, value);
        }
        Ok(())
    }

    /// The reason for the exception in the test below: two remainders share the check digit 0.
    #[test]
    fn one_wrong_digit_of_a_cpf_goes_unnoticed_where_the_arithmetic_of_the_standard_allows_it() {
        assert_eq!(CPF.check("56857229406"), Ok(()));
        assert_eq!(CPF.check("66857229406"), Ok(()));
        let caught = with_one_digit_changed("56857229406").into_iter().filter(|wrong| CPF.check(wrong).is_err());
        assert_eq!(caught.count(), 11 * 9 - 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_wrong_digit_of_a_bank_number_is_caught(clabe in "[0-9]{17}", bank in "[0-9]{7}", cbu in "[0-9]{13}",
            aba in "[0-9]{8}") {
            all_changes_are_caught(&CLABE, &completed(&CLABE, &clabe, 1))?;
            all_changes_are_caught(&ABA, &completed(&ABA, &aba, 1))?;
            let block = (0..10).map(|digit| format!("{bank}{digit}{cbu}"));
            let blocks = block.flat_map(|block| (0..10).map(move |digit| format!("{block}{digit}")));
            let valid: Vec<_> = blocks.filter(|value| CBU.check(value).is_ok()).collect();
            prop_assert_eq!(valid.len(), 1);
            all_changes_are_caught(&CBU, &valid[0])?;
        }

        #[test]
        fn one_wrong_digit_of_an_iban_is_caught(bban in "[0-9]{18}", british in "[A-Z]{4}[0-9]{14}", costa_rica in "0[0-9]{17}") {
            for (country, bban) in [("DE", bban), ("GB", british), ("CR", costa_rica)] {
                let valid: Vec<_> = (2..=98)
                    .map(|check| format!("{country}{check:02}{bban}"))
                    .filter(|iban| IBAN.check(iban).is_ok())
                    .collect();
                prop_assert_eq!(valid.len(), 1);
                all_changes_are_caught(&IBAN, &valid[0])?;
            }
        }

        #[test]
        fn one_wrong_digit_of_a_brazilian_number_is_caught_unless_the_first_check_digit_is_zero(
            cpf in "[0-9]{9}", cnpj in "[0-9A-Z]{12}",
        ) {
            for (standard, body) in [(&CPF, cpf), (&CNPJ, cnpj)] {
                // A number of one repeated digit is refused.
                if body.bytes().all(|byte| byte == body.as_bytes()[0]) {
                    continue;
                }
                let value = completed(standard, &body, 2);
                if value.as_bytes()[value.len() - 2] != b'0' {
                    all_changes_are_caught(standard, &value)?;
                }
            }
        }

        #[test]
        fn any_text_is_checked_without_a_panic(text in "\\PC{0,40}", digits in "[0-9A-Z.@+/ -]{0,40}") {
            for standard in ALL {
                let _ = (standard.check(&text), standard.check(&digits));
            }
        }
    }
}
