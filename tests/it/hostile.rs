//! Responses that a provider should not send, and what must not follow: a hidden row, a wait
//! without end, a login too many.

use bulkrail::test_util::{MockResponse, unavailable};
use bulkrail::{
    Batch, DriftKind, ErrorKind, Provider, Reconciliation, State, SubmittedRows, killb, localpayment, reap,
};

use crate::common::{Bench, client};

fn killb(bench: &Bench) -> killb::Client {
    client!(killb, bench, killb::Credentials::access_token("t"))
}

fn batch(provider: bulkrail::ProviderId) -> Batch {
    Batch::new(provider, "b-1").unwrap()
}

fn reconcile(results: &[u8]) -> Reconciliation {
    let bench = Bench::new();
    let body =
        [br#"{"status":"COMPLETED","totalRows":3,"successCount":3,"errorCount":0,"results":"#, results, b"}"].concat();
    bench.connector.push(MockResponse::new(200, body));
    let submitted = SubmittedRows::new(["r-1", "r-2", "r-3"]);
    bench.clock.run(killb(&bench).reconcile(&batch(killb::PROVIDER), Some(&submitted))).unwrap()
}

fn row(number: u32, cell: &[u8]) -> Vec<u8> {
    let start = format!(
        r#"{{"rowNumber":{number},"status":"SUCCESS","originalRowData":{{"externalId":"r-{number}","lastName":"#
    );
    [start.as_bytes(), cell, b"}}"].concat()
}

#[test]
fn rows_with_characters_invalid_in_json_are_read() {
    for cell in [&b"\"a\tb\""[..], b"\"caf\xe9\"", br#""half \ud800 of a pair""#, b"\"\x01\"", br#""\ud83d\ude00""#] {
        let results = [b"[", &row(1, cell)[..], b",", &row(2, b"\"x\""), b",", &row(3, b"\"y\""), b"]"].concat();
        let found = reconcile(&results);
        let shown = String::from_utf8_lossy(cell).into_owned();
        assert_eq!((found.missing.len(), found.failed_rows().count()), (0, 0), "{shown}: {found:?}");
        let is_json = serde_json::from_slice::<String>(cell).is_ok();
        let unreadable =
            found.drift.iter().filter(|drift| drift.pointer == "/results/*").map(|drift| drift.count).sum::<u64>();
        assert_eq!(unreadable, u64::from(!is_json), "{shown}: {:?}", found.drift);
    }
}

#[test]
fn rows_that_cannot_be_read_are_missing_and_reported_as_drift() {
    let good = row(2, b"\"x\"");
    for (bad, rows) in [
        (row(1, b"1e999"), 1),
        ([row(1, b"7"), row(3, b"7")].concat(), 1),
        (b"[\"acc\",null,null,null,1,null,\"SUCCESS\"]".to_vec(), 1),
        (b"7".to_vec(), 1),
        (b"{\"rowNumber\":}".to_vec(), 1),
    ] {
        let found = reconcile(&[b"[", &good[..], b",", &bad, b"]"].concat());
        let shown = String::from_utf8_lossy(&bad).into_owned();
        assert_eq!(found.missing, ["r-1", "r-3"], "{shown}");
        let drift: Vec<_> = found.drift.iter().filter(|drift| drift.pointer == "/results/*").collect();
        assert_eq!(drift.len(), rows, "{shown}: {:?}", found.drift);
        assert_eq!((drift[0].kind, drift[0].count), (DriftKind::TypeMismatch, 1), "{shown}");
    }
}

#[test]
fn rows_are_found_by_the_decoded_field_name() {
    let bench = Bench::new();
    let rows = |field: &str| {
        let item = String::from_utf8(row(1, b"\"x\"")).unwrap();
        bench.connector.push(MockResponse::json(200, format!(r#"{{"status":"COMPLETED","{field}":[{item}]}}"#)));
        let found = bench.clock.run(killb(&bench).reconcile(&batch(killb::PROVIDER), None)).unwrap();
        found.rows.len()
    };
    assert_eq!([rows("results"), rows(r"result\u0073"), rows(r"results\n"), rows(r"resultu0073")], [1, 1, 0, 0]);
}

#[test]
fn poll_reads_small_bodies_as_leniently_as_large_ones() {
    for rows in [1, 1000] {
        let bench = Bench::new();
        let list = vec![String::from_utf8(row(1, b"\"a\tb\"")).unwrap(); rows].join(",");
        let body = format!(r#"{{"status":"COMPLETED","totalRows":{rows},"results":[{list},]}}"#);
        // The second request reads the rows.
        bench.connector.push(MockResponse::json(200, &body));
        bench.connector.push(MockResponse::json(200, &body));
        let seen = bench.clock.run(killb(&bench).poll(&batch(killb::PROVIDER))).unwrap();
        assert_eq!((seen.state, seen.progress.total), (State::Finished, Some(rows as u64)));
    }
}

#[test]
fn poll_refuses_a_status_with_thousands_of_fields() {
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
fn server_error_is_transient_whatever_its_body_says() {
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
fn upload_answered_by_a_redirect_is_outcome_unknown() {
    let bench = Bench::new();
    bench.connector.push(MockResponse::new(303, "").header("location", "/accounts/bulk/b-7"));
    let error = bench.clock.run(killb(&bench).upload(b"PK\x03\x04".to_vec())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
}

#[test]
fn refused_login_is_not_repeated_by_every_wait() {
    let bench = Bench::new();
    let client = client!(killb, bench, killb::Credentials::login("me@example.com", "wrong"));
    bench.connector.respond_with(|sent| match sent.url.path() {
        path if path.ends_with("/login") => MockResponse::json(401, "{}"),
        path => panic!("not a login: {path}"),
    });
    for number in 0..100 {
        let batch = Batch::new(killb::PROVIDER, format!("b-{number}")).unwrap();
        let error = bench.clock.run(client.wait(batch)).unwrap_err();
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::Authentication, Some(401)));
    }
    assert_eq!(bench.connector.requests().len(), 1);
    bench.clock.advance(std::time::Duration::from_secs(61));
    bench.clock.run(client.poll(&batch(killb::PROVIDER))).unwrap_err();
    assert_eq!(bench.connector.requests().len(), 2, "a corrected password is used a minute later");
}

#[test]
fn login_with_retry_after_is_not_repeated() {
    let bench = Bench::new();
    let client = client!(killb, bench, killb::Credentials::login("me@example.com", "secret"));
    bench.connector.respond_with(|_| MockResponse::json(429, "{}").header("retry-after", "600"));
    let error = bench.clock.run(client.upload(b"PK\x03\x04".to_vec())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(bench.connector.requests().len(), 1);
}

#[test]
fn rows_are_refused_beyond_the_buffer_limit() {
    let bench = Bench::new();
    let limits = bulkrail::Limits::default().with_max_buffered_bytes(100_000);
    let credentials = killb::Credentials::access_token("t");
    let builder = killb::Client::builder().credentials(credentials).limits(limits);
    let client = builder.clock(bench.clock.clock()).connector(bench.connector.clone()).build().unwrap();
    let rows: Vec<_> = (1..=5_000).map(|number| String::from_utf8(row(number, b"\"x\"")).unwrap()).collect();
    let rows = rows.join(",");
    bench.connector.push(MockResponse::json(200, format!(r#"{{"status":"COMPLETED","results":[{rows}]}}"#)));
    let found = bench.clock.run(client.reconcile(&batch(killb::PROVIDER), None)).unwrap();
    assert_eq!(found.rows.len(), 5_000, "the limit is for one row, not for all");
    let endless = "x".repeat(200_000);
    for body in [
        format!(r#"{{"status":"COMPLETED","results":["{endless}"#),
        format!(r#"{{"status":"{endless}","results":[]}}"#),
    ] {
        bench.connector.push(MockResponse::json(200, body));
        let error = bench.clock.run(client.reconcile(&batch(killb::PROVIDER), None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}

#[test]
fn upload_is_repeated_once_with_a_new_token() {
    let bench = Bench::new();
    let client = client!(killb, bench, killb::Credentials::login("me@example.com", "secret"));
    bench.connector.respond_with(|sent| match sent.url.path() {
        path if path.ends_with("/login") || path.ends_with("/refresh") => {
            MockResponse::json(200, r#"{"accessToken":"t","refreshToken":"r","expiresIn":3600000}"#)
        }
        _ => MockResponse::json(401, "{}"),
    });
    let error = bench.clock.run(client.upload(b"PK\x03\x04".to_vec())).unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Authentication, Some(401)));
    let uploads = bench.connector.requests().iter().filter(|sent| sent.url.path().contains("bulk")).count();
    assert_eq!(uploads, 2, "once, and once with a new token");
}

#[test]
fn connect_error_names_the_host_only() {
    let bench = Bench::new();
    let credentials = killb::Credentials::access_token("t");
    let builder = killb::Client::builder().credentials(credentials).base_url("https://kb.example.com/CANARY");
    let client = builder.clock(bench.clock.clock()).connector(bench.connector.clone()).build().unwrap();
    bench.connector.push(MockResponse::error(bulkrail::http::ConnectorError::Connect));
    let error = bench.clock.run(client.poll(&batch(killb::PROVIDER))).unwrap_err();
    assert!(error.to_string().contains("kb.example.com") && !format!("{error}{error:?}").contains("CANARY"), "{error}");
}
