//! Which batch a command is about.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Read};
use std::path::Path;

use bulkrail::{Batch, ErrorKind};
use serde_json::{Deserializer, Value};

use crate::args::Target;
use crate::failure::{Failure, prints_batch};
use crate::input;
use crate::people::complain;
use crate::values::quoted;

impl Target {
    /// The batch named on the command line, or the one in the file.
    pub(crate) fn batch(&self) -> Result<Batch, Failure> {
        let mut batches = self.batches()?;
        match (batches.pop(), batches.is_empty()) {
            (Some(batch), true) => Ok(batch),
            _ => Err(Failure::usage(
                "the file has several batches; name one of them, or put each into a file of its own",
            )),
        }
    }

    /// The batch named on the command line, or those in the file: at least one, none of them twice.
    pub(crate) fn batches(&self) -> Result<Vec<Batch>, Failure> {
        if let Some(file) = &self.batch {
            return from_file(file);
        }
        match (self.provider, &self.id) {
            (Some(provider), Some(id)) => Ok(vec![Batch::new(provider.id(), id)?]),
            _ => Err(Failure::usage("name a provider and the id of a batch, or a --batch file")),
        }
    }

    /// The command that waits for it again after an error of `kind`.
    pub(crate) fn resumption(&self, kind: ErrorKind, connection: &str) -> String {
        match (&self.batch, self.provider, &self.id) {
            (Some(file), ..) if !is_stdin(file) => {
                format!("bulkrail wait --batch {}{connection}", quoted(&file.to_string_lossy()))
            }
            (None, Some(provider), Some(id)) if !prints_batch(kind) => {
                format!("bulkrail wait {} {}{connection}", provider.id(), quoted(id))
            }
            _ if prints_batch(kind) => {
                format!("bulkrail wait --batch FILE{connection} (FILE: what is on standard output, the batch document)")
            }
            _ => format!("bulkrail wait --batch FILE{connection}"),
        }
    }
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn from_file(file: &Path) -> Result<Vec<Batch>, Failure> {
    let (name, bytes) = if is_stdin(file) {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
        ("standard input".to_owned(), bytes)
    } else {
        (file.display().to_string(), input::content(file)?)
    };
    let found = input::text(&bytes).map_err(str::to_owned).and_then(from_text);
    let (batches, unknown) =
        found.map_err(|reason| Failure::usage(format!("{name} holds no batch document: {reason}")))?;
    for upload in unknown {
        complain(&format!("warning: {upload}"));
    }
    Ok(batches)
}

/// The batches in batch documents, or in the field `batch` of other documents, or in arrays of these. Of several documents about one
/// batch (`--jsonl`) the last one counts. A note of what was about to be submitted is followed by the batch, or by a note that there is none;
/// where neither is there, nobody knows, and that is said too.
fn from_text(text: &str) -> Result<(Vec<Batch>, Vec<String>), String> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut places = HashMap::new();
    let mut keys = Vec::new();
    for document in Deserializer::from_str(text).into_iter::<Value>() {
        let documents = match document.map_err(|error| error.to_string())? {
            Value::Array(documents) => documents,
            document => vec![document],
        };
        for document in documents {
            if let Some(upload) = key_of_upload(&document) {
                keys.retain(|known| *known != upload);
                if document.get("submitted") != Some(&Value::Bool(false)) {
                    keys.push(upload);
                }
                continue;
            }
            let batch = in_document(document)?;
            keys.retain(|(provider, key)| (&**provider, Some(&**key)) != (batch.provider().as_str(), batch.key()));
            match places.entry((batch.provider().clone(), batch.id().to_owned())) {
                Entry::Occupied(place) => batches[*place.get()] = batch,
                Entry::Vacant(place) => {
                    place.insert(batches.len());
                    batches.push(batch);
                }
            }
        }
    }
    let unknown = keys.into_iter().map(|(provider, key)| {
        format!(
            "nobody knows whether an upload to {provider} arrived; submit the same file with --key {} again",
            quoted(&key)
        )
    });
    let mut unknown: Vec<_> = unknown.collect();
    match unknown.pop() {
        Some(upload) if batches.is_empty() => Err(format!("it has the key of an upload only: {upload}")),
        None if batches.is_empty() => Err("it is empty".to_owned()),
        last => {
            unknown.extend(last);
            Ok((batches, unknown))
        }
    }
}

/// Provider and key in a note of what is about to be submitted, or was not: they are there, and no id.
fn key_of_upload(document: &Value) -> Option<(String, String)> {
    let document =
        document.as_object().filter(|document| !document.contains_key("id") && !document.contains_key("batch"))?;
    Some((document.get("provider")?.as_str()?.to_owned(), document.get("key")?.as_str()?.to_owned()))
}

fn in_document(mut document: Value) -> Result<Batch, String> {
    let batch = document.get_mut("batch").filter(|batch| !batch.is_null()).map(Value::take);
    let batch = batch.unwrap_or(document);
    if !batch.is_object() {
        return Err("it is no JSON object".to_owned());
    }
    serde_json::from_value(batch).map_err(|error| error.to_string())
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
            let (batches, _) = from_text(text).unwrap();
            let [batch] = &batches[..] else { panic!("{text}") };
            assert_eq!((batch.id(), batch.key()), ("b-1", Some("k")), "{text}");
        }
    }

    #[test]
    fn what_was_about_to_be_submitted_is_no_batch_yet() {
        let note = r#"{"key":"k","provider":"reap"}"#;
        let other = r#"{"key":"k-2","provider":"reap"}"#;
        let refused = r#"{"key":"k-2","provider":"reap","submitted":false}"#;
        for (text, unknown) in [
            (format!("{note}\n{BATCH}\n"), 0),
            (format!("{note}\n{BATCH}\n{other}\n"), 1),
            (format!("{other}\n{note}\n{BATCH}\n"), 1),
            (format!("{other}\n{refused}\n{note}\n{BATCH}\n"), 0),
        ] {
            let (batches, uploads) = from_text(&text).unwrap();
            assert_eq!(batches.iter().map(Batch::id).collect::<Vec<_>>(), ["b-1"], "{text}");
            assert_eq!(uploads.len(), unknown, "{text}: {uploads:?}");
            assert!(uploads.iter().all(|upload| upload.contains("--key k-2 again")), "{uploads:?}");
        }
        assert!(from_text(note).is_err_and(|reason| reason.contains("--key k again")));
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
            r#"[{"provider":"reap","id":"x"},7]"#,
            r#"[[{"provider":"reap","id":"x"}]]"#,
        ];
        for text in texts {
            assert!(from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn many_batches_keep_their_order_and_stand_there_once() {
        let text = format!(
            r#"{BATCH} {{"batch":{{"provider":"cdq","id":"b-1"}},"state":"running"}} {{"provider":"reap","id":"b-2"}} {{"provider":"reap","id":"b-1"}}"#
        );
        let array = format!("[{}]", text.replace("} {", "},{"));
        for text in [text, array] {
            let names: Vec<_> = from_text(&text).unwrap().0.iter().map(ToString::to_string).collect();
            assert_eq!(names, ["reap batch b-1", "cdq batch b-1", "reap batch b-2"]);
        }
    }
}
