//! SQL of each call, one statement a call.

use std::collections::HashMap;

use bulkrail_durable::{Entry, Filter};
use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};

/// Creates the tables. The documents are text, not `jsonb`, which would change them. Accounts and
/// keys are compared as bytes (`collate "C"`).
///
/// `bulkrail_accounts` counts how often the lock of an account was taken, and has the number of the
/// last write. A store that lost its connection learns whether another process has had the account
/// meanwhile, and whether its write was committed. `pg_xact_status` does not say the latter after a
/// crash: the server gives the id of a lost transaction to another one.
pub(crate) const CREATE_TABLES: &str = r#"
    begin;
    -- One process creates them, others wait.
    select pg_advisory_xact_lock(hashtextextended('bulkrail_records', 0));
    create table if not exists bulkrail_records (
        account text collate "C" not null,
        key text collate "C" not null,
        document text not null,
        ended_at timestamptz,
        primary key (account, key)
    );
    create index if not exists bulkrail_records_open on bulkrail_records (account, key) where ended_at is null;
    create index if not exists bulkrail_records_ended on bulkrail_records (account, ended_at)
        where ended_at is not null;
    create table if not exists bulkrail_accounts (
        account text collate "C" primary key,
        taken bigint not null,
        last_write bigint not null default 0
    );
    commit;
"#;

/// Whether the tables exist. A user without the right to create them can use tables that exist.
pub(crate) const TABLES_EXIST: &str =
    "select to_regclass('bulkrail_records') is not null and to_regclass('bulkrail_accounts') is not null";

/// Takes the lock of an account, if it is free.
pub(crate) const TRY_LOCK: &str =
    "select pg_try_advisory_lock(hashtextextended($1, 'bulkrail_records'::regclass::oid::bigint))";

/// Gives the lock of an account back.
pub(crate) const UNLOCK: &str =
    "select pg_advisory_unlock(hashtextextended($1, 'bulkrail_records'::regclass::oid::bigint))";

/// Counts that the lock of an account was taken.
pub(crate) const COUNT_TAKEN: &str = "insert into bulkrail_accounts as a values ($1, 1) \
     on conflict (account) do update set taken = a.taken + 1 returning taken, last_write";

/// Returns how often the lock of an account was taken, and the number of the last write.
pub(crate) const TAKEN: &str = "select taken, last_write from bulkrail_accounts where account = $1";

/// Sets the number of the last write.
pub(crate) const SET_LAST_WRITE: &str = "update bulkrail_accounts set last_write = $2 where account = $1";

/// Returns what is known of the session that has the lock of an account.
///
/// A user without the role `pg_read_all_stats` does not see the names of the sessions of other
/// users.
pub(crate) const HOLDER: &str = "with k as \
     (select hashtextextended($1, 'bulkrail_records'::regclass::oid::bigint) as lock) \
     select l.pid, coalesce(a.application_name, ''), host(a.client_addr), a.backend_start \
     from k join pg_locks l on l.locktype = 'advisory' and l.granted and l.objsubid = 1 \
         and l.classid::bigint = (k.lock >> 32) & 4294967295 and l.objid::bigint = k.lock & 4294967295 \
         and l.database = (select oid from pg_database where datname = current_database()) \
     left join pg_stat_activity a on a.pid = l.pid";

/// Ends a session of this user: one whose connection was lost, and of which the server has not
/// noticed.
pub(crate) const END_SESSION: &str =
    "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2";

/// Statement with its parameters.
pub(crate) struct Statement {
    pub(crate) sql: String,
    parameters: Vec<(Box<dyn ToSql + Send + Sync>, Type)>,
}

impl Statement {
    fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), parameters: Vec::new() }
    }

    fn with(mut self, parameter: impl ToSql + Send + Sync + 'static, kind: Type) -> Self {
        self.parameters.push((Box::new(parameter), kind));
        self
    }

    fn with_text(self, text: &str) -> Self {
        self.with(text.to_owned(), Type::TEXT)
    }

    fn with_entries(self, entries: &[Entry]) -> Self {
        let texts = |text: fn(&Entry) -> &String| entries.iter().map(|entry| text(entry).clone()).collect::<Vec<_>>();
        let ends: Vec<_> = entries.iter().map(|entry| entry.ended_at).collect();
        self.with(texts(|entry| &entry.account), Type::TEXT_ARRAY)
            .with(texts(|entry| &entry.key), Type::TEXT_ARRAY)
            .with(texts(|entry| &entry.document), Type::TEXT_ARRAY)
            .with(ends, Type::TIMESTAMPTZ_ARRAY)
    }

    /// Returns the parameters as the client takes them.
    pub(crate) fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.parameters.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect()
    }

    /// Adds new entries and returns the document before, for each in its order.
    ///
    /// The outer query reads the table as it was before the statement.
    pub(crate) fn insert(entries: &[Entry]) -> Self {
        Self::new(
            "with e as (select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) \
                 with ordinality as e (account, key, document, ended_at, n)), \
             added as (insert into bulkrail_records (account, key, document, ended_at) \
                 select account, key, document, ended_at from e order by n on conflict do nothing) \
             select r.document from e left join bulkrail_records r using (account, key) order by n",
        )
        .with_entries(entries)
    }

    /// Adds or replaces entries; the last of a key counts.
    pub(crate) fn write(entries: &[Entry]) -> Self {
        Self::new(
            "insert into bulkrail_records (account, key, document, ended_at) \
             select distinct on (account, key) account, key, document, ended_at \
                 from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) \
                 with ordinality as e (account, key, document, ended_at, n) \
                 order by account, key, n desc \
             on conflict (account, key) do update set document = excluded.document, ended_at = excluded.ended_at",
        )
        .with_entries(entries)
    }

    pub(crate) fn get(account: &str, key: &str) -> Self {
        Self::new("select document from bulkrail_records where account = $1 and key = $2")
            .with_text(account)
            .with_text(key)
    }

    pub(crate) fn page(account: &str, filter: Filter, after: Option<&str>, limit: usize) -> Self {
        let filter = match filter {
            Filter::All => "",
            Filter::Open => "and ended_at is null ",
        };
        let after_key = if after.is_some() { "and key > $3 " } else { "" };
        let sql = format!(
            "select key, document, ended_at from bulkrail_records \
             where account = $1 {filter}{after_key}order by key limit $2"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let statement = Self::new(sql).with_text(account).with(limit, Type::INT8);
        match after {
            Some(after) => statement.with_text(after),
            None => statement,
        }
    }

    /// Removes an entry, and returns one row if it was there.
    pub(crate) fn remove(account: &str, key: &str) -> Self {
        Self::new("delete from bulkrail_records where account = $1 and key = $2 returning true")
            .with_text(account)
            .with_text(key)
    }

    /// Removes the entries that ended before, and returns their number.
    pub(crate) fn remove_ended(account: &str, before: Timestamp) -> Self {
        Self::new(
            "with removed as (delete from bulkrail_records where account = $1 and ended_at < $2 returning true) \
             select count(*) from removed",
        )
        .with_text(account)
        .with(before, Type::TIMESTAMPTZ)
    }
}

/// Completes the documents before an [insert](Statement::insert): the second entry of a key finds
/// the first.
pub(crate) fn with_earlier_entries(known: &mut [Option<String>], entries: &[Entry]) {
    let mut first: HashMap<(&str, &str), &str> = HashMap::new();
    for (known, entry) in known.iter_mut().zip(entries) {
        if known.is_none() {
            let key = (entry.account.as_str(), entry.key.as_str());
            match first.get(&key) {
                Some(document) => *known = Some((*document).to_owned()),
                None => drop(first.insert(key, &entry.document)),
            }
        }
    }
}
