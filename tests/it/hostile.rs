//! Answers that no provider should give, and what must not come of them: a hidden row, a batch waited for in vain, a login too many.
#![cfg(all(feature = "killb", feature = "localpayment", feature = "reap"))]

mod common;

use bulkrail::test_util::{MockResponse, unavailable};
use bulkrail::{Batch, DriftKind, ErrorKind, Provider, Reconciliation, State, killb, localpayment, reap};
use common::Bench;

fn killb(bench: &Bench) -> killb::Client {
    client!(killb, bench, killb::Credentials::access_token("t"))
}

fn batch(provider: bulkrail::ProviderId) -> Batch {
    Batch::new(provider, "b-1").unwrap()
}

fn account(results: &[u8]) -> Reconciliation {
    let bench = Bench::new();
    let body =
        [br#"{"status":"COMPLETED","totalRows":3,"successCount":3,"errorCount":0,"results":"#, results, b"}"].concat();
    bench.connector.push(MockResponse::new(200, body));
    let submitted = ["r-1", "r-2", "r-3"].map(str::to_owned);
    bench.clock.run(killb(&bench).account(&batch(killb::PROVIDER), Some(&submitted))).unwrap()
}

fn row(number: u32, cell: &[u8]) -> Vec<u8> {
    let start = format!(
        r#"{{"rowNumber":{number},"status":"SUCCESS","originalRowData":{{"externalId":"r-{number}","lastName":"#
    );
    [start.as_bytes(), cell, b"}}"].concat()
}

#[test]
fn a_row_with_characters_that_json_does_not_have_is_read_all_the_same() {
    for cell in [&b"\"a\tb\""[..], b"\"caf\xe9\"", br#""half \ud800 of a pair""#, b"\"\x01\"", br#""\ud83d\ude00""#] {
        let results = [b"[", &row(1, cell)[..], b",", &row(2, b"\"x\""), b",", &row(3, b"\"y\""), b"]"].concat();
        let account = account(&results);
        let shown = String::from_utf8_lossy(cell).into_owned();
        assert_eq!((account.missing.len(), account.failed().count()), (0, 0), "{shown}: {account:?}");
        let is_json = serde_json::from_slice::<String>(cell).is_ok();
        let unreadable =
            account.drift.iter().filter(|drift| drift.pointer == "/results/*").map(|drift| drift.count).sum::<u64>();
        assert_eq!(unreadable, u64::from(!is_json), "{shown}: {:?}", account.drift);
    }
}

#[test]
fn what_cannot_be_read_as_a_row_is_missing_and_in_the_drift() {
    let good = row(2, b"\"x\"");
    for (bad, rows) in [
        (row(1, b"1e999"), 1),
        ([row(1, b"7"), row(3, b"7")].concat(), 1),
        (b"[\"acc\",null,null,null,1,null,\"SUCCESS\"]".to_vec(), 1),
        (b"7".to_vec(), 1),
        (b"{\"rowNumber\":}".to_vec(), 1),
    ] {
        let account = account(&[b"[", &good[..], b",", &bad, b"]"].concat());
        let shown = String::from_utf8_lossy(&bad).into_owned();
        assert_eq!(account.missing, ["r-1", "r-3"], "{shown}");
        let drift: Vec<_> = account.drift.iter().filter(|drift| drift.pointer == "/results/*").collect();
        assert_eq!(drift.len(), rows, "{shown}: {:?}", account.drift);
        assert_eq!((drift[0].kind, drift[0].count), (DriftKind::TypeMismatch, 1), "{shown}");
    }
}

#[test]
fn the_list_of_rows_is_known_by_its_name_however_that_is_written() {
    let bench = Bench::new();
    let rows = |field: &str| {
        let item = String::from_utf8(row(1, b"\"x\"")).unwrap();
        bench.connector.push(MockResponse::json(200, format!(r#"{{"status":"COMPLETED","{field}":[{item}]}}"#)));
        let account = bench.clock.run(killb(&bench).account(&batch(killb::PROVIDER), None)).unwrap();
        account.rows.len()
    };
    assert_eq!([rows("results"), rows(r"result\u0073"), rows(r"results\n"), rows(r"resultu0073")], [1, 1, 0, 0]);
}

#[test]
fn a_small_body_is_read_as_leniently_as_a_large_one() {
    for rows in [1, 1000] {
        let bench = Bench::new();
        let list = vec![String::from_utf8(row(1, b"\"a\tb\"")).unwrap(); rows].join(",");
        bench.connector.push(MockResponse::json(
            200,
            format!(r#"{{"status":"COMPLETED","totalRows":{rows},"results":[{list},]}}"#),
        ));
        let seen = bench.clock.run(killb(&bench).poll(&batch(killb::PROVIDER))).unwrap();
        assert_eq!((seen.state, seen.progress.total), (State::Finished, Some(rows as u64)));
    }
}

#[test]
fn a_status_with_thousands_of_fields_is_no_status() {
    for field in [r#""summary":{}"#.to_owned(), String::new()] {
        let bench = Bench::new();
        let fields = (0..100_000).map(|n| if field.is_empty() { format!("\"f{n}\":1") } else { field.clone() });
        let body = format!(r#"{{"status":"completed",{}}}"#, fields.collect::<Vec<_>>().join(","));
        bench.connector.push(MockResponse::json(200, body));
        let client = client!(reap, bench, reap::Credentials::api_key("k"));
        let error = bench.clock.run(client.poll(&batch(reap::PROVIDER))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
    }
}

#[test]
fn a_server_that_failed_has_decided_nothing_whatever_its_body_says() {
    let bench = Bench::new();
    let client = client!(localpayment, bench, localpayment::Credentials::access_token("t"));
    bench.connector.push(MockResponse::json(500, r#"{"status":{"code":"500"}}"#));
    let error = bench.clock.run(client.poll(&batch(localpayment::PROVIDER))).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (unavailable().kind(), true));
    bench.connector.push(MockResponse::json(503, "{}").header("content-length", "99999999999999"));
    let error = bench.clock.run(client.status(&batch(localpayment::PROVIDER))).unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Unavailable, Some(503)));
}

#[test]
fn a_redirect_after_an_upload_does_not_say_that_nothing_was_submitted() {
    let bench = Bench::new();
    bench.connector.push(MockResponse::new(303, "").header("location", "/accounts/bulk/b-7"));
    let error = bench.clock.run(killb(&bench).upload(b"PK\x03\x04".to_vec())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
}

#[test]
fn a_login_that_is_refused_is_not_tried_by_every_wait() {
    let bench = Bench::new();
    let client = client!(killb, bench, killb::Credentials::login("me@example.com", "wrong"));
    bench.connector.otherwise(|sent| match sent.url.path() {
        path if path.ends_with("/login") => MockResponse::json(401, "{}"),
        path => panic!("nothing but logins: {path}"),
    });
    for number in 0..100 {
        let batch = Batch::new(killb::PROVIDER, format!("b-{number}")).unwrap();
        let error = bench.clock.run(client.wait(batch)).unwrap_err();
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::Authentication, Some(401)));
    }
    assert_eq!(bench.connector.sent().len(), 1);
    bench.clock.advance(std::time::Duration::from_secs(61));
    bench.clock.run(client.poll(&batch(killb::PROVIDER))).unwrap_err();
    assert_eq!(bench.connector.sent().len(), 2, "a corrected password is found out a minute later");
}

#[test]
fn a_login_server_that_asks_to_be_left_alone_is_left_alone() {
    let bench = Bench::new();
    let client = client!(killb, bench, killb::Credentials::login("me@example.com", "secret"));
    bench.connector.otherwise(|_| MockResponse::json(429, "{}").header("retry-after", "600"));
    let error = bench.clock.run(client.upload(b"PK\x03\x04".to_vec())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(bench.connector.sent().len(), 1);
}

#[test]
fn a_row_without_end_is_not_held_without_limit() {
    let bench = Bench::new();
    let mut limits = bulkrail::Limits::default();
    limits.body = 100_000;
    let credentials = killb::Credentials::access_token("t");
    let builder = killb::Client::builder().credentials(credentials).limits(limits);
    let client = builder.clock(bench.clock.clock()).connector(bench.connector.clone()).build().unwrap();
    let rows = vec![String::from_utf8(row(1, b"\"x\"")).unwrap(); 5_000].join(",");
    bench.connector.push(MockResponse::json(200, format!(r#"{{"status":"COMPLETED","results":[{rows}]}}"#)));
    let account = bench.clock.run(client.account(&batch(killb::PROVIDER), None)).unwrap();
    assert_eq!(account.rows.len(), 5_000, "many rows may pass through");
    let endless = "x".repeat(200_000);
    for body in [
        format!(r#"{{"status":"COMPLETED","results":["{endless}"#),
        format!(r#"{{"status":"{endless}","results":[]}}"#),
    ] {
        bench.connector.push(MockResponse::json(200, body));
        let error = bench.clock.run(client.account(&batch(killb::PROVIDER), None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}

#[test]
fn an_upload_whose_new_token_is_refused_too_is_not_sent_again_and_again() {
    let bench = Bench::new();
    let client = client!(killb, bench, killb::Credentials::login("me@example.com", "secret"));
    bench.connector.otherwise(|sent| match sent.url.path() {
        path if path.ends_with("/login") || path.ends_with("/refresh") => {
            MockResponse::json(200, r#"{"accessToken":"t","refreshToken":"r","expiresIn":3600000}"#)
        }
        _ => MockResponse::json(401, "{}"),
    });
    let error = bench.clock.run(client.upload(b"PK\x03\x04".to_vec())).unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Authentication, Some(401)));
    let uploads = bench.connector.sent().iter().filter(|sent| sent.url.path().contains("bulk")).count();
    assert_eq!(uploads, 2, "once, and once with a new token");
}

#[test]
fn a_connection_that_did_not_come_about_names_its_host_and_nothing_else() {
    let bench = Bench::new();
    let credentials = killb::Credentials::access_token("t");
    let builder = killb::Client::builder().credentials(credentials).base_url("https://kb.example.com/CANARY");
    let client = builder.clock(bench.clock.clock()).connector(bench.connector.clone()).build().unwrap();
    bench.connector.push(MockResponse::fault(bulkrail::http::ConnectorError::Connect));
    let error = bench.clock.run(client.poll(&batch(killb::PROVIDER))).unwrap_err();
    assert!(error.to_string().contains("kb.example.com") && !format!("{error}{error:?}").contains("CANARY"), "{error}");
}
