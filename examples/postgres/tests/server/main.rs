//! The store against a real server, which the tests restart and whose processes they kill.
//! `.ci/postgres` runs them.

mod crash;
mod database;
mod exclusive;
mod proxy;
mod reconnect;
mod secrets;

use bulkrail_durable::test_util::{store_conformance, store_reopening_conformance};
use bulkrail_durable::{Durability, Entry, Filter, Store, StoreError};
use futures_util::future::try_join_all;

use database::Database;

/// Returns an open entry.
fn entry(account: &str, key: &str, document: &str) -> Entry {
    Entry { account: account.to_owned(), key: key.to_owned(), document: document.to_owned(), ended_at: None }
}

/// Returns the documents of an account in the order of their keys.
async fn documents(store: &dyn Store, account: &str) -> Result<Vec<String>, StoreError> {
    let page = store.page(account, Filter::All, None, usize::MAX).await?;
    Ok(page.into_iter().map(|entry| entry.document).collect())
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn store_conforms() {
    let database = Database::create("conforms").await;
    store_conformance(&database.store().await).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn store_conforms_when_opened_again() {
    let database = Database::create("reopening").await;
    store_reopening_conformance(|| database.open()).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn tables_are_created_once_by_stores_that_open_at_once() {
    let database = Database::create("at_once").await;
    let stores = try_join_all((0..8).map(|_| database.open())).await.unwrap();
    for (n, store) in stores.iter().enumerate() {
        store.insert(vec![entry(&n.to_string(), "a", "1")]).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn store_opens_existing_tables_without_right_to_create() {
    let database = Database::create("rights").await;
    drop(database.store().await);
    let tables = "bulkrail_records, bulkrail_accounts";
    let owner = database.connect_owner().await;
    let grants = format!(
        "revoke create on schema public from public; revoke create on schema public from onboarding; \
        revoke all on {tables} from onboarding; alter table bulkrail_records owner to bulkrail; \
        alter table bulkrail_accounts owner to bulkrail; alter schema public owner to bulkrail; \
        grant select, insert, update, delete on {tables} to onboarding"
    );
    owner.batch_execute(&grants).await.unwrap();
    assert!(database.connect().await.batch_execute("create table more (id int)").await.is_err());

    let store = database.store().await;
    store.insert(vec![entry("reap", "a", "1")]).await.unwrap();
    store.write(vec![entry("reap", "a", "2")], Durability::Relaxed).await.unwrap();
    assert!(store.remove("reap", "a").await.unwrap());
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn pages_of_ten_thousand_records_use_the_indexes() {
    let database = Database::create("indexes").await;
    let store = database.store().await;
    let entries = (0..10_000).map(|n| entry("reap", &format!("{n:05}"), "{}")).collect();
    let before = store.insert(entries).await.unwrap();
    assert!(before.len() == 10_000 && before.iter().all(Option::is_none));
    assert_eq!(store.page("reap", Filter::Open, Some("09990"), 100).await.unwrap().len(), 9);

    let connection = database.connect().await;
    connection.batch_execute("analyze bulkrail_records").await.unwrap();
    for (query, index) in [
        ("account = 'reap' and key > '05000' order by key limit 100", "bulkrail_records_pkey"),
        ("account = 'reap' and ended_at is null and key > '05000' order by key limit 100", "bulkrail_records_open"),
        ("account = 'reap' and ended_at < now()", "bulkrail_records_ended"),
    ] {
        let rows =
            connection.query(&format!("explain select * from bulkrail_records where {query}"), &[]).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains(index)), "{query}: {plan:?}");
    }
}
