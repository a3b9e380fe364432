//! What is kept between runs: how long batches took, in the user's state directory. Losing it costs nothing but requests.

mod merge;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulkrail::DurationHistory;
use bulkrail::time::Clock;
use fs4::{FileExt, TryLockError};
use serde::Serialize;
use serde_json::from_str;
use uuid::Uuid;

use merge::merged;

/// Many times what we ever write: whatever is larger is not ours.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Between two tries to have the history for ourselves, and how many there are: other runs have it for milliseconds.
const PAUSE: Duration = Duration::from_millis(10);
const ATTEMPTS: usize = 50;

/// The histories of this run, and where they are kept.
pub(crate) struct Memory {
    histories: DurationHistory,
    file: Option<PathBuf>,
    before: String,
}

impl Memory {
    /// What earlier runs kept; nothing where there is nothing, or nothing that can be read.
    pub(crate) fn open(unwanted: bool) -> Self {
        let file = directory().filter(|_| !unwanted).map(|directory| directory.join("bulkrail").join("history.json"));
        let histories = file.as_deref().map(kept).unwrap_or_default();
        let before = histories.export();
        Self { histories, file, before }
    }

    pub(crate) fn histories(&self) -> &DurationHistory {
        &self.histories
    }

    /// Adds what was learned to what is kept by now. That it cannot be kept never fails a command.
    pub(crate) async fn keep(self) {
        let now = self.histories.export();
        if let Some(file) = self.file.filter(|_| now != self.before)
            && let Err(error) = add(&file, &self.before, &now).await
        {
            tracing::info!("{} is not kept: {error}", file.display());
        }
    }
}

/// What the file holds, as far as it can be understood.
fn kept(file: &Path) -> DurationHistory {
    let histories = DurationHistory::default();
    match read(file).map(|text| text.map(|text| histories.import(&text))) {
        Ok(Some(Ok(())) | None) => {}
        Ok(Some(Err(error))) => tracing::info!("{} is ignored: {error}", file.display()),
        Err(error) => tracing::info!("{} is ignored: {error}", file.display()),
    }
    histories
}

/// Adds what was learned between `before` and `now` to the file, whatever other runs added meanwhile.
async fn add(file: &Path, before: &str, now: &str) -> io::Result<()> {
    let _lock = lock(file).await;
    // Garbage is replaced; what may not even be read is not ours.
    if let Err(error) = read(file)
        && error.kind() != io::ErrorKind::InvalidData
    {
        return Err(error);
    }
    let all = merged(&from_str(before)?, &from_str(now)?, &from_str(&kept(file).export())?);
    // No longer than histories are.
    let histories = DurationHistory::default();
    histories.import(&all.to_string()).map_err(io::Error::other)?;
    write(file, &histories.export())
}

/// Keeps other runs from writing while it lives. Where it cannot be had, what another run writes in the same moment may be lost.
async fn lock(file: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    make_private(file, &mut options).ok()?;
    let lock = options.open(file.with_file_name("history.lock")).ok()?;
    let clock = Clock::system();
    for _ in 0..ATTEMPTS {
        match FileExt::try_lock(&lock) {
            Err(TryLockError::WouldBlock) => clock.sleep(PAUSE).await,
            locked => return locked.ok().map(|()| lock),
        }
    }
    None
}

/// Where the user's programs keep what they may lose.
fn directory() -> Option<PathBuf> {
    let named = |variable| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(directory) = named("XDG_STATE_HOME") {
        return Some(directory);
    }
    if cfg!(windows) {
        return named("LOCALAPPDATA");
    }
    std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".local/state"))
}

fn read(file: &Path) -> io::Result<Option<String>> {
    // Asked before it is opened: a pipe would be waited for.
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(found) if !found.is_file() => return Err(io::Error::other("it is no file")),
        Ok(_) => {}
    }
    let mut text = String::new();
    File::open(file)?.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// Notes what was submitted, or is about to be, as a line of `submitted.jsonl` in the state directory: were this process killed, nobody else
/// would know. That it cannot be noted never fails a command; what to say of it is returned.
pub(crate) fn note(submitted: &impl Serialize) -> Result<(), String> {
    let Some(file) = directory().map(|directory| directory.join("bulkrail").join("submitted.jsonl")) else {
        return Ok(());
    };
    let noted = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        make_private(&file, &mut options)?;
        let line = serde_json::to_string(submitted)? + "\n";
        options.open(&file)?.write_all(line.as_bytes())
    };
    noted().map_err(|error| format!("{} does not note what is submitted: {error}", file.display()))
}

/// All of `text` or nothing, whatever else reads or writes the file meanwhile.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    make_private(file, &mut options)?;
    let draft = file.with_file_name(format!(".history-{}.json", Uuid::new_v4()));
    let written = options.open(&draft).and_then(|mut open| open.write_all(text.as_bytes()));
    let kept = written.and_then(|()| fs::rename(&draft, file));
    kept.inspect_err(|_| {
        // A draft that is left over would be in nobody's way; one less is nicer.
        let _ = fs::remove_file(&draft);
    })
}

/// Makes the directory of `file`; both it and what `options` make are the user's alone.
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
