//! Processes of the server that are killed while they write.

use std::time::Duration;

use bulkrail_core::time::Clock;
use bulkrail_durable::{Durability, Store};
use futures_util::future::join;

use crate::database::Database;
use crate::{documents, entry};

/// 3,000 records of 1 KiB: a write of some 50 ms.
const ENTRIES: usize = 3000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn write_cut_by_kill_of_its_backend_has_happened_once_and_completely() {
    let database = Database::create("killed").await;
    let clock = Clock::system();
    let mut cut = 0;
    for round in 0..12 {
        let store = database.store().await;
        let account = format!("reap-{round}");
        let entries = |n: usize| {
            let document = format!("\"{n}{}\"", "x".repeat(1024));
            (0..ENTRIES).map(|n| entry(&account, &format!("{n:05}"), &document)).collect::<Vec<_>>()
        };
        // It takes the lock.
        store.get(&account, "0").await.unwrap();
        let killed = database.sessions().await;
        let kill = async {
            // Spread over the time of the write, with its first and last moments.
            clock.sleep(Duration::from_millis(round * 7)).await;
            let pids = killed.clone();
            tokio::task::spawn_blocking(move || Database::kill(&pids)).await.unwrap();
        };
        if round % 2 == 0 {
            let (before, ()) = join(store.insert(entries(1)), kill).await;
            let before = before.unwrap();
            assert!(before.len() == ENTRIES && before.iter().all(Option::is_none), "round {round}: it found its own");
        } else {
            let (written, ()) = join(store.write(entries(1), Durability::Durable), kill).await;
            written.unwrap();
        }
        cut += usize::from(database.sessions().await != killed);
        let documents = documents(&store, &account).await.unwrap();
        assert_eq!(documents.len(), ENTRIES, "round {round}");
        assert!(documents.iter().all(|document| document.starts_with("\"1x")));
    }
    assert!(cut >= 6, "{cut} of 12 kills cut a connection");
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn durable_write_survives_crash_and_relaxed_one_may_be_lost() {
    let database = Database::create("durability").await;
    let admin = database.connect_admin().await;
    // The default of the user is not what a durable write relies on.
    admin.batch_execute("alter role onboarding set synchronous_commit = off").await.unwrap();
    let mut lost = 0;
    for round in 0..6 {
        let store = database.store().await;
        let account = format!("reap-{round}");
        store.insert(vec![entry(&account, "a", "1"), entry(&account, "b", "1")]).await.unwrap();
        let sessions = database.sessions().await;
        let write = |document| vec![entry(&account, "a", document), entry(&account, "b", document)];

        store.write(write("2"), Durability::Relaxed).await.unwrap();
        store.write(vec![entry(&account, "c", "1")], Durability::Durable).await.unwrap();
        Database::kill(&sessions);
        let kept = documents(&store, &account).await.unwrap();
        assert_eq!(kept, ["2", "2", "1"], "a durable write, and the relaxed one before it");

        let sessions = database.sessions().await;
        store.write(write("3"), Durability::Relaxed).await.unwrap();
        Database::kill(&sessions);
        let kept = documents(&store, &account).await.unwrap();
        lost += usize::from(kept == ["2", "2", "1"]);
        assert!(kept == ["2", "2", "1"] || kept == ["3", "3", "1"], "a part of a relaxed write: {kept:?}");
    }
    // The control: a crash loses what was not durable.
    assert!(lost > 0, "none of 6 relaxed writes was lost");
}
