//! The file of a next batch: the rows of a submitted file that did not succeed.

use std::io::{BufWriter, Read, Write};

use bulkrail_core::csv::{CsvFormat, CsvRow};
use bulkrail_core::http::Upload;
use bulkrail_core::{Batch, Error, ErrorKind, ProviderId, Reconciliation, RowOutcome, RowSelection};

use crate::any::AnySubmission;
#[cfg(feature = "xlsx")]
use crate::killb;
#[cfg(feature = "localpayment")]
use crate::localpayment;
#[cfg(feature = "reap")]
use crate::reap;
use crate::submission::{FileFormat, wrong_format};

/// Options of [`AnySubmission::write_retry`].
#[derive(Debug, Clone, Default)]
pub struct RetryOptions {
    pub(crate) has_unaccounted: bool,
    pub(crate) key: Option<String>,
}

impl RetryOptions {
    /// Includes the rows of which the provider does not report an outcome. Default: only those that failed.
    ///
    /// They may exist at the provider: find out before you submit them again.
    #[must_use]
    pub fn with_unaccounted(self) -> Self {
        Self { has_unaccounted: true, ..self }
    }

    /// Returns whether rows that are unaccounted for are included.
    #[must_use]
    pub fn has_unaccounted(&self) -> bool {
        self.has_unaccounted
    }

    /// Sets the `externalId` of the next batch, for a batch document of Localpayment. Default: that of the batch with
    /// `-retry` added; then `-retry2` and so on.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }
}

/// The file that [`AnySubmission::write_retry`] has written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryFile {
    /// Number of rows that were written.
    pub rows: u64,
    /// Number of rows in it that failed.
    pub failed: u64,
    /// Number of rows of the file that are unaccounted for; written if [the options](RetryOptions::with_unaccounted) say so.
    pub unaccounted: u64,
    /// Number of rows that failed by the reconciliation and were not found in the file.
    pub not_found: u64,
    /// `externalId` of the next batch, in a batch document of Localpayment.
    pub external_id: Option<String>,
    /// Smallest number of rows that the provider takes, where the file has fewer.
    pub below_minimum: Option<u64>,
    /// Reason why a workbook has its values alone, and not the formats of the file; the end of a sentence that begins
    /// with "it".
    pub without_formats: Option<String>,
}

impl AnySubmission {
    /// Writes the file of the next batch to `to`: the rows of `file` that did not succeed, in the form of `file`.
    ///
    /// | File | Written |
    /// |---|---|
    /// | `.csv` | a CSV with the same columns; each row is copied byte for byte |
    /// | `.xlsx` (KillB) | the workbook without the other rows; a formula becomes its value ([`RetryFile::without_formats`]) |
    /// | `.json` (Localpayment) | the batch document with its other fields and an `externalId` of its own, or an array of accounts |
    ///
    /// `reconciliation` is of the batch and the rows of this file ([`AnySubmission::rows_of_file`]). Nothing is submitted.
    ///
    /// ```no_run
    /// # async fn example(client: bulkrail::AnyClient, batch: bulkrail::Batch) -> Result<(), bulkrail::Error> {
    /// use bulkrail::{AnySubmission, FileFormat, RetryOptions, Upload};
    ///
    /// let (file, format) = (Upload::from_path("people.csv"), Some(FileFormat::Csv));
    /// let rows = AnySubmission::rows_of_file(&batch, file.clone(), format).await?;
    /// let reconciliation = client.reconcile(&batch, Some(&rows)).await?;
    /// let next = std::fs::File::create("next.csv").expect("a file");
    /// let written =
    ///     AnySubmission::write_retry(&batch, &reconciliation, file, format, &RetryOptions::default(), next).await?;
    /// println!("{} rows; {} are unaccounted for and were left out", written.rows, written.unaccounted);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file cannot be read or has another format, when `to` cannot be written, for a key that
    /// the file does not have, or for CDQ, whose batches have no rows.
    ///
    /// # Cancel safety
    ///
    /// A file is copied on a thread that may block: it goes on when the future is dropped.
    pub async fn write_retry(
        batch: &Batch,
        reconciliation: &Reconciliation,
        file: Upload,
        format: Option<FileFormat>,
        options: &RetryOptions,
        to: impl Write + Send + 'static,
    ) -> Result<RetryFile, Error> {
        let (provider, id) = (batch.provider().clone(), batch.id().to_owned());
        let (mut retry, key) = (Retry::new(reconciliation, options), options.key.clone());
        let write = move |file: &mut dyn Read, size: u64| {
            let mut to = BufWriter::new(to);
            let written = retry.write(&provider, &id, key.as_deref(), Source { file, size, format }, &mut to)?;
            to.flush().map_err(|error| unwritable(&error))?;
            Ok(written)
        };
        let in_context = |error: Error| {
            error.with_provider(batch.provider().clone()).with_action("writing the rows that did not succeed")
        };
        file.inspect(write).await.map_err(in_context)
    }
}

/// The submitted file.
struct Source<'f> {
    file: &'f mut dyn Read,
    size: u64,
    format: Option<FileFormat>,
}

/// Decides about each row of a file, and counts.
pub(crate) struct Retry {
    selection: RowSelection,
    /// Rows that failed by the reconciliation.
    failed: u64,
    counted: RetryFile,
}

impl Retry {
    fn new(reconciliation: &Reconciliation, options: &RetryOptions) -> Self {
        let selection = RowSelection::new(reconciliation);
        let selection = if options.has_unaccounted { selection.with_unaccounted() } else { selection };
        Self { selection, failed: reconciliation.failed_rows().count() as u64, counted: RetryFile::default() }
    }

    /// Returns whether the row goes into the next file.
    pub(crate) fn take(&mut self, reference: &str, number: Option<u64>) -> bool {
        match self.selection.outcome(reference, number) {
            Some(RowOutcome::Failed) => self.counted.failed += 1,
            Some(RowOutcome::Unaccounted) => self.counted.unaccounted += 1,
            _ => {}
        }
        let is_taken = self.selection.contains(reference, number);
        self.counted.rows += u64::from(is_taken);
        is_taken
    }

    fn write(
        &mut self,
        provider: &ProviderId,
        id: &str,
        key: Option<&str>,
        source: Source<'_>,
        to: &mut dyn Write,
    ) -> Result<RetryFile, Error> {
        #[cfg(not(feature = "localpayment"))]
        let _ = id;
        let external_id: Option<String> = match (provider.as_str(), source.format) {
            #[cfg(feature = "xlsx")]
            ("killb", Some(FileFormat::Csv)) => self.copy_csv(&killb::CSV, source, to)?,
            #[cfg(feature = "xlsx")]
            ("killb", Some(FileFormat::Xlsx)) => {
                self.counted.without_formats = killb::write_retry(source.file, self, to)?;
                None
            }
            #[cfg(feature = "xlsx")]
            ("killb", _) => return Err(wrong_format(provider, ".xlsx and .csv")),
            #[cfg(feature = "reap")]
            ("reap", Some(FileFormat::Csv)) => self.copy_csv(&reap::CSV, source, to)?,
            #[cfg(feature = "reap")]
            ("reap", _) => return Err(wrong_format(provider, ".csv")),
            #[cfg(feature = "localpayment")]
            ("localpayment", Some(FileFormat::Csv)) => self.copy_csv(&localpayment::CSV, source, to)?,
            #[cfg(feature = "localpayment")]
            ("localpayment", Some(FileFormat::Json)) => localpayment::write_retry(source.file, id, key, self, to)?,
            #[cfg(feature = "localpayment")]
            ("localpayment", _) => return Err(wrong_format(provider, ".json and .csv")),
            _ => return Err(usage(format!("batches of {provider} have no rows to submit again"))),
        };
        if key.is_some() && external_id.is_none() {
            let reason = "a key is for a batch document of localpayment, which has an externalId of its own";
            return Err(usage(reason.to_owned()).with_parameter("key"));
        }
        #[cfg(feature = "localpayment")]
        let minimum = (*provider == localpayment::PROVIDER).then_some(*localpayment::ACCOUNTS.start() as u64);
        #[cfg(not(feature = "localpayment"))]
        let minimum = None;
        let counted = std::mem::take(&mut self.counted);
        Ok(RetryFile {
            not_found: self.failed.saturating_sub(counted.failed),
            below_minimum: minimum.filter(|minimum| counted.rows < *minimum),
            external_id,
            ..counted
        })
    }

    /// Copies the rows. A CSV file has no `externalId` of its own.
    fn copy_csv(
        &mut self,
        format: &CsvFormat,
        source: Source<'_>,
        to: &mut dyn Write,
    ) -> Result<Option<String>, Error> {
        // As a provider counts rows: the header is row 1, and blank rows are not sent.
        let mut number = 1;
        let keep = |row: &CsvRow<'_>| {
            number += 1;
            self.take(format.reference().map_or("", |column| row.cell(column)), Some(number))
        };
        format.copy_rows(source.file, source.size, to, keep).map(|_| None)
    }
}

pub(crate) fn usage(reason: String) -> Error {
    Error::new(ErrorKind::Usage, reason)
}

/// Returns the error for a file that cannot be written.
pub(crate) fn unwritable(error: &std::io::Error) -> Error {
    usage(format!("the copy cannot be written: {error}"))
}
