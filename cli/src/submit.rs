//! Prepares and submits batches, and records what was submitted.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use bulkrail::cdq::raw::types::ConfirmationFeature;
use bulkrail::check::{CheckOptions, CheckReport};
use bulkrail::poll::WaitState;
use bulkrail::{AnyClient, AnySubmission, Batch, Error, ErrorKind, FileFormat, Provider, SubmitOptions, Upload};

use crate::args::SubmissionArgs;
use crate::error::CliError;
use crate::input;
use crate::printer::{self, Printer};
use crate::signals::Signals;
use crate::submissions::{Note, RecordKey, Submissions, SubmitEnd};
use crate::values::{command_line, option};

/// 5 s for the response to a submit that is interrupted: most arrive within one, and without it the
/// outcome is unknown.
const RESPONSE_GRACE: Duration = Duration::from_secs(5);

/// 2 s after which a submit is said to go on: most have a response within one.
const SLOW: Duration = Duration::from_secs(2);

/// Batches that a file makes, and what a check of the file has found.
pub(crate) struct Prepared {
    pub(crate) batches: Vec<AnySubmission>,
    /// Summary of the warnings of a check; `None` without warnings.
    summary: Option<String>,
}

impl Prepared {
    /// Returns what the provider may not do as expected with the batch, one sentence each.
    pub(crate) fn warnings(&self, batch: &AnySubmission) -> Vec<String> {
        batch.warnings().into_iter().chain(self.summary.clone()).collect()
    }

    /// Prints what the provider may not do as expected with the batches, also with `--quiet`.
    pub(crate) fn warn(&self) {
        for warning in self.batches.iter().flat_map(AnySubmission::warnings).chain(self.summary.clone()) {
            printer::error(&format!("warning: {warning}"));
        }
    }
}

impl SubmissionArgs {
    /// Returns the batches that the file makes: one, or several where the provider limits their
    /// size. Nothing is sent.
    pub(crate) async fn prepare(&self) -> Result<Prepared, CliError> {
        if let Some(file) = &self.file {
            input::check(file).await?;
        }
        let upload = self.file.as_ref().map(Upload::from_path);
        let format = self.file.as_deref().and_then(FileFormat::from_path);
        match AnySubmission::prepare(&self.provider.id(), upload, format, &self.options()).await {
            Ok(batches) => {
                let checked = self.check().await.filter(|(report, _)| report.warnings > 0);
                let summary = checked.map(|(report, command)| format!("{}; to list them: {command}", report.summary()));
                Ok(Prepared { batches, summary })
            }
            Err(error) => {
                let checked = if error.parameter().is_none() { self.check().await } else { None };
                let error = self.in_context(error);
                Err(match checked.filter(|(report, _)| report.errors + report.warnings > 1) {
                    Some((report, command)) => {
                        error.with_hint(format!("{} in all; to list them: {command}", report.summary()))
                    }
                    None => error,
                })
            }
        }
    }

    /// Returns the report of a check of the file, and the command that prints it in full.
    ///
    /// `None` without a file, and for a pipe: it can be read only once.
    async fn check(&self) -> Option<(CheckReport, String)> {
        let file = self.file.as_deref()?;
        if !tokio::fs::metadata(file).await.is_ok_and(|metadata| metadata.is_file()) {
            return None;
        }
        let (provider, format, upload) = (self.provider.id(), FileFormat::from_path(file), Upload::from_path(file));
        let options = CheckOptions::default().max_findings(0);
        let report = AnySubmission::check(&provider, upload, format, &self.options(), &options).await.ok()?;
        let country = self.country.as_ref().map(|code| option("country", code)).unwrap_or_default();
        let command = command_line("bulkrail check", &[provider.as_str(), &file.display().to_string()], &country);
        Some((report, command))
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

/// What a submit of one batch has returned.
pub(crate) struct Done {
    pub(crate) batch: Batch,
    /// A signal came while it was submitted: the command ends.
    pub(crate) is_interrupted: bool,
    key: RecordKey,
}

impl Done {
    /// Records the batch, once it is printed. `wait` is the state of a wait for it that begins.
    pub(crate) async fn record(&self, submissions: &Submissions, wait: Option<&WaitState>) {
        submissions.settle(&self.key, &self.batch, wait).await;
    }

    /// Returns the error for a command that ends because of a signal.
    pub(crate) fn interrupted(&self, connection: &str) -> CliError {
        let reason = "the batch was submitted, and then the command was stopped";
        let error = Error::new(ErrorKind::Interrupted, reason).with_batch(self.batch.clone());
        CliError::from(error).with_resume(|_| wait_command(&self.batch, connection))
    }
}

/// Submits a batch that is noted before it is sent.
///
/// After the first signal the response is awaited for [`RESPONSE_GRACE`]. Without a response the
/// outcome is unknown.
pub(crate) async fn submit(
    client: &AnyClient,
    submission: &AnySubmission,
    note: Note,
    submissions: &Submissions,
    signals: Signals,
    printer: Printer,
) -> Result<Done, CliError> {
    let key = RecordKey::new();
    let begun = tokio::select! {
        begun = submissions.begin(&key, &note) => begun,
        () = signals.received(1) => Ok(()),
    };
    if signals.count() > 0 {
        let error = Error::new(ErrorKind::Interrupted, "it was stopped before it was sent").with_provider(client.id());
        submissions.fail(&key, &note, SubmitEnd::Refused, &error).await;
        return Err(error.with_action("submitting the batch").with_hint("the batch does not exist").into());
    }
    begun?;
    let mut submitting = pin!(client.submit(submission));
    let mut is_interrupted = false;
    let submitted = tokio::select! {
        submitted = &mut submitting => submitted,
        never = note_slow(client, printer) => match never {},
        () = signals.received(1) => {
            is_interrupted = true;
            let seconds = RESPONSE_GRACE.as_secs();
            printer.note(&format!("waiting up to {seconds} s for the response; interrupt again to stop now"));
            tokio::select! {
                submitted = &mut submitting => submitted,
                () = signals.received(2) => Err(cut_off(client, submission)),
                () = client.clock().sleep(RESPONSE_GRACE) => Err(cut_off(client, submission)),
            }
        }
    };
    match submitted {
        Ok(batch) => Ok(Done { batch, is_interrupted, key }),
        Err(error) => {
            let end = match error.kind() {
                ErrorKind::OutcomeUnknown => SubmitEnd::Unknown,
                // Without a key a conflict is about something else than this batch.
                ErrorKind::Conflict if note.key.is_some() => SubmitEnd::Exists,
                _ => SubmitEnd::Refused,
            };
            submissions.fail(&key, &note, end, &error).await;
            let wait = match (end, &note.key) {
                (SubmitEnd::Exists, Some(key)) => submissions.wait_for_key(client, key).await,
                _ => None,
            };
            Err(match wait {
                Some(wait) => {
                    CliError::from(error).with_hint(format!("it was submitted from here; wait for it: {wait}"))
                }
                None if end == SubmitEnd::Refused && error.kind() == ErrorKind::Unavailable => {
                    let hint = error.hint().unwrap_or("try again later").to_owned();
                    CliError::from(error).with_hint(format!("no batch was submitted; {hint}"))
                }
                None => error.into(),
            })
        }
    }
}

/// Prints once that a submit takes long.
async fn note_slow(client: &AnyClient, printer: Printer) -> Infallible {
    client.clock().sleep(SLOW).await;
    printer.note(&format!("still submitting to {} ({})", client.id(), client.environment()));
    std::future::pending().await
}

/// Returns the error for a submit that was cut off.
fn cut_off(client: &AnyClient, submission: &AnySubmission) -> Error {
    let (batch, key) = (submission.batch(), submission.key());
    let mut reason = "it was stopped before a response came".to_owned();
    if let Some(key) = key.filter(|_| batch.is_none()) {
        reason.push_str(&format!(", under the idempotency key {key}"));
    }
    let error = Error::new(ErrorKind::OutcomeUnknown, reason).with_provider(client.id());
    let error = error.with_action("submitting the batch");
    let error = error.with_hint("`bulkrail list` says how to find out whether it exists, before submitting it again");
    match batch {
        Some(batch) => error.with_batch(batch.with_environment(client.environment())),
        None => error,
    }
}

/// Adds to the error of one of `total` batches that `done` batches before it were submitted.
pub(crate) fn after(error: CliError, done: usize, total: usize) -> CliError {
    if total == 1 {
        return error;
    }
    let were = if done == 1 { "was" } else { "were" };
    error.map_reason(|reason| format!("{reason} (batch {} of {total}; {done} before it {were} submitted)", done + 1))
}

/// Returns the command that waits for `batch`.
pub(crate) fn wait_command(batch: &Batch, connection: &str) -> String {
    command_line("bulkrail wait", &[batch.provider().as_str(), batch.id()], connection)
}

/// Returns the line that reports a submitted batch of `rows` rows.
pub(crate) fn submitted_line(batch: &Batch, rows: u64) -> String {
    match rows {
        0 => format!("submitted: {batch}\n"),
        1 => format!("submitted: {batch}, 1 row\n"),
        rows => format!("submitted: {batch}, {rows} rows\n"),
    }
}
