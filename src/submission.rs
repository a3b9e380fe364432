//! What the submissions of all providers have in common.

use std::path::Path;

#[cfg(any(feature = "killb", feature = "reap", feature = "localpayment"))]
use bulkrail_core::http::Upload;
use bulkrail_core::{Error, ErrorKind, ProviderId};
use serde::{Deserialize, Serialize};

/// Format of a file that is submitted.
///
/// Serialises to `"csv"`, `"json"` or `"xlsx"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileFormat {
    /// Comma-separated values, UTF-8, with a header line.
    Csv,
    /// JSON as the provider documents it.
    Json,
    /// An Excel workbook.
    Xlsx,
}

impl FileFormat {
    /// Returns the format by the extension of `path`, in any letter case.
    #[must_use]
    pub fn from_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }
}

/// Options of a submission. Each provider refuses the options that it cannot use.
///
/// An error about an option that is refused or missing has its name as [`Error::parameter`].
///
/// ```
/// use bulkrail::SubmitOptions;
///
/// let options = SubmitOptions::default().key("payroll-2026-01").country("MEX").account_number("484.484.00000011");
/// ```
///
/// Serialises to an object of the options that are set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubmitOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) storage_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) features: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<String>,
}

impl SubmitOptions {
    /// Sets the idempotency key (Reap) or the batch's own reference (Localpayment).
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// Sets the storage whose accounts CDQ confirms.
    #[must_use]
    pub fn storage_id(self, storage_id: impl Into<String>) -> Self {
        Self { storage_id: Some(storage_id.into()), ..self }
    }

    /// Adds a feature of CDQ's confirmation, by its documented name.
    #[must_use]
    pub fn feature(mut self, feature: impl Into<String>) -> Self {
        self.features.push(feature.into());
        self
    }

    /// Sets the account number of a Localpayment batch whose file has accounts only.
    #[must_use]
    pub fn account_number(self, account_number: impl Into<String>) -> Self {
        Self { account_number: Some(account_number.into()), ..self }
    }

    /// Sets the country of a Localpayment batch whose file has accounts only: three capital letters, such as `MEX`.
    #[must_use]
    pub fn country(self, country: impl Into<String>) -> Self {
        Self { country: Some(country.into()), ..self }
    }

    /// Removes the key.
    #[must_use]
    pub fn without_key(self) -> Self {
        Self { key: None, ..self }
    }

    /// Returns whether a key is set.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Returns whether an account number is set.
    #[must_use]
    pub fn has_account_number(&self) -> bool {
        self.account_number.is_some()
    }

    /// Refuses options other than those in `allowed`.
    pub(crate) fn check(&self, provider: &ProviderId, allowed: &[&str]) -> Result<(), Error> {
        let given = [
            ("key", self.key.is_some()),
            ("storage_id", self.storage_id.is_some()),
            ("feature", !self.features.is_empty()),
            ("account_number", self.account_number.is_some()),
            ("country", self.country.is_some()),
        ];
        let refused = given.iter().find(|(name, is_given)| *is_given && !allowed.contains(name));
        let Some((name, _)) = refused else { return Ok(()) };
        let reason = match *name {
            "key" => format!("{provider} does not document an idempotency key; a key would not prevent a second batch"),
            name => format!("{provider} does not have the option {name}"),
        };
        Err(Error::new(ErrorKind::Usage, reason).with_provider(provider.clone()).with_parameter(*name))
    }
}

/// Returns the file that the provider needs.
#[cfg(any(feature = "killb", feature = "reap", feature = "localpayment"))]
pub(crate) fn required_file(provider: &ProviderId, file: Option<Upload>) -> Result<Upload, Error> {
    let reason = format!("name the file to submit to {provider}");
    file.ok_or_else(|| Error::new(ErrorKind::Usage, reason).with_provider(provider.clone()))
}

/// Returns the error for a file of a format that the provider cannot take.
pub(crate) fn wrong_format(provider: &ProviderId, formats: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("{provider} takes {formats} files")).with_provider(provider.clone())
}

#[cfg(all(test, feature = "cdq", feature = "killb", feature = "localpayment"))]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::{AnySubmission, cdq, killb, localpayment};

    #[test]
    fn prepare_names_the_option_that_is_refused_or_missing() {
        let accounts = "externalId,type,name,lastName,documentType,documentId\na-1,COMPANY,Firm,,RFC,X\n";
        let options = SubmitOptions::default;
        let table = [
            (killb::PROVIDER, None, options().key("k"), "key"),
            (killb::PROVIDER, None, options().country("MEX"), "country"),
            (cdq::PROVIDER, None, options(), "storage_id"),
            (localpayment::PROVIDER, Some(accounts), options(), "account_number"),
            (localpayment::PROVIDER, Some(accounts), options().account_number("1"), "country"),
        ];
        for (provider, csv, options, expected) in table {
            let prepared = AnySubmission::prepare(&provider, csv.map(Upload::from), Some(FileFormat::Csv), &options);
            // Content in memory is checked within one poll.
            let Poll::Ready(Err(error)) = pin!(prepared).poll(&mut Context::from_waker(Waker::noop())) else {
                panic!("{provider}: {expected}");
            };
            assert_eq!((error.kind(), error.parameter()), (ErrorKind::Usage, Some(expected)), "{provider}");
        }
    }
}
