//! Files in the user's state directory: how long batches took (`history.json`), and what was
//! submitted (`submitted.jsonl`).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulkrail::DurationHistory;
use bulkrail::time::Clock;
use fs4::{FileExt, TryLockError};
use serde::Serialize;
use uuid::Uuid;

/// 4 MiB: many times the size of a history. A larger file is not one.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// 50 attempts, 10 ms apart, to lock the history: other runs hold the lock for milliseconds.
const LOCK_ATTEMPTS: usize = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Duration history of this run, and the file that it is stored in.
pub(crate) struct StateStore {
    history: DurationHistory,
    file: Option<PathBuf>,
    /// The history as it was read.
    stored: String,
}

impl StateStore {
    /// Reads the history of earlier runs. It is empty where there is none, or none that can be
    /// read.
    pub(crate) async fn open(no_history: bool) -> Self {
        let file = path("history.json").filter(|_| !no_history);
        let history = DurationHistory::default();
        if let Some(file) = &file {
            import(&history, file).await;
        }
        let stored = history.export();
        Self { history, file, stored }
    }

    pub(crate) fn history(&self) -> &DurationHistory {
        &self.history
    }

    /// Adds what was learned to the stored history. A failure never fails a command.
    pub(crate) async fn save(self) {
        if let Some(file) = self.file.filter(|_| self.history.export() != self.stored) {
            let _lock = lock(&file).await;
            let (history, path) = (self.history, file.clone());
            if let Err(error) = blocking(move || add(&history, &path)).await {
                tracing::info!("{} is not written: {error}", file.display());
            }
        }
    }
}

/// Appends `document`, about a batch that was or will be submitted, as a line to `submitted.jsonl`.
///
/// If this process is killed, the line is all that is left. A failure never fails a command; the
/// error is a warning.
pub(crate) async fn record_submission(document: &impl Serialize) -> Result<(), String> {
    let Some(file) = path("submitted.jsonl") else { return Ok(()) };
    let line = serde_json::to_string(document).map(|line| line + "\n");
    let path = file.clone();
    let append = move || {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        make_private(&path, &mut options)?;
        options.open(&path)?.write_all(line?.as_bytes())
    };
    blocking(append).await.map_err(|error| format!("the submission is not recorded in {}: {error}", file.display()))
}

/// Returns the path of the file `name` in the state directory, if there is one.
fn path(name: &str) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let directory = match variable("XDG_STATE_HOME") {
        Some(directory) => directory,
        None if cfg!(windows) => variable("LOCALAPPDATA")?,
        None => std::env::home_dir().filter(|home| home.is_absolute())?.join(".local/state"),
    };
    Some(directory.join("bulkrail").join(name))
}

async fn import(history: &DurationHistory, file: &Path) {
    let path = file.to_owned();
    match blocking(move || read(&path)).await {
        Ok(None) => {}
        Ok(Some(document)) => {
            if let Err(error) = history.import(&document) {
                tracing::info!("{} is ignored: {error}", file.display());
            }
        }
        Err(error) => tracing::info!("{} is ignored: {error}", file.display()),
    }
}

/// Adds what this run learned to the file, and keeps what other runs have added meanwhile.
fn add(history: &DurationHistory, file: &Path) -> io::Result<()> {
    let stored = match read(file) {
        Ok(stored) => stored.unwrap_or_default(),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
        // A file that may not be read is not ours to replace.
        Err(error) => return Err(error),
    };
    // A file that is not a history is replaced.
    history.merge(&stored).or_else(|_| history.merge("{}")).map_err(io::Error::other)?;
    write(file, &history.export())
}

/// Locks the history until the file is dropped. Without the lock, what another run writes at the
/// same time may be lost.
async fn lock(file: &Path) -> Option<File> {
    let path = file.to_owned();
    let open = move || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        make_private(&path, &mut options)?;
        options.open(path.with_file_name("history.lock"))
    };
    let lock = blocking(open).await.ok()?;
    let clock = Clock::system();
    for _ in 0..LOCK_ATTEMPTS {
        match FileExt::try_lock(&lock) {
            Err(TryLockError::WouldBlock) => clock.sleep(LOCK_PAUSE).await,
            locked => return locked.ok().map(|()| lock),
        }
    }
    None
}

fn read(file: &Path) -> io::Result<Option<String>> {
    // Checked before it is opened: opening a pipe blocks.
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(found) if !found.is_file() => return Err(io::Error::other("it is not a file")),
        Ok(_) => {}
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

/// Creates the directory of `file`. It, and the file that `options` create, are private to the
/// user.
fn make_private(file: &Path, options: &mut OpenOptions) -> io::Result<()> {
    let mut directories = DirBuilder::new();
    directories.recursive(true);
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut directories, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
    file.parent().map_or(Ok(()), |directory| directories.create(directory))
}

/// Runs file operations on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
