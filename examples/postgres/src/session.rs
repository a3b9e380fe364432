//! One connection to the server: how it is made, what its errors say, and the locks that it has.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use bulkrail_core::time::Clock;
use bulkrail_durable::StoreError;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, Row};

use crate::statement::{CREATE_TABLES, END_SESSION, HOLDER, TABLES_EXIST, TRY_LOCK, UNLOCK};

/// 30 s, then three probes 10 s apart, on both sides: a minute after the machine of a process was
/// lost, its locks are free.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// 50 ms between two attempts to take a lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// Settings of every session. A server whose administrator asks for more than `on` keeps its
/// setting.
const SESSION_SETTINGS: &str = "set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; \
     set tcp_keepalives_count = 3; \
     select set_config('synchronous_commit', 'on', false) \
     where current_setting('synchronous_commit') in ('off', 'local')";

/// Error of a call.
pub(crate) enum Fault {
    /// The connection was lost, or the server does not take connections at present.
    Lost(StoreError),
    /// Another error: the same call would fail again.
    Permanent(StoreError),
}

impl Fault {
    /// Returns the fault of an `action`.
    pub(crate) fn new(action: &str, error: &tokio_postgres::Error) -> Self {
        let is_lost = match error.as_db_error() {
            // The client and the connection have errors without an answer of the server.
            None => true,
            Some(error) => {
                // Wrong user or password, and a database that does not exist.
                let is_refused = ["28", "3D"].contains(&&error.code().code()[..2]);
                matches!(error.severity(), "FATAL" | "PANIC") && !is_refused
            }
        };
        let error = StoreError::failed(action, text(error));
        if is_lost { Self::Lost(error) } else { Self::Permanent(error) }
    }

    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::Lost(error) | Self::Permanent(error) => error,
        }
    }
}

/// Returns the text of an error, without what the server says of values (`DETAIL`): they are
/// personal data.
fn text(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} {}: {}", error.severity(), error.code().code(), error.message());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Returns the settings of a connection. Without the cause of an error: it can repeat a part of the
/// password.
pub(crate) fn config(url: &SecretString) -> Result<Config, StoreError> {
    let parsed = url.expose_secret().parse::<Config>();
    let mut config = parsed.map_err(|_| StoreError::failed("reading the URL of the server", "it cannot be parsed"))?;
    let is_loopback = |host: &Host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    // With TLS (see `Session::connect`), delete this check.
    if !config.get_hosts().iter().all(is_loopback) || !config.get_hostaddrs().iter().all(IpAddr::is_loopback) {
        let reason = "this example is without TLS, and connects to loopback addresses and sockets only";
        return Err(StoreError::failed("reading the URL of the server", reason));
    }
    config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL).keepalives_retries(KEEPALIVE_PROBES);
    if config.get_application_name().is_none() {
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        // PostgreSQL keeps 63 bytes.
        let program: String = program.chars().take(32).collect();
        config.application_name(format!("{program}, process {}", std::process::id()));
    }
    Ok(config)
}

/// Process of the server that serves a session. Its pid alone can be that of a later one.
#[derive(Clone, Copy)]
pub(crate) struct Backend {
    pid: i32,
    started: Timestamp,
}

/// Connection. Dropping it closes it, and the server frees its locks.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) backend: Backend,
    /// Accounts whose lock this session has.
    pub(crate) locked: HashSet<String>,
    connection: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // A connection that does not answer would wait for the end of its statement.
        self.connection.abort();
    }
}

impl Session {
    /// Connects.
    ///
    /// TLS goes in the place of `NoTls`, with the crate `tokio-postgres-rustls` or
    /// `postgres-native-tls`, and `sslmode=verify-full` in the URL where the crate reads it:
    ///
    /// ```text
    /// let tls = rustls::ClientConfig::with_platform_verifier()?.with_no_client_auth();
    /// config.ssl_mode(SslMode::Require).connect(MakeRustlsConnect::new(tls))
    /// ```
    pub(crate) async fn connect(config: &Config, is_read_only: bool) -> Result<Self, Fault> {
        let fault = |error| Fault::new("connecting to the PostgreSQL server", &error);
        let (client, connection) = config.connect(NoTls).await.map_err(fault)?;
        let connection = tokio::spawn(async move {
            // The calls have the error.
            let _closed = connection.await;
        });
        let start = "select pid, backend_start, current_setting('server_encoding') \
             from pg_stat_activity where pid = pg_backend_pid()";
        client.batch_execute(SESSION_SETTINGS).await.map_err(fault)?;
        if is_read_only {
            client.batch_execute("set default_transaction_read_only = on").await.map_err(fault)?;
        }
        let row = client.query_typed_one(start, &[]).await.map_err(fault)?;
        let encoding: &str = row.get(2);
        if encoding != "UTF8" {
            let reason = format!("the encoding of the database is {encoding}, not UTF8");
            return Err(Fault::Permanent(StoreError::failed("connecting to the PostgreSQL server", reason)));
        }
        let backend = Backend { pid: row.get(0), started: row.get(1) };
        Ok(Self { client, backend, locked: HashSet::new(), connection })
    }

    pub(crate) async fn create_tables(&self) -> Result<(), Fault> {
        let fault = |error| Fault::new("creating the tables", &error);
        let exist = self.client.query_typed_one(TABLES_EXIST, &[]).await.map_err(fault)?;
        if !exist.get::<_, bool>(0) {
            self.client.batch_execute(CREATE_TABLES).await.map_err(fault)?;
        }
        Ok(())
    }

    /// Ends an earlier session of this store, in case that the server still waits for it.
    pub(crate) async fn end(&self, earlier: Backend) -> Result<(), Fault> {
        let of = [(&earlier.pid as _, Type::INT4), (&earlier.started as _, Type::TIMESTAMPTZ)];
        let ended = self.client.query_typed(END_SESSION, &of).await;
        ended.map(drop).map_err(|error| Fault::new("ending the earlier session", &error))
    }

    /// Takes the lock of an account, and waits for it up to `time`. Returns the holder where it is
    /// not free then.
    pub(crate) async fn lock(&self, account: &str, time: Duration, clock: &Clock) -> Result<Option<String>, Fault> {
        let until = clock.now() + time;
        while !self.account_query(TRY_LOCK, account).await?.is_some_and(|row| row.get(0)) {
            if clock.now() >= until {
                return self.holder(account).await.map(Some);
            }
            clock.sleep(LOCK_INTERVAL).await;
        }
        Ok(None)
    }

    async fn holder(&self, account: &str) -> Result<String, Fault> {
        let rows = self.client.query_typed(HOLDER, &[(&account, Type::TEXT)]).await;
        let rows = rows.map_err(|error| Fault::new("reading who has the lock", &error))?;
        // It may be free by now.
        let Some(row) = rows.first() else { return Ok("which has just ended".to_owned()) };
        let (pid, name): (i32, String) = (row.get(0), row.get(1));
        let address: Option<String> = row.get(2);
        let started: Option<Timestamp> = row.get(3);
        let name = if name.is_empty() { "a program without `application_name`" } else { &name };
        let address = address.map(|address| format!(" at {address}")).unwrap_or_default();
        let since = started.map(|started| format!(", since {started:.0}")).unwrap_or_default();
        Ok(format!("{name}{address} (server process {pid}{since})"))
    }

    /// Returns how often the lock of an account was taken, and the number of its last write.
    pub(crate) async fn taken(&self, sql: &str, account: &str) -> Result<Option<Taken>, Fault> {
        let row = self.account_query(sql, account).await?;
        Ok(row.map(|row| Taken { count: row.get(0), last_write: row.get(1) }))
    }

    /// Gives the lock of an account back.
    pub(crate) async fn unlock(&self, account: &str) -> Result<(), Fault> {
        self.account_query(UNLOCK, account).await.map(drop)
    }

    async fn account_query(&self, sql: &str, account: &str) -> Result<Option<Row>, Fault> {
        let row = self.client.query_typed_opt(sql, &[(&account, Type::TEXT)]).await;
        row.map_err(|error| Fault::new("locking the account", &error))
    }
}

/// Row of an account.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    /// How often its lock was taken.
    pub(crate) count: i64,
    /// Number of its last write.
    pub(crate) last_write: i64,
}
