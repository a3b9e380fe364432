//! Files that break a rule are refused before anything is sent; row and column are named, and no
//! value is shown.

use std::fmt::Write;

use crate::fixtures::{accounts, accounts_json, import, people};
use crate::support::{TempFile, run};

const CANARY: &str = "CANARY-77";
const OPTIONS: [&str; 4] = ["--account-number", "484.484.00000011", "--country", "MEX"];

fn with(mut csv: String, row: &str) -> String {
    let _ = writeln!(csv, "{row}");
    csv
}

/// Checks that the file is refused, and that the message and the hint have these parts.
async fn refused(provider: &str, name: &str, content: impl AsRef<[u8]>, options: &[&str], parts: &[&str]) {
    let file = TempFile::new(name, content);
    // Nothing listens there: a request would be another error.
    let nowhere = ["--base-url", "http://127.0.0.1:1"];
    for command in ["submit", "run"] {
        let args = [command, provider, file.path(), "--json"].into_iter().chain(options.iter().copied()).chain(nowhere);
        let run = run(args).await;
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{name}: {run:?}");
        let error = run.error();
        let message = error["error"]["message"].as_str().unwrap();
        assert_eq!(error["error"]["kind"], "usage", "{message}");
        let shown = format!("{message}; hint: {}", error["error"]["hint"].as_str().unwrap_or_default());
        for part in parts.iter().chain(&[name]) {
            assert!(shown.contains(part), "{name}: {part} is not in {shown}");
        }
        assert!(!run.stderr.contains(CANARY), "{}", run.stderr);
    }
}

#[tokio::test]
async fn submit_refuses_killb_files_that_break_a_rule() {
    refused("killb", "k-empty.csv", "externalId\n", &[], &["no rows"]).await;
    let twice = with(people(2), &format!("person-1,PERSON,PSE,{CANARY},x,,,,,,,,,"));
    let open = "externalId,accountType\nref-1,\"PSE\nref-2,PSE\n";
    refused("killb", "k-open.csv", open, &[], &["quotation mark", "not closed"]).await;
    refused("killb", "k-twice.csv", twice, &[], &["row 4, column externalId"]).await;
    refused("killb", "k-short.csv", with(people(2), CANARY), &[], &["row 4", "cells"]).await;
    refused("killb", "k-latin.csv", b"externalId\n\xe9\n", &[], &["UTF-8"]).await;
    refused(
        "killb",
        "k-column.csv",
        "externalId,acountType\nref-1,PSE\n",
        &[],
        &["row 1, column 2: is not one of", "externalId"],
    )
    .await;
    refused("killb", "k.pdf", CANARY, &[], &[".xlsx and .csv"]).await;
    refused("killb", "k-fake.xlsx", CANARY, &[], &["workbook"]).await;
}

#[tokio::test]
async fn submit_refuses_a_killb_workbook_with_a_reference_twice() {
    let sheet = [["externalId", "accountType"], ["ref-1", CANARY], ["ref-1", "PSE"]];
    refused(
        "killb",
        "k-twice.xlsx",
        workbook(&sheet),
        &[],
        &["row 3, column externalId", "the same value as in row 2"],
    )
    .await;
}

#[tokio::test]
async fn submit_refuses_reap_files_that_break_a_rule() {
    let row = format!("{CANARY},");
    refused("reap", "r-empty.csv", with(import(&["e-1".into()]), &row), &[], &["row 3, column shareToken"]).await;
    refused("reap", "r-missing.csv", format!("externalId\n{CANARY}\n"), &[], &["row 1", "column shareToken"]).await;
    refused("reap", "r-headless.csv", format!("{CANARY},token\n"), &[], &["row 1, column 1"]).await;
    let twice = import(&[CANARY.into(), "e-2".into(), CANARY.into()]);
    refused("reap", "r-twice.csv", twice, &[], &["row 4, column externalId"]).await;
    let many: Vec<_> = (0..5001).map(|row| format!("e-{row}")).collect();
    refused("reap", "r-many.csv", import(&many), &[], &["5000 rows"]).await;
    let open = "externalId,shareToken\na,\"b\nc,d\n";
    refused("reap", "r-open.csv", open, &[], &["quotation mark", "not closed"]).await;
    refused("reap", "r.xlsx", workbook(&[["externalId", "shareToken"]]), &[], &[]).await;
    refused("reap", "r-mark.csv", format!("\u{feff}{}", import(&["e-1".into()])), &[], &["byte order mark"]).await;
}

#[tokio::test]
async fn submit_refuses_cdq_files_that_break_a_rule() {
    let storage = ["--storage-id", "s-1"];
    refused("cdq", "c-column.csv", format!("IBAN\n{CANARY}\n"), &storage, &["row 1, column 1"]).await;
    let short = format!("International Account ID,Country Code\n{CANARY}\n");
    refused("cdq", "c-short.csv", short, &storage, &["row 2", "cells"]).await;
}

#[tokio::test]
async fn submit_refuses_localpayment_files_that_break_a_rule() {
    let row = format!("acc-1,INDIVIDUAL,{CANARY},Doe,RFC,X");
    refused("localpayment", "l-twice.csv", with(accounts(10), &row), &OPTIONS, &["row 12, column externalId", "row 2"])
        .await;
    let row = format!("acc-x,{CANARY},A,Doe,RFC,X");
    refused("localpayment", "l-type.csv", with(accounts(10), &row), &OPTIONS, &["row 12, column type"]).await;
    let open = with(accounts(10), "acc-11,INDIVIDUAL,\"Jane,Doe,RFC,XAXX010101000\n");
    refused("localpayment", "l-open.csv", open, &OPTIONS, &["quotation mark", "not closed"]).await;
    refused("localpayment", "l-column.csv", format!("externalId\n{CANARY}\n"), &OPTIONS, &["row 1", "column type"])
        .await;
    refused("localpayment", "l-few.csv", accounts(9), &OPTIONS, &["10 to 5000"]).await;
    refused("localpayment", "l-bare.csv", accounts(10), &[], &["--account-number and --country"]).await;
    refused("localpayment", "l.txt", CANARY, &OPTIONS, &[".json and .csv"]).await;
    refused("localpayment", "l-broken.json", format!("[{CANARY}"), &OPTIONS, &["line 1", "this is not JSON"]).await;
    refused("localpayment", "l-text.json", format!("[{CANARY:?}]"), &OPTIONS, &["line 1"]).await;
    let mut twice = accounts_json(10);
    twice[9]["externalId"] = twice[0]["externalId"].clone();
    twice[9]["beneficiary"]["name"] = CANARY.into();
    refused("localpayment", "l-twice.json", twice.to_string(), &OPTIONS, &["account 10, externalId", "account 1"])
        .await;
    let lower = ["--account-number", "1", "--country", "mex"];
    refused("localpayment", "l-country.csv", accounts(10), &lower, &["three capital letters"]).await;
}

#[tokio::test]
async fn submit_refuses_files_that_cannot_be_read() {
    let directory = env!("CARGO_TARGET_TMPDIR");
    for provider in ["killb", "reap", "localpayment"] {
        for file in [directory.to_owned(), format!("{directory}/not-there.csv")] {
            let run =
                run(["submit", provider, &file, "--json"].into_iter().chain(["--base-url", "http://127.0.0.1:1"]))
                    .await;
            assert_eq!((run.code, &run.error()["error"]["kind"]), (2, &"usage".into()), "{run:?}");
            assert!(run.stderr.contains(directory), "{run:?}");
        }
    }
    let cdq = ["submit", "cdq", "not-there.csv", "--storage-id", "s"];
    let rows = ["rows", "killb", "b-1", "--submitted", "not-there.csv"];
    let plain =
        [["submit", "killb", "not-there.csv"], ["run", "reap", "not-there.csv"], ["wait", "--batch", "not-there.csv"]];
    for call in plain.iter().map(|call| &call[..]).chain([&cdq[..], &rows[..]]) {
        let run = run(call.iter().copied()).await;
        let expected = "error: not-there.csv cannot be read: there is no such file\n  \
                        hint: check its name, or change to its directory (the path is /";
        assert!(run.stderr.starts_with(expected) || cfg!(windows), "{call:?}: {run:?}");
    }
}

/// Returns a workbook that the library would not write.
fn workbook<const N: usize>(rows: &[[&str; N]]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (number, row) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(row) {
            sheet.write_string(number, column, *cell).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}
