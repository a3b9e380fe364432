use bulkrail_core::csv::{CsvRecord, CsvRecords};
use bulkrail_core::text::trimmed;
use bulkrail_core::{Drift, DriftKind, Row, RowOutcome, identifier_or_length};

/// Columns of the CSV in a response, as its page shows them.
const COLUMNS: [&str; 3] = ["internal_id", "external_id", "bank_account"];

/// The CSV in a response, which lists created accounts: read line by line.
pub(super) struct Listing<'c> {
    records: CsvRecords<'c>,
    columns: Columns,
    /// Differences of the header from the page.
    drift: Vec<Drift>,
}

/// Positions of the columns.
struct Columns {
    count: usize,
    internal: Option<usize>,
    external: Option<usize>,
    account: Option<usize>,
    /// Those that the page does not have.
    new: Vec<usize>,
}

/// One line of a listing.
///
/// It has succeeded when it has a reference, an account, and nothing in a column that no page documents. Any other line
/// is unaccounted for, because no page says what it means.
pub(super) struct Line<'r> {
    record: CsvRecord<'r>,
    columns: &'r Columns,
    pub(super) reference: Option<&'r str>,
    /// `None` where it has succeeded.
    unaccounted: Option<&'r str>,
}

impl<'c> Listing<'c> {
    /// Reads the header of the CSV in a response; `None` when the text is not such a CSV.
    pub(super) fn parse(mut records: CsvRecords<'c>) -> Option<Self> {
        let header: Vec<_> = records.next_record()?.iter().map(trimmed).map(str::to_owned).collect();
        let column = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let [internal, external, account] = COLUMNS.map(column);
        external?;
        let is_new = |name: &String| !COLUMNS.iter().any(|known| name.eq_ignore_ascii_case(known));
        let new: Vec<_> = header.iter().enumerate().filter(|(_, name)| is_new(name)).map(|(index, _)| index).collect();
        let mut drift = Vec::new();
        for index in &new {
            Drift::merge(&mut drift, &[new_column(&header[*index])]);
        }
        for (name, _) in COLUMNS.iter().zip([internal, external, account]).filter(|(_, column)| column.is_none()) {
            let pointer = format!("/csvFormatResponse/{name}");
            Drift::merge(&mut drift, &[Drift::new(pointer, DriftKind::MissingField, "a column", "nothing")]);
        }
        let columns = Columns { count: header.len(), internal, external, account, new };
        Some(Self { records, columns, drift })
    }

    /// Returns the next line; `None` at the end.
    pub(super) fn next_line(&mut self) -> Option<Line<'_>> {
        self.records.next_record().map(|record| self.columns.line(record))
    }

    /// Returns the differences of the header from the page.
    pub(super) fn into_drift(self) -> Vec<Drift> {
        self.drift
    }
}

impl Columns {
    fn line<'r>(&'r self, record: CsvRecord<'r>) -> Line<'r> {
        let cell = |index| cell(record, index);
        let beyond = self.count..record.len();
        let remark = self.new.iter().copied().chain(beyond).find_map(cell);
        let reference = self.external.and_then(cell);
        let has_account = self.account.is_none_or(|index| cell(index).is_some());
        let unaccounted = match remark {
            Some(remark) => Some(remark),
            None if !has_account => Some("it is listed without a bank account"),
            None if reference.is_none() => Some("it is listed without a reference"),
            None => None,
        };
        Line { record, columns: self, reference, unaccounted }
    }
}

/// Returns the cell at `index` without blanks around it, if it is not blank.
fn cell(record: CsvRecord<'_>, index: usize) -> Option<&str> {
    let cell = record.get(index)?;
    // Most cells begin and end with a letter or digit.
    let is_trimmed = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if is_trimmed(cell.as_bytes().first()) && is_trimmed(cell.as_bytes().last()) {
        return Some(cell);
    }
    Some(cell.trim()).filter(|cell| !cell.is_empty())
}

impl Line<'_> {
    pub(super) fn has_succeeded(&self) -> bool {
        self.unaccounted.is_none()
    }

    /// Returns the row of the line.
    pub(super) fn to_row(&self) -> Row {
        self.row(self.unaccounted)
    }

    /// Returns the row of the line in a batch whose code says that it was not completed.
    pub(super) fn to_contradicted_row(&self) -> Row {
        self.row(Some("the status code of the batch contradicts the list"))
    }

    fn row(&self, unaccounted: Option<&str>) -> Row {
        let mut row = match unaccounted {
            Some(reason) => Row::new(RowOutcome::Unaccounted).with_reason(reason),
            None => Row::new(RowOutcome::Succeeded),
        };
        row.reference = self.reference.map(str::to_owned);
        row.account_id = self.columns.internal.and_then(|index| cell(self.record, index)).map(str::to_owned);
        row
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(csv: &str) -> (Vec<(Option<String>, RowOutcome)>, Vec<String>) {
        let (mut listing, mut rows) = (Listing::parse(CsvRecords::new(csv)).unwrap(), Vec::new());
        while let Some(line) = listing.next_line() {
            let row = line.to_row();
            assert_eq!(line.has_succeeded(), row.outcome == RowOutcome::Succeeded);
            rows.push((row.reference, row.outcome));
        }
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
        assert!(Listing::parse(CsvRecords::new("<html>")).is_none());
    }
}
