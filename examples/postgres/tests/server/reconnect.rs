//! Connections that are lost, with and without a committed transaction.

use std::time::Duration;

use bulkrail_core::time::Clock;
use bulkrail_durable::{Durability, Store, StoreError};
use bulkrail_example_postgres::{PostgresStore, Timeouts};

use crate::database::Database;
use crate::proxy::{Cut, Proxy};
use crate::{documents, entry};

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn calls_go_on_after_server_restarts_between_them() {
    let database = Database::create("restarts").await;
    let store = database.store().await;
    for (n, mode) in ["fast", "immediate"].into_iter().enumerate() {
        let key = n.to_string();
        assert_eq!(store.insert(vec![entry("reap", &key, "1")]).await.unwrap(), [None]);
        Database::control(&["restart", mode]);
        assert_eq!(documents(&store, "reap").await.unwrap().len(), n + 1);
        Database::control(&["restart", mode]);
        assert_eq!(store.insert(vec![entry("reap", &key, "2")]).await.unwrap(), [Some("1".to_owned())]);
    }
    let second = database.store().await;
    let refused = second.get("reap", "0").await;
    assert!(matches!(refused, Err(StoreError::Held { .. })), "the lock was taken again: {refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn call_waits_for_server_that_is_down() {
    let database = Database::create("down").await;
    let store = database.store().await;
    store.insert(vec![entry("reap", "a", "1")]).await.unwrap();
    Database::control(&["stop", "fast"]);

    let timeouts = Timeouts { reconnect: Duration::from_millis(200), ..Timeouts::default() };
    let refused = PostgresStore::open_with(database.url().into(), timeouts).await;
    assert!(matches!(refused, Err(StoreError::Failed { .. })), "{refused:?}");

    let started = tokio::spawn(async {
        Clock::system().sleep(Duration::from_secs(2)).await;
        tokio::task::spawn_blocking(|| Database::control(&["start"])).await.unwrap();
    });
    store.write(vec![entry("reap", "a", "2")], Durability::Durable).await.unwrap();
    started.await.unwrap();
    assert_eq!(documents(&store, "reap").await.unwrap(), ["2"]);
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn call_fails_after_reconnect_time_and_next_one_works() {
    let database = Database::create("reconnect_time").await;
    let timeouts = Timeouts { reconnect: Duration::from_millis(300), ..Timeouts::default() };
    let store = PostgresStore::open_with(database.url().into(), timeouts).await.unwrap();
    store.insert(vec![entry("reap", "a", "1")]).await.unwrap();
    Database::control(&["stop", "fast"]);
    let failed = store.get("reap", "a").await;
    Database::control(&["start"]);
    assert!(matches!(failed, Err(StoreError::Failed { .. })), "{failed:?}");
    assert_eq!(store.get("reap", "a").await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn call_without_response_to_its_commit_has_happened_once() {
    let database = Database::create("commit").await;
    let proxy = Proxy::start(database.port()).await;
    let store = database.store_at(proxy.port).await;
    for (n, cut) in [Cut::BeforeCommit, Cut::AfterCommit, Cut::FreezeAfterCommit, Cut::Freeze].into_iter().enumerate() {
        let key = n.to_string();
        proxy.cut(cut);
        let before = store.insert(vec![entry("reap", &key, "1")]).await.unwrap();
        assert!(proxy.has_cut());
        assert_eq!(before, [None], "insert finds what it inserted itself");
        let before = store.insert(vec![entry("reap", &key, "2")]).await.unwrap();
        assert_eq!(before, [Some("1".to_owned())]);

        proxy.cut(cut);
        store.write(vec![entry("reap", &key, "3")], Durability::Durable).await.unwrap();
        assert!(proxy.has_cut());
        assert_eq!(store.get("reap", &key).await.unwrap().as_deref(), Some("3"));

        proxy.cut(cut);
        assert!(store.remove("reap", &key).await.unwrap(), "remove does not find what it removed itself");
        assert!(proxy.has_cut());
        assert_eq!(store.get("reap", &key).await.unwrap(), None);
        assert_eq!(database.sessions().await.len(), 1, "a lost session is ended");
    }
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn account_taken_by_another_while_connection_was_lost_is_held_until_reopened() {
    let database = Database::create("taken").await;
    let store = database.store().await;
    let held = async |account: &'static str| match store.get(account, "a").await {
        Err(StoreError::Held { holder }) => holder,
        other => panic!("{account} is not held: {other:?}"),
    };
    for account in ["had", "has", "own"] {
        store.insert(vec![entry(account, "a", "1")]).await.unwrap();
    }
    database.end_sessions().await;
    let other = database.store().await;
    other.write(vec![entry("had", "a", "2")], Durability::Durable).await.unwrap();
    drop(other);
    let other = database.store().await;
    other.write(vec![entry("has", "a", "2")], Durability::Durable).await.unwrap();

    let holder = held("had").await;
    assert!(holder.contains("while the connection to the server was lost"), "{holder}");
    let holder = held("has").await;
    assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
    let refused = store.write(vec![entry("has", "a", "3")], Durability::Relaxed).await;
    assert!(matches!(refused, Err(StoreError::Held { .. })), "{refused:?}");
    let refused = store.write(vec![entry("own", "a", "3"), entry("had", "a", "3")], Durability::Durable).await;
    assert!(matches!(refused, Err(StoreError::Held { .. })), "{refused:?}");
    assert_eq!(store.get("own", "a").await.unwrap().as_deref(), Some("1"), "another account of the same store");

    drop(other);
    // Longer than a call waits for a lock.
    Clock::system().sleep(Duration::from_millis(1200)).await;
    held("has").await;
    held("had").await;
    let reopened = database.store().await;
    for account in ["had", "has"] {
        assert_eq!(reopened.get(account, "a").await.unwrap().as_deref(), Some("2"));
    }
}
