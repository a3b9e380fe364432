//! What was learned about how long batches take, per provider: shared by waits, and stored between runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::schedule::{History, Unreadable};
use crate::{Error, ErrorKind, ProviderId};

/// Providers in one document; more than anybody has, and a bound for a document from elsewhere.
const MAX_PROVIDERS: usize = 64;

/// How long earlier batches took, per provider. Clones share what they hold; waits learn into it and aim by it.
///
/// Safe to lose, holds durations and sizes only.
///
/// ```
/// use bulkrail::Histories;
///
/// let histories = Histories::default();
/// // ... waits with `.history(&histories)` ...
/// let saved = histories.export();
/// let restored = Histories::default();
/// restored.import(&saved)?;
/// # Ok::<(), bulkrail::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Histories(Arc<Mutex<BTreeMap<ProviderId, History>>>);

impl Histories {
    /// As one small JSON document.
    #[must_use]
    pub fn export(&self) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let documents = all.iter().filter_map(|(provider, history)| {
            Some((provider.to_string(), serde_json::from_str::<Value>(&history.export()).ok()?))
        });
        Value::Object(documents.collect()).to_string()
    }

    /// Takes in a document of [`Histories::export`], in place of what is held about the providers in it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when it is no such document; what was held stays.
    pub fn import(&self, document: &str) -> Result<(), Error> {
        let unusable = || Error::new(ErrorKind::Usage, "this is no history of durations");
        let Ok(Value::Object(documents)) = serde_json::from_str(document) else { return Err(unusable()) };
        let read = |(provider, document): (String, Value)| -> Result<_, Error> {
            let history = History::import(&document.to_string()).map_err(|_: Unreadable| unusable())?;
            Ok((ProviderId::try_from(provider)?, history))
        };
        let read: BTreeMap<_, _> = documents.into_iter().take(MAX_PROVIDERS).map(read).collect::<Result<_, _>>()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(read);
        Ok(())
    }

    pub(crate) fn read<T>(&self, provider: &ProviderId, work: impl FnOnce(&History) -> T) -> T {
        self.write(provider, |history| work(history))
    }

    pub(crate) fn write<T>(&self, provider: &ProviderId, work: impl FnOnce(&mut History) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(provider) {
            all.insert(provider.clone(), History::new());
        }
        match all.get_mut(provider) {
            Some(history) => work(history),
            None => work(&mut History::new()),
        }
    }
}
