use bulkrail_core::{Row, RowOutcome};

/// Returns the number of accounts in the CSV of a response; `None` when the text is not such a CSV.
pub(super) fn count(csv: &str) -> Option<u64> {
    parse(csv).map(|rows| rows.len() as u64)
}

/// Returns the accounts in the CSV of a response (`internal_id,external_id,bank_account`), which lists created accounts
/// only; `None` when the text is not such a CSV.
pub(super) fn parse(csv: &str) -> Option<Vec<Row>> {
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
