use bulkrail_core::http::Upload;
use bulkrail_core::{Error, ErrorKind, SubmittedRows};

use super::PROVIDER;
#[cfg(feature = "xlsx")]
use super::{Workbook, workbook};
use crate::submission::{FileFormat, SubmitOptions, required_file, wrong_format};

/// Workbook that is ready to be submitted.
#[derive(Debug, Clone)]
pub struct Submission {
    upload: Upload,
    rows: SubmittedRows,
}

impl Submission {
    /// Returns the submission of a workbook whose rows are known.
    ///
    /// # Errors
    ///
    /// None today: a [`Workbook`] does not have two rows of the same reference.
    #[cfg(feature = "xlsx")]
    pub fn from_workbook(workbook: Workbook) -> Result<Self, Error> {
        let rows = workbook.submitted_rows();
        Ok(Self { upload: workbook.into(), rows })
    }

    /// Returns the submission of a file that begins like a workbook (`.xlsx`). Its rows are not read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file is not a workbook.
    pub async fn from_upload(workbook: impl Into<Upload>) -> Result<Self, Error> {
        let upload = workbook.into();
        // An `.xlsx` is a zip archive. Without this check KillB would refuse it after the upload.
        let check = |file: &mut dyn std::io::Read, _: u64| {
            let mut start = [0; 4];
            if file.read_exact(&mut start).is_ok() && start == *b"PK\x03\x04" {
                return Ok(());
            }
            let reason = "this is not an .xlsx workbook (KillB takes Excel files; make one of a CSV with `Workbook`)";
            Err(Error::new(ErrorKind::Usage, reason))
        };
        upload.inspect(check).await.map_err(|error| error.with_provider(PROVIDER))?;
        Ok(Self { upload, rows: SubmittedRows::default() })
    }

    /// Prepares the submission of a file. The signature is the same in every provider module.
    ///
    /// Returns one submission. With the feature `xlsx` the rows of a workbook are read, and a CSV file is converted
    /// into a workbook.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file is missing, has another format or breaks a rule, or KillB does not have one
    /// of the options.
    pub async fn prepare(
        file: Option<Upload>,
        format: Option<FileFormat>,
        options: &SubmitOptions,
    ) -> Result<Vec<Self>, Error> {
        options.check(&PROVIDER, &[])?;
        let file = required_file(&PROVIDER, file)?;
        #[cfg(feature = "xlsx")]
        let submission = match format {
            Some(FileFormat::Xlsx) => Self::from_workbook(Workbook::from_xlsx(file).await?)?,
            Some(FileFormat::Csv) => Self::from_workbook(Workbook::from_csv(file).await?)?,
            _ => return Err(wrong_format(&PROVIDER, ".xlsx and .csv")),
        };
        #[cfg(not(feature = "xlsx"))]
        let submission = match format {
            Some(FileFormat::Xlsx) => Self::from_upload(file).await?,
            _ => return Err(wrong_format(&PROVIDER, ".xlsx (and, with the feature `xlsx`, .csv)")),
        };
        Ok(vec![submission])
    }

    /// Reads the rows of a file that was submitted: a workbook, or a CSV file. It does not make a workbook of them.
    ///
    /// ```no_run
    /// use bulkrail::killb::{Client, Submission};
    /// use bulkrail::{Error, FileFormat, Upload};
    ///
    /// # async fn example(client: &Client, users: &[String]) -> Result<(), Error> {
    /// let rows = Submission::rows_of_file(Upload::from_path("people.xlsx"), Some(FileFormat::Xlsx)).await?;
    /// let compared = client.compare_with_existing(&rows, users).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file has another format or breaks a rule; the message names row and column.
    #[cfg(feature = "xlsx")]
    pub async fn rows_of_file(file: impl Into<Upload>, format: Option<FileFormat>) -> Result<SubmittedRows, Error> {
        match format {
            Some(FileFormat::Xlsx) => workbook::rows_of_xlsx(file.into()).await,
            Some(FileFormat::Csv) => workbook::rows_of_csv(file.into()).await,
            _ => Err(wrong_format(&PROVIDER, ".xlsx and .csv")),
        }
    }

    /// Returns the rows of the workbook and their references; empty if the rows were not read.
    #[must_use]
    pub fn rows(&self) -> &SubmittedRows {
        &self.rows
    }

    pub(super) fn upload(&self) -> &Upload {
        &self.upload
    }
}
