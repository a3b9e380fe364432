//! `--report FILE`: one self-contained HTML page about the batches of a command.
//!
//! The page makes no request: its script and style are inside it, and its Content-Security-Policy allows these two by
//! their digest and nothing else. Everything can be read without the script, which only filters, sorts and downloads.
//!
//! Texts of providers enter a page in two ways: as text of the markup, which `maud` escapes, and as lines of the CSV
//! download in a JSON document, which [`page::json`] escapes.

mod file;
mod next;
mod page;
mod picture;
mod polls;
mod section;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bulkrail::time::Clock;
use bulkrail::{
    AnyClient, AnySubmission, Batch, BatchId, Error, ErrorKind, FileFormat, PollEvent, Provider, Reconciliation,
    Report, RowOutcome, SubmittedRows, Upload, cdq,
};

use crate::args::Connection;
use crate::error::CliError;
use crate::printer::{self, Printer};
use crate::signals::Signals;
use crate::submissions::Submissions;
use file::PageFile;
pub(crate) use file::file_name;
pub(crate) use next::Commands;
use polls::PollLog;
use section::Section;

/// The page of `--report`, if the flag is given.
#[derive(Default)]
pub(crate) struct ReportPage(Option<Wanted>);

struct Wanted {
    file: PageFile,
    /// Of batches that are not in `commands_of`.
    commands: Commands,
    commands_of: Mutex<HashMap<BatchId, Commands>>,
    polls: Arc<Mutex<HashMap<BatchId, PollLog>>>,
    sections: Mutex<Vec<Section>>,
}

impl ReportPage {
    /// Checks that the page can be written, so that an error comes before anything is sent.
    ///
    /// `commands` says what command lines the page proposes about a batch of which nothing else is known.
    pub(crate) fn open(file: Option<&Path>, commands: Commands) -> Result<Self, CliError> {
        let Some(path) = file else { return Ok(Self(None)) };
        let unusable = |error| CliError::io(&format!("the report {} cannot be written", path.display()), &error);
        let file = PageFile::open(path).map_err(unusable)?;
        let commands_of = Mutex::default();
        Ok(Self(Some(Wanted { file, commands, commands_of, polls: Arc::default(), sections: Mutex::default() })))
    }

    /// Returns whether the flag is given.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Sets what command lines the page proposes about `batch`.
    pub(crate) fn set_commands(&self, batch: &Batch, commands: Commands) {
        if let Some(wanted) = &self.0 {
            wanted.commands_of.lock().unwrap_or_else(PoisonError::into_inner).insert(batch.batch_id(), commands);
        }
    }

    /// Sets what command lines the page proposes about `batches`, which `client` polls. Their files are those of
    /// the list, for batches that were submitted from here.
    pub(crate) async fn describe(
        &self,
        client: &AnyClient,
        connection: &Connection,
        submissions: &Submissions,
        batches: &[&Batch],
    ) {
        if !self.is_wanted() {
            return;
        }
        let commands = Commands::of(client, connection, submissions, batches).await;
        for (batch, commands) in batches.iter().zip(commands) {
            self.set_commands(batch, commands);
        }
    }

    /// Returns an observer of the polls of `batches` batches.
    pub(crate) fn observer(&self, batches: usize) -> impl FnMut(&PollEvent<'_>) + Send + use<> {
        let polls = self.0.as_ref().map(|wanted| Arc::clone(&wanted.polls));
        move |event| {
            let Some(polls) = &polls else { return };
            let mut polls = polls.lock().unwrap_or_else(PoisonError::into_inner);
            polls.entry(event.batch.batch_id()).or_insert_with(|| PollLog::new(batches)).push(event);
        }
    }

    /// Adds the report of a batch.
    pub(crate) fn add(&self, report: &Report) {
        self.add_section(|| Section::new(Some(&report.batch), Some(report)));
    }

    /// Adds a batch whose end was not seen, or that was not submitted, with its last report.
    pub(crate) fn add_error(&self, batch: Option<&Batch>, error: &Error, last: Option<&Report>) {
        self.add_section(|| Section::new(batch.or(error.batch()), last).with_error(error));
    }

    /// Adds a batch of which only its submit was seen.
    pub(crate) fn add_submitted(&self, batch: &Batch) {
        self.add_section(|| Section::new(Some(batch), None));
    }

    /// Adds the end of a batch.
    pub(crate) fn add_end(&self, batch: &Batch, end: Result<&Report, &CliError>) {
        match end {
            Ok(report) => self.add(report),
            Err(error) => match error.error() {
                Some(reason) => self.add_error(Some(batch), reason, error.last_report().as_ref()),
                None => self.add_submitted(batch),
            },
        }
    }

    /// Adds the report of a batch whose rows were not read. They are read now, if some did not succeed and the
    /// provider lists them: KillB does; for Reap and Localpayment the file that was submitted is read too.
    pub(crate) async fn add_with_rows(&self, client: &AnyClient, report: &Report, printer: Printer) {
        if !self.is_wanted() || client.id() == cdq::PROVIDER || !may_have_unsuccessful_rows(report) {
            return self.add(report);
        }
        let section = || Section::new(Some(&report.batch), Some(report));
        let submitted = match (self.submitted_rows(&report.batch).await, client) {
            (Ok(submitted), _) => Some(submitted),
            (Err(_), AnyClient::Killb(_)) => None,
            (Err(reason), _) => return self.add_section(|| section().with_missing_rows(reason)),
        };
        if let (AnyClient::Reap(_), Some(submitted)) = (client, &submitted) {
            // A request for each row.
            printer.note(&format!("reading {} rows for the report; an interrupt leaves them out", submitted.rows));
        }
        match rows(client, &report.batch, submitted.as_ref()).await {
            Ok(reconciliation) => self.add(&report.clone().reconciled(reconciliation)),
            Err(error) => self.add_section(|| section().with_unread_rows(&error)),
        }
    }

    /// Returns the rows of the file that the batch was made of, or a sentence that says why they cannot be known.
    async fn submitted_rows(&self, batch: &Batch) -> Result<SubmittedRows, String> {
        let file = self.0.as_ref().map(|wanted| wanted.commands(Some(batch)).file).unwrap_or_default();
        let path = file.unchanged().await?;
        let rows = AnySubmission::rows_of_file(batch, Upload::from_path(&path), FileFormat::from_path(&path)).await;
        rows.map_err(|error| format!("{} cannot be read: {error}.", path.display()))
    }

    fn add_section(&self, section: impl FnOnce() -> Section) {
        if let Some(wanted) = &self.0 {
            wanted.sections.lock().unwrap_or_else(PoisonError::into_inner).push(section());
        }
    }

    /// Writes the page.
    pub(crate) fn write(self, printer: Printer) -> Result<(), CliError> {
        let Some(wanted) = self.0 else { return Ok(()) };
        let mut polls = std::mem::take(&mut *wanted.polls.lock().unwrap_or_else(PoisonError::into_inner));
        let mut sections = std::mem::take(&mut *wanted.sections.lock().unwrap_or_else(PoisonError::into_inner));
        for section in &mut sections {
            let log = section.batch.as_ref().and_then(|batch| polls.remove(&batch.batch_id()));
            section.polls = log.unwrap_or_default();
            section.next = next::steps(section, &wanted.commands(section.batch.as_ref()));
        }
        let page = page::render(&sections, Clock::system().wall());
        let file = wanted.file;
        let unwritten =
            |error| CliError::io(&format!("the report {} cannot be written", file.path().display()), &error);
        file.write(page.as_bytes()).map_err(unwritten)?;
        printer.note(&format!("report: {}", file.path().display()));
        Ok(())
    }

    /// Writes the page after a batch was submitted. An error is a warning: the exit code is that of the batch.
    pub(crate) fn write_or_warn(self, printer: Printer) {
        if let Err(error) = self.write(printer)
            && let Some(error) = error.error()
        {
            printer::error(&format!("warning: {error}"));
        }
    }
}

impl Wanted {
    fn commands(&self, batch: Option<&Batch>) -> Commands {
        let commands_of = self.commands_of.lock().unwrap_or_else(PoisonError::into_inner);
        let known = batch.and_then(|batch| commands_of.get(&batch.batch_id()));
        known.unwrap_or(&self.commands).clone()
    }
}

fn may_have_unsuccessful_rows(report: &Report) -> bool {
    let progress = &report.snapshot.progress;
    report.snapshot.is_terminal() && (progress.total.is_none() || progress.succeeded != progress.total)
}

/// Reads the rows of `batch`, until an interrupt.
async fn rows(client: &AnyClient, batch: &Batch, submitted: Option<&SubmittedRows>) -> Result<Reconciliation, Error> {
    let interrupted = || Error::new(ErrorKind::Interrupted, "reading the rows was stopped");
    let stop = Signals::listen().map_err(|_| interrupted())?;
    tokio::select! {
        rows = client.reconcile(batch, submitted) => rows,
        () = stop.received(1) => Err(interrupted()),
    }
}

/// Returns whether a row belongs on the page.
fn is_unsuccessful(outcome: RowOutcome) -> bool {
    outcome != RowOutcome::Succeeded
}
