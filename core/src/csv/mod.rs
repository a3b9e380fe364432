//! Checks CSV files before they are sent: in one pass, without holding the file in memory.
//!
//! | Type | Does |
//! |---|---|
//! | [`CsvFormat`] | checks a file by the rules of a provider, and passes on its rows |
//! | [`CsvFormat::copy_rows`] | copies some rows of a file, byte for byte |
//! | [`CsvFault`] | one rule that a file breaks; [`CsvFormat::read_all`] collects them |
//! | [`CsvRecords`] | reads the records of a CSV text in a response |

mod cell;
mod check;
mod copy;
mod fault;
mod format;
mod records;
mod row;
#[cfg(test)]
mod tests;

pub use cell::{check_cell, spreadsheet_safe};
pub use fault::CsvFault;
pub use format::{CsvFormat, MAX_BYTES, MAX_ROWS};
pub use records::{CsvRecord, CsvRecords};
pub use row::CsvRow;

use crate::error::{Error, ErrorKind};

fn usage(reason: String) -> Error {
    Error::new(ErrorKind::Usage, reason)
}
