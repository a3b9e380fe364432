//! Files named on the command line.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{self, Path, PathBuf};

use crate::error::CliError;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// 64 MiB: a saved page has a few, and a document of a batch one KiB. Devices such as `/dev/zero` never end.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Returns the content of `file`.
pub(crate) async fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || bounded(File::open(path)?, MAX_BYTES));
    let read = read.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    read.map_err(|error| unreadable(file, &error))
}

fn bounded(file: impl Read, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(io::Error::other(format!("it has more than {max_bytes} bytes")));
    }
    Ok(bytes)
}

/// Returns the content of standard input.
pub(crate) async fn read_stdin() -> Result<Vec<u8>, CliError> {
    let read = tokio::task::spawn_blocking(|| bounded(io::stdin().lock(), MAX_BYTES));
    let read = read.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    read.map_err(|error| CliError::usage(format!("standard input cannot be read: {error}")))
}

/// Refuses a file that does not exist and a directory. The file is not opened: a pipe can be read
/// only once.
pub(crate) async fn check(file: &Path) -> Result<(), CliError> {
    match tokio::fs::metadata(file).await {
        Ok(found) if found.is_dir() => Err(unreadable(file, &ErrorKind::IsADirectory.into())),
        Ok(_) => Ok(()),
        Err(error) => Err(unreadable(file, &error)),
    }
}

/// Returns whether two paths are two names of one file, which need not exist.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    canonical(one) == canonical(other) || is_same_inode(one, other)
}

/// Returns the path behind links. Of a file that does not exist, its directory is.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| {
        let absolute = path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let directory = absolute.parent().and_then(|directory| directory.canonicalize().ok());
        directory.zip(absolute.file_name()).map_or_else(|| absolute.clone(), |(directory, name)| directory.join(name))
    })
}

#[cfg(unix)]
fn is_same_inode(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path: &Path| std::fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    id(one).is_some() && id(one) == id(other)
}

#[cfg(not(unix))]
fn is_same_inode(_: &Path, _: &Path) -> bool {
    false
}

/// Returns the text in `bytes`, without the byte order mark that some editors write.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, &'static str> {
    let utf8 = "it is not UTF-8; save it as UTF-8 (some shells write UTF-16 where output goes to a file)";
    str::from_utf8(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)).map_err(|_| utf8)
}

fn unreadable(file: &Path, error: &io::Error) -> CliError {
    let (reason, hint) = match error.kind() {
        ErrorKind::NotFound if file.is_relative() => {
            let path = path::absolute(file).unwrap_or_default();
            (
                "there is no such file",
                format!("check its name, or change to its directory (the path is {})", path.display()),
            )
        }
        ErrorKind::NotFound => ("there is no such file", "check its name".to_owned()),
        ErrorKind::IsADirectory => ("it is a directory", "name a file in it".to_owned()),
        ErrorKind::PermissionDenied => {
            ("permission denied", "change its permissions so that you may read it".to_owned())
        }
        _ => return CliError::usage(format!("{} cannot be read: {error}", file.display())),
    };
    CliError::usage(format!("{} cannot be read: {reason}", file.display())).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_never_end_are_refused() {
        assert_eq!(bounded(&b"1234"[..], 4).unwrap(), b"1234");
        assert!(bounded(io::repeat(0), 4).is_err_and(|error| error.to_string() == "it has more than 4 bytes"));
    }

    #[test]
    fn text_leaves_out_a_leading_byte_order_mark() {
        assert_eq!(text(b"\xef\xbb\xbfa"), Ok("a"));
        assert_eq!(text(b"a\xef\xbb\xbf"), Ok("a\u{feff}"));
        assert!(text(b"\xff\xfea\0").is_err_and(|reason| reason.contains("UTF-16")));
    }
}
