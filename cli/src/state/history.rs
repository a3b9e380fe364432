//! How long batches took, for the schedule of later polls.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use bulkrail::DurationHistory;
use uuid::Uuid;

use super::StateDir;
use super::files::{exists, lock, make_private};

/// Name of the file in the state directory.
const FILE: &str = "history.json";

/// 4 MiB: many times the size of a history. A larger file is not one.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Duration history of this run, and the file that it is stored in.
pub(crate) struct HistoryStore {
    state: StateDir,
    history: DurationHistory,
    file: Option<PathBuf>,
    /// The history as it was read.
    stored: String,
}

impl HistoryStore {
    /// Reads the history of earlier runs. It is empty where there is none, or none that can be
    /// read.
    pub(crate) async fn open(state: &StateDir, no_history: bool) -> Self {
        let file = state.path(FILE).filter(|_| !no_history);
        let history = DurationHistory::default();
        if let Some(file) = &file {
            let path = file.clone();
            let read = state.run(move || read(&path)).await;
            let imported = read.and_then(|document| match document {
                Some(document) => history.import(&document).map_err(io::Error::other),
                None => Ok(()),
            });
            if let Err(error) = imported {
                report(state, &format!("{} is ignored", file.display()), &error);
            }
        }
        let stored = history.export();
        Self { state: state.clone(), history, file, stored }
    }

    pub(crate) fn history(&self) -> &DurationHistory {
        &self.history
    }

    /// Adds what was learned to the stored history. A failure never fails a command.
    pub(crate) async fn save(self) {
        if let Some(file) = self.file.filter(|_| self.history.export() != self.stored) {
            let (history, path) = (self.history, file.clone());
            let add = move || {
                let _lock = lock(&path.with_file_name("history.lock"));
                add(&history, &path)
            };
            if let Err(error) = self.state.run(add).await {
                report(&self.state, &format!("{} is not written", file.display()), &error);
            }
        }
    }
}

/// Reports a failure: to the log, because a history only makes polls better timed; a disk that
/// hangs also costs time, and is a warning.
fn report(state: &StateDir, failure: &str, error: &io::Error) {
    match error.kind() {
        ErrorKind::TimedOut => state.warn(FILE, &format!("{failure}: {error}")),
        _ => tracing::info!("{failure}: {error}"),
    }
}

/// Adds what this run learned to the file, and keeps what other runs have added meanwhile.
fn add(history: &DurationHistory, file: &Path) -> io::Result<()> {
    let stored = match read(file) {
        Ok(stored) => stored.unwrap_or_default(),
        Err(error) if error.kind() == ErrorKind::InvalidData => String::new(),
        // A file that may not be read is not ours to replace.
        Err(error) => return Err(error),
    };
    // A file that is not a history is replaced.
    history.merge(&stored).or_else(|_| history.merge("{}")).map_err(io::Error::other)?;
    write(file, &history.export())
}

fn read(file: &Path) -> io::Result<Option<String>> {
    if !exists(file)? {
        return Ok(None);
    }
    let mut text = String::new();
    File::open(file)?.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// Replaces the file in one step: another process reads the old text or the new one.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    make_private(file, &mut options)?;
    let draft = file.with_file_name(format!(".history-{}.json", Uuid::new_v4()));
    let written = options.open(&draft).and_then(|mut open| open.write_all(text.as_bytes()));
    written.and_then(|()| fs::rename(&draft, file)).inspect_err(|_| {
        // A draft that is left behind does no harm.
        let _ = fs::remove_file(&draft);
    })
}
