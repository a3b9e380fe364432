//! Every error body, documented or not, becomes an error with a kind that shows nothing of the
//! body.

use crate::common::{Bench, client};
use bulkrail::http::ConnectorError;
use bulkrail::test_util::MockResponse;
use bulkrail::{Batch, Error, ErrorKind, Provider, ProviderId};

fn poll<P: Provider>(bench: &Bench, client: &P, provider: ProviderId, response: MockResponse) -> Error {
    bench.connector.push(response);
    let batch = Batch::new(provider, "b-1").unwrap();
    let error = bench.clock.run(client.poll(&batch)).unwrap_err();
    assert_eq!(error.batch(), Some(&batch), "every error has its batch");
    error
}

/// Checks what holds for every provider and every body.
fn check_any_body<P: Provider>(bench: &Bench, client: &P, provider: &ProviderId) {
    let by_status = [
        (400, ErrorKind::InvalidRequest),
        (401, ErrorKind::Authentication),
        (403, ErrorKind::Permission),
        (404, ErrorKind::NotFound),
        (406, ErrorKind::InvalidRequest),
        (408, ErrorKind::Unavailable),
        (409, ErrorKind::Conflict),
        (410, ErrorKind::NotFound),
        (425, ErrorKind::Unavailable),
        (429, ErrorKind::RateLimited),
        (302, ErrorKind::UnsafeRedirect),
        (307, ErrorKind::UnsafeRedirect),
        (500, ErrorKind::Unavailable),
        (502, ErrorKind::Unavailable),
        (503, ErrorKind::Unavailable),
        (504, ErrorKind::Unavailable),
        (599, ErrorKind::Unavailable),
    ];
    let bodies = [
        "",
        "<html><h1>CANARY</h1></html>",
        "{\"code\":\"CANARY",
        "[\"CANARY\"]",
        "null",
        "\"CANARY\"",
        "{}",
        r#"{"code":"CANARY","message":"CANARY","parameter":"CANARY","errorCode":"CANARY","arguments":[{"key":"CANARY"}],
            "error":"CANARY","id":"CANARY","status":{"code":"CANARY","detail":"CANARY"},"detail":"CANARY","statusCode":7}"#,
        r#"{"message":{"CANARY":["CANARY"]},"status":[[]],"errorCode":{},"error":7,"code":12,"errors":{"0":1}}"#,
    ];
    for (status, kind) in by_status {
        for body in bodies {
            let error = poll(bench, client, provider.clone(), MockResponse::new(status, body));
            assert_eq!((error.kind(), error.http_status()), (kind, Some(status)), "{status} {body}");
            assert_eq!(error.provider(), Some(provider));
            // The hint is not part of the message.
            let hint = error.hint().expect("a hint");
            assert!(!error.to_string().contains(hint), "{status} {body}: {error}");
            assert_eq!(error.document().error.hint.as_deref(), Some(hint));
            let shown = format!("{error}{error:?}{error:#?}");
            assert!(!shown.contains("CANARY"), "{status} {body}: {shown}");
        }
        let error = poll(bench, client, provider.clone(), MockResponse::new(status, "{\"code\":").reset_after_body());
        assert_eq!(error.kind(), kind, "a body that breaks off still has a status");
    }
    for body in bodies.iter().filter(|body| !body.starts_with('{') || body.ends_with("CANARY")) {
        let error = poll(bench, client, provider.clone(), MockResponse::new(200, *body));
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Decode, true), "200 {body}");
        assert!(!format!("{error}{error:?}").contains("CANARY"), "{error:?}");
    }
    let faults = [
        ConnectorError::Connect,
        ConnectorError::ConnectTimeout,
        ConnectorError::ConnectionRefused,
        ConnectorError::UnknownHost,
        ConnectorError::CertificateExpired,
        ConnectorError::ProxyRefused,
        ConnectorError::NotProcessed,
        ConnectorError::Timeout,
        ConnectorError::ConnectionReset,
        ConnectorError::InvalidBody,
    ];
    for fault in faults {
        let error = poll(bench, client, provider.clone(), MockResponse::error(fault));
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::Unavailable, None), "{fault}");
        assert_eq!(error.is_transient(), !fault.is_permanent(), "{fault}");
        assert_eq!(error.is_nothing_sent(), fault.is_before_sending(), "{fault}");
        let saved = Error::from(error.document());
        assert_eq!((saved.is_transient(), saved.hint()), (error.is_transient(), error.hint()), "{fault}");
    }
    for status in [600, 604, 800, 999] {
        let error = poll(bench, client, provider.clone(), MockResponse::json(status, r#"{"status":"completed"}"#));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{status} is not a success");
    }
    let error = poll(bench, client, provider.clone(), MockResponse::json(429, "{}").header("retry-after", "7"));
    assert_eq!(error.retry_after().map(|after| after.as_secs()), Some(7));
    let error = poll(bench, client, provider.clone(), MockResponse::json(500, "{}").header("x-request-id", "r-1"));
    assert_eq!(error.request_id(), Some("r-1"));
    let error =
        poll(bench, client, provider.clone(), MockResponse::json(200, "{}").header("content-length", "999999999999"));
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[cfg(feature = "reap")]
#[test]
fn reap_errors_keep_code_kind_and_meaning() {
    let bench = Bench::new();
    let client = client!(reap, bench, bulkrail::reap::Credentials::api_key("k"));
    let provider = bulkrail::reap::PROVIDER;
    let table = [
        (401, "0000000100", "Invalid Authorization: missing API key", ErrorKind::Authentication, "missing API key"),
        (401, "0000000200", "Invalid Authorization", ErrorKind::Authentication, "invalid API key"),
        (404, "0701020100", "Batch not found", ErrorKind::NotFound, "batch not found"),
        (400, "0501001400", "Invalid Authorization: missing API key", ErrorKind::Authentication, "missing API key"),
        (400, "9999993401", "Duplicate", ErrorKind::Conflict, "used before"),
    ];
    for (status, code, message, kind, shown) in table {
        let body = format!(r#"{{"code":"{code}","message":"{message}","parameter":""}}"#);
        let error = poll(&bench, &client, provider.clone(), MockResponse::json(status, body));
        assert_eq!((error.kind(), error.code(), error.provider_message()), (kind, Some(code), Some(message)));
        assert!(error.to_string().contains(code) && error.to_string().contains(shown), "{error}");
        assert_eq!(error.parameter(), None, "an empty parameter is not a name");
    }
    check_any_body(&bench, &client, &provider);
}

#[cfg(feature = "cdq")]
#[test]
fn cdq_errors_follow_the_http_status() {
    let bench = Bench::new();
    let client = client!(cdq, bench, bulkrail::cdq::Credentials::api_key("k"));
    let provider = bulkrail::cdq::PROVIDER;
    // The pages show this one body under every status; the HTTP status decides.
    let body = r#"{"id":"5c6a2c7e-9b0a-4e1a-8b0a-4e1a8b0a4e1a","path":"/v2/businesspartners/lookup",
        "timestamp":"2025-08-29T09:46:42Z","message":"This user is not allowed to access this service.",
        "error":"BAD_REQUEST","status":"400"}"#;
    let table = [
        (400, ErrorKind::InvalidRequest),
        (401, ErrorKind::Authentication),
        (403, ErrorKind::Permission),
        (404, ErrorKind::NotFound),
        (406, ErrorKind::InvalidRequest),
        (503, ErrorKind::Unavailable),
    ];
    for (status, kind) in table {
        let error = poll(&bench, &client, provider.clone(), MockResponse::json(status, body));
        assert_eq!((error.kind(), error.http_status(), error.code()), (kind, Some(status), Some("BAD_REQUEST")));
        assert_eq!(error.request_id(), Some("5c6a2c7e-9b0a-4e1a-8b0a-4e1a8b0a4e1a"));
    }
    check_any_body(&bench, &client, &provider);
}

#[cfg(feature = "localpayment")]
#[test]
fn localpayment_errors_keep_code_kind_and_parameter() {
    let bench = Bench::new();
    let client = client!(localpayment, bench, bulkrail::localpayment::Credentials::access_token("t"));
    let provider = bulkrail::localpayment::PROVIDER;
    let rejected = r#"{"status":{"code":"300","description":"REJECTED","detail":"Invalid param + [paymentMethod] + [Is mandatory]"},
        "errors":[{"code":"300","description":"REJECTED","detail":"Invalid param + [paymentMethod] + [Is mandatory]"}]}"#;
    let error = poll(&bench, &client, provider.clone(), MockResponse::json(400, rejected));
    assert_eq!(
        (error.kind(), error.code(), error.parameter()),
        (ErrorKind::InvalidRequest, Some("300"), Some("paymentMethod"))
    );

    let gone = r#"{"status":{"code":"404","description":"REJECTED","detail":"Batch not found"}}"#;
    let error = poll(&bench, &client, provider.clone(), MockResponse::json(404, gone));
    assert_eq!((error.kind(), error.provider_message()), (ErrorKind::NotFound, Some("Batch not found")));

    let twice =
        r#"{"status":{"code":"500","description":"REJECTED","detail":"External ID already used - Duplication"}}"#;
    assert_eq!(poll(&bench, &client, provider.clone(), MockResponse::json(400, twice)).kind(), ErrorKind::Conflict);

    let login = r#"{"detail":"No active account found with the given credentials"}"#;
    let error = poll(&bench, &client, provider.clone(), MockResponse::json(401, login));
    assert_eq!(error.provider_message(), Some("No active account found with the given credentials"));
    check_any_body(&bench, &client, &provider);
}

#[cfg(feature = "killb")]
#[test]
fn killb_errors_keep_code_kind_and_parameter() {
    let bench = Bench::new();
    let client = client!(killb, bench, bulkrail::killb::Credentials::access_token("t"));
    let provider = bulkrail::killb::PROVIDER;
    let body = r#"{"errorCode":"ACCOUNT.0001","message":["Account not found","try again"],"statusCode":"404","arguments":[{"key":"id","value":"x"}]}"#;
    let error = poll(&bench, &client, provider.clone(), MockResponse::json(404, body));
    assert_eq!(
        (error.kind(), error.code(), error.parameter()),
        (ErrorKind::NotFound, Some("ACCOUNT.0001"), Some("id"))
    );
    assert_eq!(error.provider_message(), Some("Account not found; try again"));
    assert!(error.to_string().contains("account not found"), "{error}");

    let plain = MockResponse::json(500, r#"{"statusCode":500,"message":"Internal server error"}"#);
    let error = poll(&bench, &client, provider.clone(), plain);
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, None));
    check_any_body(&bench, &client, &provider);
}

#[cfg(feature = "reap")]
#[test]
fn poll_refuses_a_batch_of_another_provider_before_sending() {
    let bench = Bench::new();
    let client = client!(reap, bench, bulkrail::reap::Credentials::api_key("k"));
    let batch = Batch::new(ProviderId::from_static("cdq"), "b-1").unwrap();
    let error = bench.clock.run(client.poll(&batch)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(bench.connector.requests().is_empty());
}

#[cfg(feature = "reap")]
#[test]
fn map_raw_error_restores_the_error_of_a_direct_call() {
    use bulkrail::reap::raw;
    let bench = Bench::new();
    let client = client!(reap, bench, bulkrail::reap::Credentials::api_key("k"));
    let body = r#"{"code":"0701020100","message":"Batch not found","parameter":""}"#;
    bench.connector.push(MockResponse::json(404, body).header("x-request-id", "r-1"));
    bench.connector.push(MockResponse::json(503, "{}").header("retry-after", "7").header("x-request-id", "r-2"));
    bench.connector.push(MockResponse::error(ConnectorError::Timeout));
    bench.connector.push(MockResponse::json(200, r#"{"totalRecords":"CANARY"}"#));
    bench.clock.run(async {
        let error = client.map_raw_error(client.raw().get_batch_status("b").await.unwrap_err()).await;
        assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, Some("0701020100")));
        assert_eq!((error.http_status(), error.request_id()), (Some(404), Some("r-1")));

        let error = client.map_raw_error(client.raw().get_batch_status("b").await.unwrap_err()).await;
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::Unavailable, Some(503)));
        assert_eq!((error.retry_after().map(|after| after.as_secs()), error.request_id()), (Some(7), Some("r-2")));

        let failed = client.raw().get_batch_status("b").await.unwrap_err();
        assert!(matches!(failed, raw::Error::Custom(_)), "a failed request is an error, not a response");
        let error = client.map_raw_error(failed).await;
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::Unavailable, None));
        assert_eq!(error.provider(), Some(&bulkrail::reap::PROVIDER));

        let error = client.map_raw_error(client.raw().get_batch_status("b").await.unwrap_err()).await;
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(!format!("{error:?}").contains("CANARY"));
    });
}

#[cfg(feature = "reap")]
#[test]
fn argument_that_cannot_be_a_header_is_a_usage_error_without_its_value() {
    let bench = Bench::new();
    let client = client!(reap, bench, bulkrail::reap::Credentials::api_key("k"));
    let check = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        let causes = std::iter::successors(std::error::Error::source(&error), |cause| (**cause).source());
        let shown = format!("{error}{error:?}{:?}", causes.map(ToString::to_string).collect::<Vec<_>>());
        assert!(!shown.contains("CANARY"), "{shown}");
    };
    let key = "CANARY\nx";
    check(bench.clock.run(client.upload("externalId,shareToken\na,b\n", Some(key))).unwrap_err());
    let upload = client.raw().upload_batch(Some(key), bulkrail::reap::raw::types::KycProvider::Sumsub, "");
    check(bulkrail::http::capture(upload).unwrap_err());
    let upload = client.raw().upload_batch(Some(key), bulkrail::reap::raw::types::KycProvider::Sumsub, "");
    let direct = async { client.map_raw_error(upload.await.unwrap_err()).await };
    check(bench.clock.run(direct));
    assert!(bench.connector.requests().is_empty());
}

#[cfg(feature = "reap")]
#[test]
fn direct_calls_send_credentials_after_a_capture_and_during_others() {
    let bench = Bench::new();
    let client = client!(reap, bench, bulkrail::reap::Credentials::api_key("k"));
    bench.connector.respond_with(|_| MockResponse::json(200, r#"{"batchId":"polled","status":"pending"}"#));
    let captured = bulkrail::http::capture(client.raw().get_batch_status("captured")).unwrap();
    assert!(bench.connector.requests().is_empty(), "a captured request is not sent");
    bench.clock.run(async {
        client.raw().get_batch_status("direct").await.unwrap();
        let batch = Batch::new(bulkrail::reap::PROVIDER, "polled").unwrap();
        let (direct, polled) =
            futures_util::future::join(client.raw().get_batch_status("beside"), client.poll(&batch)).await;
        assert!(direct.is_ok() && polled.is_ok());
    });
    drop(captured);
    let paths: Vec<_> = bench.connector.requests().iter().map(|sent| sent.url.path().to_owned()).collect();
    assert_eq!(paths, ["direct", "beside", "polled"].map(|id| format!("/entity/kyc/import/batch/{id}")));
    assert!(bench.connector.requests().iter().all(|sent| sent.headers["x-reap-api-key"] == "k"));
}

/// A status word, a name of a field or a code that repeats the credential is data, but not to be shown.
#[cfg(feature = "reap")]
#[test]
fn texts_of_a_response_that_repeat_the_credential_are_not_kept() {
    use bulkrail::reap::{Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;
    use bulkrail::{Batch, Provider};

    use crate::common::{Bench, client};

    const KEY: &str = "sk_live_9f8e7d6c5b4a3210";
    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    for echo in [KEY, "sk_live_9f8e", "SK_LIVE_9F8E7D6C5B4A3210", "c2tfbGl2ZV85ZjhlN2Q2YzViNGEzMjEw"] {
        let bench = Bench::new();
        let client = client!(reap, bench, Credentials::api_key(KEY));
        let body = format!(r#"{{"status":"{echo}","{echo}":1,"code":"{echo}","parameter":"{echo}"}}"#);
        bench.connector.push(MockResponse::json(200, &body));
        let snapshot = bench.clock.run(client.poll(&batch)).unwrap();
        bench.connector.push(MockResponse::json(400, &body).header("x-request-id", echo));
        let error = bench.clock.run(client.poll(&batch)).unwrap_err();
        let shown = [serde_json::to_string(&snapshot).unwrap(), serde_json::to_string(&error.document()).unwrap()];
        assert!(!shown.concat().contains(echo), "{shown:?}");
        assert!(!snapshot.drift.is_empty() && error.code().is_some(), "what was redacted is there");
    }
}
