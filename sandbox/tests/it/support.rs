//! Sandbox under test with a client that logs in automatically.

use std::time::Duration;

use bulkrail_sandbox::{Faults, ManualClock, Sandbox};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, StatusCode};
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

pub(crate) struct TestSandbox {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: ManualClock,
    pub(crate) http: reqwest::Client,
}

pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl TestResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// Returns the status as a number and the body.
    pub(crate) fn parts(&self) -> (u16, Value) {
        (self.status.as_u16(), self.json())
    }
}

impl TestSandbox {
    pub(crate) async fn new() -> Self {
        Self::with_faults(42, Faults::None).await
    }

    pub(crate) async fn with_faults(seed: u64, faults: Faults) -> Self {
        Self::with_clock(seed, faults, ManualClock::new()).await
    }

    pub(crate) async fn with_clock(seed: u64, faults: Faults, clock: ManualClock) -> Self {
        let builder = Sandbox::builder().seed(seed).faults(faults);
        let sandbox = builder.clock(clock.clone()).start().await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox, clock, http }
    }

    pub(crate) fn advance(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }

    pub(crate) fn credential(&self, provider: &str, index: usize) -> &'static str {
        self.sandbox.credentials(provider)[index].1
    }

    /// Returns a request without credentials.
    pub(crate) fn unauthenticated(&self, method: Method, provider: &str, path: &str) -> RequestBuilder {
        let base = self.sandbox.base_url(provider).unwrap();
        self.http.request(method, format!("{base}{path}"))
    }

    /// Logs in and returns the access and the refresh token.
    pub(crate) async fn login(&self, provider: &str) -> (String, String) {
        let (id, password) = (self.credential(provider, 0), self.credential(provider, 1));
        let (path, body, names) = match provider {
            "killb" => {
                ("/api/v2/auth/login", json!({"email": id, "password": password}), ["accessToken", "refreshToken"])
            }
            _ => ("/api/token/", json!({"username": id, "password": password}), ["access", "refresh"]),
        };
        let request = self.unauthenticated(Method::POST, provider, path).json(&body);
        let response = send(request).await.json();
        let token = |name| response[name].as_str().unwrap().to_owned();
        (token(names[0]), token(names[1]))
    }

    /// Returns a request with valid credentials.
    ///
    /// Logs in each time, so that tokens do not expire in a test.
    pub(crate) async fn request(&self, method: Method, provider: &str, path: &str) -> RequestBuilder {
        let request = self.unauthenticated(method, provider, path);
        match provider {
            "reap" => request.header("x-reap-api-key", self.credential("reap", 0)),
            "cdq" => request.header("X-API-KEY", self.credential("cdq", 0)),
            _ => request.bearer_auth(self.login(provider).await.0),
        }
    }

    pub(crate) async fn get(&self, provider: &str, path: &str) -> TestResponse {
        send(self.request(Method::GET, provider, path).await).await
    }

    pub(crate) async fn post(&self, provider: &str, path: &str, body: &Value) -> TestResponse {
        send(self.request(Method::POST, provider, path).await.json(body)).await
    }

    pub(crate) async fn upload(&self, provider: &str, path: &str, file: Vec<u8>) -> TestResponse {
        let request = self.request(Method::POST, provider, path).await;
        send(request.multipart(form(file))).await
    }
}

pub(crate) fn form(file: Vec<u8>) -> Form {
    Form::new().part("file", Part::bytes(file).file_name("upload"))
}

pub(crate) async fn send(request: RequestBuilder) -> TestResponse {
    try_send(request).await.unwrap()
}

pub(crate) async fn try_send(request: RequestBuilder) -> reqwest::Result<TestResponse> {
    let response = request.send().await?;
    Ok(TestResponse { status: response.status(), headers: response.headers().clone(), text: response.text().await? })
}

/// Returns a workbook with one sheet per table; the first line of a table is its header.
pub(crate) fn workbook(tables: &[&[&[&str]]]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for table in tables {
        let sheet = workbook.add_worksheet();
        for (line, cells) in (0..).zip(*table) {
            for (column, cell) in (0..).zip(*cells) {
                sheet.write_string(line, column, *cell).unwrap();
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// Returns a workbook with `rows` valid rows.
pub(crate) fn valid_workbook(rows: u32) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let header = ["accountType", "firstName", "externalId", "bankCode"];
    for (column, title) in (0..).zip(header) {
        sheet.write_string(0, column, title).unwrap();
    }
    for row in 1..=rows {
        let id = format!("ext-{row}");
        for (column, cell) in (0..).zip(["PSE", "John", id.as_str(), "001"]) {
            sheet.write_string(row, column, cell).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

pub(crate) fn reap_csv(rows: usize) -> Vec<u8> {
    let lines = (0..rows).map(|row| format!("person-{row},token-{row}\n"));
    let header = "externalId,shareToken\n".to_owned();
    std::iter::once(header).chain(lines).collect::<String>().into_bytes()
}

pub(crate) fn virtual_accounts(batch: &str, count: usize) -> Value {
    let accounts: Vec<Value> = (0..count)
        .map(|n| {
            json!({
                "externalId": format!("{batch}-{n}"),
                "beneficiary": {
                    "type": "INDIVIDUAL",
                    "name": "Ana",
                    "lastName": "Paz",
                    "document": {"type": "RFC", "id": "XAXX010101000"},
                },
            })
        })
        .collect();
    json!({
        "externalId": batch,
        "accountNumber": "484.484.00000011",
        "country": "MEX",
        "accounts": accounts,
    })
}
