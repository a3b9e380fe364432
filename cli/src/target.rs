//! Batches that a command is about: named on the command line, or in a file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use bulkrail::{Batch, ErrorKind};
use serde_json::{Deserializer, Value};

use crate::args::Target;
use crate::error::{CliError, prints_batch};
use crate::values::quoted;
use crate::{input, printer};

impl Target {
    /// Returns the batch named on the command line, or the only one in the file.
    pub(crate) async fn batch(&self) -> Result<Batch, CliError> {
        let mut batches = self.batches().await?;
        match (batches.pop(), batches.is_empty()) {
            (Some(batch), true) => Ok(batch),
            _ => {
                let hint = "name one of them, or put each into a file of its own";
                Err(CliError::usage("the file has several batches").with_hint(hint))
            }
        }
    }

    /// Returns the batch named on the command line, or those in the file: at least one, each of
    /// them once.
    pub(crate) async fn batches(&self) -> Result<Vec<Batch>, CliError> {
        if let Some(file) = &self.batch {
            return read_file(file).await;
        }
        match (self.provider, &self.id) {
            (Some(provider), Some(id)) => Ok(vec![Batch::new(provider.id(), id).map_err(bulkrail::Error::from)?]),
            _ => Err(CliError::usage("name a provider and the id of a batch, or a --batch file")),
        }
    }

    /// Returns the command that waits again after an error of `kind`.
    pub(crate) fn resume_command(&self, kind: ErrorKind, connection: &str) -> String {
        match (&self.batch, self.provider, &self.id) {
            (Some(file), ..) if !is_stdin(file) => {
                format!("bulkrail wait --batch {}{connection}", quoted(&file.to_string_lossy()))
            }
            (None, Some(provider), Some(id)) if !prints_batch(kind) => {
                format!("bulkrail wait {} {}{connection}", provider.id(), quoted(id))
            }
            _ if prints_batch(kind) => {
                format!("bulkrail wait --batch FILE{connection} (FILE: the batch document on standard output)")
            }
            _ => format!("bulkrail wait --batch FILE{connection}"),
        }
    }
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

async fn read_file(file: &Path) -> Result<Vec<Batch>, CliError> {
    let (name, bytes) = if is_stdin(file) {
        ("standard input".to_owned(), input::read_stdin().await?)
    } else {
        (file.display().to_string(), input::read(file).await?)
    };
    let Parsed { batches, lost_uploads } = input::text(&bytes)
        .map_err(str::to_owned)
        .and_then(parse)
        .map_err(|reason| CliError::usage(format!("{name} does not hold a batch document: {reason}")))?;
    for upload in lost_uploads {
        printer::error(&format!("warning: {upload}"));
    }
    Ok(batches)
}

/// Batches of a file, and warnings about uploads whose outcome is unknown.
#[derive(Debug)]
struct Parsed {
    batches: Vec<Batch>,
    lost_uploads: Vec<String>,
}

/// Parses batch documents, documents with a field `batch`, or arrays of these.
///
/// Of several documents about one batch (`--jsonl`) the last one counts. A record of a key that is
/// about to be used is followed by the batch, or by a record that it was refused; where neither
/// follows, the outcome is unknown.
fn parse(text: &str) -> Result<Parsed, String> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut positions = HashMap::new();
    let mut keys = Vec::new();
    for document in Deserializer::from_str(text).into_iter::<Value>() {
        let documents = match document.map_err(|error| error.to_string())? {
            Value::Array(documents) => documents,
            document => vec![document],
        };
        for document in documents {
            if let Some(upload) = upload_key(&document) {
                keys.retain(|known| *known != upload);
                if document.get("submitted") != Some(&Value::Bool(false)) {
                    keys.push(upload);
                }
                continue;
            }
            let batch = parse_batch(document)?;
            keys.retain(|(provider, key)| (&**provider, Some(&**key)) != (batch.provider().as_str(), batch.key()));
            match positions.entry(batch.batch_id()) {
                Entry::Occupied(position) => batches[*position.get()] = batch,
                Entry::Vacant(position) => {
                    position.insert(batches.len());
                    batches.push(batch);
                }
            }
        }
    }
    let lost_uploads = keys.into_iter().map(|(provider, key)| {
        format!(
            "it is unknown whether an upload to {provider} arrived; submit the same file with --key {} again",
            quoted(&key)
        )
    });
    let lost_uploads: Vec<_> = lost_uploads.collect();
    match lost_uploads.last() {
        Some(upload) if batches.is_empty() => Err(format!("it has only the key of an upload: {upload}")),
        None if batches.is_empty() => Err("it is empty".to_owned()),
        _ => Ok(Parsed { batches, lost_uploads }),
    }
}

/// Returns provider and key of a record that has these and neither an id nor a batch.
fn upload_key(document: &Value) -> Option<(String, String)> {
    let document =
        document.as_object().filter(|document| !document.contains_key("id") && !document.contains_key("batch"))?;
    Some((document.get("provider")?.as_str()?.to_owned(), document.get("key")?.as_str()?.to_owned()))
}

fn parse_batch(mut document: Value) -> Result<Batch, String> {
    let batch = document.get_mut("batch").filter(|batch| !batch.is_null()).map(Value::take);
    let batch = batch.unwrap_or(document);
    if !batch.is_object() {
        return Err("it is not a JSON object".to_owned());
    }
    serde_json::from_value(batch).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: &str = r#"{"provider":"reap","id":"b-1","key":"k","submitted_at":"2026-01-01T00:00:00Z"}"#;

    #[test]
    fn parse_finds_the_batch_in_every_document_that_has_one() {
        let result = format!(r#"{{"batch":{BATCH},"state":"running"}}"#);
        let lines = format!("{result}\n{result}\n{BATCH}\n");
        let pretty = "{\n  \"provider\": \"reap\",\n  \"id\": \"b-1\", \"key\": \"k\",\
                      \"submitted_at\": \"2026-01-01T00:00:00Z\"\n}";
        for text in [BATCH, &result, &lines, pretty] {
            let batches = parse(text).unwrap().batches;
            let [batch] = &batches[..] else { panic!("{text}") };
            assert_eq!((batch.id(), batch.key()), ("b-1", Some("k")), "{text}");
        }
    }

    #[test]
    fn parse_warns_of_keys_without_a_batch() {
        let note = r#"{"key":"k","provider":"reap"}"#;
        let other = r#"{"key":"k-2","provider":"reap"}"#;
        let refused = r#"{"key":"k-2","provider":"reap","submitted":false}"#;
        for (text, unknown) in [
            (format!("{note}\n{BATCH}\n"), 0),
            (format!("{note}\n{BATCH}\n{other}\n"), 1),
            (format!("{other}\n{note}\n{BATCH}\n"), 1),
            (format!("{other}\n{refused}\n{note}\n{BATCH}\n"), 0),
        ] {
            let Parsed { batches, lost_uploads: uploads } = parse(&text).unwrap();
            assert_eq!(batches.iter().map(Batch::id).collect::<Vec<_>>(), ["b-1"], "{text}");
            assert_eq!(uploads.len(), unknown, "{text}: {uploads:?}");
            assert!(uploads.iter().all(|upload| upload.contains("--key k-2 again")), "{uploads:?}");
        }
        assert!(parse(note).is_err_and(|reason| reason.contains("--key k again")));
    }

    #[test]
    fn parse_refuses_texts_without_a_batch() {
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
            r#"[{"provider":"reap","id":"x"},7]"#,
            r#"[[{"provider":"reap","id":"x"}]]"#,
        ];
        for text in texts {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parse_keeps_the_order_of_many_batches_and_returns_each_once() {
        let running = r#"{"batch":{"provider":"cdq","id":"b-1"},"state":"running"}"#;
        let text = format!(r#"{BATCH} {running} {{"provider":"reap","id":"b-2"}} {{"provider":"reap","id":"b-1"}}"#);
        let array = format!("[{}]", text.replace("} {", "},{"));
        for text in [text, array] {
            let names: Vec<_> = parse(&text).unwrap().batches.iter().map(ToString::to_string).collect();
            assert_eq!(names, ["reap batch b-1", "cdq batch b-1", "reap batch b-2"]);
        }
    }
}
