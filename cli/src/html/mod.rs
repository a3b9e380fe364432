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
use bulkrail::{AnyClient, Batch, BatchId, Error, ErrorKind, PollEvent, Provider, Report, RowOutcome, killb};

use crate::error::CliError;
use crate::printer::{self, Printer};
use crate::signals::Signals;
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
    commands: Commands,
    polls: Arc<Mutex<HashMap<BatchId, PollLog>>>,
    sections: Mutex<Vec<Section>>,
}

impl ReportPage {
    /// Checks that the page can be written, so that an error comes before anything is sent.
    ///
    /// `commands` says how the command lines that the page proposes continue.
    pub(crate) fn open(file: Option<&Path>, commands: Commands) -> Result<Self, CliError> {
        let Some(path) = file else { return Ok(Self(None)) };
        let unusable = |error| CliError::io(&format!("the report {} cannot be written", path.display()), &error);
        let file = PageFile::open(path).map_err(unusable)?;
        Ok(Self(Some(Wanted { file, commands, polls: Arc::default(), sections: Mutex::default() })))
    }

    /// Returns whether the flag is given.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.is_some()
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

    /// Adds the report of a batch whose rows were not read. KillB's rows are read now, if some did not
    /// succeed: it lists them without the file that was submitted.
    pub(crate) async fn add_with_rows(&self, client: &AnyClient, report: &Report) {
        if !self.is_wanted() || client.id() != killb::PROVIDER || !may_have_unsuccessful_rows(report) {
            return self.add(report);
        }
        match rows(client, &report.batch).await {
            Ok(reconciliation) => self.add(&report.clone().reconciled(reconciliation)),
            Err(error) => self.add_section(|| Section::new(Some(&report.batch), Some(report)).with_unread_rows(&error)),
        }
    }

    fn add_section(&self, section: impl FnOnce() -> Section) {
        if let Some(wanted) = &self.0 {
            wanted.sections.lock().unwrap_or_else(PoisonError::into_inner).push(section());
        }
    }

    /// Writes the page.
    pub(crate) fn write(self, printer: Printer) -> Result<(), CliError> {
        let Some(Wanted { file, commands, polls, sections }) = self.0 else { return Ok(()) };
        let mut polls = std::mem::take(&mut *polls.lock().unwrap_or_else(PoisonError::into_inner));
        let mut sections = sections.into_inner().unwrap_or_else(PoisonError::into_inner);
        for section in &mut sections {
            let log = section.batch.as_ref().and_then(|batch| polls.remove(&batch.batch_id()));
            section.polls = log.unwrap_or_default();
            section.next = next::steps(section, &commands);
        }
        let page = page::render(&sections, Clock::system().wall());
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

fn may_have_unsuccessful_rows(report: &Report) -> bool {
    let progress = &report.snapshot.progress;
    report.snapshot.is_terminal() && (progress.total.is_none() || progress.succeeded != progress.total)
}

/// Reads the rows of `batch`, until an interrupt.
async fn rows(client: &AnyClient, batch: &Batch) -> Result<bulkrail::Reconciliation, Error> {
    let interrupted = || Error::new(ErrorKind::Interrupted, "reading the rows was stopped");
    let stop = Signals::listen().map_err(|_| interrupted())?;
    tokio::select! {
        rows = client.reconcile(batch, None) => rows,
        () = stop.received(1) => Err(interrupted()),
    }
}

/// Returns whether a row belongs on the page.
fn is_unsuccessful(outcome: RowOutcome) -> bool {
    outcome != RowOutcome::Succeeded
}
