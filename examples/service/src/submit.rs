//! Orders: of a file, and of the failed rows of a batch.

use std::io;
use std::path::Path;

use bulkrail::{AnySubmission, Error, ErrorKind, FileFormat, ProviderId, Reconciliation, RetryOptions, Upload};
use bulkrail_durable::{FileOrder, ServiceError};
use uuid::Uuid;

use crate::{Accounts, Entry, Failure, Options};

impl Accounts {
    /// Checks and orders a file: one batch, or several where the provider limits their size.
    ///
    /// The same key with the same file again is the same batch.
    pub(crate) async fn submit(
        &self,
        provider: &ProviderId,
        options: &Options,
        csv: &[u8],
    ) -> Result<Vec<Entry>, Failure> {
        let key = options.key.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        self.order(provider, &key, csv, async |path| Ok(FileOrder::new(path).await?.options(options.into()))).await
    }

    async fn order(
        &self,
        provider: &ProviderId,
        key: &str,
        csv: &[u8],
        of_file: impl AsyncFnOnce(&Path) -> Result<FileOrder, Error>,
    ) -> Result<Vec<Entry>, Failure> {
        let service = self.service(provider)?;
        check_key(key)?;
        let path = self.files.path(provider, key);
        let is_new = match self.files.save(&path, csv).await {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(ServiceError::KeyUsed(key.to_owned()).into());
            }
            saved => saved?,
        };
        let orders = match of_file(&path).await?.batches(provider, key).await {
            Ok(orders) => orders,
            Err(error) => {
                if is_new {
                    tokio::fs::remove_file(&path).await?;
                }
                return Err(error.into());
            }
        };
        let mut entries = Vec::new();
        for (key, order) in orders {
            service.submit(&key, &order).await?;
            entries.push(self.entry(provider, &key).await?);
        }
        Ok(entries)
    }

    /// Reads the outcome of every row of a batch that has ended.
    pub(crate) async fn reconcile(&self, provider: &ProviderId, key: &str) -> Result<Reconciliation, Failure> {
        if self.entry(provider, key).await?.phase != "ended" {
            let error = Error::new(ErrorKind::Conflict, "the batch has not ended");
            return Err(error.with_hint("read its events").into());
        }
        Ok(self.service(provider)?.reconcile(key).await?)
    }

    /// Orders the failed rows of a batch under a key that follows from its key, so that they are submitted once.
    pub(crate) async fn retry(&self, provider: &ProviderId, key: &str) -> Result<Vec<Entry>, Failure> {
        let reconciliation = self.reconcile(provider, key).await?;
        if reconciliation.failed_rows().next().is_none() {
            return Err(Error::new(ErrorKind::Conflict, "the batch does not have failed rows").into());
        }
        let unknown = || ServiceError::NotFound(key.to_owned());
        let record = self.service(provider)?.view().get(key).await?.ok_or_else(unknown)?;
        let batch = record.batch().ok_or_else(unknown)?;
        let file = Upload::from_path(record.order.path().ok_or_else(unknown)?);
        let (next, to) = self.files.create().await?;
        let (format, options) = (Some(FileFormat::Csv), RetryOptions::default());
        let to = to.into_std().await;
        let written = AnySubmission::write_retry(batch, &reconciliation, file, format, &options, to).await;
        let csv = tokio::fs::read(&next).await;
        tokio::fs::remove_file(&next).await?;
        written?;
        self.order(provider, &format!("{key}-retry"), &csv?, async |path| record.order.with_file(path).await).await
    }
}

/// Refuses a key that cannot be part of the name of a file, or that a provider would refuse.
fn check_key(key: &str) -> Result<(), Error> {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || character == '-';
    if (1..=64).contains(&key.len()) && key.chars().all(is_allowed) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Usage, "a key has 1 to 64 letters, digits and hyphens").with_parameter("key"))
}
