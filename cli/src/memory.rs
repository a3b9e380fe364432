//! What is kept between runs: how long batches took, in the user's state directory. Losing it costs nothing but requests.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bulkrail::Histories;
use serde::Serialize;
use uuid::Uuid;

/// Many times what we ever write: whatever is larger is not ours.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The histories of this run, and where they are kept.
pub(crate) struct Memory {
    histories: Histories,
    file: Option<PathBuf>,
    before: String,
}

impl Memory {
    /// What earlier runs kept; nothing where there is nothing, or nothing that can be read.
    pub(crate) fn open(unwanted: bool) -> Self {
        let file = directory().filter(|_| !unwanted).map(|directory| directory.join("bulkrail").join("history.json"));
        let histories = Histories::default();
        if let Some(file) = &file {
            match read(file).map(|text| text.map(|text| histories.import(&text))) {
                Ok(Some(Ok(())) | None) => {}
                Ok(Some(Err(error))) => tracing::info!("{} is ignored: {error}", file.display()),
                Err(error) => tracing::info!("{} is ignored: {error}", file.display()),
            }
        }
        let before = histories.export();
        Self { histories, file, before }
    }

    pub(crate) fn histories(&self) -> &Histories {
        &self.histories
    }

    /// Keeps what was learned. That it cannot be kept never fails a command.
    pub(crate) fn keep(self) {
        let now = self.histories.export();
        if let Some(file) = self.file.filter(|_| now != self.before)
            && let Err(error) = write(&file, &now)
        {
            tracing::info!("{} is not kept: {error}", file.display());
        }
    }
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
    let opened = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if !opened.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    opened.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// Notes what was submitted, or is about to be, as a line of `submitted.jsonl` in the state directory: were this process killed, nobody else
/// would know. That it cannot be noted never fails a command.
pub(crate) fn note(submitted: &impl Serialize) {
    let Some(file) = directory().map(|directory| directory.join("bulkrail").join("submitted.jsonl")) else { return };
    let noted = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        make_private(&file, &mut options)?;
        let line = serde_json::to_string(submitted)? + "\n";
        options.open(&file)?.write_all(line.as_bytes())
    };
    if let Err(error) = noted() {
        tracing::warn!("{} does not note the batch: {error}", file.display());
    }
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
