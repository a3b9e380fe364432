//! A batch is not submitted twice and not lost, wherever the exchange is cut; input that breaks a
//! rule is not sent.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Bench, client};
use bulkrail::http::ConnectorError;
use bulkrail::localpayment::raw::types::{
    BatchAccount, Beneficiary, BeneficiaryDocument, BeneficiaryTypeKnown, CreateBatch,
};
use bulkrail::test_util::{CapturedRequest, MockResponse};
use bulkrail::{AnyClient, Batch, Error, ErrorKind, Recovery, Upload, cdq, killb, localpayment, reap};
use bulkrail_sandbox::Sandbox;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const XLSX: &[u8] = b"PK\x03\x04 not really";

fn csv(rows: usize) -> String {
    (0..rows).fold("externalId,shareToken\n".to_owned(), |csv, row| format!("{csv}ref-{row},token-{row}\n"))
}

fn accounts(count: usize) -> CreateBatch {
    let account = |number| BatchAccount {
        address: None,
        external_id: format!("acc-{number}"),
        beneficiary: Beneficiary {
            document: BeneficiaryDocument { id: "XAXX010101000".to_owned(), type_: "RFC".to_owned() },
            last_name: Some("Doe".to_owned()),
            lastname: None,
            name: "Jane".to_owned(),
            type_: BeneficiaryTypeKnown::Individual.into(),
        },
    };
    CreateBatch {
        account_number: "484.484.00000011".to_owned(),
        accounts: (0..count).map(account).collect(),
        country: "MEX".to_owned(),
        external_id: "batch-1".to_owned(),
        name: None,
    }
}

/// Place where an exchange is cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// After so many bytes of the request have been passed on.
    Request(usize),
    /// The whole request arrives, and so many bytes of the response come back.
    Response(usize),
}

/// Forwards connections to `target`, and cuts the first exchange that contains `marker`.
async fn proxy(target: u16, marker: &'static str, cut: Cut) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let cuts_left = Arc::new(AtomicUsize::new(1));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let cuts_left = Arc::clone(&cuts_left);
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                let mut chunk = vec![0; 64 * 1024];
                loop {
                    let read = client.read(&mut chunk).await.unwrap_or(0);
                    if read == 0 {
                        return;
                    }
                    let is_it = String::from_utf8_lossy(&chunk[..read]).contains(marker);
                    let cut_now = is_it
                        && cuts_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
                    match cut {
                        Cut::Request(bytes) if cut_now => {
                            server.write_all(&chunk[..bytes.min(read - 1)]).await.ok();
                            // Both sides see a reset.
                            return;
                        }
                        Cut::Response(bytes) if cut_now => {
                            server.write_all(&chunk[..read]).await.ok();
                            forward_response(&mut client, &mut server, Some(bytes)).await;
                            return;
                        }
                        _ => {
                            server.write_all(&chunk[..read]).await.ok();
                            if !forward_response(&mut client, &mut server, None).await {
                                return;
                            }
                        }
                    }
                }
            });
        }
    });
    port
}

/// Forwards one response: head, then as many bytes as it announces, up to `limit`.
#[expect(clippy::disallowed_methods, reason = "a proxy between sockets needs a real timeout")]
async fn forward_response(client: &mut TcpStream, server: &mut TcpStream, limit: Option<usize>) -> bool {
    let mut response = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let text = String::from_utf8_lossy(&response).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length =
                text.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if response.len() >= end + 4 + length.unwrap_or(0) {
                break;
            }
        }
        match tokio::time::timeout(Duration::from_millis(150), server.read(&mut chunk)).await {
            Ok(Ok(read)) if read > 0 => response.extend_from_slice(&chunk[..read]),
            _ => break,
        }
    }
    let length = limit.map_or(response.len(), |limit| limit.min(response.len().saturating_sub(1)));
    client.write_all(&response[..length]).await.is_ok()
}

/// Returns a cut at every stage of an exchange.
fn cuts() -> impl Iterator<Item = Cut> {
    let request = [0, 1, 40, 200, 400].map(Cut::Request);
    let response = [0, 5, 20, 100, 100_000].map(Cut::Response);
    request.into_iter().chain(response)
}

/// Checks that the result of a submit that was cut says whether the batch exists, and that it
/// exists once at most.
fn check_result(provider: &str, cut: Cut, submitted: Result<Batch, Error>, created: u64) {
    let what = format!("{provider}, {cut:?}: {submitted:?}, {created} created");
    assert!(created <= 1, "double submission: {what}");
    match submitted {
        Ok(_) => assert_eq!(created, 1, "{what}"),
        Err(error) => match error.kind() {
            ErrorKind::OutcomeUnknown => {}
            // It exists, and its id is lost.
            ErrorKind::Conflict => assert_eq!(created, 1, "{what}"),
            _ => assert_eq!(created, 0, "silent loss: {what}"),
        },
    }
}

fn secret(sandbox: &Sandbox, provider: &str, place: usize) -> String {
    sandbox.credentials(provider)[place].1.to_owned()
}

#[tokio::test]
async fn submit_cut_anywhere_never_creates_two_batches() {
    for cut in cuts() {
        let sandbox = Sandbox::builder().seed(1).speed(1000.0).start().await.unwrap();
        let url = |port: u16, provider: &str| format!("http://127.0.0.1:{port}/{provider}");

        let port = proxy(sandbox.port(), "/bulk/upload", cut).await;
        let login = killb::Credentials::login(secret(&sandbox, "killb", 0), secret(&sandbox, "killb", 1));
        let client = killb::Client::builder().base_url(url(port, "killb")).credentials(login).build().unwrap();
        let workbook = workbook();
        check_result("killb", cut, client.upload(workbook).await, sandbox.stats("killb").batches_created);

        let port = proxy(sandbox.port(), "POST /reap/entity/kyc", cut).await;
        let key = reap::Credentials::api_key(secret(&sandbox, "reap", 0));
        let client = reap::Client::builder().base_url(url(port, "reap")).credentials(key).build().unwrap();
        let submitted = client.upload(csv(20), None).await;
        assert!(
            !matches!(&submitted, Err(error) if error.kind() == ErrorKind::OutcomeUnknown),
            "a key makes it certain: {submitted:?}"
        );
        check_result("reap", cut, submitted, sandbox.stats("reap").batches_created);

        let port = proxy(sandbox.port(), "jobs/confirmation", cut).await;
        let key = cdq::Credentials::api_key(secret(&sandbox, "cdq", 0));
        let client = cdq::Client::builder().base_url(url(port, "cdq")).credentials(key).build().unwrap();
        let features = [cdq::raw::types::ConfirmationFeature::ConfirmBaInBpStorage];
        check_result("cdq", cut, client.start("72d6900f", &features).await, sandbox.stats("cdq").batches_created);

        let port = proxy(sandbox.port(), "POST /localpayment/api/virtual", cut).await;
        let login =
            localpayment::Credentials::login(secret(&sandbox, "localpayment", 0), secret(&sandbox, "localpayment", 1));
        let client = localpayment::Client::builder().base_url(url(port, "localpayment")).credentials(login);
        // The pauses before a look-up are seconds; the clock shortens them.
        let clock = bulkrail::test_util::ScaledClock::new(50).clock();
        let submitted = client.clock(clock).build().unwrap().create_batch(&accounts(12)).await;
        if let Err(error) = &submitted {
            assert_eq!(error.batch().map(Batch::id), Some("batch-1"), "the id is needed to look it up: {error:?}");
        }
        check_result("localpayment", cut, submitted, sandbox.stats("localpayment").batches_created);
    }
}

fn workbook() -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "externalId").unwrap();
    sheet.write(1, 0, "ref-1").unwrap();
    book.save_to_buffer().unwrap()
}

#[test]
fn submit_is_repeated_when_no_connection_was_made() {
    let bench = Bench::new();
    let client = client!(killb, bench, killb::Credentials::access_token("t"));
    for _ in 0..3 {
        bench.connector.push(MockResponse::error(ConnectorError::Connect));
    }
    bench.connector.push(MockResponse::json(201, r#"{"jobId":"j-1"}"#));
    let batch = bench.clock.run(client.upload(XLSX)).unwrap();
    assert_eq!((batch.id(), bench.connector.requests().len()), ("j-1", 4));

    for _ in 0..9 {
        bench.connector.push(MockResponse::error(ConnectorError::Connect));
    }
    let error = bench.clock.run(client.upload(XLSX)).unwrap_err();
    assert_eq!(
        (error.kind(), bench.connector.requests().len()),
        (ErrorKind::Unavailable, 8),
        "it certainly was not submitted"
    );
}

#[test]
fn submit_is_repeated_when_the_provider_says_that_it_processed_nothing() {
    let bench = Bench::new();
    let client = client!(killb, bench, killb::Credentials::access_token("t"));
    bench.connector.push(MockResponse::error(ConnectorError::NotProcessed));
    bench.connector.push(MockResponse::json(201, r#"{"jobId":"j-1"}"#));
    let batch = bench.clock.run(client.upload(XLSX)).unwrap();
    assert_eq!((batch.id(), bench.connector.requests().len()), ("j-1", 2));

    bench.connector.respond_with(|_| MockResponse::error(ConnectorError::NotProcessed));
    let error = bench.clock.run(client.upload(XLSX)).unwrap_err();
    assert_eq!((error.kind(), error.is_nothing_sent()), (ErrorKind::Unavailable, true), "it was not submitted");
}

#[test]
fn submit_is_not_repeated_for_what_another_attempt_cannot_change() {
    let faults = [ConnectorError::CertificateExpired, ConnectorError::UnknownHost, ConnectorError::ProxyAuthentication];
    for fault in faults {
        let bench = Bench::new();
        let client = client!(killb, bench, killb::Credentials::access_token("t"));
        bench.connector.push(MockResponse::error(fault));
        let error = bench.clock.run(client.upload(XLSX)).unwrap_err();
        assert!(error.is_nothing_sent() && !error.is_outcome_unknown(), "{fault}: {error:?}");
        assert_eq!(bench.connector.requests().len(), 1, "{fault}");
    }
}

#[test]
fn recovery_is_what_each_provider_documents() {
    let bench = Bench::new();
    let reap = client!(reap, bench, reap::Credentials::api_key("k"));
    let localpayment = client!(localpayment, bench, localpayment::Credentials::access_token("t"));
    let killb = client!(killb, bench, killb::Credentials::access_token("t"));
    let cdq = client!(cdq, bench, cdq::Credentials::api_key("k"));
    let batch = Batch::new(localpayment::PROVIDER, "k-1").unwrap().with_key("k-1").with_environment("sandbox");
    let table: [(AnyClient, Recovery, Recovery); 4] = [
        (reap.into(), Recovery::SendAgain, Recovery::Never),
        (localpayment.clone().into(), Recovery::LookUp(batch), Recovery::Never),
        (killb.clone().into(), Recovery::Never, Recovery::Never),
        (cdq.into(), Recovery::Never, Recovery::Never),
    ];
    for (client, with_key, without_key) in table {
        assert_eq!(client.recovery(Some("k-1")), with_key, "{client:?}");
        assert_eq!(client.recovery(None), without_key, "{client:?}");
        let json = serde_json::to_string(&with_key).unwrap();
        assert_eq!(serde_json::from_str::<Recovery>(&json).unwrap(), with_key, "{json}");
    }
    assert_eq!(localpayment.recovery(Some("../accounts")), Recovery::Never, "it cannot have been submitted");
    assert_eq!(killb.recovery(Some("../accounts")), Recovery::Never);
    assert!(bench.connector.requests().is_empty(), "nothing is asked");
}

#[test]
fn submit_whose_response_is_lost_is_outcome_unknown_and_not_repeated() {
    let lost: [fn() -> MockResponse; 7] = [
        || MockResponse::error(ConnectorError::Timeout),
        || MockResponse::error(ConnectorError::ConnectionReset),
        || MockResponse::new(502, "<html>"),
        || MockResponse::new(500, ""),
        || MockResponse::json(201, "{").reset_after_body(),
        || MockResponse::json(201, r#"{"no":"id"}"#),
        || MockResponse::json(201, r#"{"jobId":"../../x"}"#),
    ];
    for lost in lost {
        let bench = Bench::new();
        let client = client!(killb, bench, killb::Credentials::access_token("t"));
        bench.connector.push(lost());
        let error = bench.clock.run(client.upload(XLSX)).unwrap_err();
        assert_eq!((error.kind(), error.is_resumable()), (ErrorKind::OutcomeUnknown, false), "{error:?}");
        assert_eq!(bench.connector.requests().len(), 1);
    }
}

#[test]
fn submit_that_is_refused_is_sent_once_and_keeps_its_kind() {
    for (status, kind) in
        [(400, ErrorKind::InvalidRequest), (403, ErrorKind::Permission), (429, ErrorKind::RateLimited)]
    {
        let bench = Bench::new();
        let client = client!(cdq, bench, cdq::Credentials::api_key("k"));
        bench.connector.push(MockResponse::json(status, "{}"));
        let error = bench.clock.run(client.start("s", &[])).unwrap_err();
        assert_eq!((error.kind(), bench.connector.requests().len()), (kind, 1));
    }
}

#[test]
fn submit_keeps_the_id_whatever_else_the_response_has() {
    let bench = Bench::new();
    let client = client!(reap, bench, reap::Credentials::api_key("k"));
    bench.connector.push(MockResponse::json(202, r#"{"batchId":"b-1","status":7,"totalRecords":"many","new":[]}"#));
    let batch = bench.clock.run(client.upload(csv(1), Some("my-key"))).unwrap();
    assert_eq!((batch.id(), batch.key()), ("b-1", Some("my-key")));
    assert!(batch.submitted_at().is_some());
}

#[test]
fn reap_submit_is_repeated_under_the_same_key() {
    let bench = Bench::new();
    let client = client!(reap, bench, reap::Credentials::api_key("k"));
    bench.connector.push(MockResponse::error(ConnectorError::ConnectionReset));
    bench.connector.push(MockResponse::json(200, r#"{"batchId":"b-1"}"#));
    let batch = bench.clock.run(client.upload(csv(1), None)).unwrap();
    let keys: Vec<_> = bench.connector.requests().iter().map(|sent| sent.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| Some(key.to_str().unwrap()) == batch.key()));

    bench.connector.push(MockResponse::error(ConnectorError::ConnectionReset));
    bench.connector.push(MockResponse::json(409, r#"{"code":"9999993401","message":"Duplicate"}"#));
    let error = bench.clock.run(client.upload(csv(1), Some("my-key"))).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, Some("9999993401")));
    assert!(error.to_string().contains("my-key"), "{error}");

    for _ in 0..3 {
        bench.connector.push(MockResponse::error(ConnectorError::ConnectionReset));
    }
    let error = bench.clock.run(client.upload(csv(1), Some("my-key"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);

    bench.connector.push(MockResponse::error(ConnectorError::ConnectionReset));
    bench.connector.push(MockResponse::json(403, "{}"));
    let error = bench.clock.run(client.upload(csv(1), Some("my-key"))).unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::OutcomeUnknown,
        "the first attempt may have worked, whatever the second one says"
    );
}

#[test]
fn unknown_start_at_cdq_names_storage_and_time_and_is_not_sent_again() {
    let bench = Bench::new();
    let client = client!(cdq, bench, cdq::Credentials::api_key("k"));
    let began = bulkrail::jiff::Timestamp::from_second(bench.clock.clock().wall().as_second()).unwrap();
    bench.connector.push(MockResponse::error(ConnectorError::ConnectionReset));
    let error = bench.clock.run(client.start("72d6900f", &[])).unwrap_err();
    assert_eq!((error.kind(), bench.connector.requests().len()), (ErrorKind::OutcomeUnknown, 1));
    let sent = format!("the submit began at {began}, for the storage 72d6900f");
    assert!(error.to_string().ends_with(&sent), "{error}");
    assert!(error.hint().unwrap().ends_with("before starting another; no public call lists jobs"), "{error:?}");

    bench.connector.push(MockResponse::error(ConnectorError::Timeout));
    let csv = "International Account ID\nDE89370400440532013000\n";
    let error = bench.clock.run(client.upload_accounts(csv)).unwrap_err();
    assert_eq!((error.kind(), bench.connector.requests().len()), (ErrorKind::OutcomeUnknown, 2));
    assert!(error.to_string().ends_with("as accounts.csv, and no job was started"), "{error}");
    assert!(error.hint().unwrap().contains("before uploading them again"), "{error:?}");

    bench.connector.push(MockResponse::json(400, "{}"));
    let error = bench.clock.run(client.start("72d6900f", &[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(!error.to_string().contains("the submit began at"), "{error}");
}

#[test]
fn cdq_submit_whose_start_is_refused_after_the_upload_is_not_to_be_repeated() {
    let accounts = "International Account ID\nDE89370400440532013000\n";
    let start = [MockResponse::json(429, "{}"), MockResponse::error(ConnectorError::Connect)];
    for refusal in start {
        let bench = Bench::new();
        let client = client!(cdq, bench, cdq::Credentials::api_key("k"));
        bench.connector.respond_with(move |request| match request.url.path().contains("jobs") {
            true => refusal.clone(),
            false => MockResponse::json(200, "{}"),
        });
        let plain = cdq::Submission::new("storage-1", []);
        let error = bench.clock.run(client.submit(&plain)).unwrap_err();
        assert!(error.is_transient(), "nothing was uploaded: {error:?}");
        let submission = bench.clock.run(plain.with_accounts(accounts)).unwrap();
        let error = bench.clock.run(client.submit(&submission)).unwrap_err();
        assert_eq!((error.is_transient(), error.is_nothing_sent()), (false, false), "{error:?}");
        assert!(error.hint().unwrap().contains("start it for their storage, without their file"), "{error:?}");
        let uploads = bench.connector.requests().iter().filter(|request| !request.url.path().contains("jobs")).count();
        assert_eq!(uploads, 1);
    }
}

#[test]
fn localpayment_submit_is_looked_up_by_its_external_id() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    for (look_up, found) in [
        (MockResponse::json(200, r#"{"status":{"description":"INPROGRESS"}}"#), true),
        (MockResponse::json(404, "{}"), false),
        (MockResponse::json(200, r#"{"externalId":"batch-2","status":{"description":"INPROGRESS"}}"#), false),
        // Of an older batch of the same externalId, which had one account.
        (
            MockResponse::json(
                200,
                r#"{"status":{"code":"200","description":"COMPLETED"},"comment":"Total accounts requested = 1, Total accounts created = 1","csvFormatResponse":"internal_id,external_id\ni-1,r-1\n"}"#,
            ),
            false,
        ),
    ] {
        let bench = Bench::new();
        let client = client!(localpayment, bench, localpayment::Credentials::access_token("t"));
        let log = Arc::clone(&seen);
        bench.connector.respond_with(move |sent: &CapturedRequest| {
            log.lock().unwrap().push(format!("{} {}", sent.method, sent.url.path()));
            if sent.method == "POST" { MockResponse::error(ConnectorError::ConnectionReset) } else { look_up.clone() }
        });
        let end = bench.clock.run(client.create_batch(&accounts(10)));
        match end {
            Ok(batch) => assert!(found && batch.id() == "batch-1"),
            Err(error) => {
                assert!(!found);
                assert_eq!((error.kind(), error.batch().map(Batch::id)), (ErrorKind::OutcomeUnknown, Some("batch-1")));
            }
        }
        assert_eq!(
            seen.lock().unwrap().drain(..).filter(|sent| sent.starts_with("POST")).count(),
            1,
            "never sent twice"
        );
    }
}

#[test]
fn upload_of_a_file_that_breaks_a_rule_sends_nothing() {
    let reap_cases: Vec<(Upload, &str)> = vec![
        ("".into(), "the file is empty"),
        ("externalId,shareToken\n".into(), "no rows"),
        ("externalId\nCANARY\n".into(), "column shareToken is missing"),
        ("externalid,shareToken\nCANARY,CANARY\n".into(), "row 1, column 1: is not one of"),
        ("externalId,shareToken,externalId\nCANARY,b,c\n".into(), "row 1, column 3: externalId is there twice"),
        ("externalId,shareToken\nCANARY,b\nc, \n".into(), "row 3, column shareToken: is empty"),
        ("externalId,shareToken\nCANARY,b\nCANARY,d\n".into(), "row 3, column externalId: the same value as in row 2"),
        ("externalId,shareToken\nCANARY\n".into(), "row 2: has 1 cells"),
        (b"externalId,shareToken\nCANARY,\xff\n".as_slice().into(), "row 2: is not UTF-8"),
        ("\u{feff}externalId,shareToken\nCANARY,b\n".into(), "byte order mark"),
        (csv(5_001).into(), "more than 5000 rows"),
        (vec![b'a'; 10 * 1024 * 1024 + 1].into(), "bytes"),
        (Upload::from_path("/does/not/exist"), "cannot be read"),
    ];
    let bench = Bench::new();
    let client = client!(reap, bench, reap::Credentials::api_key("k"));
    // A file is read on a thread of the runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (file, reason) in reap_cases {
        let error = runtime.block_on(client.upload(file, None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{reason}");
        assert!(error.to_string().contains(reason), "{reason}: {error}");
        assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
    }
    let client = client!(killb, bench, killb::Credentials::access_token("t"));
    let error = bench.clock.run(client.upload("externalId\nref-1\n")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let client = client!(cdq, bench, cdq::Credentials::api_key("k"));
    let error = bench.clock.run(client.upload_accounts("IBAN\nCANARY\n")).unwrap_err();
    assert!(error.kind() == ErrorKind::Usage && !error.to_string().contains("CANARY"), "{error}");
    assert!(bench.connector.requests().is_empty(), "nothing was sent");
}

#[test]
fn create_batch_that_breaks_a_rule_sends_nothing() {
    type Break = fn(&mut CreateBatch);
    let cases: [(Break, &str); 7] = [
        (|batch| batch.accounts.truncate(9), "10 to 5000 accounts, this one 9"),
        (|batch| batch.external_id = "a/b".to_owned(), "externalId of the batch"),
        (|batch| batch.country = "MXN!".to_owned(), "three capital letters"),
        (
            |batch| batch.accounts[3].external_id = "acc-1".to_owned(),
            "account 4, externalId: the same as that of account 2",
        ),
        (|batch| batch.accounts[3].external_id = "CANARY!".to_owned(), "account 4, externalId"),
        (|batch| batch.accounts[0].beneficiary.name = " ".to_owned(), "account 1, beneficiary.name"),
        (|batch| batch.accounts[9].beneficiary.document.id.clear(), "account 10, beneficiary.document.id"),
    ];
    let bench = Bench::new();
    let client = client!(localpayment, bench, localpayment::Credentials::access_token("t"));
    for (break_it, reason) in cases {
        let mut batch = accounts(10);
        break_it(&mut batch);
        let error = bench.clock.run(client.create_batch(&batch)).unwrap_err();
        assert!(error.kind() == ErrorKind::Usage && error.to_string().contains(reason), "{reason}: {error}");
        assert!(!error.to_string().contains("CANARY"));
    }
    assert!(bench.connector.requests().is_empty());
}

#[test]
fn split_is_even_and_repeatable() {
    for (count, sizes) in
        [(10, vec![10]), (5_000, vec![5_000]), (5_001, vec![2_500, 2_501]), (15_001, vec![3_750, 3_750, 3_750, 3_751])]
    {
        let batches = localpayment::split(accounts(count)).unwrap();
        assert_eq!(batches.iter().map(|batch| batch.accounts.len()).collect::<Vec<_>>(), sizes);
        let ids: Vec<_> = batches.iter().map(|batch| batch.external_id.clone()).collect();
        assert_eq!(ids[0], "batch-1");
        assert!(ids.iter().skip(1).zip(2..).all(|(id, number)| *id == format!("batch-1-{number}")));
        let all: Vec<_> =
            batches.iter().flat_map(|batch| &batch.accounts).map(|account| account.external_id.clone()).collect();
        assert_eq!(all, (0..count).map(|number| format!("acc-{number}")).collect::<Vec<_>>());
    }
    assert!(localpayment::split(accounts(9)).is_err());
}

#[test]
fn upload_from_path_is_streamed_with_its_length() {
    let path = std::env::temp_dir().join(format!("bulkrail-upload-{}.csv", std::process::id()));
    std::fs::write(&path, csv(4_000)).unwrap();
    let end = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let sandbox = Sandbox::builder().start().await.unwrap();
        let key = reap::Credentials::api_key(secret(&sandbox, "reap", 0));
        let client =
            reap::Client::builder().base_url(sandbox.base_url("reap").unwrap()).credentials(key).build().unwrap();
        let batch = client.upload(Upload::from_path(&path), None).await?;
        client.status(&batch).await
    });
    std::fs::remove_file(&path).unwrap();
    assert_eq!(end.unwrap().snapshot.progress.total, Some(4_000));
}

#[cfg(unix)]
#[tokio::test]
async fn upload_of_a_device_is_refused_before_anything_is_sent() {
    let form = Upload::from_path("/dev/null").into_form("file", "batch.csv", "text/csv").await;
    assert_eq!(form.map(|_| ()).unwrap_err().to_string(), "the upload is not a regular file; save it as one");
}

#[cfg(unix)]
#[tokio::test]
async fn submission_of_a_file_that_never_ends_is_refused() {
    let options = bulkrail::SubmitOptions::default().account_number("484").country("MEX");
    let (file, format) = (Upload::from_path("/dev/zero"), bulkrail::FileFormat::Json);
    let error = localpayment::Submission::prepare(Some(file), Some(format), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("the file has more than"), "{error}");
}

/// Submits ten accounts to Localpayment, and returns what was sent and the result. The first response is that of the
/// submit, the others are those of polls, the last one again and again.
fn submit_to_localpayment(responses: Vec<MockResponse>) -> (Vec<String>, Result<Batch, Error>) {
    let bench = Bench::new();
    let client = client!(localpayment, bench, localpayment::Credentials::access_token("t"));
    let last = responses.last().unwrap().clone();
    responses.into_iter().for_each(|response| bench.connector.push(response));
    bench.connector.respond_with(move |_| last.clone());
    let end = bench.clock.run(client.create_batch(&accounts(10)));
    (bench.connector.requests().iter().map(|sent| sent.method.to_string()).collect(), end)
}

#[test]
fn localpayment_look_up_is_repeated_while_the_batch_may_still_appear() {
    let lost = || MockResponse::error(ConnectorError::ConnectionReset);
    let visible = || MockResponse::json(200, r#"{"status":{"description":"INPROGRESS"}}"#);
    for not_yet in [MockResponse::json(404, "{}"), MockResponse::json(503, "{}")] {
        let (sent, end) = submit_to_localpayment(vec![lost(), not_yet, visible()]);
        assert_eq!(sent, ["POST", "GET", "GET"]);
        assert_eq!(end.unwrap().id(), "batch-1");
    }
    // It cannot appear: the token is refused.
    let (sent, end) = submit_to_localpayment(vec![lost(), MockResponse::json(401, "{}")]);
    assert_eq!((sent, end.unwrap_err().kind()), (vec!["POST".to_owned(), "GET".to_owned()], ErrorKind::OutcomeUnknown));
}

#[test]
fn localpayment_response_about_another_batch_is_an_unknown_outcome_until_the_batch_is_seen() {
    let another = || MockResponse::json(201, r#"{"externalId":"batch-2"}"#);
    let (sent, end) = submit_to_localpayment(vec![another(), MockResponse::json(404, "{}")]);
    let error = end.unwrap_err();
    assert_eq!((error.kind(), error.batch().map(Batch::id)), (ErrorKind::OutcomeUnknown, Some("batch-1")));
    assert!(error.to_string().contains("the response is about another batch") && sent.len() > 1, "{error}");
    let visible = MockResponse::json(200, r#"{"status":{"description":"INPROGRESS"}}"#);
    assert_eq!(submit_to_localpayment(vec![another(), visible]).1.unwrap().id(), "batch-1");
    // In another letter case it is the same one.
    let (sent, end) = submit_to_localpayment(vec![MockResponse::json(201, r#"{"externalId":"BATCH-1"}"#)]);
    assert_eq!((sent.len(), end.unwrap().id()), (1, "batch-1"));
}

#[test]
fn localpayment_refusal_is_not_looked_up() {
    let (sent, end) = submit_to_localpayment(vec![MockResponse::json(400, "{}")]);
    assert_eq!((sent.len(), end.unwrap_err().kind()), (1, ErrorKind::InvalidRequest));
}
