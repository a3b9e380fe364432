//! A lock that one process has for as long as it runs, and that names the process.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use bulkrail::time::Clock;
use fs4::{FileExt, TryLockError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StateDir;
use super::files::{exists, make_private};

/// 4 KiB of the file are read.
const MAX_BYTES: u64 = 4 * 1024;

/// Content of the file.
#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    program: String,
    since: Timestamp,
}

/// Locks the file `name` of the state directory until the returned file is dropped. It is none
/// where there is no state directory, or where the file cannot be locked.
///
/// # Errors
///
/// The process that has locked it, as a part of a sentence.
pub(crate) async fn lock_as_holder(state: &StateDir, name: &str) -> Result<Option<File>, String> {
    let Some(path) = state.path(name) else { return Ok(None) };
    match state.run(move || lock(&path)).await {
        Ok(Ok(file)) => Ok(Some(file)),
        Ok(Err(holder)) => Err(holder),
        Err(error) => {
            tracing::info!("{name} is not locked: {error}");
            Ok(None)
        }
    }
}

fn lock(path: &Path) -> io::Result<Result<File, String>> {
    exists(path)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    make_private(path, &mut options)?;
    let mut file = options.open(path)?;
    match FileExt::try_lock(&file) {
        Ok(()) => {
            let holder = Holder { pid: std::process::id(), program: super::program(), since: Clock::system().wall() };
            // The name is for messages only.
            let _named = file.set_len(0).and_then(|()| file.write_all(&serde_json::to_vec(&holder)?));
            Ok(Ok(file))
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = file.take(MAX_BYTES).read_to_string(&mut text);
            let holder = read.ok().and_then(|_| serde_json::from_str(&text).ok());
            Ok(Err(match holder {
                Some(Holder { pid, program, since }) => format!("process {pid} ({program}, since {since:.0})"),
                None => "it has not written its name yet".to_owned(),
            }))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}
