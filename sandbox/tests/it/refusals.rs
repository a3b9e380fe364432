//! Malformed requests: each is refused with a documented status, in the provider's own error body.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::spec::ProviderSpec;
use crate::support::{TestSandbox, reap_csv, send, valid_workbook, virtual_accounts};

const PROVIDERS: [&str; 4] = ["killb", "reap", "cdq", "localpayment"];

/// Operation with a JSON body, and a body that it accepts.
struct JsonOperation {
    provider: &'static str,
    path: &'static str,
    body: Value,
}

fn json_operations(server: &TestSandbox) -> Vec<JsonOperation> {
    let operation = |provider, path, body| JsonOperation { provider, path, body };
    let credential = |provider, index| server.credential(provider, index);
    let account = json!({"type": "PSE", "externalId": "e", "userId": "u", "data": {
        "firstName": "Ana", "middleName": "M", "lastName": "Paz", "companyName": "C", "email": "user@example.com",
        "phone": "1", "countryCode": "CO", "accountNumber": "1", "bankCode": "1", "type": "savings",
        "document": {"type": "CC", "number": "1", "issuedCountryCode": "CO", "expeditionDate": "2020-01-01", "cic": "1",
            "identificadorCiudadano": "1", "ocr": "1", "numeroEmision": "1"},
    }});
    let address = json!({"street": "s", "number": "1", "city": "c", "state": "s", "country": "MEX", "zipcode": "1"});
    let mut batch = virtual_accounts("b", 10);
    batch["name"] = "n".into();
    batch["accounts"][0]["address"] = address.clone();
    let mut single = virtual_accounts("a", 1)["accounts"][0].clone();
    single["accountNumber"] = "484.484.00000011".into();
    single["country"] = "MEX".into();
    single["currency"] = "MXN".into();
    single["address"] = address;
    let login = json!({"email": credential("killb", 0), "password": credential("killb", 1)});
    let token = json!({"username": credential("localpayment", 0), "password": credential("localpayment", 1)});
    let confirm = json!({"bankAccount": {
        "internationalBankAccountIdentifier": "DE02120300000000202051", "internationalBankIdentifier": "BYLADEM1001",
        "bankCountryCode": "DE", "nationalBankIdentifier": "1", "nationalBankAccountIdentifier": "1",
    }});
    let start = json!({"storageId": "s", "featuresOn": ["CONFIRM_BA_IN_BP_STORAGE", "DATA_MONITOR_REFRESH"]});
    let entity = json!({"externalId": "e", "type": "INDIVIDUAL", "verificationMode": "UKYC"});
    vec![
        operation("killb", "/api/v2/auth/login", login),
        operation("killb", "/api/v2/auth/refresh", json!({"refreshToken": "t"})),
        operation("killb", "/api/v2/accounts", account),
        operation("reap", "/entity", entity),
        operation("cdq", "/bankaccounts/jobs/confirmation", start),
        operation("cdq", "/v2/bankaccounts/confirm", confirm),
        operation("localpayment", "/api/token/", token),
        operation("localpayment", "/api/token/refresh/", json!({"refresh": "t"})),
        operation("localpayment", "/api/virtual-account-batch", batch),
        operation("localpayment", "/api/virtual-account", single),
    ]
}

/// Returns a POST request with a raw body.
async fn raw(
    server: &TestSandbox,
    provider: &str,
    path: &str,
    content_type: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> RequestBuilder {
    let request = server.request(Method::POST, provider, path).await.body(body);
    match content_type {
        Some(content_type) => request.header("Content-Type", content_type),
        None => request,
    }
}

#[tokio::test]
async fn json_operations_refuse_bodies_that_are_not_json_objects() {
    let server = TestSandbox::new().await;
    for JsonOperation { provider, path, body } in json_operations(&server) {
        let spec = ProviderSpec::load(provider);
        let good = body.to_string();
        let json = Some("application/json");
        for (content_type, text) in [
            (json, ""),
            (json, "{"),
            (json, "[]"),
            (json, "null"),
            (json, "7"),
            (json, "{\"a\": \"\\ud800\"}"),
            (json, "<html>"),
            (None, &good),
            (Some("text/plain"), &good),
            (Some("application/x-www-form-urlencoded"), "a=b"),
        ] {
            let response = send(raw(&server, provider, path, content_type, text.to_owned()).await).await;
            let context = format!("POST {path} with {content_type:?} {text}");
            assert!(response.status.is_client_error(), "{context}: {}", response.status);
            spec.assert_documented("post", path, &response, &context);
        }
        let response = send(raw(&server, provider, path, json, vec![b'"', 0xff, b'"']).await).await;
        spec.assert_documented("post", path, &response, "a body that is not UTF-8");
    }
}

/// Values that replace each value of a body.
fn wrong_values() -> [Value; 7] {
    [Value::Null, json!(true), json!(7), json!(1.5), json!([]), json!({}), json!("a text that no enum has")]
}

/// Returns the pointer of each value in a body.
fn pointers(prefix: &str, value: &Value, found: &mut Vec<String>) {
    found.push(prefix.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| pointers(&format!("{prefix}/{key}"), value, found)),
        Value::Array(items) => {
            // The other items are like the first.
            items.iter().take(1).for_each(|value| pointers(&format!("{prefix}/0"), value, found));
        }
        _ => {}
    }
}

#[tokio::test]
async fn json_operations_refuse_members_of_other_types_than_documented() {
    let server = TestSandbox::new().await;
    let mut refused = 0;
    for JsonOperation { provider, path, body } in json_operations(&server) {
        let spec = ProviderSpec::load(provider);
        let schema = spec.body_schema("post", path).expect("a JSON body");
        assert_eq!(spec.problems(schema, &body), [""; 0], "{path}");
        let mut places = Vec::new();
        pointers("", &body, &mut places);
        for place in places.iter().filter(|place| !place.is_empty()) {
            for wrong in wrong_values() {
                let mut changed = body.clone();
                *changed.pointer_mut(place).expect("a pointer of the body") = wrong.clone();
                if spec.problems(schema, &changed).is_empty() {
                    continue;
                }
                refused += 1;
                let response = server.post(provider, path, &changed).await;
                let context = format!("POST {path} with {place} = {wrong}");
                assert!(response.status.is_client_error(), "{context}: {} {}", response.status, response.text);
                spec.assert_documented("post", path, &response, &context);
            }
        }
    }
    assert!(refused > 300, "{refused}");
}

#[tokio::test]
async fn uploads_refuse_forms_without_exactly_one_file() {
    let server = TestSandbox::new().await;
    let part = |name: &str, file: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n{file}\r\n")
    };
    let csv = String::from_utf8(reap_csv(2)).expect("text");
    let multipart = Some("multipart/form-data; boundary=x");
    for (provider, path) in
        [("killb", "/api/v2/accounts/bulk/upload"), ("reap", "/entity/kyc/import/batch"), ("cdq", "/bankaccounts")]
    {
        let spec = ProviderSpec::load(provider);
        for (content_type, body) in [
            (None, String::new()),
            (Some("application/json"), "{}".to_owned()),
            (Some("text/csv"), csv.clone()),
            (Some("multipart/form-data"), part("file", &csv) + "--x--\r\n"),
            (Some("multipart/form-data; boundary=y"), part("file", &csv) + "--x--\r\n"),
            (multipart, String::new()),
            (multipart, "--x--\r\n".to_owned()),
            (multipart, part("upload", &csv) + "--x--\r\n"),
            (multipart, part("file", &csv) + &part("file", &csv) + "--x--\r\n"),
            (multipart, part("file", &csv)),
            (multipart, part("file", "") + "--x--\r\n"),
            (multipart, part("file", "\u{0}\u{1}") + "--x--\r\n"),
        ] {
            let context = format!("POST {path} with {content_type:?} {body}");
            let request = raw(&server, provider, path, content_type, body).await;
            let response = send(request.header("X-Provider", "sumsub")).await;
            assert!(response.status.is_client_error(), "{context}: {}", response.status);
            spec.assert_documented("post", path, &response, &context);
        }
    }
}

#[tokio::test]
async fn reads_refuse_ids_that_nothing_has() {
    let server = TestSandbox::new().await;
    for (provider, path, prefix, suffix) in [
        ("killb", "/api/v2/accounts/{id}", "/api/v2/accounts/", ""),
        ("killb", "/api/v2/accounts/bulk/status/{jobId}", "/api/v2/accounts/bulk/status/", ""),
        ("reap", "/entity/kyc/import/batch/{batchId}", "/entity/kyc/import/batch/", ""),
        ("reap", "/entity/{entityId}", "/entity/", ""),
        ("localpayment", "/api/virtual-account-batch/{externalId}/", "/api/virtual-account-batch/", "/"),
        ("localpayment", "/api/virtual-account/{externalId}/", "/api/virtual-account/", "/"),
    ] {
        let spec = ProviderSpec::load(provider);
        for id in
            ["none", "%FF", "%C3%28", "%00", "%2F", "%20", "%25FF", "a%0D%0Ab", "00000000-0000-0000-0000-000000000000"]
        {
            let response = server.get(provider, &format!("{prefix}{id}{suffix}")).await;
            assert_eq!(response.status, 404, "{path} with {id}: {}", response.text);
            spec.assert_documented("get", path, &response, &format!("GET {path} with {id}"));
        }
    }
}

#[tokio::test]
async fn cdq_status_refuses_malformed_queries() {
    let server = TestSandbox::new().await;
    let spec = ProviderSpec::load("cdq");
    let path = "/bankaccounts/jobs";
    for (query, status) in [
        ("", 400),
        ("?", 400),
        ("?jobId", 400),
        ("?jobId=", 400),
        ("?jobid=a", 400),
        ("?jobId=a&jobId=b", 400),
        ("?jobId=a&jobId=a", 400),
        ("?jobId=%FF", 404),
        ("?jobId=%", 404),
        ("?jobId=a&other=b", 404),
    ] {
        let response = server.get("cdq", &format!("{path}{query}")).await;
        assert_eq!(response.status, status, "{query}: {}", response.text);
        spec.assert_documented("get", path, &response, query);
    }
}

#[tokio::test]
async fn reap_upload_refuses_malformed_headers() {
    let server = TestSandbox::new().await;
    let (spec, path) = (ProviderSpec::load("reap"), "/entity/kyc/import/batch");
    let request = |provider: &'static [u8], key: &'static [u8]| {
        let server = &server;
        async move {
            let form = crate::support::form(reap_csv(2));
            let request = server.request(Method::POST, "reap", path).await.multipart(form);
            let value = |bytes| reqwest::header::HeaderValue::from_bytes(bytes).expect("a header");
            send(request.header("X-Provider", value(provider)).header("Idempotency-Key", value(key))).await
        }
    };
    for (provider, key) in [(&b"other"[..], &b"k"[..]), (b"\xff", b"k"), (b"", b"k"), (b"sumsub", b"\xff")] {
        let response = request(provider, key).await;
        assert_eq!(response.status, 400, "{}", response.text);
        spec.assert_documented("post", path, &response, "malformed headers");
    }
    let response = request(b"sumsub", b"k").await;
    assert_eq!(response.status, 201, "{}", response.text);
    spec.assert_documented("post", path, &response, "a good upload");
}

#[tokio::test]
async fn missing_and_wrong_credentials_are_refused_as_documented() {
    let server = TestSandbox::new().await;
    for provider in PROVIDERS {
        let spec = ProviderSpec::load(provider);
        for (path, item) in spec.document["paths"].as_object().expect("paths") {
            for method in item.as_object().expect("operations").keys() {
                if path.contains("/token/") || path.contains("/auth/") {
                    continue;
                }
                let real = path.replace("{id}", "a").replace("{jobId}", "a").replace("{batchId}", "a");
                let real = real.replace("{externalId}", "a").replace("{entityId}", "a");
                let request =
                    || server.unauthenticated(method.to_uppercase().parse().expect("a method"), provider, &real);
                for request in [
                    request(),
                    request().header("X-API-KEY", "wrong").header("x-reap-api-key", "wrong").bearer_auth("wrong"),
                    request().header("Authorization", "Basic wrong").header("x-reap-api-key", "\u{e4}"),
                ] {
                    let response = send(request).await;
                    let context = format!("{method} {path}");
                    assert!([400, 401].contains(&response.status.as_u16()), "{context}: {}", response.status);
                    spec.assert_documented(method, path, &response, &context);
                }
            }
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_have_the_error_body_of_the_provider() {
    let server = TestSandbox::new().await;
    for provider in PROVIDERS {
        let spec = ProviderSpec::load(provider);
        for path in ["", "/", "/nowhere", "/api", "/%FF", "/api/v2/accounts/a/b/c", "/entity/a/b", "/api/token/x/y"] {
            let response = server.get(provider, path).await;
            assert_eq!(response.status, 404, "{provider}{path}");
            spec.assert_error_body(&response, &format!("{provider}{path}"));
        }
        for (path, item) in spec.document["paths"].as_object().expect("paths") {
            let real = path.replace(['{', '}'], "");
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
                if item.get(method.to_lowercase()).is_some() {
                    continue;
                }
                let response = send(server.request(method.parse().expect("a method"), provider, &real).await).await;
                let context = format!("{method} {provider}{path}");
                assert_eq!(response.status, 405, "{context}: {}", response.text);
                let allowed = response.headers.get("Allow").and_then(|value| value.to_str().ok()).unwrap_or_default();
                for allowed_method in item.as_object().expect("operations").keys() {
                    assert!(allowed.contains(&allowed_method.to_uppercase()), "{context}: Allow: {allowed}");
                }
                spec.assert_error_body(&response, &context);
            }
        }
    }
}

#[tokio::test]
async fn good_requests_have_documented_responses() {
    let server = TestSandbox::new().await;
    for JsonOperation { provider, path, body } in json_operations(&server) {
        let spec = ProviderSpec::load(provider);
        let refreshes = path.contains("refresh");
        let body = match (refreshes, provider) {
            (true, "killb") => json!({"refreshToken": server.login(provider).await.1}),
            (true, _) => json!({"refresh": server.login(provider).await.1}),
            (false, _) => body,
        };
        let response = server.post(provider, path, &body).await;
        assert!(response.status.is_success(), "POST {path}: {}", response.text);
        spec.assert_documented("post", path, &response, path);
        // Members that are not documented are accepted, but for Reap, whose objects are closed.
        let mut more = body.clone();
        more["undocumented"] = json!(7);
        let response = server.post(provider, path, &more).await;
        spec.assert_documented("post", path, &response, "an undocumented member");
        assert_eq!(response.status.as_u16() == 400 && response.text.contains("Unknown property"), provider == "reap");
    }
    let killb = ProviderSpec::load("killb");
    let response = server.upload("killb", "/api/v2/accounts/bulk/upload", valid_workbook(30)).await;
    killb.assert_documented("post", "/api/v2/accounts/bulk/upload", &response, "an upload");
    let job = response.json()["jobId"].as_str().expect("an id").to_owned();
    let localpayment = ProviderSpec::load("localpayment");
    let reap = ProviderSpec::load("reap");
    let request = server.request(Method::POST, "reap", "/entity/kyc/import/batch").await;
    let form = crate::support::form(reap_csv(30));
    let batch = send(request.header("X-Provider", "sumsub").multipart(form)).await.json();
    let batch = batch["batchId"].as_str().expect("an id").to_owned();
    for _ in 0..20 {
        let response = server.get("killb", &format!("/api/v2/accounts/bulk/status/{job}")).await;
        killb.assert_documented("get", "/api/v2/accounts/bulk/status/{jobId}", &response, "a poll");
        let response = server.get("localpayment", "/api/virtual-account-batch/b/").await;
        localpayment.assert_documented("get", "/api/virtual-account-batch/{externalId}/", &response, "a poll");
        let response = server.get("localpayment", "/api/virtual-account/b-3/").await;
        localpayment.assert_documented("get", "/api/virtual-account/{externalId}/", &response, "an account");
        let response = server.get("reap", &format!("/entity/kyc/import/batch/{batch}")).await;
        reap.assert_documented("get", "/entity/kyc/import/batch/{batchId}", &response, "a poll");
        let response = server.get("reap", "/entity/person-3").await;
        reap.assert_documented("get", "/entity/{entityId}", &response, "an entity");
        server.advance(10.0);
    }
}

#[tokio::test]
async fn bodies_over_the_limit_have_the_error_body_of_the_provider() {
    let server = TestSandbox::new().await;
    for (provider, path, megabytes) in [
        ("killb", "/api/v2/accounts/bulk/upload", 50),
        ("reap", "/entity/kyc/import/batch", 10),
        ("localpayment", "/api/virtual-account-batch", 20),
    ] {
        let body = vec![b' '; megabytes * 1024 * 1024 + 1];
        let response = send(raw(&server, provider, path, Some("application/json"), body).await).await;
        assert_eq!(response.status, 413, "{}", response.text);
        ProviderSpec::load(provider).assert_error_body(&response, path);
    }
}
