//! Conformance test of a [`Store`], for authors of one.
//!
//! ```
//! # #[cfg(feature = "redb")]
//! # async fn example() -> Result<(), bulkrail_durable::StoreError> {
//! use bulkrail_durable::RedbStore;
//! use bulkrail_durable::test_util::store_conformance;
//!
//! store_conformance(&RedbStore::in_memory()?).await;
//! # Ok(())
//! # }
//! ```

use std::future::Future;
use std::task::Poll;

use futures_util::future::{join, poll_fn};
use jiff::Timestamp;

use crate::store::{Durability, Entry, Filter, Store, StoreError};

/// 1 MiB: a record of a batch with thousands of failed rows.
const LARGE_DOCUMENT_BYTES: usize = 1024 * 1024;

/// Number of entries of a write that must not be seen, or stay, in a part.
const ENTRIES_OF_WRITE: usize = 100;

/// First of the times at which entries end: 2025-11-25T12:00:00Z.
const FIRST_END: i64 = 1_764_072_000_000;

/// Accounts next to each other in byte order. All but one have records; joined with their keys they
/// would be confused.
const NEIGHBOURS: [&str; 6] =
    ["conformance", "conformance ", "conformance-a", "conformance-ab", "conformance-é", "conformancf"];

/// Checks that a store keeps every promise of [`Store`] that one process can see. The store must be
/// empty.
///
/// # Panics
///
/// Panics where the store breaks a promise or fails.
pub async fn store_conformance(store: &dyn Store) {
    insert_returns_known_documents(store).await;
    insert_and_write_of_one_key_twice_are_in_order(store).await;
    write_is_atomic(store).await;
    dropped_write_is_atomic(store).await;
    documents_come_back_byte_for_byte(store).await;
    pages_are_in_byte_order(store).await;
    pages_go_on_after_removed_keys(store).await;
    pages_are_of_one_account(store).await;
    index_follows_records_that_open_again(store).await;
    remove_returns_whether_entry_existed(store).await;
    remove_ended_has_bounds(store).await;
}

/// Checks that a store has everything after it was opened again, and that only one at a time has an
/// account.
///
/// `open` opens the store, which must be empty the first time.
///
/// # Panics
///
/// Panics where the store breaks a promise or fails.
pub async fn store_reopening_conformance<S, F>(mut open: impl FnMut() -> F)
where
    S: Store,
    F: Future<Output = Result<S, StoreError>>,
{
    let account = "conformance-reopened";
    let entry = |key: &str, document: &str| entry(account, key, document, None);
    let store = ok("open", open()).await;
    ok("insert", store.insert(vec![entry("inserted", "1"), entry("removed", "1"), entry("relaxed", "1")])).await;
    ok("write", store.write(vec![entry("relaxed", "2")], Durability::Relaxed)).await;
    ok("write", store.write(vec![ended(account, "written", "2", 0)], Durability::Durable)).await;
    ok("remove", store.remove(account, "removed")).await;

    let refused = match open().await {
        Ok(second) => second.page(account, Filter::All, None, 1).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(
        matches!(refused, Err(StoreError::Held { .. })),
        "a second store on the same account is refused with `StoreError::Held`, but: {refused:?}"
    );

    drop(store);
    let store = ok("open again", open()).await;
    let kept = vec![entry("inserted", "1"), entry("relaxed", "2"), ended(account, "written", "2", 0)];
    assert_eq!(all(&store, account).await, kept, "what was written before the last durable write is kept");
    assert_eq!(keys(&page(&store, account, Filter::Open, None, 9).await), ["inserted", "relaxed"]);
}

async fn insert_returns_known_documents(store: &dyn Store) {
    let account = "conformance-insert";
    let first = vec![entry(account, "a", "1", None), ended(account, "b", "2", 0)];
    assert_eq!(ok("insert", store.insert(first.clone())).await, [None, None], "new keys have no document before");
    assert_eq!(all(store, account).await, first, "inserted entries are there");

    let second = vec![ended(account, "a", "3", 0), entry(account, "c", "4", None), entry(account, "b", "5", None)];
    let before = ok("insert", store.insert(second)).await;
    assert_eq!(before, [Some("1".to_owned()), None, Some("2".to_owned())], "known keys return their documents");
    let kept = [first, vec![entry(account, "c", "4", None)]].concat();
    assert_eq!(all(store, account).await, kept, "insert leaves known entries as they are");
    assert_eq!(
        ok("insert", store.insert(Vec::new())).await,
        Vec::<Option<String>>::new(),
        "an empty insert is allowed"
    );

    for document in &kept {
        let found = ok("get", store.get(account, &document.key)).await;
        assert_eq!(found.as_ref(), Some(&document.document), "get returns the document of {:?}", document.key);
    }
    assert_eq!(ok("get", store.get(account, "d")).await, None, "an unknown key has no document");
    assert_eq!(ok("get", store.get("conformance-other", "a")).await, None, "another account does not have the key");
}

async fn insert_and_write_of_one_key_twice_are_in_order(store: &dyn Store) {
    let account = "conformance-twice";
    let twice = vec![entry(account, "a", "1", None), entry(account, "a", "2", None)];
    let before = ok("insert", store.insert(twice)).await;
    assert_eq!(before, [None, Some("1".to_owned())], "the second entry of a key finds the first");
    let twice = vec![ended(account, "a", "3", 0), entry(account, "b", "1", None), ended(account, "a", "4", 1)];
    ok("write", store.write(twice, Durability::Durable)).await;
    let kept = [ended(account, "a", "4", 1), entry(account, "b", "1", None)];
    assert_eq!(all(store, account).await, kept, "the last entry of a key counts");
    assert_eq!(ok("remove_ended", store.remove_ended(account, end(1))).await, 0, "the first end is forgotten");
    ok("write", store.write(Vec::new(), Durability::Durable)).await;
    ok("write", store.write(Vec::new(), Durability::Relaxed)).await;
}

async fn write_is_atomic(store: &dyn Store) {
    let (account, other) = ("conformance-atomic", "conformance-atomic-other");
    let entries = |document: &str| {
        let entry =
            |n: usize| entry(if n.is_multiple_of(2) { account } else { other }, &format!("{n:03}"), document, None);
        (0..ENTRIES_OF_WRITE).map(entry).collect::<Vec<_>>()
    };
    ok("write", store.write(entries("0"), Durability::Durable)).await;
    for round in 1..=5 {
        let (before, after) = ((round - 1).to_string(), round.to_string());
        let durability = if round % 2 == 0 { Durability::Relaxed } else { Durability::Durable };
        let write = store.write(entries(&after), durability);
        let (written, seen) = join(write, store.page(account, Filter::All, None, ENTRIES_OF_WRITE)).await;
        written.unwrap_or_else(|error| panic!("write fails: {error}"));
        let seen = seen.unwrap_or_else(|error| panic!("page fails: {error}"));
        assert_eq!(seen.len(), ENTRIES_OF_WRITE / 2);
        let is_whole = |document: &String| seen.iter().all(|entry| entry.document == *document);
        assert!(is_whole(&before) || is_whole(&after), "a page has a part of a write: {seen:?}");
        for account in [account, other] {
            assert!(
                all(store, account).await.iter().all(|entry| entry.document == after),
                "a write is there afterwards"
            );
        }
    }

    // A text that many databases refuse. Whether a store takes it does not matter.
    let mut refused = entries("refused");
    refused.push(entry(account, "nul\0", "nul\0", None));
    let is_written = store.write(refused, Durability::Durable).await.is_ok();
    for account in [account, other] {
        let count = all(store, account).await.iter().filter(|entry| entry.document == "refused").count();
        assert_eq!(count, if is_written { ENTRIES_OF_WRITE / 2 } else { 0 }, "a write that fails leaves a part");
    }
    let added = vec![entry(account, "new", "1", None), entry(account, "new\0", "1", None)];
    let is_added = store.insert(added).await.is_ok();
    let is_there = ok("get", store.get(account, "new")).await.is_some();
    assert_eq!(is_there, is_added, "an insert that fails leaves a part");
}

async fn dropped_write_is_atomic(store: &dyn Store) {
    let account = "conformance-dropped";
    let entries = |document: &str| -> Vec<_> {
        (0..ENTRIES_OF_WRITE).map(|n| entry(account, &format!("{n:03}"), document, None)).collect()
    };
    ok("write", store.write(entries("before"), Durability::Durable)).await;
    let mut dropped = store.write(entries("after"), Durability::Durable);
    poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context).is_ready())).await;
    drop(dropped);
    let seen = all(store, account).await;
    let first = &seen[0].document;
    assert!(["before", "after"].contains(&first.as_str()), "a document that was never written: {first}");
    assert!(seen.iter().all(|entry| entry.document == *first), "a dropped write has happened in a part: {seen:?}");
}

async fn documents_come_back_byte_for_byte(store: &dyn Store) {
    let account = "conformance-dokumente 'é\" \\ %_ $1 😀";
    let documents = [
        (r"plain", "{}".to_owned()),
        (
            "quotes '\" '' \\' `",
            r#"{"b": 1.0e10,  "a":1,"a":2, "nul":"\u0000","escaped":"\\ \" \ud83d\ude00"}"#.to_owned(),
        ),
        ("space at the end ", "{\n\t\"lines\": \"é 😀 \u{e9}\u{301}\"\r\n}\n".to_owned()),
        ("%_?$1{};--/**/", r#"[12345678901234567890.123456789012345678901234567890,"'; drop table"]"#.to_owned()),
        ("e\u{301}", "\"decomposed\"".to_owned()),
        ("\u{e9}", "\"composed\"".to_owned()),
        ("null", "null".to_owned()),
    ];
    let large = format!("\"{}\"", "a\u{e9}\u{1f600}".repeat(LARGE_DOCUMENT_BYTES / 7));
    let long_key = "\u{1f600}".repeat(256);
    let mut entries: Vec<_> = documents.iter().map(|(key, document)| entry(account, key, document, None)).collect();
    entries.extend((0..4).map(|n| entry(account, &format!("large {n}"), &large, Some(end(0)))));
    entries.push(entry(account, &long_key, "\"key of 1,024 bytes\"", None));
    ok("insert", store.insert(entries.clone())).await;
    ok("write", store.write(entries.clone(), Durability::Durable)).await;
    for entry in &entries {
        let found = ok("get", store.get(account, &entry.key)).await;
        assert!(found.as_ref() == Some(&entry.document), "the document of {:?} differs", entry.key);
    }
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    assert!(all(store, account).await == entries, "the entries of a page differ from what was written");

    let long_account = "a".repeat(1024);
    let longest = vec![entry(&long_account, &long_key, "1", None)];
    ok("insert", store.insert(longest.clone())).await;
    assert_eq!(all(store, &long_account).await, longest, "an account and a key of 1,024 bytes each");
}

async fn pages_are_in_byte_order(store: &dyn Store) {
    let account = "conformance-order";
    // In byte order, which differs from that of UTF-16, of letters and of languages.
    let sorted = [
        "!",
        "#1",
        "-",
        "1",
        "10",
        "2",
        "A",
        "B",
        "Z",
        "_",
        "a",
        "a ",
        "a b",
        "aB",
        "aa",
        "ab",
        "b",
        "z",
        "ß",
        "ä",
        "é",
        "中",
        "\u{fb01}",
        "\u{ffee}",
        "\u{1f600}",
    ];
    assert!(sorted.is_sorted());
    let entries = sorted.iter().rev().map(|key| entry(account, key, key, None)).collect();
    ok("insert", store.insert(entries)).await;
    assert_eq!(keys(&all(store, account).await), sorted, "a page is in the order of keys as bytes");
    for limit in [1, 2, 7, sorted.len(), sorted.len() + 1] {
        for filter in [Filter::All, Filter::Open] {
            assert_eq!(
                keys(&paged(store, account, filter, limit).await),
                sorted,
                "pages of {limit} have each key once"
            );
        }
    }
    assert!(page(store, account, Filter::All, None, 0).await.is_empty(), "a page of zero entries is empty");
    assert_eq!(page(store, account, Filter::All, None, usize::MAX).await.len(), sorted.len());
}

async fn pages_go_on_after_removed_keys(store: &dyn Store) {
    let account = "conformance-after";
    let entries = ["b", "d", "f", "h"].map(|key| entry(account, key, key, None));
    ok("insert", store.insert(entries.to_vec())).await;
    for filter in [Filter::All, Filter::Open] {
        let after = async |key| keys(&page(store, account, filter, Some(key), 2).await);
        assert_eq!(after("a").await, ["b", "d"], "`after` need not exist");
        assert_eq!(after("b").await, ["d", "f"], "`after` itself is not in the page");
        assert_eq!(after("c").await, ["d", "f"]);
        assert_eq!(after("f").await, ["h"]);
        assert_eq!(after("h").await, [""; 0]);
        assert_eq!(after("z").await, [""; 0]);
    }
    ok("remove", store.remove(account, "d")).await;
    ok("write", store.write(vec![ended(account, "f", "f", 0)], Durability::Durable)).await;
    assert_eq!(
        keys(&page(store, account, Filter::All, Some("d"), 9).await),
        ["f", "h"],
        "the page after a removed key"
    );
    assert_eq!(
        keys(&page(store, account, Filter::Open, Some("d"), 9).await),
        ["h"],
        "the open ones after a removed key"
    );
    assert_eq!(
        keys(&page(store, account, Filter::Open, Some("f"), 9).await),
        ["h"],
        "the open ones after an ended key"
    );
    assert_eq!(keys(&page(store, account, Filter::Open, None, 1).await), ["b"]);
    assert_eq!(keys(&page(store, account, Filter::Open, Some("b"), 1).await), ["h"], "an ended entry takes no place");
}

async fn pages_are_of_one_account(store: &dyn Store) {
    // The accounts and keys "conformance-a", "bc" and "conformance-ab", "c" are the same text when
    // they are joined.
    let keys_of = |account: &str| match account {
        "conformance-ab" => vec!["c", "\u{1f600}"],
        "conformance " => vec![],
        _ => vec!["!", "bc", "\u{10ffff}"],
    };
    for account in NEIGHBOURS {
        let entries = keys_of(account).iter().map(|key| entry(account, key, account, None)).collect();
        ok("insert", store.insert(entries)).await;
    }
    for account in NEIGHBOURS {
        for filter in [Filter::All, Filter::Open] {
            let page = paged(store, account, filter, 2).await;
            assert_eq!(keys(&page), keys_of(account), "a page of {account:?} has the keys of that account only");
            assert!(page.iter().all(|entry| entry.account == account && entry.document == account));
            let last = keys_of(account).last().map_or("z", |key| *key);
            assert!(page_is_empty(store, account, filter, last).await, "the page after the last key of {account:?}");
        }
    }
    ok("remove", store.remove("conformance-a", "bc")).await;
    assert_eq!(ok("get", store.get("conformance-ab", "c")).await.as_deref(), Some("conformance-ab"));
    ok("write", store.write(vec![ended("conformance-ab", "c", "1", 0)], Durability::Durable)).await;
    for account in NEIGHBOURS.iter().filter(|account| **account != "conformance-ab") {
        assert_eq!(ok("remove_ended", store.remove_ended(account, end(9))).await, 0, "it ended in another account");
    }
    assert_eq!(ok("remove_ended", store.remove_ended("conformance-ab", end(9))).await, 1);
}

async fn index_follows_records_that_open_again(store: &dyn Store) {
    let account = "conformance-again";
    let write = |entry| ok("write", store.write(vec![entry], Durability::Durable));
    let open = async || keys(&page(store, account, Filter::Open, None, 9).await);
    let remove_ended = |before| ok("remove_ended", store.remove_ended(account, before));

    write(entry(account, "a", "1", None)).await;
    assert_eq!(open().await, ["a"], "an entry that write adds is open");
    write(ended(account, "a", "2", 1)).await;
    assert_eq!(open().await, [""; 0], "an ended entry is not open");
    assert_eq!(all(store, account).await, [ended(account, "a", "2", 1)], "an ended entry has its time");
    write(entry(account, "a", "3", None)).await;
    assert_eq!(open().await, ["a"], "an entry that was ended is open again");
    assert_eq!(remove_ended(end(9)).await, 0, "an entry that is open again has not ended");
    write(ended(account, "a", "4", 5)).await;
    assert_eq!(remove_ended(end(5)).await, 0, "the time of the first end is forgotten");
    write(ended(account, "a", "5", 3)).await;
    write(ended(account, "a", "6", 3)).await;
    assert_eq!(ok("get", store.get(account, "a")).await.as_deref(), Some("6"));
    assert_eq!(remove_ended(end(4)).await, 1, "the time of the last end counts");
    assert_eq!(remove_ended(end(9)).await, 0, "it was removed once");

    write(ended(account, "b", "1", 1)).await;
    assert!(ok("remove", store.remove(account, "b")).await);
    let before = ok("insert", store.insert(vec![entry(account, "b", "2", None)])).await;
    assert_eq!(before, [None], "a removed key is new");
    assert_eq!(remove_ended(end(9)).await, 0, "the end of a removed entry is forgotten");
    assert_eq!(open().await, ["b"]);
    assert!(ok("remove", store.remove(account, "b")).await);
    assert_eq!(open().await, [""; 0], "a removed entry is not open");
    write(ended(account, "b", "3", 1)).await;
    assert_eq!(open().await, [""; 0], "the open entry of that key is forgotten");
}

async fn remove_returns_whether_entry_existed(store: &dyn Store) {
    let account = "conformance-remove";
    ok("insert", store.insert(vec![entry(account, "a", "1", None), ended(account, "b", "1", 0)])).await;
    assert!(!ok("remove", store.remove(account, "c")).await, "an unknown key was not there");
    assert!(!ok("remove", store.remove("conformance-removed", "a")).await, "it is in another account");
    for key in ["a", "b"] {
        assert!(ok("remove", store.remove(account, key)).await, "{key} was there");
        assert!(!ok("remove", store.remove(account, key)).await, "{key} was removed before");
        assert_eq!(ok("get", store.get(account, key)).await, None);
    }
    assert!(all(store, account).await.is_empty());
}

async fn remove_ended_has_bounds(store: &dyn Store) {
    let (account, other) = ("conformance-ended", "conformance-ended-other");
    let mut entries: Vec<_> = (0..5).map(|n| ended(account, &format!("{n}"), "1", n)).collect();
    entries.push(entry(account, "open", "1", None));
    entries.push(ended(account, "also 1", "1", 1));
    entries.push(ended(other, "0", "1", 0));
    ok("insert", store.insert(entries)).await;
    let remove_ended = |before| ok("remove_ended", store.remove_ended(account, before));
    assert_eq!(remove_ended(end(0)).await, 0, "an entry that ended at `before` stays");
    assert_eq!(remove_ended(end(2)).await, 3, "the ones before are removed, all of one time");
    assert_eq!(keys(&all(store, account).await), ["2", "3", "4", "open"]);
    assert_eq!(remove_ended(end(2)).await, 0);
    assert_eq!(remove_ended(end(9)).await, 3);
    assert_eq!(keys(&all(store, account).await), ["open"], "an open entry stays");
    assert_eq!(keys(&all(store, other).await), ["0"], "other accounts stay");
}

fn entry(account: &str, key: &str, document: &str, ended_at: Option<Timestamp>) -> Entry {
    Entry { account: account.to_owned(), key: key.to_owned(), document: document.to_owned(), ended_at }
}

fn ended(account: &str, key: &str, document: &str, n: i64) -> Entry {
    entry(account, key, document, Some(end(n)))
}

/// Returns the `n`-th of the times at which entries end, a millisecond apart.
fn end(n: i64) -> Timestamp {
    Timestamp::from_millisecond(FIRST_END + n).expect("the time is in range")
}

async fn all(store: &dyn Store, account: &str) -> Vec<Entry> {
    page(store, account, Filter::All, None, 1000).await
}

async fn page(store: &dyn Store, account: &str, filter: Filter, after: Option<&str>, limit: usize) -> Vec<Entry> {
    ok("page", store.page(account, filter, after, limit)).await
}

async fn page_is_empty(store: &dyn Store, account: &str, filter: Filter, after: &str) -> bool {
    page(store, account, filter, Some(after), 9).await.is_empty()
}

async fn paged(store: &dyn Store, account: &str, filter: Filter, limit: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.key.clone());
        let page = page(store, account, filter, after.as_deref(), limit).await;
        assert!(page.len() <= limit, "a page has more than {limit} entries");
        let Some(first) = page.first() else { return entries };
        assert!(after.is_none_or(|after| after < first.key), "a page begins after the last key of the one before");
        entries.extend(page);
    }
}

fn keys(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.key.clone()).collect()
}

async fn ok<T>(call: &str, result: impl Future<Output = Result<T, StoreError>>) -> T {
    result.await.unwrap_or_else(|error| panic!("{call} fails: {error}"))
}
