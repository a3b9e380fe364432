//! `--drift-report`: in what answers differed from the documentation, a line a batch, over many runs.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use bulkrail::{Drift, ProviderId, Report};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::output;
use crate::people::complain;

/// A line of the report. No names, no ids: only where and how answers differ.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line<'a> {
    pub(crate) provider: ProviderId,
    /// `status`, or `rows` where the rows were read and differ.
    pub(crate) operation: Cow<'a, str>,
    /// How many answers were compared; for `rows`, how many rows.
    pub(crate) answers: u64,
    pub(crate) drift: Cow<'a, [Drift]>,
}

/// The file, where one is wanted.
pub(crate) struct DriftReport(Option<(File, PathBuf)>);

impl DriftReport {
    /// Opens the file, so that nobody learns at the end of a long wait that it cannot be written.
    pub(crate) fn open(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = file else { return Ok(Self(None)) };
        let open = OpenOptions::new().append(true).create(true).open(path);
        let open = open.map_err(|error| Failure::machine(&format!("{} cannot be written", path.display()), &error))?;
        Ok(Self(Some((open, path.to_owned()))))
    }

    /// Adds what was seen of a batch, if it was seen.
    pub(crate) fn status(&self, seen: Option<&Report>) {
        if let Some(report) = seen {
            self.add(&Line {
                provider: report.batch.provider().clone(),
                operation: "status".into(),
                answers: u64::from(report.polls),
                drift: (&report.snapshot.drift).into(),
            });
        }
    }

    /// Adds in what the rows of a batch differ.
    pub(crate) fn rows(&self, provider: &ProviderId, rows: usize, drift: &[Drift]) {
        if !drift.is_empty() {
            let answers = u64::try_from(rows).unwrap_or(u64::MAX);
            self.add(&Line { provider: provider.clone(), operation: "rows".into(), answers, drift: drift.into() });
        }
    }

    fn add(&self, line: &Line<'_>) {
        let Some((file, path)) = &self.0 else { return };
        // In one piece: other runs may append meanwhile.
        let mut file = file;
        if let Err(error) = output::line(line).and_then(|line| file.write_all(line.as_bytes())) {
            complain(&format!("{} cannot be written: {error}", path.display()));
        }
    }
}
