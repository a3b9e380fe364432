//! Reading the rows of an uploaded workbook.

use std::io::Cursor;
use std::sync::Arc;

use calamine::{Data, Reader, Xlsx};

/// Known columns: the keys of `originalRowData` except `rowNumber`.
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

/// Row with at least one cell that is not blank.
pub(super) struct Row {
    /// Row number in the spreadsheet: the header row of a sheet is 1, the first data row 2.
    pub(super) number: u32,
    pub(super) sheet: Arc<str>,
    /// Column and text of each cell that is not blank, in the order of `COLUMNS`.
    pub(super) cells: Vec<(&'static str, Box<str>)>,
}

impl Row {
    pub(super) fn cell(&self, column: &str) -> Option<&str> {
        let cell = self.cells.iter().find(|(name, _)| *name == column)?;
        Some(&cell.1)
    }
}

/// Reads the rows of all sheets; the error is a message for the client.
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
        let mut numbered_rows = range.rows().zip(first_row + 1..);
        let Some((header, _)) = numbered_rows.next() else {
            continue;
        };
        let columns: Vec<Option<usize>> = header
            .iter()
            .map(|cell| {
                let title = cell_text(cell)?;
                COLUMNS.iter().position(|column| *column == title)
            })
            .collect();
        has_header |= columns.iter().flatten().next().is_some();
        for (values, number) in numbered_rows {
            let mut cells: Vec<(usize, Box<str>)> = (columns.iter().zip(values))
                .filter_map(|(column, cell)| Some(((*column)?, cell_text(cell)?.into_boxed_str())))
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

/// Returns the trimmed text of a cell, or `None` if it is blank.
///
/// Numbers become text too: every value of `originalRowData` is a string.
fn cell_text(cell: &Data) -> Option<String> {
    let text = cell.to_string();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cell_text_returns_digits_of_number_and_none_for_blank() {
        assert_eq!(cell_text(&Data::Float(1_234_567_890.0)).as_deref(), Some("1234567890"));
        assert_eq!(cell_text(&Data::String(" 001 ".to_owned())).as_deref(), Some("001"));
        assert_eq!(cell_text(&Data::Empty), None);
    }
}
