//! Files that somebody else may have written: read as far as they may go, and no further.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::Error;

/// The largest file that is read. Specs and saved pages have kilobytes; whole descriptions of a large API have one or two megabytes.
pub const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The text of `file`; `instead` is what to do when it is too large.
pub fn read(file: &Path, instead: &str) -> Result<String, Error> {
    let error = |reason: String| Error::new(file, None, "", reason);
    let unreadable = |reason: std::io::Error| error(format!("cannot be read: {reason}"));
    // To open a pipe that nobody writes to would wait for ever.
    if !fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(error("cannot be read: it is not a plain file; save it as one".to_owned()));
    }
    let mut bytes = Vec::new();
    // The size is not asked for beforehand: a file may grow.
    File::open(file).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    check_size(bytes.len(), instead).map_err(error)?;
    String::from_utf8(bytes).map_err(|reason| {
        let at = reason.utf8_error().valid_up_to();
        error(format!("is not text: byte {at} is not UTF-8; save it as text"))
    })
}

/// Refuses more than [`MAX_BYTES`].
pub fn check_size(bytes: usize, instead: &str) -> Result<(), String> {
    match bytes as u64 > MAX_BYTES {
        true => Err(format!("is larger than {MAX_BYTES} bytes; {instead}")),
        false => Ok(()),
    }
}
