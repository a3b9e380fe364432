//! Measures what a record costs in the store of one file, against the same puts on redb alone in
//! the same run.
//!
//! `cargo bench -p bulkrail-durable --bench store` prints a table and exits non-zero when a goal is
//! missed. Puts go to the files in turn: a disk that slows down slows all. `-- quick` takes a tenth
//! of the puts.
//!
//! A store that other processes read meanwhile (`ConcurrencyMode::SingleWriter`, as `RedbStore` has
//! it) costs redb two fsyncs a commit instead of one. The goal is against redb in that mode; the
//! exclusive one is there for information.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bulkrail_durable::{Durability, Entry, Filter, RedbStore, Store};
use jiff::Timestamp;
use redb::{ConcurrencyMode, Database, ReadableDatabase, TableDefinition};
use tokio::runtime::{Builder, Runtime};

/// 2.7 kB: the largest state of a wait that was seen.
const DOCUMENT_BYTES: usize = 2700;

/// Number of puts of each kind.
const PUTS: usize = 1000;

/// Number of records of the store that is opened again.
const RECORDS: usize = 10_000;

/// Entries of a page when a service starts.
const PAGE: usize = 1000;

/// At most 1.2 of the time of redb alone, in the same mode.
const GOAL: f64 = 1.2;

/// What a service without our crate would write: one table, one put a transaction.
const PLAIN: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("records");

const ACCOUNT: &str = "reap-production";

/// Kind of a put.
struct Put {
    name: &'static str,
    /// Whether the key is new.
    is_insert: bool,
    is_ended: bool,
}

const KINDS: [Put; 3] = [
    Put { name: "insert of an order", is_insert: true, is_ended: false },
    Put { name: "write of a phase", is_insert: false, is_ended: false },
    Put { name: "write of an end", is_insert: false, is_ended: true },
];

fn main() {
    // `cargo test --benches` runs this too, and has to be quick.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("run with `cargo bench -p bulkrail-durable --bench store`");
        return;
    }
    let is_quick = std::env::args().any(|argument| argument == "quick");
    let puts = if is_quick { PUTS / 10 } else { PUTS };
    let runtime = Builder::new_current_thread().build().expect("a runtime can be made");
    let mut is_missed = false;
    println!(
        "{:<40} {:>9} {:>10} {:>6} {:>6}   {:>14} {:>6}",
        "medians", "store", "redb alone", "", "goal", "redb exclusive", ""
    );
    let path = new_file("store");
    let store = runtime.block_on(RedbStore::open(&path)).expect("the store opens");
    let plain = [("plain", ConcurrencyMode::SingleWriter), ("exclusive", ConcurrencyMode::ExclusiveWriter)];
    let plain = plain.map(|(name, mode)| {
        Database::builder().set_concurrency_mode(mode).create(new_file(name)).expect("the database opens")
    });
    for kind in &KINDS {
        let [of_store, alone, exclusive] = durable_puts(&runtime, &store, &plain, kind, puts);
        let ratio = |of: Duration| of_store.as_secs_f64() / of.as_secs_f64();
        is_missed |= ratio(alone) > GOAL;
        let mark = if ratio(alone) > GOAL { "!" } else { " " };
        let (name, of_alone, of_exclusive) = (kind.name, ratio(alone), ratio(exclusive));
        println!(
            "{mark} {name:<38} {of_store:>9.1?} {alone:>10.1?} {of_alone:>5.2}x {GOAL:>5.2}x   {exclusive:>14.1?} \
             {of_exclusive:>5.2}x"
        );
    }
    let relaxed = relaxed_writes(&runtime, &store, puts);
    println!("  {:<38} {relaxed:>9.1?}", "relaxed write after a poll (mean)");
    drop((store, plain));
    reopening(&runtime);
    if is_missed {
        std::process::exit(1);
    }
}

/// Puts into the three files in turn, and returns the medians.
fn durable_puts(runtime: &Runtime, store: &RedbStore, plain: &[Database; 2], kind: &Put, puts: usize) -> [Duration; 3] {
    let document = document(kind.name);
    let mut times = [const { Vec::new() }; 3];
    for n in 0..puts {
        // Each comes first in every third round.
        for file in 0..3 {
            let file = (file + n) % 3;
            times[file].push(match file.checked_sub(1) {
                None => put_store(runtime, store, kind, n, &document),
                Some(plain_file) => put_plain(&plain[plain_file], &key(n), &document),
            });
        }
    }
    for plain in plain {
        let table = plain.begin_read().expect("a transaction begins").open_table(PLAIN).expect("the table opens");
        let last = table.get((ACCOUNT, key(puts - 1).as_str())).expect("the table is read");
        assert_eq!(last.expect("the last record is there").value(), document);
    }
    times.map(median)
}

fn put_store(runtime: &Runtime, store: &RedbStore, kind: &Put, n: usize, document: &str) -> Duration {
    let ended_at = kind.is_ended.then(|| end(n));
    let entries = vec![Entry { account: ACCOUNT.to_owned(), key: key(n), document: document.to_owned(), ended_at }];
    let started = Instant::now();
    let put = runtime.block_on(async {
        if kind.is_insert {
            store.insert(entries).await.map(drop)
        } else {
            store.write(entries, Durability::Durable).await
        }
    });
    put.expect("the store writes");
    started.elapsed()
}

fn put_plain(plain: &Database, key: &str, document: &str) -> Duration {
    let started = Instant::now();
    let transaction = plain.begin_write().expect("a transaction begins");
    {
        let mut table = transaction.open_table(PLAIN).expect("the table opens");
        table.insert((ACCOUNT, key), document).expect("the table takes a record");
    }
    transaction.commit().expect("the transaction commits");
    started.elapsed()
}

fn relaxed_writes(runtime: &Runtime, store: &RedbStore, puts: usize) -> Duration {
    let document = document("relaxed");
    let mut times = Vec::with_capacity(puts);
    for n in 0..puts {
        let entry = Entry { account: ACCOUNT.to_owned(), key: key(n), document: document.clone(), ended_at: None };
        let started = Instant::now();
        runtime.block_on(store.write(vec![entry], Durability::Relaxed)).expect("the store writes");
        times.push(started.elapsed());
    }
    // With what they leave for the next durable write.
    times.iter().sum::<Duration>() / u32::try_from(puts).expect("it is a small number")
}

/// Prints the time in which a store is opened again and all its open records are read.
fn reopening(runtime: &Runtime) {
    let path = new_file("reopening");
    let entries = (0..RECORDS).map(|n| {
        let (account, key) = (ACCOUNT.to_owned(), key(n));
        Entry { account, key, document: document("waiting"), ended_at: None }
    });
    runtime.block_on(async {
        let store = RedbStore::open(&path).await.expect("the store opens");
        store.insert(entries.collect()).await.expect("the store writes");
    });
    let mut times = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        let read = runtime.block_on(async {
            let store = RedbStore::open(&path).await.expect("the store opens");
            let (mut read, mut after) = (0, None);
            loop {
                let page = store.page(ACCOUNT, Filter::Open, after.as_deref(), PAGE).await.expect("the store reads");
                let Some(last) = page.last() else { return read };
                after = Some(last.key.clone());
                read += page.len();
            }
        });
        assert_eq!(read, RECORDS);
        times.push(started.elapsed());
    }
    let bytes = fs::metadata(&path).map_or(0, |file| file.len());
    let name = format!("opening and reading {RECORDS} open records");
    println!("  {name:<38} {:>9.1?}   ({:.1} MB on disk)", median(times), bytes as f64 / 1e6);
}

fn key(n: usize) -> String {
    format!("import-2026-11-25-{n:06}")
}

fn document(name: &str) -> String {
    format!("{{\"phase\":\"{name}\",\"state\":\"{}\"}}", "x".repeat(DOCUMENT_BYTES))
}

fn end(n: usize) -> Timestamp {
    let seconds = i64::try_from(n).expect("it is a small number");
    Timestamp::from_second(1_764_072_000 + seconds).expect("the time is in range")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn new_file(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}.redb"));
    let _absent = fs::remove_file(&path);
    path
}
