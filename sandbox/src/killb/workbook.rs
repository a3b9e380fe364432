//! Reading the rows of an uploaded workbook.

use std::io::Cursor;
use std::sync::Arc;

use calamine::{Data, Reader, Xlsx};

/// The columns there are: the keys of `originalRowData` without `rowNumber`.
const COLUMNS: [&str; 40] = [
    "entityType",
    "email",
    "phone",
    "accountType",
    "documentNumber",
    "documentIssuedCountryCode",
    "countryCode",
    "firstName",
    "middleName",
    "lastName",
    "companyName",
    "personDocumentType",
    "companyDocumentType",
    "bankCode",
    "accountNumber",
    "clabe",
    "bankAccountType",
    "externalId",
    "routingNumber",
    "bankName",
    "swiftCode",
    "iban",
    "address",
    "currency",
    "network",
    "cvu",
    "aliasType",
    "alias",
    "bankAddressStreet1",
    "bankAddressStreet2",
    "bankAddressCity",
    "bankAddressState",
    "bankAddressZipCode",
    "bankAddressCountryCode",
    "account",
    "transfiyaAccountType",
    "clabeType",
    "pixKeyType",
    "pixKey",
    "cci",
];

const MAX_ROWS: usize = 100_000;

/// A row that is not blank.
pub(super) struct Row {
    /// As the spreadsheet counts: the header row of a sheet is 1, its first data row 2.
    pub(super) number: u32,
    pub(super) sheet: Arc<str>,
    /// Column and text of each cell that is not blank, in the order of the columns.
    pub(super) cells: Vec<(&'static str, Box<str>)>,
}

impl Row {
    pub(super) fn cell(&self, column: &str) -> Option<&str> {
        let cell = self.cells.iter().find(|(name, _)| *name == column)?;
        Some(&cell.1)
    }
}

/// The rows of all sheets, or what is wrong with the file.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| "The file is not an Excel workbook")?;
    let mut rows = Vec::new();
    let mut has_header = false;
    for name in workbook.sheet_names() {
        let range = workbook.worksheet_range(&name).map_err(|_| format!("The sheet '{name}' cannot be read"))?;
        let Some((first_row, _)) = range.start() else {
            continue;
        };
        let sheet: Arc<str> = name.into();
        let mut lines = range.rows().zip(first_row + 1..);
        let Some((header, _)) = lines.next() else {
            continue;
        };
        let columns: Vec<Option<usize>> = header
            .iter()
            .map(|cell| {
                let title = text(cell)?;
                COLUMNS.iter().position(|column| *column == title)
            })
            .collect();
        has_header |= columns.iter().flatten().next().is_some();
        for (line, number) in lines {
            let mut cells: Vec<(usize, Box<str>)> = (columns.iter().zip(line))
                .filter_map(|(column, cell)| Some(((*column)?, text(cell)?.into_boxed_str())))
                .collect();
            if cells.is_empty() {
                continue;
            }
            if rows.len() == MAX_ROWS {
                return Err(format!("The file has more than {MAX_ROWS} rows"));
            }
            cells.sort_by_key(|(column, _)| *column);
            rows.push(Row {
                number,
                sheet: Arc::clone(&sheet),
                cells: (cells.into_iter()).map(|(column, text)| (COLUMNS[column], text)).collect(),
            });
        }
    }
    if !has_header {
        return Err("The file has no header row with known columns".to_owned());
    }
    Ok(rows)
}

/// Every cell is text to KillB, the number 1234567890 as well.
fn text(cell: &Data) -> Option<String> {
    let text = cell.to_string();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_their_digits() {
        assert_eq!(text(&Data::Float(1_234_567_890.0)).as_deref(), Some("1234567890"));
        assert_eq!(text(&Data::String(" 001 ".to_owned())).as_deref(), Some("001"));
        assert_eq!(text(&Data::Empty), None);
    }
}
