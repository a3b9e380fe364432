//! A database for each test, owned by a user with few rights.

use std::env;
use std::process::Command;
use std::time::Duration;

use bulkrail_core::time::Clock;
use bulkrail_durable::StoreError;
use bulkrail_example_postgres::{PostgresStore, Timeouts};
use tokio_postgres::{Client, Config, NoTls};

/// Password of the user `onboarding`.
pub(crate) const PASSWORD: &str = "open-sesame-7f3a";

/// 60 s, for which a connection is attempted while the server recovers from a crash.
const RECOVERY_TIME: Duration = Duration::from_secs(60);

/// Database of a test.
pub(crate) struct Database {
    server: Config,
    name: String,
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run .ci/postgres"))
}

impl Database {
    /// Creates a database.
    pub(crate) async fn create(name: &str) -> Self {
        let server: Config = variable("BULKRAIL_POSTGRES_URL").parse().expect("the URL of the server can be parsed");
        let name = format!("test_{name}");
        let database = Self { server, name };
        let admin = database.connect_admin().await;
        let role = format!("create role onboarding login password '{PASSWORD}'");
        let _exists = admin.batch_execute(&role).await;
        admin.batch_execute("alter role onboarding reset all").await.unwrap();
        // Each statement is a transaction, as `drop database` needs it.
        admin.batch_execute(&format!("drop database if exists {}", database.name)).await.unwrap();
        admin.batch_execute(&format!("create database {} owner onboarding", database.name)).await.unwrap();
        database
    }

    /// Returns the port of the server.
    pub(crate) fn port(&self) -> u16 {
        self.server.get_ports()[0]
    }

    /// Returns the URL of this database for the user `onboarding`.
    pub(crate) fn url(&self) -> String {
        self.url_at(self.port())
    }

    /// Returns the URL with the port of a proxy.
    pub(crate) fn url_at(&self, port: u16) -> String {
        format!("postgres://onboarding:{PASSWORD}@127.0.0.1:{port}/{}", self.name)
    }

    /// Opens the store.
    pub(crate) async fn open(&self) -> Result<PostgresStore, StoreError> {
        // A recovery takes longer where other programs use the disk, too.
        let timeouts = Timeouts { reconnect: RECOVERY_TIME, ..Timeouts::default() };
        PostgresStore::open_with(self.url().into(), timeouts).await
    }

    /// Opens the store, which must work.
    pub(crate) async fn store(&self) -> PostgresStore {
        self.open().await.unwrap()
    }

    /// Opens the store through a proxy on this port, with short times.
    pub(crate) async fn store_at(&self, port: u16) -> PostgresStore {
        let timeouts = Timeouts { attempt: Duration::from_secs(2), ..Timeouts::default() };
        PostgresStore::open_with(self.url_at(port).into(), timeouts).await.unwrap()
    }

    /// Connects to this database as `onboarding`.
    pub(crate) async fn connect(&self) -> Client {
        connect(&self.url().parse().unwrap()).await
    }

    /// Connects to this database as the superuser.
    pub(crate) async fn connect_owner(&self) -> Client {
        connect(self.server.clone().dbname(&self.name)).await
    }

    /// Connects to the server as the superuser.
    pub(crate) async fn connect_admin(&self) -> Client {
        connect(&self.server).await
    }

    /// Returns the process ids of the sessions of this database that the stores of this process
    /// have.
    pub(crate) async fn sessions(&self) -> Vec<i32> {
        let query = "select pid from pg_stat_activity where datname = $1 and application_name like '%process%'";
        let rows = self.connect_admin().await.query(query, &[&self.name]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Ends the sessions of the stores, as an administrator does it.
    pub(crate) async fn end_sessions(&self) {
        let admin = self.connect_admin().await;
        for pid in self.sessions().await {
            admin.query("select pg_terminate_backend($1, 5000)", &[&pid]).await.unwrap();
        }
    }

    /// Kills the processes of these sessions with SIGKILL. The server ends all sessions and
    /// recovers.
    pub(crate) fn kill(pids: &[i32]) {
        for pid in pids {
            // It may have ended by itself.
            let _status = Command::new("kill").arg("-9").arg(pid.to_string()).status();
        }
    }

    /// Stops, starts or restarts the server.
    pub(crate) fn control(arguments: &[&str]) {
        let status = Command::new(variable("BULKRAIL_POSTGRES_CONTROL")).args(arguments).status().unwrap();
        assert!(status.success(), "{arguments:?}: {status}");
    }
}

async fn connect(config: &Config) -> Client {
    let clock = Clock::system();
    let until = clock.now() + RECOVERY_TIME;
    loop {
        match config.connect(NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                return client;
            }
            Err(error) => assert!(clock.now() < until, "the server does not take a connection: {error:?}"),
        }
        clock.sleep(Duration::from_millis(50)).await;
    }
}
