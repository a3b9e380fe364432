//! Checks CSV files before they are sent: in one pass, without holding the file in memory.

mod cell;
mod check;
mod format;
mod quotes;
mod row;
#[cfg(test)]
mod tests;

pub use cell::{check_cell, spreadsheet_safe};
pub use format::{CsvFormat, MAX_BYTES, MAX_ROWS};
pub use row::CsvRow;

use crate::error::{Error, ErrorKind};

fn usage(reason: String) -> Error {
    Error::new(ErrorKind::Usage, reason)
}
