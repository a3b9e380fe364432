//! What the submissions of all providers have in common.

use std::path::Path;

#[cfg(any(feature = "killb", feature = "reap", feature = "localpayment"))]
use bulkrail_core::http::Upload;
use bulkrail_core::{Error, ErrorKind, ProviderId};

/// Format of a file that is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
/// ```
/// use bulkrail::SubmitOptions;
///
/// let options = SubmitOptions::default().key("payroll-2026-01").country("MEX").account_number("484.484.00000011");
/// ```
#[derive(Debug, Clone, Default)]
pub struct SubmitOptions {
    pub(crate) key: Option<String>,
    pub(crate) storage_id: Option<String>,
    pub(crate) features: Vec<String>,
    pub(crate) account_number: Option<String>,
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
        let reason = match refused {
            None => return Ok(()),
            Some(("key", _)) => {
                format!("{provider} does not document an idempotency key; a key would not prevent a second batch")
            }
            Some((name, _)) => format!("{provider} does not have the option {name}"),
        };
        Err(Error::new(ErrorKind::Usage, reason).with_provider(provider.clone()))
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
