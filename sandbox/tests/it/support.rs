//! A sandbox under test, and a client that logs in by itself.

use std::time::Duration;

use bulkrail_sandbox::{Faults, ManualClock, Sandbox};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, StatusCode};
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: ManualClock,
    pub(crate) http: reqwest::Client,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// The status as a number, and the body.
    pub(crate) fn parts(&self) -> (u16, Value) {
        (self.status.as_u16(), self.json())
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(42, Faults::None).await
    }

    pub(crate) async fn with(seed: u64, faults: Faults) -> Self {
        Self::at(seed, faults, ManualClock::new()).await
    }

    pub(crate) async fn at(seed: u64, faults: Faults, clock: ManualClock) -> Self {
        let builder = Sandbox::builder().seed(seed).faults(faults);
        let sandbox = builder.clock(clock.clone()).start().await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox, clock, http }
    }

    pub(crate) fn advance(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }

    pub(crate) fn credential(&self, provider: &str, place: usize) -> &'static str {
        self.sandbox.credentials(provider)[place].1
    }

    /// A request without credentials.
    pub(crate) fn bare(&self, method: Method, provider: &str, path: &str) -> RequestBuilder {
        let base = self.sandbox.base_url(provider).unwrap();
        self.http.request(method, format!("{base}{path}"))
    }

    /// A login; gives the access and the refresh token.
    pub(crate) async fn login(&self, provider: &str) -> (String, String) {
        let (id, password) = (self.credential(provider, 0), self.credential(provider, 1));
        let (path, body, names) = match provider {
            "killb" => {
                ("/api/v2/auth/login", json!({"email": id, "password": password}), ["accessToken", "refreshToken"])
            }
            _ => ("/api/token/", json!({"username": id, "password": password}), ["access", "refresh"]),
        };
        let request = self.bare(Method::POST, provider, path).json(&body);
        let answer = send(request).await.json();
        let token = |name| answer[name].as_str().unwrap().to_owned();
        (token(names[0]), token(names[1]))
    }

    /// A request with good credentials; logs in anew each time, so that tokens never matter.
    pub(crate) async fn request(&self, method: Method, provider: &str, path: &str) -> RequestBuilder {
        let request = self.bare(method, provider, path);
        match provider {
            "reap" => request.header("x-reap-api-key", self.credential("reap", 0)),
            "cdq" => request.header("X-API-KEY", self.credential("cdq", 0)),
            _ => request.bearer_auth(self.login(provider).await.0),
        }
    }

    pub(crate) async fn get(&self, provider: &str, path: &str) -> Answer {
        send(self.request(Method::GET, provider, path).await).await
    }

    pub(crate) async fn post(&self, provider: &str, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, provider, path).await.json(body)).await
    }

    pub(crate) async fn upload(&self, provider: &str, path: &str, file: Vec<u8>) -> Answer {
        let request = self.request(Method::POST, provider, path).await;
        send(request.multipart(form(file))).await
    }
}

pub(crate) fn form(file: Vec<u8>) -> Form {
    Form::new().part("file", Part::bytes(file).file_name("upload"))
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.unwrap()
}

pub(crate) async fn try_send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    Ok(Answer { status: response.status(), headers: response.headers().clone(), text: response.text().await? })
}

/// A workbook with one sheet per table; the first line of a table is its header.
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

/// A workbook with `rows` good rows.
pub(crate) fn good_workbook(rows: u32) -> Vec<u8> {
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
