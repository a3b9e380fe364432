use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestResponse, TestSandbox, form, reap_csv, send};

const BATCHES: &str = "/entity/kyc/import/batch";

async fn upload(server: &TestSandbox, file: Vec<u8>, key: Option<&str>) -> TestResponse {
    let mut request = server.request(Method::POST, "reap", BATCHES).await;
    request = request.header("X-Provider", "sumsub");
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    send(request.multipart(form(file))).await
}

async fn start(server: &TestSandbox, file: Vec<u8>) -> String {
    let (status, body) = upload(server, file, None).await.parts();
    assert_eq!(status, 201, "{body}");
    body["batchId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn batch_completes_with_counts_that_add_up() {
    let server = TestSandbox::new().await;
    let batch = start(&server, reap_csv(700)).await;
    let path = format!("{BATCHES}/{batch}");
    let mut statuses = Vec::new();
    let mut previous = 0;
    let end = loop {
        let (status, body) = server.get("reap", &path).await.parts();
        assert_eq!((status, &body["batchId"]), (200, &json!(batch)));
        let count = |pointer: &str| body.pointer(pointer).unwrap().as_u64().unwrap();
        assert_eq!(count("/totalRecords"), 700);
        assert_eq!(count("/processedRecords"), count("/failedRecords") + count("/summary/successfulRecords"));
        assert!(count("/processedRecords") >= previous);
        previous = count("/processedRecords");
        assert_eq!(body["summary"]["errors"], json!([]));
        let batch_status = body["status"].as_str().unwrap().to_owned();
        assert_eq!(body["startedAt"].is_null(), batch_status == "pending");
        assert_eq!(body["completedAt"].is_null(), batch_status != "completed");
        if statuses.last() != Some(&batch_status) {
            statuses.push(batch_status);
        }
        if statuses.last().unwrap() == "completed" {
            break body;
        }
        server.advance(10.0);
        assert!(server.clock.elapsed().as_secs() <= 180, "still running");
    };
    assert_eq!(statuses, ["pending", "in_progress", "completed"]);
    assert_eq!(end["processedRecords"], 700);
    let failed = end["failedRecords"].as_u64().unwrap();
    assert!((30..90).contains(&failed), "{failed}");
    // About a minute in the queue, then 7 rows per second.
    assert!((145..=180).contains(&server.clock.elapsed().as_secs()));
}

#[tokio::test]
async fn upload_response_matches_vendor_tool_and_duplicate_key_gets_409() {
    let server = TestSandbox::new().await;
    let (status, body) = upload(&server, reap_csv(3), Some("key-1")).await.parts();
    assert_eq!((status, &body["status"]), (201, &json!("PENDING")));
    assert_eq!(body["totalRecords"], 3);
    for key in ["batchId", "businessUuid", "message", "createdAt"] {
        assert!(body[key].is_string(), "{key}");
    }
    let (status, body) = upload(&server, reap_csv(3), Some("key-1")).await.parts();
    assert_eq!((status, &body["code"]), (409, &json!("9999993401")));
    assert_eq!(upload(&server, reap_csv(3), Some("key-2")).await.status, 201);
    assert_eq!(server.sandbox.stats("reap").batches_created, 2);
}

#[tokio::test]
async fn rejected_upload_does_not_consume_idempotency_key() {
    let server = TestSandbox::new().await;
    assert_eq!(upload(&server, b"a,b\n".to_vec(), Some("k")).await.status, 400);
    assert_eq!(upload(&server, reap_csv(1), Some("k")).await.status, 201);
}

#[tokio::test]
async fn upload_rejects_invalid_files_and_missing_provider_header() {
    let server = TestSandbox::new().await;
    let cases: [(&[u8], &str); 6] = [
        (b"externalId,applicantLevel\na,b\n", "shareToken"),
        (b"externalid,shareToken\na,b\n", "externalId"),
        (b"externalId,shareToken\n", "file"),
        (b"externalId,shareToken\n\xff,b\n", "file"),
        (b"\xef\xbb\xbfexternalId,shareToken\na,b\n", "file"),
        (b"externalId,shareToken\na,b,c\n", "file"),
    ];
    for (file, parameter) in cases {
        let (status, body) = upload(&server, file.to_vec(), None).await.parts();
        assert_eq!((status, &body["code"]), (400, &json!("0701001400")));
        assert_eq!(body["parameter"], parameter, "{body}");
    }
    assert_eq!(upload(&server, reap_csv(5000), None).await.status, 201);
    assert_eq!(upload(&server, reap_csv(5001), None).await.status, 400);
    let too_large = upload(&server, vec![b'a'; 11 << 20], None).await;
    assert_eq!(too_large.status, 413);
    assert!(too_large.json()["code"].is_string());

    let request = server.request(Method::POST, "reap", BATCHES).await;
    let (status, body) = send(request.multipart(form(reap_csv(1)))).await.parts();
    assert_eq!((status, &body["parameter"]), (400, &json!("X-Provider")));
}

#[tokio::test]
async fn rows_with_empty_required_cell_fail() {
    let server = TestSandbox::new().await;
    let file = b"externalId,shareToken\n,token\nperson,\n";
    let batch = start(&server, file.to_vec()).await;
    server.advance(100.0);
    let end = server.get("reap", &format!("{BATCHES}/{batch}")).await.json();
    assert_eq!((&end["status"], &end["failedRecords"]), (&json!("completed"), &json!(2)));
}

#[tokio::test]
async fn missing_and_wrong_api_key_get_error_code_of_endpoint_group() {
    let server = TestSandbox::new().await;
    for (path, missing, wrong) in [
        (format!("{BATCHES}/x"), (401, "0000000100"), (401, "0000000200")),
        ("/entity/x".to_owned(), (400, "0501001400"), (401, "0501002401")),
    ] {
        let request = server.unauthenticated(Method::GET, "reap", &path);
        let (status, body) = send(request).await.parts();
        assert_eq!((status, body["code"].as_str().unwrap()), missing);
        assert_eq!(body["message"], "Invalid Authorization: missing API key");
        let request = server.unauthenticated(Method::GET, "reap", &path).header("x-reap-api-key", "wrong");
        let (status, body) = send(request).await.parts();
        assert_eq!((status, body["code"].as_str().unwrap()), wrong);
        assert_eq!(body["message"], "Invalid Authorization");
        assert_eq!(body["parameter"], "");
    }
}

#[tokio::test]
async fn unknown_ids_get_documented_errors() {
    let server = TestSandbox::new().await;
    let batch = server.get("reap", &format!("{BATCHES}/none")).await;
    let body = json!({"code": "0701020100", "message": "Batch not found", "parameter": ""});
    assert_eq!(batch.parts(), (404, body));
    let entity = server.get("reap", "/entity/none").await;
    assert_eq!(entity.status, 404);
    assert_eq!(entity.json()["code"], "0102001404");
}

async fn entity(server: &TestSandbox, external_id: &str) -> String {
    let request = json!({
        "externalId": external_id,
        "type": "INDIVIDUAL",
        "verificationMode": "SUMSUB_TOKEN_SHARING",
    });
    let (status, body) = server.post("reap", "/entity", &request).await.parts();
    assert_eq!((status, &body["externalId"]), (201, &json!(external_id)));
    body["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn entity_requirements_show_result_of_batch_rows() {
    let server = TestSandbox::new().await;
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(entity(&server, &format!("user-{n}")).await);
    }
    // A row may refer to an entity by its id or its `externalId`.
    let mut csv = "externalId,shareToken\n".to_owned();
    for (n, id) in ids.iter().enumerate() {
        let reference = if n % 2 == 0 { id.clone() } else { format!("user-{n}") };
        csv += &format!("{reference},token-{n}\n");
    }
    let read = async |id: &str| server.get("reap", &format!("/entity/{id}")).await.json();
    assert_eq!(read(&ids[0]).await["submittedRequirements"], json!([]));
    let batch = start(&server, csv.into_bytes()).await;
    let requirement = |entity: &Value| entity["submittedRequirements"][0]["status"].clone();
    assert_eq!(requirement(&read(&ids[0]).await), "PENDING");

    server.advance(100.0);
    let end = server.get("reap", &format!("{BATCHES}/{batch}")).await.json();
    let mut rejected = 0;
    for id in &ids {
        let entity = read(id).await;
        for key in ["id", "externalId", "businessId", "type", "enabledFeatures", "createdAt", "updatedAt"] {
            assert!(entity.get(key).is_some(), "{key}");
        }
        match requirement(&entity).as_str().unwrap() {
            "REJECTED" => rejected += 1,
            other => assert_eq!(other, "APPROVED"),
        }
        assert!(!entity.to_string().contains("token-"), "a share token was returned");
    }
    assert_eq!(end["failedRecords"], rejected);
}

#[tokio::test]
async fn create_entity_rejects_invalid_and_duplicate_requests() {
    let server = TestSandbox::new().await;
    entity(&server, "taken").await;
    let taken = json!({"externalId": "taken", "type": "BUSINESS"});
    let (status, body) = server.post("reap", "/entity", &taken).await.parts();
    assert_eq!((status, &body["code"]), (409, &json!("0101003409")));
    for (request, parameter) in [
        (json!({"type": "INDIVIDUAL"}), "externalId"),
        (json!({"externalId": "a", "type": "ROBOT"}), "type"),
        (json!({"externalId": "a", "type": "BUSINESS", "verificationMode": "NO"}), "verificationMode"),
        (json!({"externalId": "a", "type": "BUSINESS", "requirements": []}), "requirements"),
    ] {
        let (status, body) = server.post("reap", "/entity", &request).await.parts();
        assert_eq!((status, &body["code"]), (400, &json!("0701001400")));
        assert_eq!(body["parameter"], parameter);
    }
}
