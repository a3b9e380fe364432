//! Records of CSV: cells are separated by commas, records end at a line break, and empty lines are not records.
//!
//! They are the same as those of the crate `csv`, with which the tests compare them. A record without quotation marks is not
//! copied: its separators are searched for, many bytes at a time.

use std::io::{self, Read};
use std::str::Utf8Error;

use memchr::{memchr, memchr_iter, memchr3};

/// Bytes that are read from a file at a time, 64 KiB. A longer record makes the buffer larger.
const CHUNK: usize = 64 * 1024;

/// One record of a CSV text.
///
/// ```
/// use bulkrail_core::csv::CsvRecords;
///
/// let mut records = CsvRecords::new("a,\"b, c\"\n");
/// let record = records.next_record().expect("one record");
/// assert_eq!(record.iter().collect::<Vec<_>>(), ["a", "b, c"]);
/// assert!(records.next_record().is_none());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CsvRecord<'r> {
    /// The cells, with one byte between two of them.
    text: &'r str,
    /// End of each cell in `text`.
    ends: &'r [usize],
}

impl<'r> CsvRecord<'r> {
    /// Returns the number of cells, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a record has at least one cell")]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the cell at `index`, from 0.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'r str> {
        let end = *self.ends.get(index)?;
        let start = if index == 0 { 0 } else { self.ends[index - 1] + 1 };
        self.text.get(start..end)
    }

    /// Returns the cells.
    pub fn iter(&self) -> impl Iterator<Item = &'r str> + use<'r> {
        let record = *self;
        (0..record.len()).map_while(move |index| record.get(index))
    }

    /// Returns all cells, with one character between two of them.
    pub(super) fn text(&self) -> &'r str {
        self.text
    }
}

/// Reads the records of a CSV text in memory; the first is the header. Records may differ in their number of cells.
///
/// Lenient as the crate `csv`: a quotation mark inside of an unquoted cell is a character like any other, and a cell
/// whose quotation mark is not closed ends with the text.
#[derive(Debug, Clone)]
pub struct CsvRecords<'c> {
    text: &'c str,
    /// Line breaks are written as `\n` or `\r`, and nothing else has a backslash or a quotation mark.
    is_escaped: bool,
    cells: Cells,
}

impl<'c> CsvRecords<'c> {
    /// Returns the records of `text`. A byte order mark at its start is not a part of them.
    #[must_use]
    pub fn new(text: &'c str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { text, is_escaped: false, cells: Cells::default() }
    }

    /// Returns the records of a text as it is written in JSON, whose only escapes are those of line breaks, as
    /// [`StatusFields::escaped_lines`](crate::json::StatusFields::escaped_lines) returns it.
    ///
    /// ```
    /// use bulkrail_core::csv::CsvRecords;
    ///
    /// let mut records = CsvRecords::from_escaped_lines(r"a,b\nc,d\n");
    /// assert_eq!(records.next_record().map(|record| record.len()), Some(2));
    /// assert_eq!(records.next_record().and_then(|record| record.get(1)), Some("d"));
    /// ```
    #[must_use]
    pub fn from_escaped_lines(text: &'c str) -> Self {
        Self { text, is_escaped: true, cells: Cells::default() }
    }

    /// Returns the number of bytes that have not been read.
    #[must_use]
    pub fn remaining_bytes(&self) -> usize {
        self.text.len()
    }

    /// Returns the next record; `None` at the end.
    pub fn next_record(&mut self) -> Option<CsvRecord<'_>> {
        if self.is_escaped {
            return self.next_line();
        }
        let found = self.cells.split(self.text.as_bytes(), true)?;
        let (record, rest) = self.text.split_at_checked(found.next).unwrap_or((self.text, ""));
        self.text = rest;
        let text = if found.is_quoted {
            // Parts of a `str`, cut at ASCII characters.
            std::str::from_utf8(&self.cells.unquoted).unwrap_or_default()
        } else {
            record.get(found.start..found.end).unwrap_or_default()
        };
        Some(CsvRecord { text, ends: &self.cells.ends })
    }

    /// Returns the next record of escaped lines, which have no quotation mark.
    fn next_line(&mut self) -> Option<CsvRecord<'_>> {
        while let Some(rest) = self.text.strip_prefix(r"\n").or_else(|| self.text.strip_prefix(r"\r")) {
            self.text = rest;
        }
        if self.text.is_empty() {
            return None;
        }
        let end = memchr(b'\\', self.text.as_bytes()).unwrap_or(self.text.len());
        // A lone backslash is not an escape, and would not be passed.
        let (record, rest) = self.text.split_at(end.max(1));
        self.text = rest;
        self.cells.set_ends(record.as_bytes());
        Some(CsvRecord { text: record, ends: &self.cells.ends })
    }
}

/// Reads the records of a file.
pub(super) struct FileRecords<R> {
    file: R,
    buffer: Vec<u8>,
    /// Part of the buffer that has been read from the file and not been returned.
    start: usize,
    end: usize,
    is_at_end: bool,
    cells: Cells,
    quotes: Quotes,
}

/// Result of following the quotation marks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quotes {
    records: u64,
    /// Row and column of the first quotation mark that RFC 4180 does not allow.
    pub(super) misplaced: Option<(u64, u64)>,
    /// A quoted cell is not closed.
    pub(super) is_open: bool,
}

impl<R: Read> FileRecords<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            file,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            is_at_end: false,
            cells: Cells::default(),
            quotes: Quotes::default(),
        }
    }

    /// Returns the first bytes of the file: `count`, or fewer where it is shorter.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.end - self.start < count && !self.is_at_end {
            self.fill()?;
        }
        Ok(&self.buffer[self.start..self.end.min(self.start + count)])
    }

    /// Leaves out the next `count` bytes, which [`peek`](Self::peek) has returned.
    pub(super) fn skip(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    /// Returns the next record; `None` at the end.
    pub(super) fn next_record(&mut self) -> io::Result<Option<Result<CsvRecord<'_>, Utf8Error>>> {
        Ok(self.next_with_bytes()?.map(|(record, _)| record))
    }

    /// Returns the next record, and its bytes without the line break; `None` at the end.
    pub(super) fn next_with_bytes(&mut self) -> io::Result<Option<(Result<CsvRecord<'_>, Utf8Error>, &[u8])>> {
        let found = loop {
            match self.cells.split(&self.buffer[self.start..self.end], self.is_at_end) {
                Some(found) => break found,
                None if self.is_at_end => return Ok(None),
                None => self.fill()?,
            }
        };
        self.quotes.records += 1;
        self.quotes.is_open = found.is_open;
        if let Some(column) = found.misplaced
            && self.quotes.misplaced.is_none()
        {
            self.quotes.misplaced = Some((self.quotes.records, column));
        }
        let record = &self.buffer[self.start + found.start..self.start + found.end];
        self.start += found.next;
        let text = std::str::from_utf8(if found.is_quoted { &self.cells.unquoted } else { record });
        Ok(Some((text.map(|text| CsvRecord { text, ends: &self.cells.ends }), record)))
    }

    /// Reads the rest of the file, of which nothing is kept, and returns what is known of its quotation marks.
    pub(super) fn finish(mut self) -> io::Result<Quotes> {
        let mut state = QuoteState::CellStart;
        loop {
            for byte in &self.buffer[self.start..self.end] {
                state = state.next(*byte);
            }
            self.start = self.end;
            if self.is_at_end {
                break;
            }
            self.fill()?;
        }
        self.quotes.is_open |= state == QuoteState::Quoted;
        Ok(self.quotes)
    }

    /// Reads more of the file behind what is in the buffer, until the buffer is full.
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        // A long record is searched from its beginning again: doubling keeps the time linear.
        if self.end > self.buffer.len() / 2 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        while self.end < self.buffer.len() && !self.is_at_end {
            match self.file.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.is_at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Place of a record in a text.
struct Found {
    /// Bytes of the record.
    start: usize,
    end: usize,
    /// Where the next one may begin.
    next: usize,
    /// The cells are in [`Cells::unquoted`] instead of the text.
    is_quoted: bool,
    /// Column of the first quotation mark that RFC 4180 does not allow.
    misplaced: Option<u64>,
    is_open: bool,
}

/// Cells of one record, whose memory is used again for the next.
#[derive(Debug, Clone, Default)]
struct Cells {
    /// End of each cell, with one byte between two of them.
    ends: Vec<usize>,
    /// Cells of a record with quotation marks, without those.
    unquoted: Vec<u8>,
}

impl Cells {
    /// Finds the first record in `text`; `None` where it has none, or its end is not in `text` and more follows.
    fn split(&mut self, text: &[u8], is_all: bool) -> Option<Found> {
        let start = text.iter().position(|byte| !matches!(byte, b'\n' | b'\r'))?;
        let end = match memchr3(b'\n', b'\r', b'"', &text[start..]) {
            Some(length) if text[start + length] == b'"' => return self.split_quoted(text, start, is_all),
            Some(length) => start + length,
            None if is_all => text.len(),
            None => return None,
        };
        self.set_ends(&text[start..end]);
        // The line break itself is skipped with empty lines.
        Some(Found { start, end, next: end, is_quoted: false, misplaced: None, is_open: false })
    }

    /// Finds the cells of a record without quotation marks.
    fn set_ends(&mut self, record: &[u8]) {
        self.ends.clear();
        self.ends.extend(memchr_iter(b',', record));
        self.ends.push(record.len());
    }

    /// Finds the record at `start`, which has a quotation mark, and copies its cells.
    fn split_quoted(&mut self, text: &[u8], start: usize, is_all: bool) -> Option<Found> {
        self.ends.clear();
        self.unquoted.clear();
        let (mut rest, mut misplaced, mut is_open) = (&text[start..], None, false);
        loop {
            let column = self.ends.len() as u64 + 1;
            if let Some(quoted) = rest.strip_prefix(b"\"") {
                match self.push_quoted(quoted) {
                    Some(after) => rest = after,
                    None if is_all => (rest, is_open) = (b"", true),
                    None => return None,
                }
                if rest.first().is_some_and(|byte| !b",\n\r".contains(byte)) {
                    misplaced.get_or_insert(column);
                }
            }
            let end = memchr3(b',', b'\n', b'\r', rest);
            if end.is_none() && !is_all {
                return None;
            }
            let (cell, after) = rest.split_at(end.unwrap_or(rest.len()));
            if memchr(b'"', cell).is_some() {
                misplaced.get_or_insert(column);
            }
            self.unquoted.extend_from_slice(cell);
            self.ends.push(self.unquoted.len());
            match after.strip_prefix(b",") {
                Some(next) => {
                    self.unquoted.push(b',');
                    rest = next;
                }
                None => {
                    let end = text.len() - after.len();
                    return Some(Found { start, end, next: end, is_quoted: true, misplaced, is_open });
                }
            }
        }
    }

    /// Copies the text up to the quotation mark that ends it, and returns what follows; `None` where it does not end.
    ///
    /// A quotation mark at the very end counts as the end, although the first half of a doubled one may be there.
    fn push_quoted<'t>(&mut self, mut text: &'t [u8]) -> Option<&'t [u8]> {
        loop {
            let Some(mark) = memchr(b'"', text) else {
                self.unquoted.extend_from_slice(text);
                return None;
            };
            self.unquoted.extend_from_slice(&text[..mark]);
            text = &text[mark + 1..];
            match text.strip_prefix(b"\"") {
                Some(more) => {
                    self.unquoted.push(b'"');
                    text = more;
                }
                None => return Some(text),
            }
        }
    }
}

/// State of the quotation marks in a part of a file that is not split into records.
#[derive(Clone, Copy, PartialEq, Eq)]
enum QuoteState {
    CellStart,
    Unquoted,
    Quoted,
    /// Behind a quotation mark in a quoted cell: the end of the cell, or the first half of a doubled mark.
    QuotedEnd,
}

impl QuoteState {
    fn next(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::CellStart | Self::QuotedEnd, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::QuotedEnd,
            (Self::Quoted, _) => Self::Quoted,
            (_, b',' | b'\n' | b'\r') => Self::CellStart,
            _ => Self::Unquoted,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the records that the crate `csv` reads.
    fn expected(text: &str) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    fn cells(record: &CsvRecord<'_>) -> Vec<String> {
        assert_eq!(record.iter().count(), record.len());
        record.iter().map(str::to_owned).collect()
    }

    /// Returns the records of a file that is read in reads of `size` bytes, into a buffer that is as small at first.
    fn of_file(text: &str, size: usize) -> (Vec<Vec<String>>, Quotes) {
        struct Slow<'t>(&'t [u8], usize);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let length = buffer.len().min(self.1);
                self.0.read(&mut buffer[..length])
            }
        }
        let mut records = FileRecords::new(Slow(text.as_bytes(), size));
        records.buffer.truncate(size);
        let mut found = Vec::new();
        while let Some(record) = records.next_record().unwrap() {
            found.push(cells(&record.unwrap()));
        }
        (found, records.finish().unwrap())
    }

    /// Returns the first misplaced quotation mark, and whether the last quoted cell is open, one byte at a time.
    fn expected_quotes(text: &str) -> (Option<(u64, u64)>, bool) {
        let (mut state, mut row, mut column, mut misplaced) = (QuoteState::CellStart, 1, 1, None);
        for byte in text.bytes() {
            let next = state.next(byte);
            match (state, byte) {
                (QuoteState::Quoted, _) => {}
                (_, b',') => column += 1,
                (_, b'\n' | b'\r') => {
                    let is_empty = state == QuoteState::CellStart && column == 1;
                    (row, column) = (row + u64::from(!is_empty), 1);
                }
                (QuoteState::QuotedEnd, _) | (QuoteState::Unquoted, b'"') if next == QuoteState::Unquoted => {
                    misplaced = misplaced.or(Some((row, column)));
                }
                _ => {}
            }
            state = next;
        }
        (misplaced, state == QuoteState::Quoted)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn records_are_those_of_the_crate_csv(text in "[ab,\"\n\ré]{0,40}", size in 1_usize..20) {
            let records = expected(&text);
            let (found, quotes) = of_file(&text, size);
            prop_assert_eq!(&found, &records);
            prop_assert_eq!((quotes.misplaced, quotes.is_open), expected_quotes(&text));
            let mut in_memory = CsvRecords::new(&text);
            let found: Vec<_> = std::iter::from_fn(|| in_memory.next_record().map(|record| cells(&record))).collect();
            prop_assert_eq!(&found, &records);
            if !text.contains('"') {
                let escaped = text.replace('\n', r"\n").replace('\r', r"\r");
                let mut of_lines = CsvRecords::from_escaped_lines(&escaped);
                let next = || of_lines.next_record().map(|record| cells(&record));
                let found: Vec<_> = std::iter::from_fn(next).collect();
                prop_assert_eq!(found, records);
            }
        }

        #[test]
        fn open_quotes_are_found_behind_the_last_record(text in "[ab,\"\n\r]{0,40}", records_read in 0_usize..4) {
            let mut records = FileRecords::new(text.as_bytes());
            for _ in 0..records_read {
                records.next_record().unwrap();
            }
            prop_assert_eq!(records.finish().unwrap().is_open, expected_quotes(&text).1);
        }
    }

    #[test]
    fn records_of_a_long_file_are_read_in_a_buffer_that_does_not_grow() {
        let row = format!("{},\"{}\"\n", "a".repeat(1_000), "b".repeat(1_000));
        let file = row.repeat(1_000);
        let mut records = FileRecords::new(file.as_bytes());
        let mut count = 0;
        while let Some(record) = records.next_record().unwrap() {
            let record = record.unwrap();
            assert_eq!((record.get(0).map(str::len), record.get(1).map(str::len)), (Some(1_000), Some(1_000)));
            count += 1;
        }
        assert_eq!((count, records.buffer.len()), (1_000, CHUNK));
    }
}
