use std::collections::HashSet;

use bulkrail_core::text::trimmed;
use bulkrail_core::{Drift, DriftKind, Row, RowOutcome, identifier_or_length};

/// Columns of the CSV in a response, as its page shows them.
const COLUMNS: [&str; 3] = ["internal_id", "external_id", "bank_account"];

/// Content of the CSV in a response, which lists created accounts.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) rows: Vec<Row>,
    pub(super) drift: Vec<Drift>,
}

impl Listing {
    /// Returns the number of rows that have succeeded; one that is listed twice counts once.
    pub(super) fn succeeded(&self) -> u64 {
        let succeeded = self.rows.iter().filter(|row| row.outcome == RowOutcome::Succeeded);
        succeeded.filter_map(|row| row.reference.as_deref()).collect::<HashSet<_>>().len() as u64
    }

    /// Parses the CSV of a response; `None` when the text is not such a CSV.
    ///
    /// A line has succeeded when it has a reference, an account, and nothing in a column that no page documents. Any other
    /// line is unaccounted for, because no page says what it means.
    pub(super) fn parse(csv: &str) -> Option<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv.as_bytes());
        let headers: Vec<_> = reader.headers().ok()?.iter().map(|name| trimmed(name).to_owned()).collect();
        let column = |name: &str| headers.iter().position(|header| header.eq_ignore_ascii_case(name));
        let [internal, external, account] = COLUMNS.map(column);
        external?;
        let is_new = |name: &String| !COLUMNS.iter().any(|known| name.eq_ignore_ascii_case(known));
        let new: Vec<_> = headers.iter().enumerate().filter(|(_, name)| is_new(name)).map(|(index, _)| index).collect();
        let mut listing = Self::default();
        for index in &new {
            Drift::merge(&mut listing.drift, &[new_column(&headers[*index])]);
        }
        for (name, _) in COLUMNS.iter().zip([internal, external, account]).filter(|(_, column)| column.is_none()) {
            let pointer = format!("/csvFormatResponse/{name}");
            Drift::merge(&mut listing.drift, &[Drift::new(pointer, DriftKind::MissingField, "a column", "nothing")]);
        }
        for record in reader.records() {
            let Ok(record) = record else {
                Drift::merge(&mut listing.drift, &[invalid_line()]);
                listing.rows.push(Row::new(RowOutcome::Unaccounted).with_reason("its line is not CSV"));
                continue;
            };
            let cell = |index: Option<usize>| record.get(index?).map(str::trim).filter(|cell| !cell.is_empty());
            let beyond = headers.len()..record.len();
            let remark = new.iter().copied().chain(beyond).find_map(|index| cell(Some(index)));
            let has_account = account.is_none_or(|index| cell(Some(index)).is_some());
            let unaccounted = |reason: &str| Row::new(RowOutcome::Unaccounted).with_reason(reason);
            let mut row = match remark {
                Some(remark) => unaccounted(remark),
                None if !has_account => unaccounted("it is listed without a bank account"),
                None if cell(external).is_none() => unaccounted("it is listed without a reference"),
                None => Row::new(RowOutcome::Succeeded),
            };
            row.reference = cell(external).map(str::to_owned);
            row.account_id = cell(internal).map(str::to_owned);
            listing.rows.push(row);
        }
        Some(listing)
    }
}

fn new_column(name: &str) -> Drift {
    Drift::new(
        format!("/csvFormatResponse/{}", identifier_or_length(name)),
        DriftKind::UnknownField,
        "no such column",
        "string",
    )
}

fn invalid_line() -> Drift {
    Drift::new("/csvFormatResponse", DriftKind::TypeMismatch, "CSV", "string")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(csv: &str) -> (Vec<(Option<String>, RowOutcome)>, Vec<String>) {
        let listing = Listing::parse(csv).unwrap();
        let rows = listing.rows.into_iter().map(|row| (row.reference, row.outcome)).collect();
        (rows, listing.drift.into_iter().map(|drift| drift.pointer).collect())
    }

    #[test]
    fn listing_has_succeeded_rows_only_where_nothing_speaks_against_it() {
        let row = |reference: &str, outcome| (Some(reference.to_owned()), outcome);
        let (rows, drift) = parse("internal_id,external_id,bank_account\ni1,a-1,646\ni2,a-2,\n");
        assert_eq!(rows, [row("a-1", RowOutcome::Succeeded), row("a-2", RowOutcome::Unaccounted)]);
        assert_eq!(drift, [""; 0]);
        let (rows, drift) = parse("internal_id,external_id,bank_account,error\ni1,a-1,646,\ni2,a-2,647,too long\n");
        assert_eq!(rows, [row("a-1", RowOutcome::Succeeded), row("a-2", RowOutcome::Unaccounted)]);
        assert_eq!(drift, ["/csvFormatResponse/error"]);
        let (_, drift) = parse("external_id,someone@example.com\na-1,x\n");
        let missing = ["/csvFormatResponse/internal_id", "/csvFormatResponse/bank_account"];
        assert_eq!(drift, ["/csvFormatResponse/(a text of 19 bytes)", missing[0], missing[1]]);
        let (rows, drift) = parse("\u{feff}internal_id,external_id\ni1,a-1\ni2,\ni3,a-3,too long\n");
        assert_eq!(rows[0], row("a-1", RowOutcome::Succeeded));
        assert_eq!(rows[1..], [(None, RowOutcome::Unaccounted), row("a-3", RowOutcome::Unaccounted)]);
        assert_eq!(drift, ["/csvFormatResponse/bank_account"]);
        assert_eq!(Listing::parse("external_id,bank_account\na-1,6\na-1,6\n").unwrap().succeeded(), 1);
        assert!(Listing::parse("<html>").is_none());
    }
}
