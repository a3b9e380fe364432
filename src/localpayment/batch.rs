use std::collections::HashMap;

use bulkrail_core::text::is_blank;
use bulkrail_core::{Error, ErrorKind};

use super::PROVIDER;
use super::raw::types::{BatchAccount, BeneficiaryType, BeneficiaryTypeKnown, CreateBatch};

/// Number of accounts that one batch may have: 10 to 5,000
/// ([create page](https://docs.v3.localpayment.com/request-a-payment/payins/bank-transfer/virtual-account/api-reference/request-batch)).
pub const ACCOUNTS: std::ops::RangeInclusive<usize> = 10..=5_000;

/// Splits a batch into as few batches of at most 5,000 accounts as possible, whose sizes differ by one at most.
///
/// The first keeps the `externalId`; `-2`, `-3` and so on are appended to that of the others. The same accounts always
/// make the same batches, and the id of each says which of them it is.
///
/// # Errors
///
/// [`ErrorKind::Usage`] when there are fewer than 10 accounts or one breaks a rule of [`check`]; the message names its
/// position. Also when several batches are made, and the `externalId` ends in the number of one of them already.
pub fn split(batch: CreateBatch) -> Result<Vec<CreateBatch>, Error> {
    if batch.accounts.len() <= *ACCOUNTS.end() {
        return check(&batch).map(|()| vec![batch]);
    }
    check_accounts(&batch)?;
    let parts = batch.accounts.len().div_ceil(*ACCOUNTS.end());
    let CreateBatch { account_number, accounts, country, external_id, name } = batch;
    if let Some((_, number)) = numbered(&external_id, parts) {
        let reason =
            format!("the externalId ends in -{number}, as that of batch {number} of the {parts} of this file will");
        return Err(usage(reason).with_hint("choose another key, so that each id says which batch it is"));
    }
    let total = accounts.len();
    let mut accounts = accounts.into_iter();
    let part = |number: usize| CreateBatch {
        // Spreads the remainder: sizes differ by one at most.
        accounts: accounts.by_ref().take((total * (number + 1)) / parts - (total * number) / parts).collect(),
        account_number: account_number.clone(),
        country: country.clone(),
        external_id: if number == 0 { external_id.clone() } else { format!("{external_id}-{}", number + 1) },
        name: name.clone(),
    };
    let batches: Vec<_> = (0..parts).map(part).collect();
    batches.iter().try_for_each(check).map(|()| batches)
}

/// Returns the `externalId` and the number of the batch `id`, if [`split`] into `parts` gives its number to an id, and the
/// first batch has none.
pub(super) fn numbered(id: &str, parts: usize) -> Option<(&str, usize)> {
    let (external_id, digits) = id.rsplit_once('-')?;
    let number = digits.parse().ok().filter(|number| (2..=parts).contains(number))?;
    (number.to_string() == digits).then_some((external_id, number))
}

/// Checks a batch against the documented rules.
///
/// It has 10 to 5,000 accounts; every `externalId` is unique and of letters, digits and hyphens; the country has three
/// capital letters; name and document of every beneficiary are not empty.
///
/// # Errors
///
/// [`ErrorKind::Usage`] when the batch breaks a rule. The message names the position of the account (from 1), not its
/// content.
pub fn check(batch: &CreateBatch) -> Result<(), Error> {
    let count = batch.accounts.len();
    if !ACCOUNTS.contains(&count) {
        let (min, max) = (ACCOUNTS.start(), ACCOUNTS.end());
        return Err(usage(format!("a batch has {min} to {max} accounts, this one {count}")));
    }
    check_accounts(batch)
}

fn check_accounts(batch: &CreateBatch) -> Result<(), Error> {
    if !is_reference(&batch.external_id) {
        return Err(usage("the externalId of the batch must be letters, digits and hyphens".to_owned()));
    }
    if batch.country.len() != 3 || !batch.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(usage("the country must be three capital letters (ISO 3166-1 alpha-3), such as MEX".to_owned()));
    }
    let mut seen = HashMap::new();
    for (number, account) in (1..).zip(&batch.accounts) {
        if let Some(AccountFault { field, reason, .. }) = account_faults(account).next() {
            return Err(usage(format!("account {number}, {field}: {reason}")));
        }
        if let Some(first) = seen.insert(&account.external_id, number) {
            return Err(usage(format!("account {number}, externalId: the same as that of account {first}")));
        }
    }
    Ok(())
}

/// Rule that an account breaks.
pub(super) struct AccountFault {
    pub(super) field: &'static str,
    /// Identifier of the rule, for a check of the file.
    #[cfg_attr(not(feature = "check"), expect(dead_code, reason = "for checks only"))]
    pub(super) rule: &'static str,
    /// End of a sentence such as "is empty".
    pub(super) reason: &'static str,
}

/// Returns the documented rules that an account breaks by itself.
pub(super) fn account_faults(account: &BatchAccount) -> impl Iterator<Item = AccountFault> {
    let fault = |is_broken: bool, field, rule, reason| is_broken.then_some(AccountFault { field, rule, reason });
    let beneficiary = &account.beneficiary;
    let last_names = [&beneficiary.last_name, &beneficiary.lastname];
    let has_last_name = last_names.into_iter().flatten().any(|name| !is_blank(name));
    let is_individual = matches!(beneficiary.type_, BeneficiaryType::Known(BeneficiaryTypeKnown::Individual));
    let is_known = matches!(beneficiary.type_, BeneficiaryType::Known(_));
    let empty = "is empty";
    [
        fault(!is_reference(&account.external_id), "externalId", "reference", "must be letters, digits and hyphens"),
        fault(is_blank(&beneficiary.name), "beneficiary.name", "empty", empty),
        fault(is_blank(&beneficiary.document.id), "beneficiary.document.id", "empty", empty),
        fault(is_blank(&beneficiary.document.type_), "beneficiary.document.type", "empty", empty),
        fault(!is_known, "beneficiary.type", "beneficiary-type", "must be INDIVIDUAL or COMPANY"),
        fault(is_individual && !has_last_name, "beneficiary.lastName", "empty", "is empty; an individual needs it"),
    ]
    .into_iter()
    .flatten()
}

pub(super) fn is_reference(id: &str) -> bool {
    !id.is_empty() && id.len() <= 256 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

pub(super) fn usage(reason: String) -> Error {
    Error::new(ErrorKind::Usage, reason).with_provider(PROVIDER).with_action("checking the batch")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_refuses_an_individual_without_last_name_and_a_type_that_is_not_documented() {
        let refused = |type_: &str, last_name: &str| {
            let account = |number: usize| {
                serde_json::json!({"externalId": format!("a-{number}"), "beneficiary": {"type": type_, "name": "Ana",
                    "lastName": last_name, "document": {"type": "RFC", "id": "X"}}})
            };
            let accounts: Vec<_> = (0..10).map(account).collect();
            let batch =
                serde_json::json!({"externalId": "b", "accountNumber": "1", "country": "MEX", "accounts": accounts});
            let batch = serde_json::from_value(batch).unwrap();
            check(&batch).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(refused("INDIVIDUAL", "Rojas"), "");
        assert_eq!(refused("COMPANY", ""), "");
        for blank in ["", " ", "\u{a0}", "\u{200b}"] {
            assert!(refused("INDIVIDUAL", blank).contains("account 1, beneficiary.lastName: is empty"), "{blank:?}");
        }
        for type_ in ["individual", "ROBOT", " INDIVIDUAL"] {
            assert!(
                refused(type_, "").contains("account 1, beneficiary.type: must be INDIVIDUAL or COMPANY"),
                "{type_}"
            );
        }
    }
}
