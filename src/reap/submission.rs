use bulkrail_core::csv::CsvFormat;
use bulkrail_core::http::Upload;
use bulkrail_core::{Error, SubmittedRows, check_id};

use super::PROVIDER;
use crate::submission::{FileFormat, SubmitOptions, required_file, wrong_format};

/// Columns and limits of an upload, from its
/// [page](https://reap-ra.readme.io/reference/post_entity-kyc-import-batch).
pub const CSV: CsvFormat = CsvFormat::new(&["externalId", "shareToken"])
    .with_optional(&["applicantLevel", "cardProcessorPublicToken"])
    .with_reference("externalId")
    .with_reference_check(check_entity_id)
    .with_max_rows(5_000)
    .with_max_bytes(10 * 1024 * 1024);

/// Rows are reconciled by asking for the entity of this id: one that cannot be asked for is refused before it is sent.
fn check_entity_id(id: &str) -> Result<(), &'static str> {
    check_id(id).map_err(|error| error.reason())
}

/// Returns whether `id` has the form that the pages show: 36 characters with hyphens.
fn is_uuid(id: &str) -> bool {
    id.len() == 36 && uuid::Uuid::try_parse(id).is_ok()
}

/// Checked CSV file that is ready to be submitted, with its idempotency key.
///
/// ```
/// # async fn example(client: bulkrail::reap::Client) -> Result<(), bulkrail::Error> {
/// use bulkrail::{SubmitOptions, reap};
///
/// let csv = "externalId,shareToken\nent_1,token-1\n";
/// let submission = reap::Submission::from_csv(csv, &SubmitOptions::default()).await?;
/// // Save `submission.key()` first: a second submission with it does not create a second batch.
/// let batch = client.submit(&submission).await?;
/// let report = client.wait(batch).await?;
/// let reconciliation = client.reconcile(&report.batch, Some(submission.rows())).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Submission {
    upload: Upload,
    rows: SubmittedRows,
    key: String,
}

impl Submission {
    /// Checks a CSV file. Its key is that of `options`, else a random one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the file breaks a rule, and the message names row and column;
    /// or when Reap does not have one of the options.
    pub async fn from_csv(csv: impl Into<Upload>, options: &SubmitOptions) -> Result<Self, Error> {
        options.check(&PROVIDER, &["key"])?;
        let upload = csv.into();
        let checked = upload.inspect(|file, size| CSV.check(file, size)).await;
        let rows = checked.map_err(|error| error.with_provider(PROVIDER).with_action("checking the file"))?;
        let key = options.key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        Ok(Self { upload, rows, key })
    }

    /// Prepares the submission of a CSV file. The signature is the same in every provider module.
    ///
    /// Returns one submission.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the file is missing, is not CSV or breaks a rule, or Reap
    /// does not have one of the options.
    pub async fn prepare(
        file: Option<Upload>,
        format: Option<FileFormat>,
        options: &SubmitOptions,
    ) -> Result<Vec<Self>, Error> {
        let file = required_file(&PROVIDER, file)?;
        match format {
            Some(FileFormat::Csv) => Ok(vec![Self::from_csv(file, options).await?]),
            _ => Err(wrong_format(&PROVIDER, ".csv")),
        }
    }

    /// Returns the rows of the file and their references.
    #[must_use]
    pub fn rows(&self) -> &SubmittedRows {
        &self.rows
    }

    /// Returns what may not work as intended, although the file breaks no rule: one sentence each, without values.
    ///
    /// Reap documents `externalId` as the UUID of an existing entity, and takes any text. The row of a text that is not a
    /// UUID may stay unaccounted for, because its entity cannot be read.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let SubmittedRows { references, numbers, .. } = &self.rows;
        let others: Vec<_> = (0..references.len()).filter(|index| !is_uuid(&references[*index])).collect();
        let Some(first) = others.first() else { return Vec::new() };
        let row = numbers.get(*first).copied().unwrap_or(*first as u64 + 2);
        vec![format!(
            "column externalId: {} of {} cells are not UUIDs, the first in row {row}; Reap documents the UUID of an existing \
             entity, and may not report the outcome of another row",
            others.len(),
            references.len()
        )]
    }

    /// Returns the idempotency key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn upload(&self) -> &Upload {
        &self.upload
    }
}
