//! Reads text files of bounded size.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::error::Error;

/// Maximum size of a file: 4 MiB. Specs and pages have kilobytes, descriptions of a large API one
/// or two megabytes.
pub const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Reads `file` as UTF-8. `hint` says what to do about a file that is too large.
///
/// # Errors
///
/// Returns an error if the file cannot be read, is not a regular file, is larger than [`MAX_BYTES`]
/// or is not UTF-8.
pub fn read_text(file: &Path, hint: &str) -> Result<String, Error> {
    let error = |reason: String| Error::new(file, None, "", reason);
    let unreadable = |reason: std::io::Error| error(format!("cannot be read: {reason}"));
    // Opening a pipe without a writer would block forever.
    if !fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(error("cannot be read: it is not a regular file; save it as one".to_owned()));
    }
    let mut bytes = Vec::new();
    // The read is limited instead of the metadata checked, because a file may grow.
    File::open(file).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    check_size(bytes.len(), hint).map_err(error)?;
    String::from_utf8(bytes).map_err(|reason| {
        let offset = reason.utf8_error().valid_up_to();
        error(format!("is not text: byte {offset} is not UTF-8; save it as text"))
    })
}

/// Checks a size against [`MAX_BYTES`]. `hint` says what to do about a text that is too large.
///
/// # Errors
///
/// Returns the reason if `bytes` is more than [`MAX_BYTES`].
pub fn check_size(bytes: usize, hint: &str) -> Result<(), String> {
    match bytes as u64 > MAX_BYTES {
        true => Err(format!("is larger than {MAX_BYTES} bytes; {hint}")),
        false => Ok(()),
    }
}
