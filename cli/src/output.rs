//! Writes to standard output: texts and JSON documents.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

/// Writes `text` and flushes it.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes `document` as one line of JSON and flushes it.
pub(crate) fn json(document: &impl Serialize) -> io::Result<()> {
    text(&line(document)?)
}

/// Returns `document` as one line of JSON.
pub(crate) fn line(document: &impl Serialize) -> io::Result<String> {
    let mut line = serde_json::to_string(document)?;
    line.push('\n');
    Ok(line)
}

/// Converts the result of the last write. A closed standard output is not an error then: the
/// command did its job.
pub(crate) fn last(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
