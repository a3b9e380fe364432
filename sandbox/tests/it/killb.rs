use reqwest::Method;
use serde_json::json;

use crate::support::{TestSandbox, form, send, valid_workbook, workbook};

const UPLOAD: &str = "/api/v2/accounts/bulk/upload";

async fn start(server: &TestSandbox, file: Vec<u8>) -> String {
    let (status, body) = server.upload("killb", UPLOAD, file).await.parts();
    assert_eq!((status, &body["status"]), (201, &json!("PENDING")));
    assert_eq!(body["message"], "Bulk beneficiary job created successfully");
    body["jobId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn job_completes_with_counts_that_match_results() {
    let server = TestSandbox::new().await;
    let job = start(&server, valid_workbook(200)).await;
    let path = format!("/api/v2/accounts/bulk/status/{job}");
    let mut statuses = Vec::new();
    let mut previous = 0;
    let end = loop {
        let (status, body) = server.get("killb", &path).await.parts();
        assert_eq!(status, 200);
        let count = |name: &str| body[name].as_u64().unwrap();
        assert_eq!(count("totalRows"), 200);
        assert_eq!(count("processedRows"), count("successCount") + count("errorCount"));
        assert!(count("processedRows") >= previous);
        previous = count("processedRows");
        assert_eq!(body["results"].as_array().unwrap().len() as u64, previous);
        let batch_status = body["status"].as_str().unwrap().to_owned();
        if statuses.last() != Some(&batch_status) {
            statuses.push(batch_status);
        }
        if statuses.last().unwrap() == "COMPLETED" {
            break body;
        }
        assert!(body.get("error").is_none() && body.get("resultsFileUrl").is_none());
        server.advance(5.0);
        assert!(server.clock.elapsed().as_secs() <= 95, "still running");
    };
    assert_eq!(statuses, ["PENDING", "PROCESSING", "COMPLETED"]);
    assert_eq!(end["processedRows"], 200);
    assert!(server.clock.elapsed().as_secs() >= 20);

    let failed = end["errorCount"].as_u64().unwrap();
    assert!((5..40).contains(&failed), "{failed}");
    assert_eq!(end["error"], "Partial failure during processing");
    assert!(end["resultsFileUrl"].as_str().unwrap().ends_with(".xlsx"));
    let results = end["results"].as_array().unwrap();
    for (row, number) in results.iter().zip(2..) {
        assert_eq!(row["rowNumber"], number);
        assert_eq!(row["sheetName"], "Sheet1");
        assert_eq!(row["originalRowData"]["rowNumber"], number);
        assert_eq!(row["originalRowData"]["externalId"], format!("ext-{}", number - 1));
        let succeeded = row["status"] == "SUCCESS";
        assert_eq!(row.get("accountId").is_some(), succeeded);
        assert_eq!(row.get("complianceUrl").is_some(), succeeded);
        assert_eq!(row.get("error").is_some(), !succeeded);
        assert!(succeeded || row["status"] == "ERROR");
    }
    let failed_rows = results.iter().filter(|row| row["status"] == "ERROR");
    assert_eq!(failed_rows.count() as u64, failed);

    let created = results.iter().find(|row| row["status"] == "SUCCESS").unwrap();
    let id = created["accountId"].as_str().unwrap();
    let account = server.get("killb", &format!("/api/v2/accounts/{id}")).await;
    let account = account.json();
    assert_eq!(account["status"], "ACTIVE");
    assert_eq!(account["type"], "PSE");
    assert_eq!(account["externalId"], created["originalRowData"]["externalId"]);
}

#[tokio::test]
async fn invalid_rows_fail_with_their_validation_error() {
    let server = TestSandbox::new().await;
    let file = workbook(&[
        &[
            &["accountType", "companyName", "ignored"],
            &["", "Acme Corp", "x"],
            &["NOPE", "Acme Corp", "x"],
            &["", "", ""],
            &["SPEI", "", "x"],
        ],
        &[&["accountType", "companyName"], &["NOPE", "Acme Corp"]],
    ]);
    let job = start(&server, file).await;
    server.advance(95.0);
    let path = format!("/api/v2/accounts/bulk/status/{job}");
    let end = server.get("killb", &path).await.json();
    let rows: Vec<_> = (end["results"].as_array().unwrap().iter())
        .map(|row| (&row["sheetName"], &row["rowNumber"], &row["error"]))
        .map(|(sheet, number, error)| json!([sheet, number, error]))
        .collect();
    assert_eq!(
        json!(rows),
        json!([
            ["Sheet1", 2, "accountType is required"],
            ["Sheet1", 3, "accountType is not supported"],
            ["Sheet1", 5, "firstName is required if companyName is not present"],
            ["Sheet2", 2, "accountType is not supported"],
        ])
    );
    assert_eq!(end["errorCount"], 4);
    assert!(end["results"][0]["originalRowData"].get("ignored").is_none());
}

#[tokio::test]
async fn workbook_without_rows_creates_job_that_fails() {
    let server = TestSandbox::new().await;
    let job = start(&server, workbook(&[&[&["accountType"]]])).await;
    server.advance(95.0);
    let path = format!("/api/v2/accounts/bulk/status/{job}");
    let end = server.get("killb", &path).await.json();
    assert_eq!((&end["status"], &end["totalRows"]), (&json!("FAILED"), &json!(0)));
    assert_eq!(end["error"], "The file has no data rows");
}

#[tokio::test]
async fn create_account_echoes_request_and_rejects_duplicate_external_id() {
    let server = TestSandbox::new().await;
    let request = json!({
        "type": "PSE",
        "data": {"firstName": "John", "document": {"type": "NIT"}, "countryCode": "CO"},
        "userId": "7f0a8ad6-29a1-4a66-a6c4-8bb398eb78d1",
        "externalId": "d00e4f43-2022-42f3-ba1c-dcf4c1dcd934",
    });
    let (status, account) = server.post("killb", "/api/v2/accounts", &request).await.parts();
    assert_eq!((status, &account["status"]), (201, &json!("ACTIVE")));
    for key in ["type", "data", "userId", "externalId"] {
        assert_eq!(account[key], request[key]);
    }
    let path = format!("/api/v2/accounts/{}", account["id"].as_str().unwrap());
    assert_eq!(server.get("killb", &path).await.json(), account);

    let duplicate = server.post("killb", "/api/v2/accounts", &request).await;
    assert_eq!(duplicate.status, 409);
    assert_eq!(duplicate.json()["message"], json!(["Account already exists for this user"]));
}

/// Returns all members of `data` that any kind needs; those that a kind does not have are ignored.
fn data(kind: &str) -> serde_json::Value {
    let mut data = json!({
        "firstName": "Ana", "lastName": "Souza", "email": "ana@example.com", "phone": "+50688887777",
        "document": {"type": "PASSPORT", "number": "1", "issuedCountryCode": "CO"}, "countryCode": "CO",
        "accountNumber": "10234567", "bankCode": "001", "bankName": "Banco", "type": "savings",
        "routingNumber": "021000021", "swiftCode": "BBVAESMMXXX", "currency": "USDC", "network": "POLYGON",
        "bankAddress": {"street1": "a", "city": "b", "state": "c", "zipCode": "d", "countryCode": "US"},
        "address": "0x7", "cvu": "0000003100012345678901", "aliasType": "PHONE", "alias": "3001234567",
        "pixKeyType": "CPF", "pixKey": "1", "cci": "00219200000000123456", "account": "3001234567",
        "identifierType": "ACCOUNT",
    });
    match kind {
        "TRANSFIYA" => data["type"] = "WALLET".into(),
        "SINPE" => data["accountNumber"] = "CR04011400007316288640".into(),
        "CCI" => data["countryCode"] = "PE".into(),
        _ => {}
    }
    data
}

#[tokio::test]
async fn create_account_enforces_published_rules_of_each_kind() {
    let server = TestSandbox::new().await;
    let missing = "should not be empty";
    for (kind, member, value, message) in [
        ("PIX", "pixKey", json!(null), "pixKey must be a string"),
        ("PIX", "pixKey", json!(""), missing),
        ("PIX", "pixKeyType", json!("CFP"), "pixKeyType must be one of CPF, CNPJ, EMAIL, PHONE, RANDOM"),
        ("PIX", "email", json!(""), missing),
        ("COELSA", "lastName", json!(""), missing),
        ("COELSA", "document", json!({"type": "DNI"}), "document.type must be one of NATIONAL_IDENTITY_CARD"),
        ("BREB", "countryCode", json!("MX"), "countryCode must be CO"),
        ("CCI", "cci", json!("123"), "cci must have 20 digits"),
        ("CCI", "countryCode", json!("BR"), "countryCode must be PE or CL"),
        ("SWIFT", "swiftCode", json!("BBVA"), "swiftCode must have 8 to 11 characters"),
        ("SPI", "accountNumber", json!("1"), "accountNumber must have 2 to 14 digits"),
        ("SPI_PY", "bankCode", json!("999"), "bankCode must be in the list of banks"),
        ("SPI_DO", "bankCode", json!(""), "bankCode is required when identifierType is ACCOUNT"),
        ("SINPE", "accountNumber", json!("04011400007316288640"), "accountNumber must be CR and 20 digits"),
        ("TRANSFIYA", "type", json!("SAVINGS"), "type must be one of PHONE_NUMBER, WALLET"),
        ("WALLET", "currency", json!("EUR"), "currency must be one of USDC, USDT, BTC"),
        ("WIRE", "bankAddress", json!("New York"), "bankAddress must be an object"),
        ("ACH_HN", "firstName", json!(""), "firstName is required if companyName is not present"),
    ] {
        let mut data = data(kind);
        data[member] = value;
        let request = json!({"type": kind, "data": data});
        let (status, body) = server.post("killb", "/api/v2/accounts", &request).await.parts();
        assert_eq!(status, 400, "{kind} {member}");
        let found = body["message"][0].as_str().unwrap();
        assert!(found.contains(message) && found.contains(member), "{kind} {member}: {found}");
    }
}

#[tokio::test]
async fn deleted_accounts_are_in_no_list_and_no_export() {
    let server = TestSandbox::new().await;
    let mut ids = Vec::new();
    for kind in ["PSE", "PIX", "PIX", "CUSTODIAL"] {
        let request = json!({"type": kind, "data": data(kind), "userId": "u-1"});
        let account = server.post("killb", "/api/v2/accounts", &request).await.json();
        ids.push(account["id"].as_str().unwrap().to_owned());
    }
    let job = start(&server, valid_workbook(20)).await;
    server.advance(95.0);
    let status = server.get("killb", &format!("/api/v2/accounts/bulk/status/{job}")).await.json();
    let created = status["successCount"].as_u64().unwrap();
    let row_account = status["results"].as_array().unwrap().iter().find_map(|row| row["accountId"].as_str()).unwrap();
    for id in [ids[1].as_str(), row_account] {
        let path = format!("/api/v2/accounts/{id}");
        assert_eq!(send(server.request(Method::DELETE, "killb", &path).await).await.status, 200);
        assert_eq!(server.get("killb", &path).await.status, 404);
        assert_eq!(send(server.request(Method::DELETE, "killb", &path).await).await.status, 404);
    }
    let listed = server.get("killb", "/api/v2/accounts/userId/u-1").await.json();
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|account| account["id"].as_str().unwrap()).collect();
    assert_eq!(listed, [&ids[0], &ids[2], &ids[3]]);
    let rows = async |query: &str| {
        let request = server.request(Method::GET, "killb", &format!("/api/v2/accounts/export{query}")).await;
        let bytes = request.send().await.unwrap().bytes().await.unwrap();
        rows_of(&bytes)
    };
    assert_eq!(rows("?type=PIX").await, [[ids[2].clone(), "PIX".to_owned()]]);
    assert_eq!(rows("").await.len() as u64, 2 + created - 1);
}

#[tokio::test]
async fn accounts_of_rows_are_listed_under_the_user_with_their_email_once_processed() {
    let server = TestSandbox::new().await;
    let user = bulkrail_sandbox::Sandbox::killb_user_id("ana@example.com");
    let path = format!("/api/v2/accounts/userId/{user}");
    let references: Vec<_> = (0..60).map(|row| format!("r-{row}")).collect();
    let email = |row: usize| if row < 30 { "ana@example.com" } else { "ben@example.com" };
    let rows: Vec<_> =
        references.iter().enumerate().map(|(row, reference)| [reference.as_str(), email(row), "PSE", "Ana"]).collect();
    let header = ["externalId", "email", "accountType", "firstName"];
    let table: Vec<&[&str]> = std::iter::once(&header[..]).chain(rows.iter().map(|row| &row[..])).collect();
    let book = workbook(&[&table]);
    let job = start(&server, book.clone()).await;
    assert_eq!(server.get("killb", &path).await.json(), json!([]), "none is processed yet");

    let mut last = 0;
    for _ in 0..19 {
        server.advance(5.0);
        let listed = server.get("killb", &path).await.json();
        let status = server.get("killb", &format!("/api/v2/accounts/bulk/status/{job}")).await.json();
        let expected: Vec<_> = (status["results"].as_array().unwrap().iter())
            .filter(|row| row["status"] == "SUCCESS" && row["originalRowData"]["email"] == "ana@example.com")
            .map(|row| (row["accountId"].clone(), row["originalRowData"]["externalId"].clone()))
            .collect();
        let listed: Vec<_> = (listed.as_array().unwrap().iter())
            .inspect(|account| assert_eq!(account["userId"], user.as_str()))
            .map(|account| (account["id"].clone(), account["externalId"].clone()))
            .collect();
        assert_eq!(listed, expected);
        last = listed.len();
    }
    assert!((15..=30).contains(&last), "{last} of 30");
    start(&server, book).await;
    server.advance(95.0);
    let twice = server.get("killb", &path).await.json().as_array().unwrap().len();
    assert_eq!(twice, 2 * last, "a second job creates the accounts again");
}

/// Returns id and type of each account in an export.
fn rows_of(xlsx: &[u8]) -> Vec<[String; 2]> {
    use calamine::Reader;

    let mut workbook: calamine::Xlsx<_> = calamine::Xlsx::new(std::io::Cursor::new(xlsx)).unwrap();
    let range = workbook.worksheet_range("Sheet1").unwrap();
    let mut rows = range.rows().map(|row| [row[0].to_string(), row[3].to_string()]);
    assert_eq!(rows.next(), Some(["id".to_owned(), "type".to_owned()]));
    rows.collect()
}

#[tokio::test]
async fn template_is_a_workbook_that_can_be_uploaded() {
    let server = TestSandbox::new().await;
    let request = server.request(Method::GET, "killb", "/api/v2/accounts/bulk/template").await;
    let template = request.send().await.unwrap().bytes().await.unwrap();
    start(&server, template.to_vec()).await;
}

#[tokio::test]
async fn create_account_accepts_documented_types_only() {
    let server = TestSandbox::new().await;
    let kinds = "PSE ACH ACH_HN ACH_SV ACH_NI ACH_GT ACH_PA ACH_BO WIRE WALLET COELSA BREB SPEI PIX CCI \
                 CUSTODIAL TRANSFIYA SWIFT SPI SPI_PY SPI_DO SINPE";
    for kind in kinds.split_whitespace() {
        let request = json!({"type": kind, "data": data(kind)});
        let (status, body) = server.post("killb", "/api/v2/accounts", &request).await.parts();
        assert_eq!((status, &body["type"]), (201, &json!(kind)));
        // Both are required in the response and optional in the request.
        assert!(body["userId"].is_string() && body["externalId"].is_string());
    }
    let request = json!({"type": "ACH_CO", "data": {}});
    let (status, body) = server.post("killb", "/api/v2/accounts", &request).await.parts();
    assert_eq!((status, &body["statusCode"]), (400, &json!("400")));
    assert!(body["errorCode"].is_string());
    assert!(body["message"][0].as_str().unwrap().contains("SINPE"));
    assert_eq!(body["arguments"], json!([{"key": "type", "value": "ACH_CO"}]));
}

#[tokio::test]
async fn create_account_rejects_invalid_requests() {
    let server = TestSandbox::new().await;
    for request in [
        json!([]),
        json!({"type": "PSE"}),
        json!({"type": "PSE", "data": {"lastName": "Doe"}}),
        json!({"type": "SPEI", "data": {"firstName": "Ana", "clabeType": "DEBIT_CARD"}}),
    ] {
        let (status, body) = server.post("killb", "/api/v2/accounts", &request).await.parts();
        assert_eq!(status, 400, "{request}");
        assert!(body["message"].as_array().is_some_and(|list| !list.is_empty()));
    }
}

#[tokio::test]
async fn access_token_is_required_expires_after_1_h_and_can_be_refreshed() {
    let server = TestSandbox::new().await;
    let poll = |token: &str| {
        let request = server.unauthenticated(Method::GET, "killb", "/api/v2/accounts/bulk/status/none");
        send(request.bearer_auth(token))
    };
    let unauthorized = |code: &str, message: &str| {
        let body = json!({
            "errorCode": code, "message": [message], "statusCode": "401", "arguments": [],
        });
        (401, body)
    };
    let request = server.unauthenticated(Method::GET, "killb", "/api/v2/accounts/x");
    assert_eq!(send(request).await.parts(), unauthorized("AUTH.0003", "Invalid token"));
    assert_eq!(poll("x.y.z").await.parts(), unauthorized("AUTH.0003", "Invalid token"));

    let wrong = json!({"email": server.credential("killb", 0), "password": "wrong"});
    let login = server.unauthenticated(Method::POST, "killb", "/api/v2/auth/login").json(&wrong);
    assert_eq!(send(login).await.parts(), unauthorized("AUTH.0001", "Invalid credentials"));

    let (access, refresh) = server.login("killb").await;
    assert_eq!(poll(&access).await.status, 404);
    assert_eq!(poll(&refresh).await.status, 401, "a refresh token is not an access token");
    server.advance(3600.0);
    assert_eq!(poll(&access).await.parts(), unauthorized("AUTH.0002", "Token expired"));

    let request = server.unauthenticated(Method::POST, "killb", "/api/v2/auth/refresh");
    let refreshed = send(request.json(&json!({"refreshToken": refresh}))).await.json();
    assert_eq!(refreshed["expiresIn"], 3_600_000, "milliseconds");
    let access = refreshed["accessToken"].as_str().unwrap();
    assert_eq!(poll(access).await.status, 404);
    let stats = server.sandbox.stats("killb");
    assert_eq!((stats.logins, stats.refreshes, stats.polls), (1, 1, 5));
}

#[tokio::test]
async fn unknown_ids_and_invalid_uploads_get_documented_errors() {
    let server = TestSandbox::new().await;
    let unknown = server.get("killb", "/api/v2/accounts/bulk/status/none").await;
    let (status, body) = unknown.parts();
    assert_eq!((status, &body["errorCode"]), (404, &json!("ACCOUNT.0001")));
    let unknown = server.get("killb", "/api/v2/accounts/none").await;
    assert_eq!(unknown.json()["errorCode"], "ACCOUNT.0001");

    for file in [b"not a workbook".to_vec(), workbook(&[&[&["nothing known"]]])] {
        let (status, body) = server.upload("killb", UPLOAD, file).await.parts();
        assert_eq!((status, &body["statusCode"]), (400, &json!("400")));
    }
    let not_multipart = server.post("killb", UPLOAD, &json!({})).await;
    assert_eq!(not_multipart.status, 400);
    let request = server.request(Method::POST, "killb", UPLOAD).await;
    let other_part = reqwest::multipart::Form::new().text("other", "x");
    assert_eq!(send(request.multipart(other_part)).await.status, 400);
    assert_eq!(server.sandbox.stats("killb").batches_created, 0);
}

#[tokio::test]
async fn upload_rejects_file_over_50_mb() {
    let server = TestSandbox::new().await;
    let request = server.request(Method::POST, "killb", UPLOAD).await;
    let (status, body) = send(request.multipart(form(vec![0; 51 << 20]))).await.parts();
    assert_eq!((status, &body["statusCode"]), (413, &json!("413")));
}

#[tokio::test]
async fn upload_accepts_cell_in_last_row_and_column_and_names_cell_over_a_limit() {
    let server = TestSandbox::new().await;
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, text) in [(0, "externalId"), (1, "a")] {
        sheet.write_string(row, 0, text).unwrap();
    }
    sheet.write_string(1_048_575, 16_383, "x").unwrap();
    let job = start(&server, book.save_to_buffer().unwrap()).await;
    let status = server.get("killb", &format!("/api/v2/accounts/bulk/status/{job}")).await.json();
    assert_eq!(status["totalRows"], 1);

    let text = "x".repeat(32_767);
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_string(0, 0, "externalId").unwrap();
    for row in 1..1_100 {
        sheet.write_string(row, 0, &text).unwrap();
    }
    let (status, body) = server.upload("killb", UPLOAD, book.save_to_buffer().unwrap()).await.parts();
    assert_eq!((status, &body["statusCode"]), (400, &json!("400")));
    let message = "The sheet 'Sheet1', row 1026, column 1: the file has more than 33554432 bytes of text";
    assert_eq!(body["message"], json!([message]));
}
