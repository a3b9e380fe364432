//! The store in one file is a store.

use std::path::PathBuf;

use bulkrail_durable::test_util::{store_conformance, store_reopening_conformance};
use bulkrail_durable::{Durability, Entry, RedbStore, Store};

/// File of a store in the directory of test files, without what an earlier run left.
fn new_file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.redb"));
    let _absent = std::fs::remove_file(&path);
    path
}

#[tokio::test]
async fn redb_store_in_memory_conforms() {
    store_conformance(&RedbStore::in_memory().unwrap()).await;
}

#[tokio::test]
async fn redb_store_in_file_conforms() {
    store_conformance(&RedbStore::open(new_file("conformance")).await.unwrap()).await;
}

#[tokio::test]
async fn redb_store_in_file_conforms_when_opened_again() {
    let path = new_file("reopening");
    store_reopening_conformance(|| RedbStore::open(path.clone())).await;
}

#[tokio::test]
async fn redb_store_keeps_relaxed_write_when_it_is_closed() {
    let path = new_file("relaxed");
    let entry = Entry { account: "reap".into(), key: "a".into(), document: "1".into(), ended_at: None };
    let store = RedbStore::open(&path).await.unwrap();
    store.write(vec![entry], Durability::Relaxed).await.unwrap();
    drop(store);
    let store = RedbStore::open(&path).await.unwrap();
    assert_eq!(store.get("reap", "a").await.unwrap().as_deref(), Some("1"));
}

#[cfg(unix)]
#[tokio::test]
async fn redb_store_file_is_private_and_the_link_of_a_stranger_is_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let (path, victim) = (new_file("private"), new_file("victim"));
    let holder = path.with_extension("redb.holder");
    let _absent = std::fs::remove_file(&holder);
    std::fs::write(&victim, "kept").unwrap();
    symlink(&victim, &holder).unwrap();
    let store = RedbStore::open_as(&path, "test").await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "kept");
    assert!(std::fs::read_to_string(&holder).unwrap().contains("\"test\""));
    let second = RedbStore::open_as(&path, "second").await.unwrap_err().to_string();
    assert!(second.contains(&format!("process {} (test, since ", std::process::id())), "{second}");
    drop(store);
    assert!(!holder.exists());
}
