//! Calls of the handles.

use std::sync::Arc;

use bulkrail_core::{Batch, Error, ErrorKind};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use super::writes::Write;
use super::{Driver, Open};
use crate::error::ServiceError;
use crate::record::{Event, Record};
use crate::service::view::Change;
use crate::store::{Durability, StoreError};
use crate::submitter::Submitter;

/// 256 orders at most are written at once.
const MAX_ORDERS: usize = 256;

type Reply = oneshot::Sender<Result<(), ServiceError>>;

/// Call of a handle.
pub(in crate::service) enum Command {
    Submit { key: String, order: Box<RawValue>, reply: Reply },
    SubmitAgain { key: String, reply: Reply },
    WaitAgain { key: String, batch: Option<Batch>, reply: Reply },
    Remove { key: String, reply: Reply },
    Stop { reply: oneshot::Sender<()> },
}

impl<S: Submitter> Driver<S> {
    /// Carries out a call, and with a submit those that wait behind it. Returns the reply to a stop.
    pub(super) async fn command(
        &mut self,
        command: Command,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Option<oneshot::Sender<()>> {
        let mut next = Some(command);
        while let Some(command) = next.take() {
            match command {
                Command::Submit { key, order, reply } => {
                    let mut orders = vec![(key, order, reply)];
                    while orders.len() < MAX_ORDERS
                        && let Ok(command) = commands.try_recv()
                    {
                        match command {
                            Command::Submit { key, order, reply } => orders.push((key, order, reply)),
                            other => {
                                next = Some(other);
                                break;
                            }
                        }
                    }
                    self.order(orders).await;
                }
                Command::SubmitAgain { key, reply } => drop(reply.send(self.submit_again(&key).await)),
                Command::WaitAgain { key, batch, reply } => drop(reply.send(self.wait_again(&key, batch).await)),
                Command::Remove { key, reply } => drop(reply.send(self.remove(&key).await)),
                Command::Stop { reply } => return Some(reply),
            }
        }
        None
    }

    /// Writes orders, and queues those that are new.
    async fn order(&mut self, orders: Vec<(String, Box<RawValue>, Reply)>) {
        let now = self.clock.wall();
        let (mut records, mut entries) = (Vec::new(), Vec::new());
        for (key, order, reply) in orders {
            let record = Record::new(key, order, now);
            match record.to_entry(&self.account) {
                Ok(entry) => {
                    entries.push(entry);
                    records.push((record, reply));
                }
                Err(source) => drop(reply.send(Err(ServiceError::Unreadable { key: record.key, source }))),
            }
        }
        let known = match self.store.insert(entries).await {
            Ok(known) => known,
            Err(error) => {
                let text = error.to_string();
                for (_, reply) in records {
                    drop(reply.send(Err(StoreError::failed("ordering the batch", text.clone()).into())));
                }
                return;
            }
        };
        for ((record, reply), known) in records.into_iter().zip(known) {
            let result = match known {
                Some(document) => is_same_order(&record, &document),
                None => {
                    let key: Arc<str> = record.key.as_str().into();
                    let (key_of, phase) = (Arc::clone(&key), record.phase.as_str());
                    let _nobody = self.changes.send(Change::Record { key: key_of, phase, has_ended: false });
                    self.records.insert(Arc::clone(&key), record);
                    self.queue.push_back(key);
                    Ok(())
                }
            };
            let _gone = reply.send(result);
        }
    }

    /// Returns the record of an order; `apply` refuses what an open one does not allow.
    async fn record(&mut self, key: &str) -> Result<Open, ServiceError> {
        if let Some(record) = self.records.get(key) {
            return Ok(record.clone());
        }
        let document = self.store.get(&self.account, key).await?;
        let document = document.ok_or_else(|| ServiceError::NotFound(key.to_owned()))?;
        Open::from_document(&document).map_err(|source| ServiceError::Unreadable { key: key.to_owned(), source })
    }

    async fn submit_again(&mut self, key: &str) -> Result<(), ServiceError> {
        let mut record = self.record(key).await?;
        let wrong = |error| ServiceError::WrongPhase(key.to_owned(), error);
        record.apply(self.clock.wall(), Event::SubmitAgain).map_err(wrong)?;
        let key = self.reopen(record).await?;
        self.queue.push_back(key);
        Ok(())
    }

    async fn wait_again(&mut self, key: &str, batch: Option<Batch>) -> Result<(), ServiceError> {
        let mut record = self.record(key).await?;
        let batch = batch.or_else(|| record.batch().cloned());
        let batch = batch.ok_or_else(|| ServiceError::UnknownBatch(key.to_owned()))?;
        if *batch.provider() != self.submitter.id() {
            let reason = format!("this is a batch of {}, not of {}", batch.provider(), self.submitter.id());
            return Err(ServiceError::Client(Box::new(Error::new(ErrorKind::Usage, reason))));
        }
        let state = self.new_state(key, batch.clone());
        let document = serde_json::value::to_raw_value(&state);
        let document = document.map_err(|source| ServiceError::Unreadable { key: key.to_owned(), source })?;
        let event = Event::WaitAgain(batch.clone(), document);
        record.apply(self.clock.wall(), event).map_err(|error| ServiceError::WrongPhase(key.to_owned(), error))?;
        let key = self.reopen(record).await?;
        self.resume_wait(&key, batch, state).await;
        Ok(())
    }

    /// Writes a record that had ended and goes on.
    async fn reopen(&mut self, record: Open) -> Result<Arc<str>, ServiceError> {
        let key: Arc<str> = record.key.as_str().into();
        let entry = record.to_entry(&self.account);
        let entry = entry.map_err(|source| ServiceError::Unreadable { key: key.to_string(), source })?;
        let write = Write::new(Arc::clone(&key), entry, &record.phase);
        self.write(vec![write], Durability::Durable).await?;
        self.records.insert(Arc::clone(&key), record);
        Ok(key)
    }

    async fn remove(&mut self, key: &str) -> Result<(), ServiceError> {
        if self.records.contains_key(key) || self.unsaved.contains_key(key) {
            return Err(ServiceError::Open(key.to_owned()));
        }
        match self.store.remove(&self.account, key).await? {
            true => Ok(()),
            false => Err(ServiceError::NotFound(key.to_owned())),
        }
    }
}

fn is_same_order(record: &Open, document: &str) -> Result<(), ServiceError> {
    let unreadable = |source| ServiceError::Unreadable { key: record.key.clone(), source };
    let known = Open::from_document(document).map_err(unreadable)?;
    let parse = |order: &RawValue| serde_json::from_str::<Value>(order.get()).map_err(unreadable);
    if parse(&known.order)? == parse(&record.order)? { Ok(()) } else { Err(ServiceError::KeyUsed(record.key.clone())) }
}
