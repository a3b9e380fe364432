//! Errors have neither the password nor values.

use bulkrail_durable::{Store, StoreError};
use bulkrail_example_postgres::PostgresStore;

use crate::database::{Database, PASSWORD};
use crate::entry;

/// Returns the message and the `Debug` form of an error and of its causes.
fn texts(error: &StoreError) -> String {
    let mut texts = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        texts.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    texts
}

async fn refused(url: &str) -> StoreError {
    PostgresStore::open(url.to_owned().into()).await.expect_err("it is refused")
}

#[tokio::test]
async fn url_that_cannot_be_parsed_is_refused_without_its_text() {
    for url in [
        format!("postgres://onboarding:{PASSWORD}@127.0.0.1:{PASSWORD}/test"),
        format!("host=127.0.0.1 password=open {PASSWORD}=1"),
        format!("host=127.0.0.1 password='{PASSWORD}"),
    ] {
        let texts = texts(&refused(&url).await);
        assert!(texts.contains("cannot be parsed") && !texts.contains(PASSWORD), "{texts}");
    }
}

#[tokio::test]
async fn server_that_is_not_on_loopback_is_refused_without_tls() {
    for host in ["db.example.org", "10.0.0.1", "localhost.example.org", "127.0.0.1,db.example.org", "[2001:db8::1]"] {
        let texts = texts(&refused(&format!("postgres://onboarding:{PASSWORD}@{host}/test")).await);
        assert!(texts.contains("without TLS") && !texts.contains(PASSWORD), "{host}: {texts}");
    }
    let texts = texts(&refused("host=localhost hostaddr=10.0.0.1 user=onboarding").await);
    assert!(texts.contains("without TLS"), "{texts}");
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server: run .ci/postgres"]
async fn errors_have_neither_password_nor_documents() {
    let database = Database::create("secrets").await;
    let wrong = database.url().replace(PASSWORD, "wrong-pa55word");
    let texts_of = texts(&refused(&wrong).await);
    assert!(texts_of.contains("28P01") && !texts_of.contains("wrong-pa55word"), "{texts_of}");
    let absent = database.url().replace("test_secrets", "test_absent");
    assert!(texts(&refused(&absent).await).contains("3D000"));
    let texts_of = texts(&refused(&database.url_at(1)).await);
    assert!(texts_of.contains("Connection refused") && !texts_of.contains(PASSWORD), "{texts_of}");

    let store = database.store().await;
    assert!(!format!("{store:?}").contains(PASSWORD));
    let error = store.insert(vec![entry("reap", "a", "DE89370400440532013000\0")]).await.unwrap_err();
    let texts_of = texts(&error);
    assert!(texts_of.contains("22021") && !texts_of.contains("DE89"), "{texts_of}");

    let connection = database.connect().await;
    let check = "alter table bulkrail_records add check (document <> 'DE89370400440532013000')";
    connection.batch_execute(check).await.unwrap();
    let error = store.insert(vec![entry("reap", "a", "DE89370400440532013000")]).await.unwrap_err();
    let texts_of = texts(&error);
    assert!(texts_of.contains("23514") && !texts_of.contains("DE89"), "{texts_of}");
}
