use std::io::Read;

use super::fault::CsvFault;
use super::row::CsvRow;
use crate::error::Error;
use crate::model::SubmittedRows;

/// Default of [`CsvFormat::with_max_rows`], 1,048,575: the rows of a spreadsheet below its header.
pub const MAX_ROWS: u64 = 1_048_575;

/// Default of [`CsvFormat::with_max_bytes`], 256 MiB: a million rows of 250 bytes.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Rules of a provider, or of this project, for a CSV file.
///
/// ```
/// use bulkrail_core::csv::CsvFormat;
///
/// const FORMAT: CsvFormat = CsvFormat::new(&["id", "name"]).with_optional(&["note"]).with_reference("id");
/// let csv = "id,name\na,Ann\nb,Ben\n";
/// let rows = FORMAT.check(&mut csv.as_bytes(), csv.len() as u64)?;
/// assert_eq!(rows.references, ["a", "b"]);
///
/// let csv = "id,name\na,\n";
/// let error = FORMAT.check(&mut csv.as_bytes(), csv.len() as u64).unwrap_err();
/// assert_eq!(error.to_string(), "row 2, column name: is empty");
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CsvFormat {
    pub(super) required: &'static [&'static str],
    pub(super) optional: &'static [&'static str],
    pub(super) reference: Option<&'static str>,
    pub(super) check_reference: fn(&str) -> Result<(), &'static str>,
    pub(super) max_rows: u64,
    pub(super) max_bytes: u64,
    pub(super) is_converted: bool,
}

impl CsvFormat {
    /// Returns a format whose columns are `required`, with a value in every row.
    #[must_use]
    pub const fn new(required: &'static [&'static str]) -> Self {
        Self {
            required,
            optional: &[],
            reference: None,
            check_reference: |_| Ok(()),
            max_rows: MAX_ROWS,
            max_bytes: MAX_BYTES,
            is_converted: false,
        }
    }

    /// Returns the same format with columns that may be there.
    #[must_use]
    pub const fn with_optional(self, optional: &'static [&'static str]) -> Self {
        Self { optional, ..self }
    }

    /// Returns the same format with the column whose values must differ, by which rows are distinguished.
    #[must_use]
    pub const fn with_reference(self, reference: &'static str) -> Self {
        Self { reference: Some(reference), ..self }
    }

    /// Returns the column whose values must differ, if there is one.
    #[must_use]
    pub const fn reference(&self) -> Option<&'static str> {
        self.reference
    }

    /// Returns the same format with a check of each reference. The error is the end of a sentence such as "is empty".
    #[must_use]
    pub const fn with_reference_check(self, check_reference: fn(&str) -> Result<(), &'static str>) -> Self {
        Self { check_reference, ..self }
    }

    /// Returns the same format for files of at most `max_rows` rows. Default: [`MAX_ROWS`].
    #[must_use]
    pub const fn with_max_rows(self, max_rows: u64) -> Self {
        Self { max_rows, ..self }
    }

    /// Returns the same format for files of at most `max_bytes` bytes. Default: [`MAX_BYTES`].
    #[must_use]
    pub const fn with_max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// Returns the same format for files that are converted before they are sent.
    ///
    /// A byte order mark, and blanks around the names of columns, are then allowed, and blank rows are left out.
    #[must_use]
    pub const fn converted(self) -> Self {
        Self { is_converted: true, ..self }
    }

    /// Checks a file of `size` bytes, and returns its rows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage), naming row (the header is row 1) and column, never a value.
    pub fn check(&self, file: &mut dyn Read, size: u64) -> Result<SubmittedRows, Error> {
        self.read(file, size, |_| Ok(()))
    }

    /// Checks as [`CsvFormat::check`], and calls `on_row` with each row that conforms to the format.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) as for [`CsvFormat::check`], and the error of `on_row`.
    pub fn read(
        &self,
        file: &mut dyn Read,
        size: u64,
        on_row: impl FnMut(&CsvRow<'_>) -> Result<(), Error>,
    ) -> Result<SubmittedRows, Error> {
        let fault = |fault: CsvFault| Err(fault.into_error());
        self.read_within_limits(file, size, on_row, fault)
    }

    /// Reads the whole file, also where it has faults: calls `on_row` with each row of the right number of cells, and
    /// `on_fault` with each fault. Returns the number of rows.
    ///
    /// Reading ends where nothing more can be said: at a limit, or below a header without a known column.
    ///
    /// ```
    /// use bulkrail_core::csv::CsvFormat;
    ///
    /// const FORMAT: CsvFormat = CsvFormat::new(&["id", "name"]).with_reference("id");
    /// let csv = "id,name\na,\nb,Ben,1\na,Ann\n";
    /// let mut faults = Vec::new();
    /// let rows = FORMAT.read_all(&mut csv.as_bytes(), csv.len() as u64, |_| {}, |fault| faults.push(fault.to_string()))?;
    /// assert_eq!(rows, 3);
    /// assert_eq!(
    ///     faults,
    ///     [
    ///         "row 2, column name: is empty",
    ///         "row 3: has 3 cells, but the header has 2",
    ///         "row 4, column id: the same value as in row 2",
    ///     ]
    /// );
    /// # Ok::<(), bulkrail_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the file cannot be read.
    pub fn read_all(
        &self,
        file: &mut dyn Read,
        size: u64,
        mut on_row: impl FnMut(&CsvRow<'_>),
        mut on_fault: impl FnMut(CsvFault),
    ) -> Result<u64, Error> {
        let row = |row: &CsvRow<'_>| {
            on_row(row);
            Ok(())
        };
        let fault = |fault: CsvFault| {
            on_fault(fault);
            Ok(())
        };
        self.read_within_limits(file, size, row, fault).map(|rows| rows.rows)
    }

    fn read_within_limits(
        &self,
        file: &mut dyn Read,
        size: u64,
        on_row: impl FnMut(&CsvRow<'_>) -> Result<(), Error>,
        mut on_fault: impl FnMut(CsvFault) -> Result<(), Error>,
    ) -> Result<SubmittedRows, Error> {
        if size > self.max_bytes {
            let reason = format!("the file has {size} bytes; the limit is {}", self.max_bytes);
            on_fault(CsvFault::of_file("file-size", reason))?;
            return Ok(SubmittedRows::default());
        }
        // A pipe or device has no size.
        let mut file = file.take(self.max_bytes.saturating_add(1));
        let result = self.read_file(&mut file, on_row, &mut on_fault);
        if file.limit() == 0 {
            // That is the fault, also where another was found before.
            on_fault(CsvFault::of_file("file-size", format!("the file has more than {} bytes", self.max_bytes)))?;
        }
        result
    }
}
