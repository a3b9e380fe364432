//! `--drift-report`: appends the differences of responses from the spec to a file, one line for
//! each batch.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bulkrail::{Drift, ProviderId, Report};
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::{input, output, printer, state};

/// Line of a drift report. It has neither ids nor personal data.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line<'a> {
    pub(crate) provider: ProviderId,
    /// `status`; or `submit` or `rows` where the response to the submit, or rows that were read, differ.
    pub(crate) operation: Cow<'a, str>,
    /// Number of responses compared; number of rows for the operation `rows`.
    #[serde(alias = "answers")]
    pub(crate) responses: u64,
    pub(crate) drift: Cow<'a, [Drift]>,
}

/// 1 MiB: the first line of a report is read to know it. A line has kilobytes.
const MAX_LINE_BYTES: u64 = 1024 * 1024;

/// Refuses a path that cannot be a report, or is that of one of `others`, which the command line names by their options.
pub(crate) async fn check(path: PathBuf, others: Vec<(&'static str, PathBuf)>) -> Result<(), CliError> {
    // A disk may hang: a signal must not wait for it.
    let checked = tokio::task::spawn_blocking(move || {
        match others.into_iter().find(|(_, other)| input::is_same_file(&path, other)) {
            Some((name, _)) => Err(refused(&path, &format!("it is also the file of {name}"))),
            None => check_file(&path),
        }
    });
    checked.await.unwrap_or_else(|error| Err(CliError::configuration(format!("the command was cut off: {error}"))))
}

/// Refuses what is not a regular file, which may block when it is opened, and a file that is not a report: it may be the
/// one that was submitted.
fn check_file(path: &Path) -> Result<(), CliError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(refused(path, "it is not a regular file")),
        Ok(_) if has_other_content(path) => Err(refused(path, "it exists and is not a drift report")),
        _ => Ok(()),
    }
}

fn refused(path: &Path, reason: &str) -> CliError {
    CliError::configuration(format!("{} cannot be written: {reason}", path.display())).with_hint("name another file")
}

/// Returns whether the first line of a file is not one of a report. A file that cannot be read is opened for writing.
fn has_other_content(path: &Path) -> bool {
    let mut line = Vec::new();
    let read = File::open(path).and_then(|file| BufReader::new(file.take(MAX_LINE_BYTES)).read_until(b'\n', &mut line));
    let is_empty = line.trim_ascii().is_empty();
    read.is_ok() && !is_empty && serde_json::from_slice::<Line<'_>>(&line).is_err()
}

/// The file of `--drift-report`, if the flag is given.
pub(crate) struct DriftReport(Option<(File, PathBuf)>);

impl DriftReport {
    /// Opens the file before a wait begins, so that an error does not come after hours. A new file is
    /// private to the user.
    pub(crate) fn open(file: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = file else { return Ok(Self(None)) };
        check_file(path)?;
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        state::private(&mut options);
        let open = options.open(path);
        let open = open.map_err(|error| CliError::io(&format!("{} cannot be written", path.display()), &error))?;
        Ok(Self(Some((open, path.to_owned()))))
    }

    /// Adds the drift in the response to a submit, if there is any.
    pub(crate) fn add_submit(&self, provider: &ProviderId, drift: &[Drift]) {
        if !drift.is_empty() {
            self.add(&Line {
                provider: provider.clone(),
                operation: "submit".into(),
                responses: 1,
                drift: drift.into(),
            });
        }
    }

    /// Adds the drift in the polls of a batch, if a poll succeeded.
    pub(crate) fn add_polls(&self, last: Option<&Report>) {
        if let Some(report) = last {
            self.add(&Line {
                provider: report.batch.provider().clone(),
                operation: "status".into(),
                responses: u64::from(report.polls),
                drift: (&report.snapshot.drift).into(),
            });
        }
    }

    /// Adds the drift in the rows of a batch, if there is any.
    pub(crate) fn add_rows(&self, provider: &ProviderId, rows: usize, drift: &[Drift]) {
        if !drift.is_empty() {
            let responses = u64::try_from(rows).unwrap_or(u64::MAX);
            self.add(&Line { provider: provider.clone(), operation: "rows".into(), responses, drift: drift.into() });
        }
    }

    fn add(&self, line: &Line<'_>) {
        let Some((file, path)) = &self.0 else { return };
        // One write for the whole line: other runs may append at the same time.
        let mut file = file;
        if let Err(error) = output::line(line).and_then(|line| file.write_all(line.as_bytes())) {
            printer::error(&format!("warning: {} cannot be written: {error}", path.display()));
        }
    }
}
