//! The file of a page: checked before anything is sent, and replaced as a whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::state;

/// 4 KiB: the title of a page is in its first KiB.
const HEAD: u64 = 4096;

/// Parses the name of a file. `-` is not one: a page is not printed.
pub(crate) fn file_name(text: OsString) -> Result<PathBuf, String> {
    if text.is_empty() || text == "-" {
        return Err("expected the name of a file, such as report.html; a page is not printed".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// File that can be written.
#[derive(Debug)]
pub(super) struct PageFile {
    /// As the user named it.
    path: PathBuf,
    /// Where the page goes: behind a symbolic link, if `path` is one.
    target: PathBuf,
}

impl PageFile {
    /// Checks that the file can be replaced: its directory takes new files, and it is a file if it exists.
    ///
    /// Nothing is left behind, and a page that is there stays as it is.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let target = match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(io::Error::other("it is a directory")),
            Ok(found) if !found.is_file() => return Err(io::Error::other("it is not a file")),
            Ok(_) if !is_page(path)? => return Err(io::Error::other("it exists, and is not a report of this command")),
            Ok(_) => fs::canonicalize(path)?,
            Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        if target.file_name().is_none() {
            return Err(io::Error::other("it is not the name of a file"));
        }
        let file = Self { path: path.to_owned(), target };
        let (temporary, open) = file.temporary()?;
        drop(open);
        fs::remove_file(temporary)?;
        Ok(file)
    }

    /// Returns the name that the user gave.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file with `page`. Another process sees the old page or the new one. On Unix only the user can read
    /// it, because it has the references of people.
    pub(super) fn write(&self, page: &[u8]) -> io::Result<()> {
        let (temporary, mut open) = self.temporary()?;
        let written = open.write_all(page).and_then(|()| open.sync_all());
        drop(open);
        written.and_then(|()| fs::rename(&temporary, &self.target)).inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
    }

    /// Creates an empty file beside the target.
    fn temporary(&self) -> io::Result<(PathBuf, File)> {
        // Short: the name of the target may be as long as the system allows.
        let temporary = self.target.with_file_name(format!(".bulkrail-{}.tmp", Uuid::new_v4().simple()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        state::private(&mut options);
        match options.open(&temporary) {
            Ok(open) => Ok((temporary, open)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(io::Error::other("its directory does not exist")),
            Err(error) => Err(error),
        }
    }
}

/// Returns whether a file is a page, or empty. Another file is not replaced: it may be the one that was submitted.
fn is_page(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    let head = String::from_utf8_lossy(&head);
    Ok(head.is_empty() || head.starts_with("<!DOCTYPE html>") && head.contains("bulkrail</title>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD_PAGE: &str = "<!DOCTYPE html><title>an older page – bulkrail</title>";

    struct Directory(PathBuf);

    impl Directory {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("bulkrail-page-{}", Uuid::new_v4()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
            names.map(|name| name.to_string_lossy().into_owned()).collect()
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn file_name_refuses_standard_output() {
        assert!(file_name("-".into()).is_err() && file_name(OsString::new()).is_err());
        assert_eq!(file_name("a b.html".into()), Ok(PathBuf::from("a b.html")));
    }

    #[test]
    fn open_refuses_what_cannot_be_a_page_and_leaves_nothing() {
        let directory = Directory::new();
        let reason = |path: PathBuf| PageFile::open(&path).unwrap_err().to_string();
        assert_eq!(reason(directory.0.clone()), "it is a directory");
        assert_eq!(reason(directory.0.join("missing/report.html")), "its directory does not exist");
        fs::write(directory.0.join("file"), "").unwrap();
        assert!(PageFile::open(&directory.0.join("file/report.html")).is_err());
        assert_eq!(directory.names(), ["file"]);
        PageFile::open(&directory.0.join("report.html")).unwrap();
        assert_eq!(directory.names(), ["file"]);
    }

    #[test]
    fn write_replaces_a_page_as_a_whole() {
        let directory = Directory::new();
        let path = directory.0.join("report.html");
        fs::write(&path, OLD_PAGE).unwrap();
        let file = PageFile::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), OLD_PAGE);
        file.write(b"page").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"page");
        assert_eq!(directory.names(), ["report.html"]);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(file.write(b"page").is_err());
        assert_eq!(directory.names(), ["report.html"], "nothing is left of a page that cannot be written");
    }

    #[cfg(unix)]
    #[test]
    fn write_makes_the_page_private_and_follows_a_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let directory = Directory::new();
        let (target, link) = (directory.0.join("target.html"), directory.0.join("link.html"));
        fs::write(&target, OLD_PAGE).unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&target, &link).unwrap();
        PageFile::open(&link).unwrap().write(b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn open_replaces_a_page_or_an_empty_file_and_no_other() {
        let directory = Directory::new();
        let path = directory.0.join("people.csv");
        let page = super::super::page::render(&[], bulkrail::jiff::Timestamp::UNIX_EPOCH);
        for (content, is_page) in [
            (page.as_str(), true),
            (OLD_PAGE, true),
            ("", true),
            ("externalId\n1\n", false),
            ("<!DOCTYPE html><title>notes</title>", false),
            ("bulkrail</title>", false),
        ] {
            fs::write(&path, content).unwrap();
            assert_eq!(PageFile::open(&path).is_ok(), is_page, "{content:.60}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[cfg(unix)]
    #[test]
    fn open_refuses_a_device() {
        assert_eq!(PageFile::open(Path::new("/dev/null")).unwrap_err().to_string(), "it is not a file");
    }
}
