//! `bulkrail check`, and what `submit` and `run` say of the same file.

use serde_json::{Value, json};

use bulkrail_sandbox::Sandbox;

use crate::fixtures::{accounts_json, people};
use crate::schema;
use crate::support::{TempFile, at, finish, run};

const COLUMNS: &str = "externalId,entityType,accountType,firstName,lastName,email,phone,documentNumber,\
                       documentIssuedCountryCode,personDocumentType,countryCode,clabe";

/// Returns a file with a finding of many kinds.
fn damaged() -> String {
    let rows = [
        "ref-1,PERSON,SPEI,Ana,Rojas,ana@example.com,+525512345678,X1,MX,PASSPORT,MX,032180000118359718",
        "ref-2,PERSON,SPEI,Ana,Rojas,ana.example.com,5512345678,X2,UK,PASSPORT,MX,32180000118359719",
        "ref-1,PERSON,SPEI,Ana,,ana@example.com,+525512345678,X3,MX,PASSPORT,MX,6.46180157E+17",
        "ref-4,PERSON",
    ];
    format!("{COLUMNS}\n{}\n", rows.join("\n"))
}

const TABLE: &str = "\
\x20row   column                      level     reason
────────────────────────────────────────────────────────────────────────────────
 2     clabe                       warning   has a wrong check digit
                                             (clabe-check-digit)
 3     email                       warning   is not an e-mail address
                                             (email-format)
 3     phone                       warning   does not begin with + and a
                                             country code (e164-plus)
 3     documentIssuedCountryCode   warning   is not a country code of two
                                             capital letters (country-code)
 3     clabe                       warning   has lost 1 leading zero; store it
                                             as text (leading-zeros-lost)
 4     externalId                  error     the same value as in row 2
                                             (duplicate-reference)
 4     clabe                       warning   is a number with an exponent;
                                             digits are lost
                                             (scientific-notation)
 4     lastName                    warning   is empty, and so is companyName
                                             (field-missing)
 5     -                           error     has 2 cells, but the header has 12
                                             (number-of-cells)
";

#[tokio::test]
async fn check_prints_a_table_of_80_columns_without_values() {
    let file = TempFile::new("check-damaged.csv", damaged());
    let check = run(["check", "killb", file.path()]).await;
    let (table, summary) = check.stdout.split_once("\n\n").unwrap();
    assert_eq!(format!("{table}\n"), TABLE);
    assert!(summary.starts_with(&format!("{}: 4 rows, 2 errors, 7 warnings (", file.path())), "{summary}");
    assert_eq!((check.code, check.stderr.as_str()), (3, ""));
    for value in ["ref-1", "ana.example.com", "32180000118359719", "Rojas", "UK", "6.46"] {
        assert!(!table.contains(value), "{value}");
    }
}

#[tokio::test]
async fn check_of_a_file_without_faults_says_so_and_ends_with_0() {
    let file = TempFile::new("check-clean.csv", people(3));
    let check = run(["check", "killb", file.path()]).await;
    assert_eq!((check.code, check.stderr.as_str()), (0, ""));
    assert_eq!(check.stdout, format!("{}: 3 rows, nothing found\n", file.path()));
    let check = run(["check", "killb", file.path(), "--json"]).await;
    let expected = json!({"provider": "killb", "file": file.path(), "rows": 3, "errors": 0, "warnings": 0,
        "findings": [], "counts": []});
    assert_eq!((check.code, check.document()), (0, expected));
}

#[tokio::test]
async fn check_document_has_each_finding_and_conforms_to_the_schema() {
    let file = TempFile::new("check-json.csv", damaged());
    let check = run(["check", "killb", file.path(), "--json"]).await;
    assert_eq!((check.code, check.stderr.as_str()), (3, ""));
    let document = check.document();
    schema::check(&schema::schemas().await["check"], &document);
    let finding = json!({"row": 2, "column": "clabe", "level": "warning", "rule": "clabe-check-digit",
        "reason": "has a wrong check digit"});
    assert_eq!(document["findings"][0], finding);
    assert_eq!((&document["provider"], &document["file"]), (&json!("killb"), &json!(file.path())));
    assert_eq!((&document["rows"], &document["errors"], &document["warnings"]), (&json!(4), &json!(2), &json!(7)));
    let whole_row = document["findings"].as_array().unwrap().iter().find(|one| one["rule"] == "number-of-cells");
    assert_eq!(whole_row.unwrap()["column"], Value::Null);
}

#[tokio::test]
async fn check_shows_values_only_where_asked_and_escapes_them() {
    let hostile = "\u{1b}[2J\u{202e}ana";
    let row = format!("ref-1,PERSON,SPEI,Ana,Rojas,{hostile},+525512345678,X1,MX,PASSPORT,MX,032180000118359719");
    let file = TempFile::new("check-hostile.csv", format!("{COLUMNS}\n{row}\n"));
    let hidden = run(["check", "killb", file.path()]).await;
    let hidden_json = run(["check", "killb", file.path(), "--json"]).await;
    assert!(!hidden.stdout.contains("ana") && !hidden_json.stdout.contains("ana"), "{hidden:?} {hidden_json:?}");
    let shown = run(["check", "killb", file.path(), "--show-values"]).await;
    assert_eq!(shown.code, 3);
    assert!(shown.stdout.contains("[2J\\u{202e}ana"), "{}", shown.stdout);
    assert!(!shown.stdout.contains(['\u{1b}', '\u{202e}']), "{}", shown.stdout);
    let shown = run(["check", "killb", file.path(), "--show-values", "--json"]).await;
    assert!(!shown.stdout.contains(['\u{1b}', '\u{202e}']), "{}", shown.stdout);
    let values: Vec<_> =
        shown.document()["findings"].as_array().unwrap().iter().map(|one| one["value"].clone()).collect();
    assert!(values.contains(&json!(hostile)), "{values:?}");
}

#[tokio::test]
async fn check_lists_a_limited_number_and_counts_all() {
    let rows: String = (0..30).map(|row| format!("r-{row},t-{row}\n")).collect();
    let file = TempFile::new("check-limit.csv", format!("externalId,shareToken\n{rows}"));
    let check = run(["check", "reap", file.path(), "--limit", "2"]).await;
    let expected =
        format!("{}: 30 rows, 30 warnings (uuid-format 30); 28 of them are not listed (see --limit)\n", file.path());
    assert!(check.stdout.ends_with(&expected), "{}", check.stdout);
    let document = run(["check", "reap", file.path(), "--limit", "2", "--json"]).await.document();
    assert_eq!((document["findings"].as_array().unwrap().len(), &document["warnings"]), (2, &json!(30)));
    assert_eq!(document["counts"][0]["count"], 30);
}

#[tokio::test]
async fn check_reads_csv_workbooks_and_json_of_every_provider() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_string(0, 0, "externalId").unwrap();
    sheet.write_string(0, 1, "cvu").unwrap();
    sheet.write_string(1, 0, "ref-1").unwrap();
    sheet.write_number(1, 1, 472_900_016_847_756_532.0).unwrap();
    let mut accounts = accounts_json(10);
    accounts[3]["beneficiary"]["document"] = json!({"type": "CPF", "id": "11144477736"});
    let table = [
        ("killb", "check.xlsx", book.save_to_buffer().unwrap(), "number-precision"),
        ("localpayment", "check.json", accounts.to_string().into(), "cpf-check-digits"),
        ("reap", "check-reap.csv", b"externalId,shareToken\n1,2\n".to_vec(), "uuid-format"),
        ("cdq", "check-cdq.csv", b"International Account ID\nGB29NWBK60161331926818\n".to_vec(), "iban-check-digits"),
    ];
    for (provider, name, content, rule) in table {
        let file = TempFile::new(name, content);
        let check = run(["check", provider, file.path(), "--json"]).await;
        assert_eq!((check.code, check.stderr.as_str()), (3, ""), "{provider}");
        let document = check.document();
        let findings = document["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["rule"] == rule), "{provider}: {document}");
    }
}

#[tokio::test]
async fn check_refuses_what_it_cannot_read() {
    for (args, part) in [
        (&["check", "reap", "/nowhere/x.csv"][..], "no such file"),
        (&["check", "reap", "Cargo.toml"], ".csv files"),
        (&["check", "reap"], "<FILE>"),
    ] {
        let check = run(args.iter().copied()).await;
        assert_eq!((check.code, check.stdout.as_str()), (2, ""), "{args:?}");
        assert!(check.stderr.contains(part), "{args:?}: {}", check.stderr);
    }
    let file = TempFile::new("check-country.csv", "externalId,shareToken\n1,2\n");
    let check = run(["check", "reap", file.path(), "--country", "MEX"]).await;
    assert_eq!(check.code, 2);
    assert!(check.stderr.contains("leave out --country"), "{}", check.stderr);
}

#[tokio::test]
async fn submit_and_run_print_a_summary_of_warnings_and_go_on() {
    let sandbox = Sandbox::builder().seed(7).speed(60.0).start().await.unwrap();
    let wrong = people(3).replace("p2@example.com", "p2.example.com");
    let file = TempFile::new("check-submit.csv", wrong);
    let list = format!("to list them: bulkrail check killb {}", file.path());
    let expected = format!("1 warning (email-format 1); {list}");
    let submit = finish(at(&sandbox, ["submit", "killb", file.path()])).await;
    assert_eq!(submit.code, 0, "{submit:?}");
    assert!(submit.stderr.starts_with(&format!("warning: {expected}\n")), "{}", submit.stderr);
    let run = finish(at(&sandbox, ["run", "killb", file.path(), "--interval", "20ms..100ms", "--json"])).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    assert_eq!(run.document()["warnings"], json!([expected]));
}

#[tokio::test]
async fn submit_of_a_file_with_errors_stops_and_says_how_many_there_are() {
    let file = TempFile::new("check-stop.csv", damaged());
    let submit = run(["submit", "killb", file.path(), "--base-url", "http://127.0.0.1:1"]).await;
    assert_eq!((submit.code, submit.stdout.as_str()), (2, ""));
    let lines: Vec<_> = submit.stderr.lines().collect();
    assert!(lines[0].contains("row 4, column externalId: the same value as in row 2"), "{}", submit.stderr);
    assert!(lines[1].starts_with("  hint: 2 errors, 7 warnings ("), "{}", submit.stderr);
    assert!(lines[1].ends_with(&format!("in all; to list them: bulkrail check killb {}", file.path())));
}
