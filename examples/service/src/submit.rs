//! Submissions: of a file, and of the failed rows of a batch.

use std::collections::HashSet;
use std::io;

use axum::body::Bytes;
use bulkrail::{Batch, BatchId, Error, ErrorKind, FileFormat, ProviderId, Upload};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{Account, Entry, Failure, Options, Service};

/// Column that all providers tell rows apart by.
const REFERENCE: &str = "externalId";

impl Service {
    /// Checks and submits a file: one batch, or several where the provider limits their size.
    pub(crate) async fn submit(
        &self,
        provider: ProviderId,
        options: Options,
        retry_of: Option<BatchId>,
        csv: Bytes,
    ) -> Result<Vec<Batch>, Failure> {
        let unknown = || Error::new(ErrorKind::NotFound, format!("there is no account at {provider}"));
        let Account { client, open } = self.accounts.get(&provider).ok_or_else(unknown)?;
        let file = Uuid::new_v4();
        self.store.save(file, &csv).await?;
        let upload = Upload::from_path(self.store.path(file));
        let prepared = match client.prepare(Some(upload), Some(FileFormat::Csv), &(&options).into()).await {
            Ok(prepared) => prepared,
            Err(error) => {
                self.store.remove(file).await;
                return Err(error.into());
            }
        };
        let mut submitted = Vec::new();
        for submission in prepared {
            let (key, rows) = (submission.key().map(str::to_owned), submission.rows().rows);
            let mut entry = Entry::new(file, provider.clone(), options.clone(), key, rows);
            (entry.batch, entry.retry_of) = (submission.batch(), retry_of.clone());
            // Saved before anything is sent. If the process dies now, the next one knows that the
            // batch may exist.
            self.store.append(&entry).await?;
            let id = entry.id;
            self.entries().insert(id, watch::Sender::new(entry));
            match client.submit(&submission).await {
                Ok(batch) => {
                    self.update(id, |entry| entry.batch = Some(batch.clone())).await?;
                    submitted.push(batch.clone());
                    let _ = open.send((batch, rows)); // It fails while the service stops; the next start resumes.
                }
                Err(error) => {
                    self.update(id, |entry| entry.end_with(&error)).await?;
                    return Err(match submitted.len() {
                        0 => error,
                        count => error.with_hint(format!("the file makes several batches; {count} were submitted")),
                    }
                    .into());
                }
            }
        }
        Ok(submitted)
    }

    /// Submits the failed rows of a batch, unless that was done before.
    pub(crate) async fn retry(&self, of: watch::Sender<Entry>) -> Result<Vec<Batch>, Failure> {
        let _retrying = self.retrying.lock().await;
        let entry = of.borrow().clone();
        let id = entry.batch.as_ref().map(Batch::batch_id);
        let references: HashSet<_> = entry.failed_rows()?.filter_map(|row| row.reference.as_deref()).collect();
        let is_retried = self.entries().values().any(|other| other.borrow().may_be_retry_of(&id));
        if is_retried || references.is_empty() {
            let reason = "the batch does not have failed rows that were not submitted again";
            return Err(Error::new(ErrorKind::Conflict, reason).with_hint("see the list of batches").into());
        }
        let csv = tokio::fs::read(self.store.path(entry.file)).await?;
        let csv = rows_with_reference(&csv, &references)?;
        self.submit(entry.provider.clone(), entry.options.without_key(), id, csv.into()).await
    }
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
