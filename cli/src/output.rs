//! The one way to standard output.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Writes `text` and sees it off.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes `document` as one line of JSON and sees it off.
pub(crate) fn json(document: &impl Serialize) -> io::Result<()> {
    text(&line(document)?)
}

/// `document` as one line of JSON.
pub(crate) fn line(document: &impl Serialize) -> io::Result<String> {
    let mut line = serde_json::to_string(document)?;
    line.push('\n');
    Ok(line)
}

/// What became of the last thing to write. That its reader has gone away meanwhile is no failure: the job is done.
pub(crate) fn last(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
