//! Copies of files with some of their rows.

use std::io::{self, Read, Write};

use super::check::{BYTE_ORDER_MARK, not_utf_8, unreadable};
use super::fault::CsvFault;
use super::format::CsvFormat;
use super::records::FileRecords;
use super::row::CsvRow;
use super::usage;
use crate::error::Error;
use crate::text::is_blank;

impl CsvFormat {
    /// Copies the header, and the rows for which `keep` returns true, and returns the number of these rows.
    ///
    /// Columns, their order, quotation marks, the kind of line break and a byte order mark stay as they are: a row is copied
    /// byte for byte. Blank rows are left out. Memory does not grow with the file.
    ///
    /// ```
    /// use bulkrail_core::csv::CsvFormat;
    ///
    /// const FORMAT: CsvFormat = CsvFormat::new(&["id", "name"]).with_reference("id");
    /// let csv = "name,id\r\n\"Ann, B.\",a\r\nBen,b\r\n";
    /// let mut copy = Vec::new();
    /// let rows = FORMAT.copy_rows(&mut csv.as_bytes(), csv.len() as u64, &mut copy, |row| row.cell("id") == "a")?;
    /// assert_eq!((rows, copy), (1, b"name,id\r\n\"Ann, B.\",a\r\n".to_vec()));
    /// # Ok::<(), bulkrail_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the file is too large, does not have the columns of the format or
    /// rows as long as its header, is not UTF-8, or cannot be read or the copy cannot be written. Cells are not checked.
    pub fn copy_rows(
        &self,
        file: &mut dyn Read,
        size: u64,
        to: &mut dyn Write,
        mut keep: impl FnMut(&CsvRow<'_>) -> bool,
    ) -> Result<u64, Error> {
        let too_large = || usage(format!("the file has more than {} bytes", self.max_bytes));
        if size > self.max_bytes {
            return Err(too_large());
        }
        let mut file = file.take(self.max_bytes.saturating_add(1));
        let mut records = FileRecords::new(&mut file as &mut dyn Read);
        let mut has_mark = false;
        while records.peek(BYTE_ORDER_MARK.len()).map_err(unreadable)? == BYTE_ORDER_MARK {
            records.skip(BYTE_ORDER_MARK.len());
            has_mark = true;
        }
        let refuse = |fault: CsvFault| Err(fault.into_error());
        let Some((header, bytes)) = records.next_with_bytes().map_err(unreadable)? else {
            return Err(usage("the file is empty".to_owned()));
        };
        let columns = self.columns(header.map_err(|_| not_utf_8(1).into_error())?.iter(), &mut { refuse })?;
        if has_mark {
            to.write_all(BYTE_ORDER_MARK).map_err(unwritable)?;
        }
        to.write_all(bytes).map_err(unwritable)?;
        let line_break: &[u8] = match records.peek(2).map_err(unreadable)? {
            b"\r\n" => b"\r\n",
            [b'\r', ..] => b"\r",
            _ => b"\n",
        };
        to.write_all(line_break).map_err(unwritable)?;
        let (mut number, mut copied) = (1, 0);
        while let Some((record, bytes)) = records.next_with_bytes().map_err(unreadable)? {
            number += 1;
            let record = record.map_err(|_| not_utf_8(number).into_error())?;
            if record.iter().all(is_blank) {
                continue;
            }
            if record.len() != columns.len() {
                let reason = format!("has {} cells, but the header has {}", record.len(), columns.len());
                return Err(CsvFault::of_row(number, "number-of-cells", reason).into_error());
            }
            if keep(&CsvRow { number, columns: &columns, record }) {
                to.write_all(bytes).and_then(|()| to.write_all(line_break)).map_err(unwritable)?;
                copied += 1;
            }
        }
        drop(records);
        if file.limit() == 0 {
            return Err(too_large());
        }
        Ok(copied)
    }
}

fn unwritable(error: io::Error) -> Error {
    usage(format!("the copy cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: CsvFormat = CsvFormat::new(&["id"]).with_optional(&["note"]).with_reference("id");

    fn copy(csv: &[u8], ids: &[&str]) -> Result<(u64, Vec<u8>), String> {
        let mut to = Vec::new();
        let copied = FORMAT.copy_rows(&mut &*csv, csv.len() as u64, &mut to, |row| ids.contains(&row.cell("id")));
        copied.map(|rows| (rows, to)).map_err(|error| error.to_string())
    }

    #[test]
    fn copy_of_all_rows_is_the_file() {
        for csv in [
            "\u{feff}note,id\r\n\"a \"\"b\"\"\r\n, c\",1\r\n ,2\r\n\"\",\"3\"\r\n",
            "id,note\n1,'x'\n2,=1+1\n3,é\n",
            "id\r1\r2\r3\r",
        ] {
            let (rows, to) = copy(csv.as_bytes(), &["1", "2", "3"]).unwrap();
            assert_eq!((rows, String::from_utf8(to).unwrap()), (3, csv.to_owned()));
        }
    }

    #[test]
    fn copy_leaves_out_rows_and_ends_its_last_line() {
        let csv = "id,note\n1,a\n\n,\n\"2\",\"b\nc\"\n3,d";
        assert_eq!(copy(csv.as_bytes(), &["2", "3"]).unwrap(), (2, b"id,note\n\"2\",\"b\nc\"\n3,d\n".to_vec()));
        assert_eq!(copy(csv.as_bytes(), &[]).unwrap(), (0, b"id,note\n".to_vec()));
    }

    #[test]
    fn copy_refuses_what_is_not_a_file_of_the_format() {
        for (csv, expected) in [
            (&b""[..], "the file is empty"),
            (b"name\nx\n", "row 1, column 1: is not one of id, note"),
            (b"id,note\n1\n", "row 2: has 1 cells, but the header has 2"),
            (b"id\n\xff\n", "row 2: is not UTF-8"),
        ] {
            assert!(copy(csv, &[]).unwrap_err().starts_with(expected), "{:?}", copy(csv, &[]));
        }
        let limited = FORMAT.with_max_bytes(4);
        assert!(limited.copy_rows(&mut &b"id\n1\n"[..], 0, &mut Vec::new(), |_| true).is_err());
    }
}
