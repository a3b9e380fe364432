use bulkrail_core::csv::CsvFormat;
use bulkrail_core::http::Upload;
use bulkrail_core::{Error, ErrorKind, SubmittedRows};

use super::PROVIDER;
use super::raw::types::ConfirmationFeature;
use crate::submission::{FileFormat, SubmitOptions, wrong_format};

/// Columns and size limit of an upload. CDQ documents neither a limit of rows nor which cells may be empty.
pub const CSV: CsvFormat = CsvFormat::new(&[])
    .with_optional(&[
        "International Account ID",
        "International Bank ID",
        "Country Code",
        "National Bank ID",
        "National Account ID",
    ])
    .with_max_bytes(100 * 1024 * 1024);

/// Confirmation that is ready to be started: a storage, and a checked file of accounts to upload before it, if any.
#[derive(Debug, Clone)]
pub struct Submission {
    upload: Option<Upload>,
    rows: SubmittedRows,
    storage_id: String,
    features: Vec<ConfirmationFeature>,
}

impl Submission {
    /// Returns a confirmation of the accounts in the storage `storage_id`.
    #[must_use]
    pub fn new(storage_id: impl Into<String>, features: impl Into<Vec<ConfirmationFeature>>) -> Self {
        Self { upload: None, rows: SubmittedRows::default(), storage_id: storage_id.into(), features: features.into() }
    }

    /// Checks a CSV file of accounts and adds it, to be uploaded before the confirmation is started.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file breaks a rule; the message names row and column.
    pub async fn with_accounts(self, csv: impl Into<Upload>) -> Result<Self, Error> {
        let csv = csv.into();
        let rows = check(&csv).await?;
        Ok(Self { upload: Some(csv), rows, ..self })
    }

    /// Prepares a submission of an optional CSV file. The signature is the same in every provider module.
    ///
    /// Returns one submission. `options` must have a storage id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the storage id is missing, the file is not CSV or breaks a rule, or CDQ does not have
    /// one of the options.
    pub async fn prepare(
        file: Option<Upload>,
        format: Option<FileFormat>,
        options: &SubmitOptions,
    ) -> Result<Vec<Self>, Error> {
        options.check(&PROVIDER, &["storage_id", "feature"])?;
        let usage = |reason: String| Error::new(ErrorKind::Usage, reason).with_provider(PROVIDER);
        let storage_id = options.storage_id.clone().ok_or_else(|| {
            usage(
                "the storage id is missing: a job confirms the accounts in a storage, and CDQ does not document how to \
                 get the storage id of an uploaded file"
                    .to_owned(),
            )
            .with_parameter("storage_id")
        })?;
        let feature = |name: &String| {
            name.parse().map_err(|_| usage(format!("{name} is not a documented feature of the confirmation")))
        };
        let features = options.features.iter().map(feature).collect::<Result<Vec<_>, _>>()?;
        let submission = Self::new(storage_id, features);
        Ok(vec![match (file, format) {
            (None, _) => submission,
            (Some(file), Some(FileFormat::Csv)) => submission.with_accounts(file).await?,
            (Some(_), _) => return Err(wrong_format(&PROVIDER, ".csv")),
        }])
    }

    /// Returns the rows of the file. CDQ's columns have no reference.
    #[must_use]
    pub fn rows(&self) -> &SubmittedRows {
        &self.rows
    }

    /// Returns the storage whose accounts are confirmed.
    #[must_use]
    pub fn storage_id(&self) -> &str {
        &self.storage_id
    }

    pub(super) fn features(&self) -> &[ConfirmationFeature] {
        &self.features
    }

    pub(super) fn upload(&self) -> Option<&Upload> {
        self.upload.as_ref()
    }
}

pub(super) async fn check(csv: &Upload) -> Result<SubmittedRows, Error> {
    let checked = csv.inspect(|file, size| CSV.check(file, size)).await;
    checked.map_err(|error| error.with_provider(PROVIDER).with_action("checking the file"))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn submission_with_accounts_has_file_rows_storage_and_features() {
        let features = [ConfirmationFeature::DataMonitorRefresh];
        let csv = "International Account ID\nDE89370400440532013000\nDE89370400440532013000\n";
        let with_accounts = pin!(Submission::new("s-1", features).with_accounts(csv));
        let Poll::Ready(submission) = with_accounts.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("bytes are read at once")
        };
        let submission = submission.unwrap();
        assert_eq!((submission.storage_id(), submission.rows().rows), ("s-1", 2));
        assert_eq!(submission.features().len(), 1);
        assert!(submission.upload().is_some());
        assert!(Submission::new("s-1", []).upload().is_none());
    }
}
