//! The sandbox answers as the specs say: each answer fits the schema of its operation and status, with no field beyond it.
//!
//! Requests are put together from the specs as well: method, path, parameters, credentials and media type.

#[path = "specs_support/schemas.rs"]
mod schemas;
#[path = "specs_support/specs.rs"]
mod specs;

use std::collections::BTreeSet;
use std::time::Duration;

use bulkrail_sandbox::{Faults, ManualClock, Sandbox};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response};
use rust_xlsxwriter::Workbook;
use serde_json::{Map, Value, json};

use schemas::Schemas;

/// One provider of a sandbox next to its spec.
struct Bench {
    room: &'static str,
    sandbox: Sandbox,
    clock: ManualClock,
    http: reqwest::Client,
    document: Value,
    schemas: Schemas,
    /// API key or access token.
    credential: String,
    /// Operation and documented status of each answer so far.
    seen: BTreeSet<(String, String)>,
}

/// A request for an operation.
struct Call<'a> {
    operation: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    body: Body,
    credential: Credential<'a>,
    accept: &'static str,
}

enum Body {
    None,
    Json(Value),
    File(Vec<u8>),
}

enum Credential<'a> {
    Good,
    Missing,
    This(&'a str),
}

impl<'a> Call<'a> {
    fn to(operation: &'a str) -> Self {
        Self {
            operation,
            parameters: Vec::new(),
            body: Body::None,
            credential: Credential::Good,
            accept: "application/json",
        }
    }

    fn with(mut self, parameter: &'a str, value: &'a str) -> Self {
        self.parameters.push((parameter, value));
        self
    }

    fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    fn file(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Body::File(bytes.into());
        self
    }

    fn anonymous(mut self) -> Self {
        self.credential = Credential::Missing;
        self
    }

    fn by(mut self, credential: &'a str) -> Self {
        self.credential = Credential::This(credential);
        self
    }

    fn accepting(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }
}

impl Bench {
    async fn new(room: &'static str, faults: Faults) -> Self {
        let clock = ManualClock::new();
        let builder = Sandbox::builder().seed(42).faults(faults).clock(clock.clone());
        let sandbox = builder.start().await.expect("a free port");
        let document = specs::load(room).document;
        let key = sandbox.credentials(room)[0].1.to_owned();
        Self {
            room,
            sandbox,
            clock,
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
            schemas: Schemas::of(&document),
            document,
            credential: key,
            seen: BTreeSet::new(),
        }
    }

    fn advance(&self, milliseconds: u64) {
        self.clock.advance(Duration::from_millis(milliseconds));
        assert!(self.clock.elapsed() < Duration::from_secs(3600), "it never ends");
    }

    /// The login answer; its access token is used from now on.
    async fn login(&mut self, operation: &str, names: [&str; 2], token: &str) -> Value {
        let credentials = self.sandbox.credentials(self.room);
        let body = json!({names[0]: credentials[0].1, names[1]: credentials[1].1});
        let answer = self.expect(200, Call::to(operation).json(body)).await;
        self.credential = text(&answer, token);
        answer
    }

    /// The checked answer to `call`, which must have this status.
    async fn expect(&mut self, status: u16, call: Call<'_>) -> Value {
        let (operation, told) = (call.operation.to_owned(), self.told(&call));
        let response = self.request(call).send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), status, "{operation}");
        if status < 300 {
            assert_eq!(told, [""; 0], "{operation}: the request does not fit the spec");
        }
        self.checked(&operation, response).await
    }

    /// What the spec holds against the body of `call`.
    fn told(&self, call: &Call<'_>) -> Vec<String> {
        let content = &self.operation(call.operation).2["requestBody"]["content"];
        match &call.body {
            Body::None => Vec::new(),
            Body::Json(body) => self.schemas.problems(&content["application/json"]["schema"], body),
            Body::File(_) if content["multipart/form-data"].is_object() => Vec::new(),
            Body::File(_) => vec!["takes no file".to_owned()],
        }
    }

    fn request(&self, call: Call<'_>) -> RequestBuilder {
        let (mut path, method, operation) = self.operation(call.operation);
        let (mut query, mut headers) = (Vec::new(), Vec::new());
        for (name, value) in call.parameters {
            let known = operation["parameters"].as_array().into_iter().flatten();
            let parameter = known.map(|parameter| self.resolved(parameter)).find(|known| known["name"] == name);
            match parameter.and_then(|parameter| parameter["in"].as_str()) {
                Some("path") => path = path.replace(&format!("{{{name}}}"), value),
                Some("query") => query.push((name, value)),
                Some("header") => headers.push((name, value)),
                place => panic!("{}: {name} is in {place:?}", call.operation),
            }
        }
        let base = self.sandbox.base_url(self.room).expect("a provider");
        let mut request = self.http.request(method, format!("{base}{path}")).query(&query);
        request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        request = match call.body {
            Body::None => request,
            Body::Json(body) => request.json(&body),
            Body::File(bytes) => request.multipart(Form::new().part("file", Part::bytes(bytes).file_name("upload"))),
        };
        let credential = match call.credential {
            Credential::Good => Some(&*self.credential),
            Credential::Missing => None,
            Credential::This(credential) => Some(credential),
        };
        self.signed(request, operation, credential).header("accept", call.accept)
    }

    /// With the credential where the operation's security scheme wants it, if it wants one.
    fn signed(&self, request: RequestBuilder, operation: &Value, credential: Option<&str>) -> RequestBuilder {
        let security = operation.get("security").unwrap_or(&self.document["security"]);
        let wanted = security[0].as_object().and_then(|schemes| schemes.keys().next());
        let (Some(name), Some(credential)) = (wanted, credential) else {
            return request;
        };
        let scheme = &self.document["components"]["securitySchemes"][name];
        match scheme["name"].as_str() {
            Some(header) => request.header(header, credential),
            None => request.bearer_auth(credential),
        }
    }

    /// The body of an answer that fits the spec.
    async fn checked(&mut self, operation: &str, response: Response) -> Value {
        let status = response.status().as_u16();
        let responses = &self.operation(operation).2["responses"];
        let keys = [status.to_string(), format!("{}XX", status / 100), "default".to_owned()];
        let Some((key, documented)) = keys.iter().find_map(|key| Some((key, responses.get(key)?))) else {
            panic!("{operation}: the spec has no {status}");
        };
        let documented = self.resolved(documented);
        for (name, header) in documented["headers"].as_object().into_iter().flatten() {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            let value: Value = serde_json::from_str(value.unwrap_or("null")).expect("a number");
            let problems = self.schemas.problems(&self.resolved(header)["schema"], &value);
            assert_eq!(problems, [""; 0], "{operation}: {status}: {name}");
        }
        let media_type = response.headers().get("content-type").cloned();
        let bytes = response.bytes().await.expect("a body");
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        if let Some(schema) = documented.pointer("/content/application~1json/schema") {
            assert_eq!(media_type.expect("a media type"), "application/json", "{operation}: {status}");
            let problems = self.schemas.problems(schema, &body);
            assert!(problems.is_empty(), "{operation}: {status}: {problems:#?}\n{body:#}");
        }
        self.seen.insert((operation.to_owned(), key.clone()));
        body
    }

    /// Path, method and description of an operation.
    fn operation(&self, id: &str) -> (String, Method, &Value) {
        let found = operations(&self.document).find(|(.., operation)| operation["operationId"] == id);
        let (path, method, operation) = found.unwrap_or_else(|| panic!("no operation {id}"));
        let method = method.to_uppercase().parse().expect("a method");
        (path.clone(), method, operation)
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let reference = value.get("$ref").and_then(Value::as_str);
        reference.map_or(value, |reference| self.document.pointer(&reference[1..]).expect("a component"))
    }

    /// The request bodies that the spec shows for an operation.
    fn shown(&self, operation: &str) -> Vec<Value> {
        let content = &self.operation(operation).2["requestBody"]["content"];
        let examples = content["application/json"]["examples"].as_object().into_iter().flatten();
        examples.map(|(_, example)| example["value"].clone()).collect()
    }

    /// Each operation was answered well, and each refusal that the spec has for it was seen, but for these: those that
    /// the sandbox never gives. (It has no permissions, and fails only when told to.)
    fn nothing_is_left_but(&self, known: &[&str]) {
        let mut left = Vec::new();
        for (.., operation) in operations(&self.document) {
            let id = operation["operationId"].as_str().expect("an id");
            let seen: Vec<&str> =
                (self.seen.iter()).filter(|(operation, _)| operation == id).map(|(_, status)| &**status).collect();
            assert!(seen.iter().any(|status| status.starts_with('2')), "{id} never succeeded");
            let statuses = operation["responses"].as_object().expect("responses").keys();
            left.extend(
                statuses
                    .filter(|status| !status.starts_with(['2', '5']) && !["403", "429"].contains(&status.as_str()))
                    .filter(|status| !seen.contains(&status.as_str()))
                    .map(|status| format!("{id} {status}")),
            );
        }
        left.sort();
        assert_eq!(left, known);
    }
}

/// Path, method and value of each operation.
fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    })
}

fn text(body: &Value, key: &str) -> String {
    body[key].as_str().unwrap_or_else(|| panic!("no {key} in {body}")).to_owned()
}

/// Adds the word at `pointer` to `words`, if it is a new one.
fn note(words: &mut Vec<String>, body: &Value, pointer: &str) {
    let word = body.pointer(pointer).and_then(Value::as_str).expect("a word").to_owned();
    if !words.contains(&word) {
        words.push(word);
    }
}

fn workbook(rows: usize) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let columns = ["accountType", "firstName", "externalId", "documentNumber", "bankAccountType", "email"];
    for (column, title) in (0..).zip(columns) {
        sheet.write(0, column, title).expect("a cell");
    }
    for row in 1..=u32::try_from(rows).expect("few rows") {
        let cells = ["PSE", "Ana", &format!("row-{row}"), "123456", "savings", "ana@example.com"];
        for (column, cell) in (0..).zip(cells) {
            sheet.write(row, column, cell).expect("a cell");
        }
    }
    workbook.save_to_buffer().expect("a workbook")
}

#[tokio::test]
async fn killb() {
    let mut bench = Bench::new("killb", Faults::None).await;
    bench.expect(400, Call::to("login").json(json!([]))).await;
    bench.expect(401, Call::to("login").json(json!({"email": "a", "password": "b"}))).await;
    let tokens = bench.login("login", ["email", "password"], "accessToken").await;
    let refresh = |token: &str| Call::to("refresh_token").json(json!({"refreshToken": token}));
    bench.expect(200, refresh(&text(&tokens, "refreshToken"))).await;
    bench.expect(400, Call::to("refresh_token").json(json!({}))).await;
    bench.expect(401, refresh("nonsense")).await;

    for shown in bench.shown("create_account") {
        let account = bench.expect(201, Call::to("create_account").json(shown.clone())).await;
        bench.expect(409, Call::to("create_account").json(shown)).await;
        bench.expect(200, Call::to("get_account").with("id", &text(&account, "id"))).await;
    }
    let kinds = bench.document["components"]["schemas"]["CreateAccount"]["discriminator"]["mapping"].clone();
    for kind in kinds.as_object().expect("kinds").keys() {
        let account = json!({"type": kind, "data": {"firstName": "Ana"}});
        bench.expect(201, Call::to("create_account").json(account)).await;
    }
    bench.expect(400, Call::to("create_account").json(json!({"type": "PSE", "data": {}}))).await;
    bench.expect(400, Call::to("create_account").json(json!({"type": "BARTER", "data": {}}))).await;
    bench.expect(401, Call::to("create_account").json(json!({})).anonymous()).await;
    bench.expect(401, Call::to("get_account").with("id", "x").by("nonsense")).await;
    bench.expect(404, Call::to("get_account").with("id", "x")).await;

    bench.expect(400, Call::to("upload_bulk").file("no workbook")).await;
    bench.expect(401, Call::to("upload_bulk").file(workbook(1)).anonymous()).await;
    bench.expect(401, Call::to("get_bulk_status").with("jobId", "x").anonymous()).await;
    bench.expect(404, Call::to("get_bulk_status").with("jobId", "x")).await;
    let mut row_words = Vec::new();
    for (rows, course) in [(60, &["PENDING", "PROCESSING", "COMPLETED"][..]), (0, &["PENDING", "FAILED"])] {
        let accepted = bench.expect(201, Call::to("upload_bulk").file(workbook(rows))).await;
        let (id, mut words) = (text(&accepted, "jobId"), Vec::new());
        while words.last().map(String::as_str) != course.last().copied() {
            let job = bench.expect(200, Call::to("get_bulk_status").with("jobId", &id)).await;
            note(&mut words, &job, "/status");
            for row in job["results"].as_array().expect("rows") {
                note(&mut row_words, row, "/status");
            }
            if let Some(account) = job.pointer("/results/0/accountId").and_then(Value::as_str) {
                bench.expect(200, Call::to("get_account").with("id", account)).await;
            }
            bench.advance(3_000);
        }
        assert_eq!(words, course);
    }
    row_words.sort();
    assert_eq!(row_words, ["ERROR", "SUCCESS"]);
    bench.nothing_is_left_but(&[
        // No page says what is wrong with these requests.
        "create_account 404",
        "get_account 400",
        "get_bulk_status 400",
        "upload_bulk 409",
    ]);
}

#[tokio::test]
async fn reap() {
    let mut bench = Bench::new("reap", Faults::None).await;
    let mut entities = Vec::new();
    for shown in bench.shown("create_entity") {
        entities.push(bench.expect(201, Call::to("create_entity").json(shown.clone())).await);
        bench.expect(409, Call::to("create_entity").json(shown)).await;
    }
    let modes = bench.document["components"]["schemas"]["VerificationMode"]["enum"].clone();
    for mode in modes.as_array().expect("modes") {
        let entity = json!({"externalId": mode, "type": "INDIVIDUAL", "verificationMode": mode});
        bench.expect(201, Call::to("create_entity").json(entity)).await;
    }
    bench.expect(400, Call::to("create_entity").json(json!({"type": "INDIVIDUAL"}))).await;
    bench.expect(400, Call::to("create_entity").json(json!({"externalId": "x", "type": "ROBOT"}))).await;
    bench.expect(400, Call::to("create_entity").json(json!({})).anonymous()).await;
    bench.expect(401, Call::to("create_entity").json(json!({})).by("nonsense")).await;
    bench.expect(400, Call::to("get_entity").with("entityId", "x").anonymous()).await;
    bench.expect(401, Call::to("get_entity").with("entityId", "x").by("nonsense")).await;
    bench.expect(404, Call::to("get_entity").with("entityId", "x")).await;

    let upload = |file: String| Call::to("upload_batch").with("X-Provider", "sumsub").file(file);
    let person = text(&entities[0], "externalId");
    let rows: String = (0..60).map(|row| format!("row-{row},token\n")).collect();
    let file = format!("externalId,shareToken\n{person},token\n{person},\n{rows}");
    bench.expect(400, Call::to("upload_batch").file(file.clone())).await;
    bench.expect(400, upload("externalId\nx\n".to_owned())).await;
    bench.expect(401, upload(file.clone()).anonymous()).await;
    bench.expect(401, upload(file.clone()).by("nonsense")).await;
    let accepted = bench.expect(201, upload(file.clone()).with("Idempotency-Key", "key-1")).await;
    bench.expect(409, upload(file).with("Idempotency-Key", "key-1")).await;

    bench.expect(401, Call::to("get_batch_status").with("batchId", "x").anonymous()).await;
    bench.expect(401, Call::to("get_batch_status").with("batchId", "x").by("nonsense")).await;
    bench.expect(404, Call::to("get_batch_status").with("batchId", "x")).await;
    let (id, entity_id) = (text(&accepted, "batchId"), text(&entities[0], "id"));
    let (mut words, mut requirement_words) = (Vec::new(), Vec::new());
    while words.last().is_none_or(|word| word != "completed") {
        let batch = bench.expect(200, Call::to("get_batch_status").with("batchId", &id)).await;
        note(&mut words, &batch, "/status");
        let entity = bench.expect(200, Call::to("get_entity").with("entityId", &entity_id)).await;
        for requirement in entity["submittedRequirements"].as_array().expect("requirements") {
            note(&mut requirement_words, requirement, "/status");
        }
        bench.advance(3_000);
    }
    assert_eq!(words, ["pending", "in_progress", "completed"]);
    requirement_words.sort();
    assert_eq!(requirement_words, ["APPROVED", "PENDING", "REJECTED"]);
    bench.nothing_is_left_but(&[]);
}

#[tokio::test]
async fn cdq() {
    let mut bench = Bench::new("cdq", Faults::None).await;
    let file = "International Account ID,International Bank ID,Country Code,National Bank ID,National Account ID\n\
                CH8800781619278412000,,CH,,\n";
    bench.expect(200, Call::to("upload_bank_accounts").file(file)).await;
    bench.expect(400, Call::to("upload_bank_accounts").file("a,b\n")).await;
    bench.expect(401, Call::to("upload_bank_accounts").file(file).anonymous()).await;

    let storage = json!({"storageId": "72d6900fce6b326088f5d9d91049e3e6"});
    bench.expect(400, Call::to("start_confirmation").json(json!({}))).await;
    bench.expect(401, Call::to("start_confirmation").json(storage.clone()).by("nonsense")).await;
    bench.expect(406, Call::to("start_confirmation").json(storage.clone()).accepting("text/html")).await;
    bench.expect(400, Call::to("get_job")).await;
    bench.expect(401, Call::to("get_job").with("jobId", "x").anonymous()).await;
    bench.expect(404, Call::to("get_job").with("jobId", "x")).await;
    bench.expect(406, Call::to("get_job").with("jobId", "x").accepting("text/html")).await;
    let mut bodies = bench.shown("start_confirmation");
    bodies.push(storage);
    for body in bodies {
        let job = bench.expect(201, Call::to("start_confirmation").json(body)).await;
        let (id, mut words) = (text(&job, "id"), Vec::new());
        while words.last().is_none_or(|word| word != "FINISHED") {
            let job = bench.expect(200, Call::to("get_job").with("jobId", &id)).await;
            note(&mut words, &job, "/status");
            bench.advance(1_000);
        }
        assert_eq!(words, ["CREATED", "SCHEDULED", "RUNNING", "FINISHED"]);
    }

    let mut accounts = bench.shown("confirm_bank_account");
    accounts.extend(
        (0..60).map(|number| json!({"bankAccount": {"internationalBankAccountIdentifier": format!("CH{number}")}})),
    );
    let mut kinds = BTreeSet::new();
    for account in accounts {
        let answer = bench.expect(200, Call::to("confirm_bank_account").json(account)).await;
        kinds.insert(["trustScore", "associatedFraudCases"].map(|field| answer.get(field).is_some()));
    }
    assert_eq!(kinds.len(), 3, "trusted, a fraud case, unknown");
    bench.expect(400, Call::to("confirm_bank_account").json(json!({"bankAccount": {}}))).await;
    bench.expect(401, Call::to("confirm_bank_account").json(json!({})).anonymous()).await;
    bench.nothing_is_left_but(&[
        // It takes any storage and knows of no permissions.
        "start_confirmation 404",
    ]);
}

/// A virtual account to be, as part of a batch or, with these fields beside it, alone.
fn virtual_account(id: &str, beside: &Value) -> Value {
    let mut account: Map<String, Value> = beside.as_object().expect("an object").clone();
    account.insert("externalId".to_owned(), id.into());
    let document = json!({"type": "RFC", "id": "EXTF900101NI1"});
    let beneficiary = json!({"type": "INDIVIDUAL", "name": "Ana", "lastName": "Doe", "document": document});
    account.insert("beneficiary".to_owned(), beneficiary);
    account.into()
}

fn batch_of(accounts: usize) -> Value {
    let accounts: Vec<Value> = (0..accounts).map(|n| virtual_account(&format!("item-{n}"), &json!({}))).collect();
    json!({"externalId": "batch-1", "accountNumber": "484.484.00000011", "country": "MEX", "accounts": accounts})
}

#[tokio::test]
async fn localpayment() {
    let mut bench = Bench::new("localpayment", Faults::None).await;
    bench.expect(401, Call::to("obtain_token").json(json!({"username": "a", "password": "b"}))).await;
    let tokens = bench.login("obtain_token", ["username", "password"], "access").await;
    bench.expect(200, Call::to("refresh_token").json(json!({"refresh": text(&tokens, "refresh")}))).await;

    bench.expect(400, Call::to("create_batch").json(batch_of(9))).await;
    bench.expect(401, Call::to("create_batch").json(batch_of(10)).anonymous()).await;
    bench.expect(201, Call::to("create_batch").json(batch_of(100))).await;
    bench.expect(400, Call::to("create_batch").json(batch_of(100))).await;
    bench.expect(401, Call::to("get_batch").with("externalId", "x").by("nonsense")).await;
    bench.expect(404, Call::to("get_batch").with("externalId", "x")).await;
    let (mut words, mut account_words) = (Vec::new(), Vec::new());
    while words.last().is_none_or(|word| word != "COMPLETED") {
        let batch = bench.expect(200, Call::to("get_batch").with("externalId", "batch-1")).await;
        note(&mut words, &batch, "/status/description");
        for number in 0..100 {
            let id = format!("item-{number}");
            let account = bench.expect(200, Call::to("get_virtual_account").with("externalId", &id)).await;
            note(&mut account_words, &account, "/status/description");
        }
        bench.advance(3_000);
    }
    assert_eq!(words, ["INPROGRESS", "COMPLETED"]);
    account_words.sort();
    assert_eq!(account_words, ["COMPLETED", "INPROGRESS", "REJECTED"]);

    let beside = json!({"accountNumber": "484.484.00000011", "country": "MEX", "currency": "MXN"});
    let create = || Call::to("create_virtual_account").json(virtual_account("single-1", &beside));
    bench.expect(401, create().anonymous()).await;
    bench.expect(201, create()).await;
    bench.expect(400, create()).await;
    bench.expect(400, Call::to("create_virtual_account").json(json!({}))).await;
    bench.expect(401, Call::to("get_virtual_account").with("externalId", "x").anonymous()).await;
    bench.expect(404, Call::to("get_virtual_account").with("externalId", "x")).await;
    bench.nothing_is_left_but(&[
        // The spec takes the body from the login; the sandbox answers with a status object.
        "refresh_token 401",
    ]);
}

/// Calls every operation of a provider with nothing in the request; each answer must have this status.
async fn all_answer(bench: &mut Bench, status: u16) {
    let names: Vec<String> = operations(&bench.document)
        .map(|(.., operation)| text(operation, "operationId"))
        .filter(|id| bench.operation(id).2["responses"].get(status.to_string()).is_some())
        .collect();
    assert!(!names.is_empty());
    for name in names {
        bench.expect(status, Call::to(&name)).await;
    }
}

#[tokio::test]
async fn a_rate_limit_is_told_as_documented() {
    for room in ["killb", "localpayment"] {
        let mut bench = Bench::new(room, Faults::RateLimit).await;
        let base = bench.sandbox.base_url(room).expect("a provider");
        for _ in 0..20 {
            bench.http.get(&base).send().await.expect("an answer");
        }
        all_answer(&mut bench, 429).await;
    }
}

#[tokio::test]
async fn an_outage_is_told_as_documented() {
    for (room, operation, parameter) in [
        ("killb", "get_bulk_status", "jobId"),
        ("reap", "get_batch_status", "batchId"),
        ("cdq", "get_job", "jobId"),
        ("localpayment", "get_batch", "externalId"),
    ] {
        let mut bench = Bench::new(room, Faults::Outage).await;
        bench.advance(3_000);
        let call = Call::to(operation).with(parameter, "x");
        match bench.operation(operation).2["responses"].get("503").is_some() {
            true => drop(bench.expect(503, call).await),
            // No page of the provider has it: any body will do.
            false => assert_eq!(bench.request(call).send().await.expect("an answer").status(), 503),
        }
    }
}
