//! Operations on files that other processes use at the same time, and that may not be files.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::thread;
use std::time::Duration;

use fs4::{FileExt, TryLockError};

/// 50 attempts, 10 ms apart, to lock a file: other processes hold a lock for milliseconds.
const LOCK_ATTEMPTS: usize = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Returns whether `file` exists. Refuses what is not a regular file: opening a pipe blocks, and a
/// device or a directory is not ours.
pub(crate) fn exists(file: &Path) -> io::Result<bool> {
    match fs::metadata(file) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(io::Error::other("it is not a file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Creates the directory of `file`. It, and the file that `options` create, are private to the
/// user.
pub(crate) fn make_private(file: &Path, options: &mut OpenOptions) -> io::Result<()> {
    let mut directories = DirBuilder::new();
    directories.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut directories, 0o700);
    private(options);
    file.parent().map_or(Ok(()), |directory| directories.create(directory))
}

/// Makes the file that `options` create private to the user. A file that exists keeps its mode.
pub(crate) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Locks `file` until the returned file is dropped, if that is possible in half a second.
///
/// Without the lock, processes that write at the same time may get in each other's way.
pub(super) fn lock(file: &Path) -> Option<File> {
    exists(file).ok()?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    make_private(file, &mut options).ok()?;
    let lock = options.open(file).ok()?;
    for _ in 0..LOCK_ATTEMPTS {
        match FileExt::try_lock(&lock) {
            Err(TryLockError::WouldBlock) => pause(),
            locked => return locked.ok().map(|()| lock),
        }
    }
    None
}

#[expect(clippy::disallowed_methods, reason = "a thread that may block, where no clock can be awaited")]
fn pause() {
    thread::sleep(LOCK_PAUSE);
}

/// End of a file.
#[derive(Default)]
pub(crate) struct Tail {
    pub(crate) bytes: Vec<u8>,
    /// Number of lines before it, where it is not the whole file.
    pub(crate) is_cut: bool,
}

/// Returns the last `max_bytes` of `file`, from the beginning of a line on; nothing where there is
/// no file.
pub(crate) fn read_tail(file: &Path, max_bytes: u64) -> io::Result<Tail> {
    if !exists(file)? {
        return Ok(Tail::default());
    }
    let mut open = File::open(file)?;
    let start = open.metadata()?.len().saturating_sub(max_bytes);
    open.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    open.take(max_bytes).read_to_end(&mut bytes)?;
    if start > 0 {
        let cut = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        bytes.drain(..cut);
    }
    Ok(Tail { bytes, is_cut: start > 0 })
}
