//! Finds submissions by the beginning of an id or a key.

use std::collections::HashSet;

use bulkrail::{Batch, ProviderId};

use super::Submissions;
use super::entry::Entry;
use super::log::Log;
use super::store::Contents;
use crate::error::CliError;

/// 4 characters of an id at least: fewer are as likely a whole id of another kind.
pub(crate) const MIN_PREFIX: usize = 4;

/// 10 candidates of a prefix are named.
const MAX_CANDIDATES: usize = 10;

impl Submissions {
    /// Returns the batch of `provider` that has the id `prefix`, else the one whose id begins with it, if one was submitted
    /// from here.
    ///
    /// `None` where there is none, where batches of several environments have that very id, or where the list cannot be
    /// read: the id is then used as it is.
    ///
    /// # Errors
    ///
    /// When there are several.
    pub(crate) async fn find(&self, provider: &ProviderId, prefix: &str) -> Result<Option<Batch>, CliError> {
        let contents = self.read_named(prefix).await;
        let of_provider = contents.log.entries().iter().filter(|entry| entry.provider == *provider);
        let mut found: Vec<_> = of_provider.filter_map(Entry::batch).collect();
        found.retain(|batch| batch.id().starts_with(prefix));
        // Two submits under one key are one batch.
        let mut known = HashSet::new();
        found.retain(|batch| known.insert((batch.id().to_owned(), batch.environment().map(str::to_owned))));
        let exact: Vec<_> = found.iter().filter(|batch| batch.id() == prefix).collect();
        match &exact[..] {
            [] if prefix.chars().count() < MIN_PREFIX => return Ok(None),
            [] => {}
            [batch] => return Ok(Some((*batch).clone())),
            _ => return Ok(None),
        }
        match &found[..] {
            [] => Ok(None),
            [batch] => Ok(Some(batch.clone())),
            several => Err(ambiguous(prefix, several.iter().map(ToString::to_string))),
        }
    }

    /// Reads the submissions whose record has the text `part`; none where the list cannot be read.
    pub(crate) async fn read_named(&self, part: &str) -> Contents {
        let Some(file) = &self.store else { return Contents::default() };
        // As it stands in the record, which is JSON.
        let part = serde_json::Value::from(part).to_string();
        let part = part[1..part.len() - 1].to_owned();
        file.read(move |_, document| document.contains(&part)).await.unwrap_or_default()
    }
}

impl Log {
    /// Returns the submissions that `name` names: those of this very id or key (or, with `or_file`,
    /// file), else the only one whose id or key begins with it.
    ///
    /// # Errors
    ///
    /// When several begin with it.
    pub(crate) fn named(&self, name: &str, or_file: bool) -> Result<Vec<&Entry>, CliError> {
        let exact: Vec<_> = self.entries().iter().filter(|entry| entry.is_named(name, or_file)).collect();
        if !exact.is_empty() || name.chars().count() < MIN_PREFIX {
            return Ok(exact);
        }
        let begins =
            |entry: &&Entry| [&entry.id, &entry.key].into_iter().flatten().any(|known| known.starts_with(name));
        let found: Vec<_> = self.entries().iter().filter(begins).collect();
        if found.len() < 2 {
            return Ok(found);
        }
        Err(ambiguous(
            name,
            found.iter().map(|entry| {
                let known = entry.id.as_ref().or(entry.key.as_ref());
                format!("{} {}", entry.provider, known.map_or("-", String::as_str))
            }),
        ))
    }
}

/// Returns whether submissions are attempts of one batch: they have one id, or one key.
pub(super) fn are_one_batch(entries: &[&Entry]) -> bool {
    let name = |entry: &Entry| (entry.environment.clone(), entry.key.clone().or_else(|| entry.id.clone()));
    entries.len() < 2 || name(entries[0]).1.is_some() && entries.iter().all(|entry| name(entry) == name(entries[0]))
}

/// Returns the error for a name that several submissions have which are not one batch.
pub(super) fn several(name: &str, entries: &[&Entry]) -> CliError {
    let entry = |entry: &&Entry| {
        let environment = entry.environment.as_deref().unwrap_or("-");
        let at = entry.at().map_or_else(String::new, |at| format!(", {}", at.strftime("%FT%TZ")));
        format!("{} ({environment}{at})", entry.provider)
    };
    let listed = entries.iter().take(MAX_CANDIDATES).map(entry).collect::<Vec<_>>().join("; ");
    let reason = format!("{} submissions have the name {name}, and none was removed: {listed}", entries.len());
    CliError::usage(reason).with_hint("--all removes them all; nothing else here says that their batches may exist")
}

fn ambiguous(prefix: &str, candidates: impl ExactSizeIterator<Item = String>) -> CliError {
    let count = candidates.len();
    let mut listed = candidates.take(MAX_CANDIDATES).collect::<Vec<_>>().join(", ");
    if let Some(more @ 1..) = count.checked_sub(MAX_CANDIDATES) {
        listed.push_str(&format!(" and {more} more"));
    }
    let reason = format!("{count} batches begin with {prefix}: {listed}");
    CliError::usage(reason).with_hint("give more characters of the id; `bulkrail list` shows it")
}
