//! Files that people name.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{self, Path};

use crate::failure::Failure;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// All that is in the file.
pub(crate) fn content(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| unreadable(file, &error))
}

/// Refuses what is not there or is no file, in words that help. It is not opened: what is read once only (a pipe) stays unread.
pub(crate) fn check(file: &Path) -> Result<(), Failure> {
    match fs::metadata(file) {
        Ok(found) if found.is_dir() => Err(unreadable(file, &ErrorKind::IsADirectory.into())),
        Ok(_) => Ok(()),
        Err(error) => Err(unreadable(file, &error)),
    }
}

/// The text in `bytes`, without the mark that some editors put before it.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, &'static str> {
    let utf8 = "it is not UTF-8; save it as UTF-8 (some shells write UTF-16 where output goes to a file)";
    str::from_utf8(without_mark(bytes)).map_err(|_| utf8)
}

pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    let name = file.display();
    let reason = match error.kind() {
        ErrorKind::NotFound if file.is_relative() => {
            let place = path::absolute(file).unwrap_or_default();
            format!("there is no such file; check its name, or go to where it is (looked for {})", place.display())
        }
        ErrorKind::NotFound => "there is no such file; check its name".to_owned(),
        ErrorKind::IsADirectory => "it is a directory; name a file in it".to_owned(),
        ErrorKind::PermissionDenied => "permission denied; see to it that you may read it".to_owned(),
        _ => error.to_string(),
    };
    Failure::usage(format!("{name} cannot be read: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_before_a_text_is_no_part_of_it() {
        assert_eq!(text(b"\xef\xbb\xbfa"), Ok("a"));
        assert_eq!(text(b"a\xef\xbb\xbf"), Ok("a\u{feff}"));
        assert!(text(b"\xff\xfea\0").is_err_and(|reason| reason.contains("UTF-16")));
    }
}
