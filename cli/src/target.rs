//! Which batch a command is about.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use bulkrail::{Batch, ErrorKind};
use serde_json::{Deserializer, Value};

use crate::args::Target;
use crate::failure::{Failure, prints_batch};
use crate::values::quoted;

impl Target {
    /// The batch named on the command line, or the one in the file.
    pub(crate) fn batch(&self) -> Result<Batch, Failure> {
        if let Some(file) = &self.batch {
            return from_file(file);
        }
        match (self.provider, &self.id) {
            (Some(provider), Some(id)) => Ok(Batch::named(provider.id(), id)?),
            _ => Err(Failure::usage("name a provider and the id of a batch, or a --batch file")),
        }
    }

    /// The command that waits for it again after an error of `kind`.
    pub(crate) fn resumption(&self, kind: ErrorKind) -> String {
        match (&self.batch, self.provider, &self.id) {
            (Some(file), ..) if !is_stdin(file) => {
                format!("bulkrail wait --batch {}", quoted(&file.to_string_lossy()))
            }
            (None, Some(provider), Some(id)) if !prints_batch(kind) => {
                format!("bulkrail wait {} {}", provider.id(), quoted(id))
            }
            _ if prints_batch(kind) => {
                "bulkrail wait --batch FILE (FILE: what is on standard output, the batch document)".to_owned()
            }
            _ => "bulkrail wait --batch FILE".to_owned(),
        }
    }
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn from_file(file: &Path) -> Result<Batch, Failure> {
    let mut text = String::new();
    let (name, read) = if is_stdin(file) {
        ("standard input".to_owned(), io::stdin().lock().read_to_string(&mut text))
    } else {
        let read = fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text));
        (file.display().to_string(), read)
    };
    read.map_err(|error| Failure::usage(format!("{name} cannot be read: {error}")))?;
    from_text(&text).map_err(|reason| Failure::usage(format!("{name} holds no batch document: {reason}")))
}

/// The batch in a batch document, or in the field `batch` of another document. Of several documents (`--jsonl`) the last one counts;
/// all have to be about the same batch.
fn from_text(text: &str) -> Result<Batch, String> {
    let mut last: Option<Batch> = None;
    for document in Deserializer::from_str(text).into_iter::<Value>() {
        let document = document.map_err(|error| error.to_string())?;
        let batch = document.get("batch").filter(|batch| !batch.is_null());
        let batch = batch.unwrap_or(&document);
        if !batch.is_object() {
            return Err("it is no JSON object".to_owned());
        }
        let batch: Batch = serde_json::from_value(batch.clone()).map_err(|error| error.to_string())?;
        if last.is_some_and(|last| (last.provider(), last.id()) != (batch.provider(), batch.id())) {
            return Err("it has several batches; name one of them, or put each into a file of its own".to_owned());
        }
        last = Some(batch);
    }
    last.ok_or_else(|| "it is empty".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: &str = r#"{"provider":"reap","id":"b-1","key":"k","submitted_at":"2026-01-01T00:00:00Z"}"#;

    #[test]
    fn a_batch_is_found_in_every_document_that_has_one() {
        let result = format!(r#"{{"batch":{BATCH},"state":"running"}}"#);
        let lines = format!("{result}\n{result}\n{BATCH}\n");
        let pretty = "{\n  \"provider\": \"reap\",\n  \"id\": \"b-1\", \"key\": \"k\",\
                      \"submitted_at\": \"2026-01-01T00:00:00Z\"\n}";
        for text in [BATCH, &result, &lines, pretty] {
            let batch = from_text(text).unwrap();
            assert_eq!((batch.id(), batch.key()), ("b-1", Some("k")), "{text}");
        }
    }

    #[test]
    fn what_holds_no_batch_is_refused() {
        let texts = [
            "",
            "  \n",
            "garbage",
            "[]",
            "7",
            "{}",
            r#"{"batch":7}"#,
            r#"{"batch":null}"#,
            r#"{"provider":"reap"}"#,
            r#"{"provider":"reap","id":"../x"}"#,
            r#"{"provider":"Not A Name","id":"x"}"#,
            r#"{"provider":"reap","id":"x"} trailing"#,
            r#"{"provider":"reap","id":"x"} {"provider":"reap","id":"y"}"#,
        ];
        for text in texts {
            assert!(from_text(text).is_err(), "{text}");
        }
    }
}
