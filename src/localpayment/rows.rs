use crate::{Row, RowOutcome};

/// How many accounts the CSV of an answer lists; `None` when it is no such CSV.
pub(super) fn count(csv: &str) -> Option<u64> {
    read(csv).map(|rows| rows.len() as u64)
}

/// The accounts that the CSV of an answer (`internal_id,external_id,bank_account`) lists. Only created ones are in it.
pub(super) fn read(csv: &str) -> Option<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv.as_bytes());
    let headers = reader.headers().ok()?.clone();
    let column = |name: &str| headers.iter().position(|header| header.trim().eq_ignore_ascii_case(name));
    let (internal, external) = (column("internal_id"), column("external_id")?);
    let rows = reader.records().filter_map(Result::ok).map(|record| {
        let cell = |index: Option<usize>| record.get(index?).filter(|cell| !cell.is_empty()).map(str::to_owned);
        let mut row = Row::new(RowOutcome::Succeeded);
        row.reference = cell(Some(external));
        row.account_id = cell(internal);
        row
    });
    Some(rows.collect())
}
