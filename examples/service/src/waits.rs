//! Waits for all open batches of one account.

use std::sync::Arc;

use bulkrail::{AnyClient, AnySubmission, Batch, Error, FileFormat, PollEvent, Report, Upload, WaitSet};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::{Entry, Service};

impl Service {
    /// Waits for every batch that is `added`, under one request budget, until the service stops.
    pub(crate) async fn wait_for_all(
        self: Arc<Self>,
        client: AnyClient,
        mut added: mpsc::UnboundedReceiver<(Batch, u64)>,
    ) {
        let observer = Arc::clone(&self);
        let set = WaitSet::new(client.clone()).without_deadline();
        let mut set = set.on_poll(move |event| observer.publish(event));
        let mut reconciliations = JoinSet::new();
        loop {
            tokio::select! {
                // Open batches are on disk. Dropping the set stops its waits.
                () = self.stop.cancelled() => return,
                Some((batch, rows)) = added.recv() => {
                    if let Err(error) = set.add_with_rows(batch, rows) {
                        tracing::error!(%error, "cannot wait");
                    }
                }
                Some((batch, end)) = set.next() => match end {
                    Ok(report) => drop(reconciliations.spawn(Arc::clone(&self).reconcile(client.clone(), report))),
                    // Unreachable for a quarter of an hour: continue.
                    Err(error) if error.is_resumable() => drop(set.add(batch)),
                    Err(error) => self.end(&batch, |entry| entry.error = Some(error.document())).await,
                },
                Some(_) = reconciliations.join_next() => {}
            }
        }
    }

    /// Publishes a poll to those who read the events of its batch.
    fn publish(&self, event: &PollEvent<'_>) {
        let Ok(snapshot) = event.result else { return };
        let report = Report::new(event.batch.clone(), snapshot.clone(), event.poll, event.elapsed);
        if let Some(entry) = self.sender(&event.batch.batch_id()) {
            entry.send_modify(|entry| entry.report = Some(report));
        }
    }

    /// Reads the outcome of every row of a batch that has ended.
    async fn reconcile(self: Arc<Self>, client: AnyClient, report: Report) {
        let batch = report.batch.clone();
        match self.reconciled(&client, report).await {
            Ok(report) => self.end(&batch, |entry| entry.report = Some(report)).await,
            // The report without rows stays. The next start tries again.
            Err(error) => self.end(&batch, |entry| entry.error = Some(error.document())).await,
        }
    }

    async fn reconciled(&self, client: &AnyClient, report: Report) -> Result<Report, Error> {
        let Some(entry) = self.sender(&report.batch.batch_id()) else { return Ok(report) };
        let file = Upload::from_path(self.store.path(entry.borrow().file));
        let rows = AnySubmission::rows_of_file(&report.batch, file, Some(FileFormat::Csv)).await?;
        client.reconcile_report(report, Some(&rows)).await
    }

    async fn end(&self, batch: &Batch, change: impl FnOnce(&mut Entry)) {
        let Some(id) = self.sender(&batch.batch_id()).map(|entry| entry.borrow().id) else { return };
        let changed = self.update(id, |entry| {
            change(entry);
            entry.is_ended = true;
        });
        if let Err(error) = changed.await {
            tracing::error!(%error, %batch, "cannot save the end of the batch");
        }
    }
}
