//! The client against scripted responses, on virtual time.

use std::time::Duration;

use bulkrail_core::http::ClientBuilder;
use bulkrail_core::test_util::{CapturedRequest, MockConnector, MockResponse, VirtualClock};
use bulkrail_core::{Batch, DriftKind, Error, ErrorKind, Outcome, PollEvent, Report, SubmittedRows, wait};
use persona_importers::{Client, PROVIDER, STATES, raw, reconcile};

const ID: &str = "mprt_TKqquVbHaSVYqgWhxNjuYDjQ";
const KEY: &str = "live-key-0123456789";

fn client(connector: &MockConnector, clock: &VirtualClock) -> Client {
    let builder = ClientBuilder::<Client>::new().credentials(KEY.into()).base_url("https://persona.example/api/v1");
    builder.connector(connector.clone()).clock(clock.clock()).build().unwrap()
}

fn importer(status: &str, succeeded: u64, duplicates: u64, failed: u64) -> String {
    format!(
        r#"{{"data":{{"type":"importer/account","id":"{ID}","attributes":{{"status":"{status}","created-at":
        "2020-07-12T17:16:54.656Z","completed-at":null,"error-count":{failed},"successful-count":{succeeded},
        "duplicate-count":{duplicates}}}}}}}"#
    )
}

/// Waits for an importer whose polls have these responses, and returns the report and the requests.
fn wait_for(
    responses: impl IntoIterator<Item = MockResponse>,
) -> (Result<Report, Error>, Vec<CapturedRequest>, Duration) {
    let (connector, clock) = (MockConnector::new(), VirtualClock::new());
    responses.into_iter().for_each(|response| connector.push(response));
    let client = client(&connector, &clock);
    let report = clock.run(wait(&client, Batch::new(PROVIDER, ID).unwrap()));
    (report, connector.requests(), clock.elapsed())
}

fn report(status: &str, succeeded: u64, duplicates: u64, failed: u64) -> Report {
    wait_for([MockResponse::json(200, importer(status, succeeded, duplicates, failed))]).0.unwrap()
}

#[test]
fn states_have_every_status_word_of_the_spec() {
    assert_eq!(STATES.words_without_state(raw::SCHEMAS, "ImporterStatus"), [""; 0]);
}

#[test]
fn submit_sends_the_file_with_key_and_version_and_repeats_a_lost_response_with_the_same_key() {
    let (connector, clock) = (MockConnector::new(), VirtualClock::new());
    connector.push(MockResponse::new(502, ""));
    connector.push(MockResponse::json(201, importer("pending", 0, 0, 0)));
    let client = client(&connector, &clock);
    let (batch, rows) = clock.run(client.submit("reference_id,name_first\nr-1,Ann\n", "order-7")).unwrap();
    assert_eq!((batch.id(), batch.key(), &rows.references[..]), (ID, Some("order-7"), &["r-1".to_owned()][..]));
    let requests = connector.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.url.path(), "/api/v1/importer/accounts");
        assert_eq!(request.headers["idempotency-key"], "order-7");
        assert_eq!(request.headers["persona-version"], "2025-12-08");
        assert_eq!(request.headers["authorization"], format!("Bearer {KEY}"));
        assert!(request.headers["content-type"].to_str().unwrap().starts_with("multipart/form-data; boundary="));
    }
}

#[test]
fn submit_refuses_a_file_with_a_mistake_before_anything_is_sent() {
    let (connector, clock) = (MockConnector::new(), VirtualClock::new());
    let client = client(&connector, &clock);
    let error = clock.run(client.submit("reference_id,name_first\nr-1,Ann\nr-1,Ben\n", "order-7")).unwrap_err();
    assert!(error.to_string().contains("row 3, column reference_id: the same value as in row 2"), "{error}");
    assert!(connector.requests().is_empty());
}

#[test]
fn outcome_is_by_the_counts_and_the_number_of_submitted_rows() {
    let submitted = SubmittedRows::new(["a", "b", "c"]);
    let table = [
        (report("ready", 3, 0, 0), Outcome::Succeeded),
        (report("ready", 2, 0, 1), Outcome::Partial),
        (report("ready", 2, 1, 0), Outcome::Partial),
        (report("ready", 2, 0, 0), Outcome::Partial), // one row is in no count
        (report("ready", 0, 0, 3), Outcome::Failed),
        (report("errored", 1, 0, 0), Outcome::Partial),
        (report("errored", 0, 0, 0), Outcome::Failed),
    ];
    for (report, expected) in table {
        let progress = report.snapshot.progress;
        let reconciled = report.snapshot.reconciled(&reconcile(&submitted));
        assert_eq!(reconciled.outcome, Some(expected), "{progress:?}");
    }
    assert_eq!(report("ready", 3, 0, 0).outcome(), Some(Outcome::Unknown), "of how many rows?");
    let message = report("ready", 2, 1, 0).snapshot.message;
    assert_eq!(message.as_deref(), Some("1 rows are duplicates, which made no account"));
}

#[test]
fn new_status_word_does_not_end_a_wait_and_is_reported() {
    let (connector, clock) = (MockConnector::new(), VirtualClock::new());
    connector.push(MockResponse::json(200, importer("paused", 0, 0, 0)));
    connector.push(MockResponse::json(200, importer("ready", 3, 0, 0)));
    let client = client(&connector, &clock);
    let mut words = Vec::new();
    let watched = wait(&client, Batch::new(PROVIDER, ID).unwrap()).on_poll(|event: &PollEvent| {
        let snapshot = event.result.as_ref().unwrap();
        words.push((
            snapshot.provider_status.clone(),
            snapshot.drift.iter().map(|drift| drift.kind).collect::<Vec<_>>(),
        ));
    });
    clock.run(watched).unwrap();
    let expected = [("paused".to_owned(), vec![DriftKind::UnknownValue]), ("ready".to_owned(), vec![])];
    assert_eq!(words, expected);
}

#[test]
fn exhausted_rate_limit_delays_the_next_poll_by_the_seconds_that_are_left() {
    let pending = || MockResponse::json(200, importer("pending", 0, 0, 0));
    let ready = || MockResponse::json(200, importer("ready", 3, 0, 0));
    let elapsed = |first: MockResponse| wait_for([first, ready()]).2;
    let free = elapsed(pending().header("ratelimit-remaining", "299").header("ratelimit-reset", "600"));
    assert!(free < Duration::from_secs(120), "{free:?}");
    let exhausted = elapsed(pending().header("ratelimit-remaining", "0").header("ratelimit-reset", "600"));
    assert!(exhausted >= Duration::from_secs(600), "{exhausted:?}");
    let refused = elapsed(MockResponse::json(429, "{}").header("ratelimit-reset", "600"));
    assert!(refused >= Duration::from_secs(600), "{refused:?}");
}

#[test]
fn refusal_has_the_details_and_the_place_and_not_the_key() {
    let body = format!(
        r#"{{"errors":[{{"title":"Record invalid","details":"the key {KEY} sent a wrong file","source":
        {{"pointer":"/data/attributes/file"}}}}]}}"#
    );
    let (result, requests, _) = wait_for([MockResponse::json(422, body)]);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.parameter()), (ErrorKind::InvalidRequest, Some("/data/attributes/file")));
    assert!(error.provider_message().is_some_and(|message| !message.contains(KEY)), "{error}");
    assert_eq!(requests.len(), 1);
}
