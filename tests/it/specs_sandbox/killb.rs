//! KillB.

use bulkrail_sandbox::Faults;
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

use super::bench::{Bench, note, text};
use super::call::Call;

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
async fn killb_sandbox_responses_fit_the_spec() {
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
    let shown = bench.shown("create_account");
    for kind in kinds.as_object().expect("kinds").keys() {
        // Only the data of CUSTODIAL is shown nowhere.
        let data = shown.iter().find(|shown| shown["type"] == kind.as_str()).map(|shown| shown["data"].clone());
        assert_eq!(data.is_none(), kind == "CUSTODIAL", "{kind}");
        let account = json!({"type": kind, "data": data.unwrap_or_else(|| json!({"firstName": "Ana"}))});
        let account = bench.expect(201, Call::to("create_account").json(account)).await;
        let user = text(&account, "userId");
        let listed = bench.expect(200, Call::to("list_accounts_of_user").with("userId", &user)).await;
        assert_eq!(listed, json!([account]));
        let id = text(&account, "id");
        bench.expect(200, Call::to("delete_account").with("id", &id)).await;
        bench.expect(404, Call::to("delete_account").with("id", &id)).await;
        bench.expect(404, Call::to("get_account").with("id", &id)).await;
        let listed = bench.expect(200, Call::to("list_accounts_of_user").with("userId", &user)).await;
        assert_eq!(listed, json!([]));
    }
    bench.expect(401, Call::to("delete_account").with("id", "x").anonymous()).await;
    bench.expect(401, Call::to("list_accounts_of_user").with("userId", "x").anonymous()).await;
    bench.expect(200, Call::to("export_accounts").with("type", "PSE,PIX")).await;
    bench.expect(400, Call::to("export_accounts").with("type", "CUSTODIAL")).await;
    bench.expect(401, Call::to("export_accounts").anonymous()).await;
    bench.expect(200, Call::to("download_template")).await;
    bench.expect(401, Call::to("download_template").anonymous()).await;
    assert_ne!(bench.expect(200, Call::to("list_banks").with("countryCode", "CO")).await, json!([]));
    bench.expect(401, Call::to("list_banks").anonymous()).await;
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
        "delete_account 400",
        "download_template 400",
        "get_account 400",
        "get_bulk_status 400",
        "list_accounts_of_user 400",
        "list_accounts_of_user 404",
        "list_banks 400",
        "upload_bulk 409",
    ]);
}
