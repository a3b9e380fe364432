//! Orders: of a file, and of the failed rows of a batch.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use bulkrail::{Error, ErrorKind, ProviderId, Row, RowOutcome};
use bulkrail_durable::{FileOrder, ServiceError};
use uuid::Uuid;

use crate::{Accounts, Entry, Failure, Options};

/// Column that all providers tell rows apart by.
const REFERENCE: &str = "externalId";

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

    /// Reads the failed rows of a batch that has ended.
    pub(crate) async fn failed_rows(&self, provider: &ProviderId, key: &str) -> Result<Vec<Row>, Failure> {
        if self.entry(provider, key).await?.phase != "ended" {
            let error = Error::new(ErrorKind::Conflict, "the batch has not ended");
            return Err(error.with_hint("read its events").into());
        }
        let reconciliation = self.service(provider)?.reconcile(key).await?;
        Ok(reconciliation.rows.into_iter().filter(|row| row.outcome == RowOutcome::Failed).collect())
    }

    /// Orders the failed rows of a batch under a key that follows from its key, so that they are submitted once.
    pub(crate) async fn retry(&self, provider: &ProviderId, key: &str) -> Result<Vec<Entry>, Failure> {
        let rows = self.failed_rows(provider, key).await?;
        let references: HashSet<_> = rows.iter().filter_map(|row| row.reference.as_deref()).collect();
        if references.is_empty() {
            return Err(Error::new(ErrorKind::Conflict, "the batch does not have failed rows").into());
        }
        let record = self.service(provider)?.view().get(key).await?;
        let order = record.ok_or_else(|| ServiceError::NotFound(key.to_owned()))?.order;
        let path = order.path().ok_or_else(|| ServiceError::NotFound(key.to_owned()))?;
        let csv = rows_with_reference(&tokio::fs::read(path).await?, &references)?;
        self.order(provider, &format!("{key}-retry"), &csv, async |path| order.with_file(path).await).await
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

/// Returns the header of `csv` and the rows with a reference in `references`.
fn rows_with_reference(csv: &[u8], references: &HashSet<&str>) -> io::Result<Vec<u8>> {
    let mut reader = csv::Reader::from_reader(csv);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = reader.headers()?.clone();
    let column = header.iter().position(|name| name.trim() == REFERENCE).unwrap_or_default();
    writer.write_record(&header)?;
    for row in reader.records() {
        let row = row?;
        if row.get(column).is_some_and(|reference| references.contains(reference.trim())) {
            writer.write_record(&row)?;
        }
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}
