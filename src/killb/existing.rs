//! Compares submitted rows with the accounts that exist, for a submit whose outcome is unknown.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use bulkrail_core::http::text_at;
use bulkrail_core::json::{JsonArrayReader, ResponseSchema, StatusFields, sanitize_json};
use bulkrail_core::text::is_blank;
use bulkrail_core::{Drift, Error, ErrorKind, SubmittedRows, normal_form};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Submitted rows beside the accounts that exist, returned by
/// [`Client::compare_with_existing`](super::Client::compare_with_existing).
///
/// It is a comparison, not an outcome: read there what it cannot say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ExistingAccounts {
    /// Number of rows whose `externalId` at least one account has.
    pub existing: u64,
    /// Number of rows whose `externalId` none of the accounts has.
    pub missing: u64,
    /// Number of the existing rows whose `externalId` two accounts or more have.
    pub duplicates: u64,
    /// Number of submitted rows without an `externalId`: they cannot be compared, and are not in `rows`.
    pub rows_without_reference: u64,
    /// Number of accounts that KillB lists without an `externalId`: each may be that of a missing row.
    pub accounts_without_reference: u64,
    /// Users whose accounts were read, in the order in which they were given.
    pub users: Vec<ComparedUser>,
    /// Every submitted row that has an `externalId`, in the order of submission.
    pub rows: Vec<ComparedRow>,
}

impl ExistingAccounts {
    /// Returns the rows whose `externalId` none of the accounts has.
    pub fn missing_rows(&self) -> impl Iterator<Item = &ComparedRow> {
        self.rows.iter().filter(|row| row.accounts.is_empty())
    }

    /// Returns the rows whose `externalId` two accounts or more have.
    pub fn duplicate_rows(&self) -> impl Iterator<Item = &ComparedRow> {
        self.rows.iter().filter(|row| row.accounts.len() > 1)
    }

    /// Returns whether every submitted row has exactly one account.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing == 0 && self.duplicates == 0 && self.rows_without_reference == 0
    }
}

/// Submitted row and the accounts that have its `externalId`. `Debug` leaves out the texts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ComparedRow {
    /// Number of the row in its sheet, where it is known.
    pub index: Option<u64>,
    /// The `externalId` that was submitted.
    pub reference: String,
    /// Accounts that have it: none, one, or several after a double submission.
    pub accounts: Vec<ExistingAccount>,
}

impl fmt::Debug for ComparedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, accounts, .. } = self;
        f.debug_struct("ComparedRow").field("index", index).field("accounts", accounts).finish_non_exhaustive()
    }
}

/// Account that has a submitted `externalId`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ExistingAccount {
    /// Id of the account.
    pub id: String,
    /// User who owns it: as KillB lists it, else the one whose accounts were read.
    pub user_id: String,
    /// Time of its creation by KillB's clock; `None` where it is not listed, or not as a time.
    ///
    /// An account from before the submit is not one of its rows.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub created_at: Option<Timestamp>,
}

/// User whose accounts were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ComparedUser {
    /// Id of the user.
    pub id: String,
    /// Number of accounts that KillB lists for the user, whatever their `externalId`. With 0 the id may be a wrong one.
    pub accounts: u64,
}

/// Submitted references, with the accounts found so far.
pub(super) struct Comparison<'s> {
    /// Positions of rows by the normal form of their reference, in which KillB may return it.
    by_reference: HashMap<Cow<'s, str>, usize>,
    compared: ExistingAccounts,
}

impl<'s> Comparison<'s> {
    /// Refuses rows that could not be distinguished, or that have no reference at all.
    pub(super) fn new(submitted: &'s SubmittedRows) -> Result<Self, Error> {
        let references = &submitted.references;
        let mut by_reference = HashMap::with_capacity(references.len());
        for (position, reference) in references.iter().enumerate() {
            let refused = |problem: &str| {
                let place = match submitted.numbers.get(position) {
                    Some(number) => format!("row {number}"),
                    None => format!("reference {}", position + 1),
                };
                Error::new(ErrorKind::Usage, format!("{place}: {problem}"))
            };
            if is_blank(reference) {
                return Err(refused("its externalId is blank"));
            }
            if by_reference.insert(normal_form(reference), position).is_some() {
                return Err(refused(
                    "another row has the same externalId, so that their accounts cannot be distinguished",
                ));
            }
        }
        if references.is_empty() {
            let reason = "none of the rows has an externalId, by which accounts are compared";
            return Err(Error::new(ErrorKind::Usage, reason));
        }
        let row = |(position, reference): (usize, &String)| ComparedRow {
            index: submitted.numbers.get(position).copied(),
            reference: reference.clone(),
            accounts: Vec::new(),
        };
        let compared = ExistingAccounts {
            existing: 0,
            missing: 0,
            duplicates: 0,
            rows_without_reference: submitted.rows.saturating_sub(references.len() as u64),
            accounts_without_reference: 0,
            users: Vec::new(),
            rows: references.iter().enumerate().map(row).collect(),
        };
        Ok(Self { by_reference, compared })
    }

    /// Adds the accounts of a user. One that was listed before, also for another user, counts once.
    pub(super) fn add(&mut self, user_id: String, found: UserAccounts) {
        self.compared.users.push(ComparedUser { id: user_id, accounts: found.listed });
        self.compared.accounts_without_reference += found.without_reference;
        for (position, account) in found.matching {
            let accounts = &mut self.compared.rows[position].accounts;
            if accounts.iter().all(|known| known.id != account.id) {
                // Nearly all rows have one account, and the first push would make space for four.
                accounts.reserve_exact(1);
                accounts.push(account);
            }
        }
    }

    pub(super) fn finish(mut self) -> ExistingAccounts {
        let count =
            |rows: &dyn Fn(&ComparedRow) -> bool| self.compared.rows.iter().filter(|row| rows(row)).count() as u64;
        let missing = count(&|row| row.accounts.is_empty());
        let duplicates = count(&|row| row.accounts.len() > 1);
        self.compared.existing = self.compared.rows.len() as u64 - missing;
        (self.compared.missing, self.compared.duplicates) = (missing, duplicates);
        self.compared
    }
}

/// Accounts of one user.
#[derive(Default)]
pub(super) struct UserAccounts {
    listed: u64,
    without_reference: u64,
    /// Accounts with a submitted reference, each with the position of its row.
    matching: Vec<(usize, ExistingAccount)>,
}

/// Field around the list, which is the whole body, for [`JsonArrayReader`].
const FIELD: &str = "accounts";
const BEFORE: &[u8] = br#"{"accounts":"#;
const AFTER: &[u8] = b"}";

/// Reads the list of a user's accounts as it arrives. Of each account only what is compared is kept.
pub(super) struct AccountListReader<'c> {
    comparison: &'c Comparison<'c>,
    user_id: &'c str,
    schema: &'static ResponseSchema,
    reader: JsonArrayReader,
    has_begun: bool,
    has_unreadable: bool,
    found: UserAccounts,
    pub(super) drift: Vec<Drift>,
}

impl<'c> AccountListReader<'c> {
    pub(super) fn new(comparison: &'c Comparison<'c>, user_id: &'c str, schema: &'static ResponseSchema) -> Self {
        let mut reader = JsonArrayReader::new(FIELD);
        reader.push(BEFORE, |_, _| {});
        Self {
            comparison,
            user_id,
            schema,
            reader,
            has_begun: false,
            has_unreadable: false,
            found: UserAccounts::default(),
            drift: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, mut chunk: &[u8]) {
        if !self.has_begun {
            // A byte order mark, too, whose bytes begin no JSON text.
            let begin = chunk.iter().position(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte));
            let Some(begin) = begin else { return };
            chunk = &chunk[begin..];
            self.has_begun = true;
        }
        let Self { reader, comparison, user_id, schema, found, drift, has_unreadable, .. } = self;
        reader.push(chunk, |item, _| {
            let account = serde_json::from_slice(item).or_else(|_| serde_json::from_str(&sanitize_json(item)));
            let Ok(account @ Value::Object(_)) = account else {
                *has_unreadable = true;
                return;
            };
            Drift::merge(drift, &schema.differences(&account));
            *has_unreadable |= !found.push(comparison, user_id, &account);
        });
    }

    pub(super) fn buffered_bytes(&self) -> usize {
        self.reader.buffered_bytes()
    }

    /// Returns the accounts, once the whole body was pushed.
    ///
    /// An account that cannot be read is an error: its row would be reported as missing.
    pub(super) fn finish(mut self) -> Result<UserAccounts, Error> {
        self.reader.push(AFTER, |_, _| {});
        let unreadable = || Error::new(ErrorKind::Decode, "the response is not a list of accounts");
        let is_list =
            StatusFields::from_elided(self.reader.rest()).map_err(|_| unreadable())?.items("/accounts").is_some();
        if !is_list {
            return Err(unreadable());
        }
        if self.has_unreadable {
            return Err(Error::new(ErrorKind::Decode, "an account in the list cannot be read, or has no id"));
        }
        Ok(self.found)
    }
}

impl UserAccounts {
    /// Adds a listed account. Returns whether it has an id.
    fn push(&mut self, comparison: &Comparison<'_>, user_id: &str, account: &Value) -> bool {
        let Some(id) = text_at(account, "/id") else { return false };
        self.listed += 1;
        let Some(reference) = text_at(account, "/externalId").filter(|reference| !is_blank(reference)) else {
            self.without_reference += 1;
            return true;
        };
        if let Some(position) = comparison.by_reference.get(&*normal_form(&reference)) {
            let created_at = text_at(account, "/createdAt").and_then(|text| text.parse().ok());
            let user_id = text_at(account, "/userId").unwrap_or_else(|| user_id.to_owned());
            self.matching.push((*position, ExistingAccount { id, user_id, created_at }));
        }
        true
    }
}
