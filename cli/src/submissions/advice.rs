//! Says what to do next about a submission.

use std::fmt;
use std::time::Duration;

use bulkrail::{ErrorKind, Outcome, cdq, killb, reap};
use serde::{Serialize, Serializer};
use serde_json::json;

use super::document::Phase;
use super::entry::Entry;
use super::log::Log;
use crate::place::{Place, SubmittedFile};
use crate::values::{option, quoted};

/// 6 min: an upload may take 5, and its response another.
const MAX_SUBMIT: Duration = Duration::from_secs(6 * 60);

/// A sentence, and the command that does what it says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) text: String,
    pub(crate) command: Option<String>,
}

impl Advice {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), command: None }
    }

    fn with_command(self, command: String) -> Self {
        Self { command: Some(command), ..self }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.command {
            Some(command) => write!(f, "{}: {command}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Serialize for Advice {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Returns what to do next about `entry` of `log`, which is `age` old.
pub(super) fn advice(log: &Log, entry: &Entry, age: Option<Duration>) -> Advice {
    match (entry.phase, &entry.id) {
        (Phase::Submitting, _) => unknown(log, entry, age),
        (Phase::Ended, Some(id)) => ended(entry, id),
        (Phase::Open | Phase::GaveUp | Phase::Ended, None) => without_id(entry),
        (Phase::Open, Some(id)) if is_not_found(entry) => {
            let text = "it was not found when it was last polled; poll it again, or remove it with bulkrail forget";
            Advice::new(text).with_command(wait(entry, id))
        }
        (Phase::Open, Some(id)) => Advice::new("wait for its end").with_command(wait(entry, id)),
        (Phase::GaveUp, Some(id)) => {
            Advice::new("its end was not seen; wait for it again").with_command(wait(entry, id))
        }
    }
}

/// Returns the advice for a batch of which it is not known whether the provider has it.
fn unknown(log: &Log, entry: &Entry, age: Option<Duration>) -> Advice {
    let provider = &entry.provider;
    let running = match (&entry.error, age) {
        (None, Some(age)) if age < MAX_SUBMIT => "a process may still be submitting it; if none is, ",
        _ => "",
    };
    let unknown = format!("{running}it is not known whether {provider} has it");
    if *provider == reap::PROVIDER
        && let Some(key) = &entry.key
    {
        let text = format!("{unknown}; submit the same file again with the same key, which makes no second batch");
        return match file(entry) {
            Some(file) => {
                Advice::new(text).with_command(Place::of(entry).command("submit", &[file], &option("key", key)))
            }
            None => Advice::new(format!("{text} ({})", option("key", key).trim_start())),
        };
    }
    if let Some(id) = &entry.id {
        let found = if is_not_found(entry) { ", and it was not found when it was last polled" } else { "" };
        let text = format!("{unknown}{found}; poll it by its id before you submit its file again");
        return Advice::new(text).with_command(wait(entry, id));
    }
    let rows = match &entry.note().storage_id {
        Some(storage_id) => format!("a job for the storage {storage_id}"),
        None => "the rows of its file".to_owned(),
    };
    let again = submitted_again(log, entry).map_or_else(String::new, |id| {
        format!("; the same file was submitted again as {id}, and if both arrived, its rows were submitted twice")
    });
    let text = format!(
        "{unknown}, and no key tells a second batch from the first{again}; search for {rows} at {provider} (dashboard or \
         support) before you submit anything again"
    );
    match file(entry).filter(|_| *provider == killb::PROVIDER) {
        // The id cannot be sent as it stands, so that rows are not reported as missing by mistake.
        Some(file) => Advice::new(format!(
            "{text}, or compare them with the accounts of your users, whose ids you put in place of USER ID"
        ))
        .with_command(Place::of(entry).command("compare", &[file], &option("user", "USER ID"))),
        None if *provider == cdq::PROVIDER => Advice::new(format!("{text}; no public call of CDQ lists jobs")),
        None => Advice::new(text),
    }
}

/// Returns the id of a later batch of the same content.
fn submitted_again<'a>(log: &'a Log, entry: &Entry) -> Option<&'a str> {
    let digest = |entry: &Entry| entry.note().file.as_ref()?.sha256.clone();
    let (sent, at) = (digest(entry)?, entry.at()?);
    let is_again = |other: &&Entry| {
        let same_place = other.provider == entry.provider && other.environment == entry.environment;
        same_place && other.at() > Some(at) && digest(other).as_ref() == Some(&sent)
    };
    log.entries().iter().filter(is_again).find_map(|other| other.id.as_deref())
}

/// Returns the advice for a batch that the provider has under a key, without telling its id.
fn without_id(entry: &Entry) -> Advice {
    let (provider, key) = (&entry.provider, entry.key.as_deref().unwrap_or_default());
    let batch = json!({"provider": provider, "id": "ID", "key": key, "environment": entry.environment});
    let text = format!(
        "{provider} has a batch under this key and does not tell its id; ask {provider} for the id and put it in place \
         of ID"
    );
    let wait = Place::of(entry).wait_for_input();
    Advice::new(text).with_command(format!("echo {} | {wait}", quoted(&batch.to_string())))
}

fn ended(entry: &Entry, id: &str) -> Advice {
    if entry.outcome == Some(Outcome::Succeeded) {
        return Advice::new("nothing is left to do");
    }
    if entry.provider == cdq::PROVIDER {
        return Advice::new("CDQ does not report an outcome of each account; ask CDQ");
    }
    let text = "read which rows did not succeed; bulkrail retry writes them to a new file";
    match Place::of(entry).rows(id, SubmittedFile::of(entry).path(), true) {
        Some(rows) => Advice::new(text).with_command(rows),
        None => Advice::new(format!("{text}, with bulkrail rows and the file that was submitted")),
    }
}

fn is_not_found(entry: &Entry) -> bool {
    entry.error.as_deref() == Some(ErrorKind::NotFound.as_str())
}

fn file(entry: &Entry) -> Option<&str> {
    let file = entry.note().file.as_ref()?;
    // A pipe cannot be read again.
    file.sha256.is_some().then_some(&*file.file)
}

fn wait(entry: &Entry, id: &str) -> String {
    Place::of(entry).wait(id)
}
