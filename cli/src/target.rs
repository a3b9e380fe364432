//! Batches that a command is about: named on the command line, or in a file.

use std::collections::HashMap;
use std::collections::hash_map;
use std::path::Path;

use bulkrail::time::Clock;
use bulkrail::{Batch, BatchId, ErrorKind};
use serde_json::{Deserializer, Value};

use crate::args::Target;
use crate::error::{CliError, prints_batch};
use crate::state::StateDir;
use crate::submissions::{Entry, Line, Log, MIN_PREFIX, OldRecord, Submissions, lines, skipped};
use crate::values::{command_line, option};
use crate::{input, printer};

/// 32 characters of an id or more are not the beginning of one: a UUID without hyphens has as many.
const WHOLE_ID: usize = 32;

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
    /// them once. The beginning of an id is enough for a batch that was submitted from here.
    pub(crate) async fn batches(&self) -> Result<Vec<Batch>, CliError> {
        if let Some(file) = &self.batch {
            return read_file(file).await;
        }
        match (self.provider, &self.id) {
            (Some(provider), Some(id)) => {
                let provider = provider.id();
                if let Some(batch) = Submissions::new(&StateDir::from_env()).find(&provider, id).await? {
                    return Ok(vec![batch]);
                }
                Ok(vec![Batch::new(provider, id).map_err(bulkrail::Error::from)?])
            }
            _ => Err(CliError::usage("name a provider and the id of a batch, or a --batch file")),
        }
    }

    /// Adds to the error of a batch that the provider does not have how its id was read.
    pub(crate) async fn explain(&self, error: CliError) -> CliError {
        let (Some(provider), Some(id)) = (self.provider, &self.id) else { return error };
        let is_not_found = |error: &bulkrail::Error| error.kind() == ErrorKind::NotFound;
        let is_resolved = |batch: &Batch| batch.id() != id || batch.environment().is_some();
        if error.error().and_then(bulkrail::Error::batch).is_some_and(is_resolved) {
            return error;
        }
        if !error.error().is_some_and(is_not_found) || id.chars().count() >= WHOLE_ID {
            return error;
        }
        let contents = Submissions::new(&StateDir::from_env()).read_named(id).await;
        let is_listed =
            |entry: &Entry| entry.provider == provider.id() && entry.id.as_ref().is_some_and(|known| known == id);
        if contents.log.entries().iter().any(is_listed) {
            return error;
        }
        let hint = format!(
            "check the id, the environment and which account the credentials belong to; {id} was taken as a whole id, \
             because `bulkrail list` has no batch of {} that begins with it{}",
            provider.id(),
            if id.chars().count() < MIN_PREFIX { " (4 characters at least)" } else { "" },
        );
        error.with_hint(hint)
    }

    /// Returns the command that waits again after an error of `kind`, with these options.
    pub(crate) fn resume_command(&self, kind: ErrorKind, flags: &str) -> String {
        match (&self.batch, self.provider, &self.id) {
            (Some(file), ..) if !is_stdin(file) => {
                format!("bulkrail wait{}{flags}", option("batch", &file.to_string_lossy()))
            }
            (None, Some(provider), Some(id)) => command_line(&format!("bulkrail wait {}", provider.id()), &[id], flags),
            _ if prints_batch(kind) => {
                format!("bulkrail wait --batch FILE{flags} (FILE: the batch document on standard output)")
            }
            _ => format!("bulkrail wait --batch FILE{flags}"),
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
        let read = input::read(file).await;
        let read = read.map_err(|error| match Submissions::new(&StateDir::from_env()).is_imported(file) {
            true => error.with_hint("its batches are in the store now: bulkrail resume"),
            false => error,
        });
        (file.display().to_string(), read?)
    };
    let unusable = |reason| CliError::usage(format!("{name} does not hold a batch document: {reason}"));
    let is_own = !is_stdin(file) && Submissions::new(&StateDir::from_env()).is_old_file(file);
    let Parsed { batches, warnings } = parse(&name, &bytes, is_own).map_err(unusable)?;
    for warning in warnings {
        printer::error(&format!("warning: {warning}"));
    }
    Ok(batches)
}

/// Batches of a file, and warnings about lines that were skipped and batches that cannot be waited
/// for.
#[derive(Debug)]
struct Parsed {
    batches: Vec<Batch>,
    warnings: Vec<String>,
}

/// Parses batch documents, documents with a field `batch`, or arrays of these.
///
/// Of several documents about one batch (`--jsonl`) the last one counts. The file of submissions
/// also has records of what was about to be submitted. Where one is not settled, a batch whose id is
/// known is waited for; another is a warning.
///
/// Lines of the file of submissions that are torn are skipped: it is, if `is_own`, or if a record of
/// this version is in it.
fn parse(name: &str, bytes: &[u8], is_own: bool) -> Result<Parsed, String> {
    let mut warnings = Vec::new();
    let text = input::text(bytes).map_err(str::to_owned);
    let documents = text.and_then(|text| {
        let documents: Result<Vec<Value>, _> = Deserializer::from_str(text).into_iter().collect();
        documents.map_err(|error| error.to_string())
    });
    let documents = documents.or_else(|error| {
        let lines: Vec<_> = lines(bytes).collect();
        let is_noted = |line: &Line| line.document.as_ref().is_some_and(|document| document.get("note").is_some());
        if !is_own && !lines.iter().any(is_noted) {
            return Err(error);
        }
        let torn = lines.iter().filter(|line| line.document.is_none());
        warnings.extend(torn.map(|line| skipped(name, Some(line.index + 1))));
        Ok(lines.into_iter().filter_map(|line| line.document).collect())
    })?;
    let mut batches = Batches::default();
    let mut log = Log::default();
    for document in documents {
        let documents = match document {
            Value::Array(documents) => documents,
            document => vec![document],
        };
        for document in documents {
            match OldRecord::parse(document.clone()) {
                Some(record @ (OldRecord::Begun(_) | OldRecord::Failed(_))) => log.push(record),
                record => {
                    batches.add(parse_batch(document)?);
                    record.into_iter().for_each(|record| log.push(record));
                }
            }
        }
    }
    log.compact();
    let mut unknown = None;
    for listed in log.listed(Clock::system().wall()).iter().filter(|listed| listed.batch.id.is_none()) {
        let batch = format!("{} batch without an id: {}", listed.batch.provider, listed.advice);
        unknown.get_or_insert_with(|| batch.clone());
        warnings.push(batch);
    }
    for batch in log.entries().iter().filter(|entry| entry.batch.is_none()).filter_map(Entry::batch) {
        batches.add(batch);
    }
    match unknown {
        Some(batch) if batches.list.is_empty() => Err(format!("it has only a {batch}")),
        None if batches.list.is_empty() => Err("it is empty".to_owned()),
        _ => Ok(Parsed { batches: batches.list, warnings }),
    }
}

/// Batches in the order in which they were first named, each once.
#[derive(Default)]
struct Batches {
    list: Vec<Batch>,
    positions: HashMap<BatchId, usize>,
}

impl Batches {
    /// Adds a batch, in the place of an earlier document of it.
    fn add(&mut self, batch: Batch) {
        match self.positions.entry(batch.batch_id()) {
            hash_map::Entry::Occupied(position) => self.list[*position.get()] = batch,
            hash_map::Entry::Vacant(position) => {
                position.insert(self.list.len());
                self.list.push(batch);
            }
        }
    }
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
            let batches = parse("f", text.as_bytes(), false).unwrap().batches;
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
            let Parsed { batches, warnings: uploads } = parse("f", text.as_bytes(), false).unwrap();
            assert_eq!(batches.iter().map(Batch::id).collect::<Vec<_>>(), ["b-1"], "{text}");
            assert_eq!(uploads.len(), unknown, "{text}: {uploads:?}");
            assert!(uploads.iter().all(|upload| upload.contains("--key k-2")), "{uploads:?}");
        }
        assert!(parse("f", note.as_bytes(), false).is_err_and(|reason| reason.contains("--key k)")));
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
            assert!(parse("f", text.as_bytes(), false).is_err(), "{text}");
        }
    }

    #[test]
    fn parse_keeps_the_order_of_many_batches_and_returns_each_once() {
        let running = r#"{"batch":{"provider":"cdq","id":"b-1"},"state":"running"}"#;
        let text = format!(r#"{BATCH} {running} {{"provider":"reap","id":"b-2"}} {{"provider":"reap","id":"b-1"}}"#);
        let array = format!("[{}]", text.replace("} {", "},{"));
        for text in [text, array] {
            let names: Vec<_> =
                parse("f", text.as_bytes(), false).unwrap().batches.iter().map(ToString::to_string).collect();
            assert_eq!(names, ["reap batch b-1", "cdq batch b-1", "reap batch b-2"]);
        }
    }
}
