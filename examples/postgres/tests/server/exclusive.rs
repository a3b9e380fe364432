//! Two stores on one account.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use bulkrail_durable::{Durability, Store, StoreError};
use bulkrail_example_postgres::PostgresStore;

use crate::database::Database;
use crate::{documents, entry};

/// URL of the database, for the process that [`other_process`] is.
const URL_OF_OTHER: &str = "BULKRAIL_POSTGRES_OTHER";

/// Takes an account until it is killed, where the test below has started it. Otherwise it has
/// nothing to do.
#[tokio::test]
#[ignore = "is a process of the test `account_is_held_by_another_process_until_it_is_killed`"]
async fn other_process() {
    let Ok(url) = std::env::var(URL_OF_OTHER) else { return };
    let store = PostgresStore::open(url.into()).await.unwrap();
    store.insert(vec![entry("reap", "a", "1")]).await.unwrap();
    // The one line on standard error.
    #[expect(clippy::print_stderr, reason = "it is read by the test")]
    {
        eprintln!("taken");
    }
    std::future::pending::<()>().await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn account_is_held_by_another_process_until_it_is_killed() {
    let database = Database::create("process").await;
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "exclusive::other_process", "--ignored", "--nocapture"])
        .env(URL_OF_OTHER, database.url())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(other.stderr.take().unwrap());
    let line = stderr.lines().map_while(Result::ok).find(|line| line == "taken");
    assert!(line.is_some(), "the other process has not taken the account");

    let store = database.store().await;
    let Err(StoreError::Held { holder }) = store.page("reap", Default::default(), None, 1).await else {
        panic!("the account is not held")
    };
    let backend = database.sessions().await;
    assert!(holder.contains(&format!("process {}", other.id())), "{holder}");
    assert!(backend.iter().any(|pid| holder.contains(&format!("server process {pid}, since "))), "{holder}");
    assert!(holder.contains("at 127.0.0.1"), "{holder}");
    let refused = store.insert(vec![entry("killb", "a", "1"), entry("reap", "b", "1")]).await;
    assert!(matches!(refused, Err(StoreError::Held { .. })), "{refused:?}");

    let reader = PostgresStore::read_only(database.url().into()).await.unwrap();
    assert_eq!(documents(&reader, "reap").await.unwrap(), ["1"], "a reader reads beside");
    let refused = reader.write(vec![entry("reap", "a", "2")], Durability::Durable).await;
    assert!(matches!(refused, Err(StoreError::Failed { .. })), "a reader does not write: {refused:?}");

    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(documents(&store, "reap").await.unwrap(), ["1"], "the lock of a killed process is free");
    assert_eq!(documents(&store, "killb").await.unwrap(), [""; 0], "an insert that was refused adds nothing");
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn stores_on_different_accounts_work_side_by_side() {
    let database = Database::create("accounts").await;
    let (one, two) = (database.store().await, database.store().await);
    one.insert(vec![entry("reap", "a", "1")]).await.unwrap();
    two.insert(vec![entry("killb", "a", "1")]).await.unwrap();
    let clone = one.clone();
    drop(one);
    let refused = two.get("reap", "a").await;
    assert!(matches!(refused, Err(StoreError::Held { .. })), "a clone keeps the account: {refused:?}");
    drop(clone);
    assert_eq!(two.get("reap", "a").await.unwrap().as_deref(), Some("1"));
}
