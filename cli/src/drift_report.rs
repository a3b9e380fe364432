//! `--drift-report`: appends the differences of responses from the spec to a file, one line for
//! each batch.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bulkrail::{Drift, ProviderId, Report};
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::{output, printer, state};

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

/// Returns whether a file has something that is not a line of JSON: it may be the one that was submitted.
fn has_other_content(path: &Path) -> bool {
    let mut first = [0];
    let is_file = std::fs::metadata(path).is_ok_and(|found| found.is_file());
    is_file && File::open(path).is_ok_and(|mut file| matches!(file.read(&mut first), Ok(1)) && first != *b"{")
}

/// The file of `--drift-report`, if the flag is given.
pub(crate) struct DriftReport(Option<(File, PathBuf)>);

impl DriftReport {
    /// Opens the file before a wait begins, so that an error does not come after hours. A new file is
    /// private to the user.
    pub(crate) fn open(file: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = file else { return Ok(Self(None)) };
        if has_other_content(path) {
            let reason = format!("{} cannot be written: it exists and is not a drift report", path.display());
            return Err(CliError::configuration(reason).with_hint("name another file"));
        }
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
