//! `bulkrail compare`.

use serde_json::{Value, json};

use crate::fixtures::people;
use crate::schema::{check, schemas};
use crate::server::Server;
use crate::support::{Run, TempFile, run};

fn account(id: &str, reference: &str) -> Value {
    json!({
        "id": id, "userId": "u-1", "type": "PSE", "status": "ACTIVE", "data": {}, "externalId": reference,
        "complianceUrl": "https://example.com", "createdAt": "2026-04-23T00:38:08Z", "updatedAt": "",
    })
}

async fn compare(file: &TempFile, status: u16, list: Value, more: &[&str]) -> Run {
    let server = Server::always(status, list).await;
    let args = ["compare", "killb", file.path(), "--base-url", &server.url, "--user", "u-1"];
    run(args.into_iter().chain(more.iter().copied())).await
}

#[tokio::test]
async fn compare_prints_every_row_with_its_accounts_and_exits_with_3_where_they_differ() {
    let file = TempFile::new("compare-people.csv", people(3));
    let list = json!([account("a-1", "person-1"), account("a-3", "person-3"), account("a-4", "person-3")]);
    let text = compare(&file, 200, list.clone(), &[]).await;
    assert_eq!(text.code, 3, "{text:?}");
    let lines: Vec<_> = text.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[0], ["row", "reference", "accounts", "account", "created"]);
    let created = "2026-04-23T00:38:08Z";
    assert_eq!(
        lines[2..6],
        [
            vec!["2", "person-1", "1", "a-1", created],
            vec!["3", "person-2", "0", "-", "-"],
            vec!["4", "person-3", "2", "a-3", created],
            vec!["4", "person-3", "2", "a-4", created],
        ]
    );
    let summary = "3 rows, 2 with an account, 1 without; 1 with several, as after a double submission\n";
    assert!(text.stdout.ends_with(&format!("{}: {summary}", file.path())), "{}", text.stdout);
    for note in ["a missing row may not be processed yet", "created before the submit"] {
        assert!(text.stderr.contains(note), "{}", text.stderr);
    }

    let json = compare(&file, 200, list, &["--json"]).await;
    assert_eq!((json.code, json.stderr.as_str()), (3, ""));
    let document = json.document();
    check(&schemas().await["compare"], &document);
    assert_eq!((&document["provider"], &document["file"]), (&json!("killb"), &json!(file.path())));
    assert!(document["environment"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(
        (&document["existing"], &document["missing"], &document["duplicates"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(document["users"], json!([{"id": "u-1", "accounts": 3}]));
    let accounts = json!([{"id": "a-1", "user_id": "u-1", "created_at": created}]);
    assert_eq!(document["rows"][0], json!({"index": 2, "reference": "person-1", "accounts": accounts}));
}

#[tokio::test]
async fn compare_exits_with_0_where_every_row_has_one_account() {
    let file = TempFile::new("compare-two.csv", people(2));
    let list = json!([account("a-1", "person-1"), account("a-2", "person-2"), account("a-9", "another")]);
    let compared = compare(&file, 201, list, &[]).await;
    assert_eq!(compared.code, 0, "{compared:?}");
    assert!(compared.stdout.ends_with("2 rows, 2 with an account, 0 without\n"), "{compared:?}");
}

#[tokio::test]
async fn compare_says_where_a_user_has_no_accounts_and_fails_where_there_is_no_such_user() {
    let file = TempFile::new("compare-one.csv", people(1));
    let empty = compare(&file, 200, json!([]), &[]).await;
    assert_eq!(empty.code, 3);
    assert!(empty.stderr.contains("the user u-1 has no accounts: check the id"), "{empty:?}");
    let body = json!({"errorCode": "USER.0001", "message": ["User not found"], "statusCode": "404"});
    let missing = compare(&file, 404, body, &["--json"]).await;
    assert_eq!((missing.code, missing.stdout.as_str()), (7, ""), "{missing:?}");
    assert!(missing.error()["error"]["message"].as_str().unwrap().contains("the user u-1"), "{missing:?}");
}

#[tokio::test]
async fn compare_refuses_what_it_cannot_compare() {
    let file = TempFile::new("compare-refused.csv", people(1));
    for (args, reason) in [
        (&["compare", "killb", file.path()][..], "--user <ID>"),
        (&["compare", "cdq", file.path(), "--user", "u"], "CDQ has no public call that lists jobs"),
        (&["compare", "reap", file.path(), "--user", "u"], "by its key"),
        (&["compare", "localpayment", file.path(), "--user", "u"], "under its own id"),
        (&["compare", "killb", "missing.csv", "--user", "u"], "there is no such file"),
        (&["compare", "killb", file.path(), "--user", "a b"], "the user id has a character"),
    ] {
        let refused = run(args.iter().copied()).await;
        assert_eq!(refused.code, 2, "{args:?}: {refused:?}");
        assert!(refused.stderr.contains(reason), "{args:?}: {refused:?}");
    }
}
