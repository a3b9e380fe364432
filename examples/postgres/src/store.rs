//! The store: calls, lost connections, and locks that were lost with them.

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bulkrail_core::time::Clock;
use bulkrail_durable::{Durability, Entry, Filter, Store, StoreError, StoreFuture};
use futures_util::future::{Either, select, try_join};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::session::{Backend, Fault, Session, Taken, config};
use crate::statement::{COUNT_TAKEN, SET_LAST_WRITE, Statement, TAKEN, with_earlier_entries};

/// 50 ms between two attempts to connect, doubled up to 1 s.
const FIRST_RECONNECT_INTERVAL: Duration = Duration::from_millis(50);
const MAX_RECONNECT_INTERVAL: Duration = Duration::from_secs(1);

/// Times of a [`PostgresStore`].
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Time of one attempt of a call, after which its connection counts as lost. Default: 30 s,
    /// more than a server under load takes for a record.
    pub attempt: Duration,
    /// Time for which a call connects again before it fails. Default: 15 s, in which a server
    /// restarts.
    pub reconnect: Duration,
    /// Time for which a call waits for the lock of an account. Default: 1 s. A server frees the
    /// locks of a process that ended within milliseconds.
    pub lock: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { attempt: Duration::from_secs(30), reconnect: Duration::from_secs(15), lock: Duration::from_secs(1) }
    }
}

/// [`Store`] in the table `bulkrail_records` of PostgreSQL 13 or later. Clones share it.
///
/// It has one connection, and each call is one transaction. The first call for an account takes its
/// lock: a session advisory lock, which lasts until the last clone was dropped, or the server
/// notices that the process has ended. Another process gets [`StoreError::Held`] with the name of
/// the holder. Behind PgBouncer it needs `pool_mode = session`.
///
/// A call that loses its connection connects again, takes its lock again and reads whether its
/// transaction was committed. It runs again only when it was not. If another process has had an
/// account meanwhile, every call for that account fails with [`StoreError::Held`] until the store
/// is opened anew: what this process knows of it is out of date.
///
/// ```no_run
/// # async fn example() -> Result<(), bulkrail_durable::StoreError> {
/// use bulkrail_example_postgres::PostgresStore;
///
/// let store = PostgresStore::open("postgres://onboarding:secret@127.0.0.1/onboarding".into()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

struct Inner {
    url: SecretString,
    is_read_only: bool,
    timeouts: Timeouts,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Session>,
    /// Last session that was lost, until the server has ended it.
    earlier: Option<Backend>,
    /// Accounts that this store has.
    taken: HashMap<String, Taken>,
    /// Accounts that another process has had since, with that process.
    lost: HashMap<String, String>,
}

/// Write whose commit was sent.
struct Committing {
    /// Number of the write.
    number: i64,
    /// Rows that the statement returned.
    rows: Vec<Row>,
}

/// Statement of a call, with the accounts that it concerns.
struct Call {
    accounts: Vec<String>,
    statement: Statement,
    /// None for a query.
    durability: Option<Durability>,
}

impl Call {
    fn read(account: &str, statement: Statement) -> Self {
        Self { accounts: vec![account.to_owned()], statement, durability: None }
    }

    fn write(account: &str, statement: Statement) -> Self {
        Self { durability: Some(Durability::Durable), ..Self::read(account, statement) }
    }

    fn write_entries(entries: &[Entry], statement: Statement, durability: Durability) -> Self {
        let mut accounts: Vec<_> = entries.iter().map(|entry| entry.account.clone()).collect();
        accounts.dedup();
        Self { accounts, statement, durability: Some(durability) }
    }
}

impl PostgresStore {
    /// Connects, and creates the tables if they do not exist.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] when the URL or the server refuses. The error does not have the
    /// password.
    pub async fn open(url: SecretString) -> Result<Self, StoreError> {
        Self::open_with(url, Timeouts::default()).await
    }

    /// Connects with other times.
    ///
    /// # Errors
    ///
    /// As for [`PostgresStore::open`].
    pub async fn open_with(url: SecretString, timeouts: Timeouts) -> Result<Self, StoreError> {
        Self::connect(url, timeouts, false).await
    }

    /// Connects for reading, beside the process that writes. It takes no lock, and its writes fail.
    ///
    /// # Errors
    ///
    /// As for [`PostgresStore::open`].
    pub async fn read_only(url: SecretString) -> Result<Self, StoreError> {
        Self::connect(url, Timeouts::default(), true).await
    }

    async fn connect(url: SecretString, timeouts: Timeouts, is_read_only: bool) -> Result<Self, StoreError> {
        let clock = Clock::system();
        let inner = Inner { url, is_read_only, timeouts, clock, state: Mutex::default() };
        {
            let mut state = inner.state.lock().await;
            let connected = inner.within(timeouts.attempt, inner.connected(&mut state)).await;
            let session = connected.map_err(Fault::into_error)?;
            if !is_read_only {
                session.create_tables().await.map_err(Fault::into_error)?;
            }
        }
        Ok(Self(Arc::new(inner)))
    }
}

impl Inner {
    /// Runs a call, again after a lost connection.
    async fn run(&self, call: &Call) -> Result<Vec<Row>, StoreError> {
        let mut state = self.state.lock().await;
        let mut committing = None;
        let mut interval = FIRST_RECONNECT_INTERVAL;
        let mut until = None;
        loop {
            let lost = match self.within(self.timeouts.attempt, self.attempt(&mut state, call, &mut committing)).await {
                Ok(rows) => return Ok(rows),
                Err(Fault::Permanent(error)) => return Err(error),
                Err(Fault::Lost(error)) => error,
            };
            if let Some(session) = state.session.take() {
                state.earlier = Some(session.backend);
            }
            let now = self.clock.now();
            if now >= *until.get_or_insert(now + self.timeouts.reconnect) {
                return Err(lost);
            }
            self.clock.sleep(interval).await;
            interval = MAX_RECONNECT_INTERVAL.min(interval * 2);
        }
    }

    async fn attempt(
        &self,
        state: &mut State,
        call: &Call,
        committing: &mut Option<Committing>,
    ) -> Result<Vec<Row>, Fault> {
        let [account, ..] = &*call.accounts else { return Ok(Vec::new()) };
        self.lock(state, &call.accounts).await?;
        let session = self.connected(state).await?;
        let (sql, parameters) = (&call.statement.sql, call.statement.parameters());
        let Some(durability) = call.durability else {
            let rows = session.client.query_typed(sql, &parameters).await;
            return rows.map_err(|error| Fault::new("reading from PostgreSQL", &error));
        };
        if let Some(Committing { number, .. }) = committing {
            let last = session.taken(TAKEN, account).await?;
            let is_committed = last.is_some_and(|last| last.last_write == *number);
            if let (true, Some(Committing { rows, .. })) = (is_committed, committing.take()) {
                return Ok(rows);
            }
        }
        let State { session: Some(session), taken, .. } = state else { unreachable!("it is connected") };
        // Never the number of an earlier call, which may have happened although it failed.
        let number = taken.get_mut(account).map_or(0, |taken| {
            taken.last_write += 1;
            taken.last_write
        });
        let fault = |error| Fault::new("writing to PostgreSQL", &error);
        let transaction = session.client.transaction().await.map_err(fault)?;
        if durability == Durability::Relaxed {
            transaction.batch_execute("set local synchronous_commit = off").await.map_err(fault)?;
        }
        let mark = [(account as _, Type::TEXT), (&number as _, Type::INT8)];
        let mark = transaction.execute_typed(SET_LAST_WRITE, &mark);
        let (_, rows) = try_join(mark, transaction.query_typed(sql, &parameters)).await.map_err(fault)?;
        *committing = Some(Committing { number, rows });
        transaction.commit().await.map_err(fault)?;
        Ok(committing.take().map(|committing| committing.rows).unwrap_or_default())
    }

    /// Takes the locks of these accounts.
    async fn lock(&self, state: &mut State, accounts: &[String]) -> Result<(), Fault> {
        self.connected(state).await?;
        let State { session: Some(session), taken, lost, .. } = state else { unreachable!("it is connected") };
        for account in accounts {
            if let Some(holder) = lost.get(account) {
                return Err(Fault::Permanent(StoreError::Held { holder: holder.clone() }));
            }
            if self.is_read_only || session.locked.contains(account) {
                continue;
            }
            let mut holder = session.lock(account, self.timeouts.lock, &self.clock).await?;
            match taken.get(account) {
                _ if holder.is_some() => {}
                None => {
                    if let Some(first) = session.taken(COUNT_TAKEN, account).await? {
                        taken.insert(account.clone(), first);
                    }
                }
                Some(before) => {
                    let now = session.taken(TAKEN, account).await?;
                    if now.is_none_or(|now| now.count != before.count) {
                        session.unlock(account).await?;
                        holder = Some("which had it while the connection to the server was lost".to_owned());
                    }
                }
            }
            if let Some(holder) = holder {
                if taken.contains_key(account) {
                    lost.insert(account.clone(), holder.clone());
                }
                return Err(Fault::Permanent(StoreError::Held { holder }));
            }
            session.locked.insert(account.clone());
        }
        Ok(())
    }

    async fn connected<'s>(&self, state: &'s mut State) -> Result<&'s mut Session, Fault> {
        if let Some(session) = state.session.take_if(|session| session.client.is_closed()) {
            state.earlier = Some(session.backend);
        }
        if state.session.is_none() {
            let config = config(&self.url).map_err(Fault::Permanent)?;
            let session = Session::connect(&config, self.is_read_only).await?;
            if let Some(earlier) = state.earlier {
                // A session that the server believes in would keep the locks, and could still
                // write.
                session.end(earlier).await?;
                state.earlier = None;
            }
            state.session = Some(session);
        }
        Ok(state.session.as_mut().expect("it is connected"))
    }

    async fn within<T>(&self, time: Duration, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        match select(pin!(call), self.clock.sleep(time)).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => {
                let reason = format!("the server has not answered within {time:?}");
                Err(Fault::Lost(StoreError::failed("waiting for PostgreSQL", reason)))
            }
        }
    }
}

impl Store for PostgresStore {
    fn insert(&self, entries: Vec<Entry>) -> StoreFuture<'_, Vec<Option<String>>> {
        Box::pin(async move {
            let call = Call::write_entries(&entries, Statement::insert(&entries), Durability::Durable);
            let rows = self.0.run(&call).await?;
            let mut known: Vec<Option<String>> = rows.iter().map(|row| row.get(0)).collect();
            with_earlier_entries(&mut known, &entries);
            Ok(known)
        })
    }

    fn write(&self, entries: Vec<Entry>, durability: Durability) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let call = Call::write_entries(&entries, Statement::write(&entries), durability);
            self.0.run(&call).await.map(drop)
        })
    }

    fn get<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, Option<String>> {
        Box::pin(async move {
            let rows = self.0.run(&Call::read(account, Statement::get(account, key))).await?;
            Ok(rows.first().map(|row| row.get(0)))
        })
    }

    fn page<'a>(
        &'a self,
        account: &'a str,
        filter: Filter,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Entry>> {
        Box::pin(async move {
            let rows = self.0.run(&Call::read(account, Statement::page(account, filter, after, limit))).await?;
            let entry = |row: &Row| Entry {
                account: account.to_owned(),
                key: row.get(0),
                document: row.get(1),
                ended_at: row.get(2),
            };
            Ok(rows.iter().map(entry).collect())
        })
    }

    fn remove<'a>(&'a self, account: &'a str, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let rows = self.0.run(&Call::write(account, Statement::remove(account, key))).await?;
            Ok(!rows.is_empty())
        })
    }

    fn remove_ended<'a>(&'a self, account: &'a str, before: Timestamp) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let rows = self.0.run(&Call::write(account, Statement::remove_ended(account, before))).await?;
            Ok(rows.first().map_or(0, |row| row.get::<_, i64>(0).unsigned_abs()))
        })
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("is_read_only", &self.0.is_read_only).finish_non_exhaustive()
    }
}
