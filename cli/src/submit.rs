//! Prepares and submits batches, and records what was submitted.

use bulkrail::cdq::raw::types::ConfirmationFeature;
use bulkrail::{AnyClient, AnySubmission, Batch, Error, ErrorKind, FileFormat, Provider, SubmitOptions, Upload};
use serde_json::json;

use crate::args::SubmissionArgs;
use crate::error::CliError;
use crate::values::quoted;
use crate::{input, state_store};

impl SubmissionArgs {
    /// Returns the batches that the file makes: one, or several where the provider limits their
    /// size. Nothing is sent.
    pub(crate) async fn prepare(&self) -> Result<Vec<AnySubmission>, CliError> {
        if let Some(file) = &self.file {
            input::check(file).await?;
        }
        let upload = self.file.as_ref().map(Upload::from_path);
        let format = self.file.as_deref().and_then(FileFormat::from_path);
        let prepared = AnySubmission::prepare(&self.provider.id(), upload, format, &self.options()).await;
        prepared.map_err(|error| self.in_context(error))
    }

    fn options(&self) -> SubmitOptions {
        let mut options = SubmitOptions::default();
        if let Some(key) = &self.key {
            options = options.key(key);
        }
        if let Some(storage_id) = &self.storage_id {
            options = options.storage_id(storage_id);
        }
        if let Some(account_number) = &self.account_number {
            options = options.account_number(account_number);
        }
        if let Some(country) = &self.country {
            options = options.country(country);
        }
        self.feature
            .iter()
            .fold(options, |options, feature| options.feature(ConfirmationFeature::from(*feature).to_string()))
    }

    /// Adds the file to the message, and names the flag of an option that is refused or missing.
    fn in_context(&self, error: Error) -> CliError {
        let option = error.parameter().and_then(|name| self.flag(name));
        let mut error = CliError::from(error);
        let is_refused = option.is_some_and(|(_, is_given)| is_given);
        if let Some(file) = self.file.as_ref().filter(|_| !is_refused) {
            error = error.map_reason(|reason| format!("{}: {reason}", file.display()));
        }
        match option {
            Some((flag, true)) => error.with_hint(format!("leave out {flag}")),
            Some((flag, false)) => error.with_hint(format!("add {flag}")),
            None => error,
        }
    }

    /// Returns the flags of a library's option, and whether it was given.
    fn flag(&self, option: &str) -> Option<(&'static str, bool)> {
        Some(match option {
            "key" => ("--key", self.key.is_some()),
            "storage_id" => ("--storage-id", self.storage_id.is_some()),
            "feature" => ("--feature", !self.feature.is_empty()),
            "account_number" if self.account_number.is_some() => ("--account-number", true),
            "country" if self.country.is_some() => ("--country", true),
            "account_number" | "country" => ("--account-number and --country", false),
            _ => return None,
        })
    }
}

/// Submits a batch and records it. Once `stop` completes, the outcome is unknown.
///
/// A failure to record it is given to `warn`.
pub(crate) async fn submit(
    client: &AnyClient,
    submission: &AnySubmission,
    stop: impl Future<Output = ()>,
    warn: impl Fn(&str),
) -> Result<Batch, CliError> {
    // A batch whose id is known beforehand needs no such record.
    let key = submission.key().filter(|_| submission.batch().is_none());
    let warn_about = |recorded: Result<(), String>| recorded.unwrap_or_else(|warning| warn(&warning));
    if let Some(key) = key {
        warn_about(state_store::record_submission(&json!({"provider": client.id(), "key": key})).await);
    }
    let submitted = tokio::select! {
        submitted = client.submit(submission) => submitted,
        () = stop => return Err(interrupted(client, submission).into()),
    };
    match submitted {
        Ok(batch) => {
            warn_about(state_store::record_submission(&batch).await);
            Ok(batch)
        }
        Err(error) => {
            let is_refused = !matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Conflict);
            if let Some(key) = key.filter(|_| is_refused) {
                let refused = json!({"provider": client.id(), "key": key, "submitted": false});
                warn_about(state_store::record_submission(&refused).await);
            }
            Err(error.into())
        }
    }
}

/// Returns the error for a submit that was cut off.
fn interrupted(client: &AnyClient, submission: &AnySubmission) -> Error {
    let (batch, key) = (submission.batch(), submission.key());
    let mut reason = "it was stopped before a response came".to_owned();
    if let Some(key) = key.filter(|_| batch.is_none()) {
        reason.push_str(&format!(", under the idempotency key {key}"));
    }
    let error = Error::new(ErrorKind::OutcomeUnknown, reason).with_provider(client.id());
    let error = error.with_action("submitting the batch");
    match batch {
        Some(batch) => error.with_batch(batch),
        None => error,
    }
}

/// Adds to the error of one of `total` batches that `done` batches before it were submitted.
pub(crate) fn after(error: CliError, done: usize, total: usize) -> CliError {
    if total == 1 {
        return error;
    }
    error.map_reason(|reason| format!("{reason} (batch {} of {total}; {done} before it were submitted)", done + 1))
}

/// Returns the command that waits for `batch`.
pub(crate) fn wait_command(batch: &Batch, connection: &str) -> String {
    format!("bulkrail wait {} {}{connection}", batch.provider(), quoted(batch.id()))
}

/// Returns the line that reports a submitted batch of `rows` rows.
pub(crate) fn submitted_line(batch: &Batch, rows: u64) -> String {
    match rows {
        0 => format!("submitted: {batch}\n"),
        1 => format!("submitted: {batch}, 1 row\n"),
        rows => format!("submitted: {batch}, {rows} rows\n"),
    }
}
