//! Durations of earlier batches, per provider: shared by waits, and stored between runs.

mod merge;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::model::ProviderId;
use crate::schedule::{DurationSamples, InvalidDocument};

/// 64 providers in one document: more than an application uses, and a limit for a document from elsewhere.
const MAX_PROVIDERS: usize = 64;

/// Durations of earlier batches, per provider. Clones share their content.
///
/// Waits add to it and time their polls by it. It is safe to lose and holds durations and sizes only.
///
/// ```
/// use bulkrail_core::DurationHistory;
///
/// let history = DurationHistory::default();
/// // ... waits with `.history(&history)` ...
/// let saved = history.export();
/// let restored = DurationHistory::default();
/// restored.import(&saved)?;
/// # Ok::<(), bulkrail_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct DurationHistory(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    /// One or a few, for which a map would take ten times the memory.
    samples: Vec<(ProviderId, DurationSamples)>,
    /// The document that was imported last: what was added since then is what `merge` adds to another document.
    imported: Value,
}

impl DurationHistory {
    /// Returns the history as one small JSON document.
    #[must_use]
    pub fn export(&self) -> String {
        self.content().to_json().to_string()
    }

    /// Replaces the samples of the providers in `document`, which [`export`](Self::export) returned.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when it is not such a document; the content stays as it was.
    pub fn import(&self, document: &str) -> Result<(), Error> {
        let (document, samples) = parse(document)?;
        let mut content = self.content();
        for (provider, samples) in samples {
            content.of(&provider).replace(samples);
        }
        content.imported = document;
        Ok(())
    }

    /// Replaces the content by `stored` with what was added here since the last [`import`](Self::import).
    ///
    /// Several processes can so keep one document: each imports it, waits, reads it again under a lock, merges and
    /// writes the [`export`](Self::export).
    ///
    /// ```
    /// # use bulkrail_core::DurationHistory;
    /// # let (history, stored) = (DurationHistory::default(), DurationHistory::default().export());
    /// history.import(&stored)?;
    /// // ... waits; meanwhile another process has replaced `stored` ...
    /// history.merge(&stored)?;
    /// let to_store = history.export();
    /// # Ok::<(), bulkrail_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when `stored` is not such a document; the content stays as it was.
    pub fn merge(&self, stored: &str) -> Result<(), Error> {
        let (stored, _) = parse(stored)?;
        let mut content = self.content();
        let merged = merge::merge(&content.imported, &content.to_json(), &stored);
        let (merged, samples) = parse(&merged.to_string())?;
        for (provider, samples) in samples {
            content.of(&provider).replace(samples);
        }
        content.imported = merged;
        Ok(())
    }

    pub(super) fn read<T>(&self, provider: &ProviderId, read: impl FnOnce(&DurationSamples) -> T) -> T {
        self.write(provider, |samples| read(samples))
    }

    pub(super) fn write<T>(&self, provider: &ProviderId, write: impl FnOnce(&mut DurationSamples) -> T) -> T {
        write(self.content().of(provider))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn of(&mut self, provider: &ProviderId) -> &mut DurationSamples {
        let position = self.samples.iter().position(|(known, _)| known == provider).unwrap_or_else(|| {
            self.samples.reserve_exact(1);
            self.samples.push((provider.clone(), DurationSamples::new()));
            self.samples.len() - 1
        });
        &mut self.samples[position].1
    }

    fn to_json(&self) -> Value {
        let documents = self.samples.iter().filter_map(|(provider, samples)| {
            Some((provider.to_string(), serde_json::from_str::<Value>(&samples.export()).ok()?))
        });
        Value::Object(documents.collect())
    }
}

fn parse(document: &str) -> Result<(Value, Vec<(ProviderId, DurationSamples)>), Error> {
    let invalid = || Error::new(ErrorKind::Usage, "this is not a history of durations");
    let Ok(Value::Object(documents)) = serde_json::from_str(document) else { return Err(invalid()) };
    let samples = documents.iter().take(MAX_PROVIDERS).map(|(provider, document)| -> Result<_, Error> {
        let samples = DurationSamples::import(&document.to_string()).map_err(|_: InvalidDocument| invalid())?;
        Ok((provider.parse::<ProviderId>()?, samples))
    });
    let samples = samples.collect::<Result<_, _>>()?;
    Ok((Value::Object(documents), samples))
}
