//! What was submitted, as far as it takes to account for it.

use std::path::Path;

use bulkrail::localpayment::raw::types::CreateBatch;
use bulkrail::{Reconciliation, Batch, Row, RowOutcome, Upload, cdq, killb, localpayment, reap};

use crate::failure::Failure;
use crate::input;
use crate::submission::localpayment::{Document, unreadable};
use crate::submission::{in_file, workbook};

/// The rows of a file.
#[derive(Default)]
pub(crate) struct Submitted {
    pub(crate) rows: usize,
    /// Of the rows that have one, in their order.
    references: Vec<String>,
}

impl Submitted {
    /// A batch without a file.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    fn all(references: Vec<String>) -> Self {
        Self { rows: references.len(), references }
    }

    /// The rows in `file`, which became `batch` or a part of it.
    pub(crate) fn of_file(file: &Path, batch: &Batch) -> Result<Self, Failure> {
        input::check(file)?;
        match batch.provider() {
            provider if *provider == killb::PROVIDER => Ok(Self::of_workbook(&workbook(file)?)),
            provider if *provider == reap::PROVIDER => Self::of_reap(file),
            provider if *provider == localpayment::PROVIDER => {
                Ok(Self::all(Document::read(file)?.references(batch.id())))
            }
            provider => Err(Failure::usage(format!("batches of {provider} have no rows to account for"))),
        }
    }

    pub(crate) fn of_workbook(workbook: &killb::Workbook) -> Self {
        Self { rows: workbook.rows(), references: workbook.references().to_vec() }
    }

    pub(crate) fn of_reap(file: &Path) -> Result<Self, Failure> {
        reap::references(&Upload::from_path(file)).map(Self::all).map_err(in_file(file))
    }

    pub(crate) fn of_batch(batch: &CreateBatch) -> Self {
        Self::all(batch.accounts.iter().map(|account| account.external_id.clone()).collect())
    }

    /// Accounts for CDQ have no reference. The library checks the rest, before it uploads them.
    pub(crate) fn of_cdq(file: &Path) -> Result<Self, Failure> {
        let counted = csv::Reader::from_path(file)
            .and_then(|mut reader| reader.byte_records().try_fold(0, |rows, record| record.map(|_| rows + 1)));
        let rows = counted.map_err(|error| Failure::usage(unreadable(&error))).map_err(in_file(file))?;
        Ok(Self { rows, references: Vec::new() })
    }

    /// The references to tell rows by; `None` where some row has none.
    pub(crate) fn references(&self) -> Option<&[String]> {
        (self.rows > 0 && self.references.len() == self.rows).then_some(&*self.references)
    }

    /// Adds what was submitted and is not in the account: with its reference where it is known, else only as a row.
    pub(crate) fn complete(&self, account: &mut Reconciliation, batch: &Batch) {
        if self.references().is_none() {
            let listed: std::collections::HashSet<_> =
                account.rows.iter().filter_map(|row| row.reference.as_deref()).collect();
            let missing = self.references.iter().filter(|reference| !listed.contains(reference.as_str()));
            let missing: Vec<_> = missing.cloned().collect();
            account.rows.extend(missing.iter().map(|reference| {
                let mut row = Row::new(RowOutcome::Unaccounted);
                row.reference = Some(reference.clone());
                row
            }));
            account.missing.extend(missing);
        }
        let listed = account.rows.len();
        account.rows.extend((listed..self.rows).map(|place| {
            let mut row = Row::new(RowOutcome::Unaccounted);
            if *batch.provider() == cdq::PROVIDER {
                // Row 1 of the file is its header.
                row.index = Some(place as u64 + 2);
            }
            row
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(reference: Option<&str>) -> Row {
        let mut row = Row::new(RowOutcome::Succeeded);
        row.reference = reference.map(str::to_owned);
        row
    }

    #[test]
    fn rows_without_a_reference_are_counted() {
        let submitted = Submitted { rows: 4, references: vec!["a".to_owned(), "b".to_owned()] };
        assert!(submitted.references().is_none());
        let mut account = Reconciliation::default();
        account.rows = vec![row(Some("a")), row(None)];
        submitted.complete(&mut account, &Batch::new(killb::PROVIDER, "b-1").unwrap());
        let references: Vec<_> = account.rows.iter().map(|row| row.reference.as_deref()).collect();
        assert_eq!(references, [Some("a"), None, Some("b"), None]);
        assert_eq!(account.unaccounted().count(), 2);
        assert_eq!(account.missing, ["b"]);
    }
}
