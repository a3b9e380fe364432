use std::collections::BTreeMap;
use std::fmt;

use bulkrail_core::{BatchId, DurationHistory, Error, ErrorKind, ProviderId};
use bulkrail_durable::Submitter;

/// Accounts that a worker works for: the client of each, and its limit of requests.
///
/// Every worker of a cluster has the same accounts. An order for an account that a worker does not have is not
/// refused: the engine offers it again, until a worker with the account takes it.
pub struct Accounts<S>(BTreeMap<String, Account<S>>);

/// Account at a provider.
pub(crate) struct Account<S> {
    pub(crate) submitter: S,
    pub(crate) requests_per_second: f64,
    /// Durations that this worker has seen.
    pub(crate) history: DurationHistory,
}

impl<S: Submitter> Accounts<S> {
    /// Returns a set without accounts.
    #[must_use]
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds the account `name`. All workers together send at most `requests_per_second`.
    ///
    /// Set the rate a little below the limit of the provider: 24 where it allows 25.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the name is not like a batch id, the account is there already, or the rate is not a
    /// positive number.
    pub fn with(mut self, name: &str, submitter: S, requests_per_second: f64) -> Result<Self, Error> {
        check_key(name)?;
        if !(requests_per_second.is_finite() && requests_per_second > 0.0) {
            return Err(Error::new(ErrorKind::Usage, "the rate of an account is not a positive number"));
        }
        let account = Account { submitter, requests_per_second, history: DurationHistory::default() };
        if self.0.insert(name.to_owned(), account).is_some() {
            return Err(Error::new(ErrorKind::Usage, format!("the account {name} was added twice")));
        }
        Ok(self)
    }

    pub(crate) fn get(&self, name: &str) -> Result<&Account<S>, Error> {
        self.0.get(name).ok_or_else(|| unknown_account(name))
    }

    pub(crate) fn rates(&self) -> BTreeMap<String, f64> {
        self.0.iter().map(|(name, account)| (name.clone(), account.requests_per_second)).collect()
    }
}

impl<S: Submitter> Default for Accounts<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Accounts<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Checks that `key` can be one segment of a URL, by the rules of a batch id.
pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    BatchId::new(ProviderId::from_static("restate"), key).map(drop).map_err(|_| {
        let reason = "a key is 1 to 256 characters of printable ASCII, without spaces and / \\ ? # %, and not . or ..";
        Error::new(ErrorKind::Usage, reason)
    })
}

pub(crate) fn unknown_account(name: &str) -> Error {
    let error = Error::new(ErrorKind::Configuration, format!("this worker does not have the account {name}"));
    error.with_hint("add it to the accounts of every worker")
}
