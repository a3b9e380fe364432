//! `bulkrail retry`, and ids by their beginning.

use std::fs;
use std::path::{Path, PathBuf};

use bulkrail::killb::Workbook;
use bulkrail_sandbox::Sandbox;
use rust_xlsxwriter::{
    ConditionalFormatFormula, DataValidation, ExcelDateTime, Format, Formula, Note, Table, TableColumn,
};
use serde_json::{Value, json};

use crate::fixtures::people;
use crate::server::{Server, killb};
use crate::support::{QUICK, Run, TempFile, at, bulkrail, finish, run, state};

/// Job of four rows: two failed, one succeeded, one without an outcome.
fn job() -> Value {
    let mut job = killb("COMPLETED", [4, 4, 1, 2]);
    job["results"] = json!([
        {"rowNumber": 2, "status": "SUCCESS", "originalRowData": {"externalId": "a"}},
        {"rowNumber": 3, "status": "ERROR", "error": "no", "originalRowData": {"externalId": "b"}},
        {"rowNumber": 4, "status": "ERROR", "error": "no", "originalRowData": {"externalId": "c"}},
        {"rowNumber": 5, "status": "PONDERING", "originalRowData": {"externalId": "d"}},
    ]);
    job
}

const CSV: &str =
    "\u{feff}firstName,externalId\r\n\"Ann, B.\",a\r\n\"Ben \"\"x\"\"\",\"b\"\r\n\r\n=1,c\r\n\"D, d\",d\r\n";

/// Returns a path that does not exist.
fn new_path(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    let _ = fs::remove_file(&path);
    path
}

async fn retry(body: Value, args: &[&str]) -> Run {
    let server = Server::always(200, body).await;
    let run = run(["retry", "--base-url", &server.url].into_iter().chain(args.iter().copied())).await;
    assert!(server.requests().iter().all(|request| request.starts_with("GET ")), "{:?}", server.requests());
    run
}

#[tokio::test]
async fn retry_copies_failed_rows_of_a_csv_byte_for_byte() {
    let file = TempFile::new("retry.csv", CSV);
    let args = ["killb", "b-1", "--submitted", file.path()];
    let failed = retry(job(), &args).await;
    assert_eq!(failed.code, 0, "{failed:?}");
    assert_eq!(failed.stdout, "\u{feff}firstName,externalId\r\n\"Ben \"\"x\"\"\",\"b\"\r\n=1,c\r\n");
    assert!(
        failed.stderr.contains("left out: 1 row is unaccounted for and may exist; --unaccounted includes it"),
        "{failed:?}"
    );
    assert!(failed.stderr.contains("written: standard output, 2 rows (2 failed)"), "{failed:?}");
    let all = retry(job(), &[&args[..], &["--unaccounted"]].concat()).await;
    assert_eq!(all.stdout, format!("{}\"D, d\",d\r\n", failed.stdout));
    assert!(all.stderr.contains("3 rows (2 failed, 1 unaccounted for)"), "{all:?}");
    assert_eq!(fs::read_to_string(file.path()).unwrap(), CSV);
}

#[tokio::test]
async fn retry_overwrites_neither_the_submitted_file_nor_another() {
    let file = TempFile::new("retry-keep.csv", CSV);
    let out = new_path("retry-keep-out.csv");
    let path = out.to_str().unwrap();
    let args = |out| ["killb", "b-1", "--submitted", file.path(), "--out", out];
    let first = retry(job(), &args(path)).await;
    assert_eq!((first.code, first.stdout.as_str()), (0, ""), "{first:?}");
    assert!(first.stderr.contains(&format!("next: bulkrail run killb {path} --base-url ")), "{first:?}");
    let written = fs::read_to_string(&out).unwrap();
    assert_eq!(written.lines().count(), 3);

    fs::write(&out, "mine").unwrap();
    let second = retry(job(), &args(path)).await;
    assert_eq!((second.code, fs::read_to_string(&out).unwrap().as_str()), (2, "mine"), "{second:?}");
    assert!(second.stderr.contains("it exists") && second.stderr.contains("--force"), "{second:?}");
    let missing = retry(job(), &args("missing/next.csv")).await;
    let expected = "error: missing/next.csv: its directory does not exist\n  hint: create it, or name another file\n";
    assert_eq!((missing.code, missing.stderr.as_str()), (2, expected), "{missing:?}");
    let forced = retry(job(), &[&args(path)[..], &["--force"]].concat()).await;
    assert_eq!((forced.code, fs::read_to_string(&out).unwrap()), (0, written));
    fs::remove_file(&out).unwrap();

    fs::hard_link(file.path(), &out).unwrap();
    for same in [file.path(), path] {
        let run = retry(job(), &[&args(same)[..], &["--force"]].concat()).await;
        assert!(run.code == 2 && run.stderr.contains("not overwritten"), "{run:?}");
    }
    assert_eq!(fs::read_to_string(file.path()).unwrap(), CSV);
    fs::remove_file(&out).unwrap();
    let other = retry(job(), &args("next.xlsx")).await;
    assert!(other.code == 2 && other.stderr.contains("give it the same extension"), "{other:?}");
}

#[tokio::test]
async fn retry_of_a_batch_without_failed_rows_writes_nothing() {
    let file = TempFile::new("retry-none.csv", "externalId\na\n");
    let out = new_path("retry-none-out.csv");
    let mut body = killb("COMPLETED", [1, 1, 1, 0]);
    body["results"] = json!([{"rowNumber": 2, "status": "SUCCESS", "originalRowData": {"externalId": "a"}}]);
    let args = ["killb", "b-1", "--submitted", file.path(), "--out", out.to_str().unwrap()];
    let none = retry(body.clone(), &args).await;
    assert_eq!((none.code, none.stderr.as_str()), (0, "nothing is written: no row has failed\n"));
    assert!(!out.exists());
    body["status"] = json!("PROCESSING");
    let running = retry(body, &args).await;
    assert!(running.code == 2 && running.stderr.contains("the batch has not ended"), "{running:?}");
    assert!(running.stderr.contains("hint: wait for its end: bulkrail wait killb b-1"), "{running:?}");
    let cdq = retry(json!({}), &["cdq", "b-1", "--submitted", file.path()]).await;
    assert!(cdq.code == 2 && cdq.stderr.contains("does not list rows"), "{cdq:?}");
}

#[tokio::test]
async fn retry_of_a_workbook_keeps_sheets_types_and_leading_zeros() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet().set_name("Accounts").unwrap();
    let date = ExcelDateTime::from_ymd(2026, 1, 31).unwrap();
    for (row, cells) in
        [["externalId", "bankCode"], ["a", "001"], ["b", "007"], ["c", "010"], ["d", "1"]].iter().enumerate()
    {
        // The third row of the file is blank.
        let row = row as u32 + u32::from(row > 1);
        cells.iter().zip(0..).for_each(|(cell, column)| _ = sheet.write_string(row, column, *cell).unwrap());
        if row > 0 {
            sheet.write_number(row, 2, f64::from(row) + 0.5).unwrap();
            sheet.write_datetime_with_format(row, 3, &date, &Format::new().set_num_format("dd/mm/yy")).unwrap();
            sheet.write_boolean(row, 4, row == 3).unwrap();
        }
    }
    let notes = book.add_worksheet().set_name("Notes").unwrap();
    notes.write_string(0, 0, "How to").unwrap();
    notes.write_string(4, 1, "fill in").unwrap();
    let file = TempFile::new("retry.xlsx", book.save_to_buffer().unwrap());
    let out = new_path("retry-out.xlsx");
    let args = ["killb", "b-1", "--submitted", file.path(), "--out", out.to_str().unwrap()];
    let run = retry(job(), &args).await;
    assert_eq!(run.code, 0, "{run:?}");
    let written = Workbook::from_xlsx(out.as_path()).await.unwrap().submitted_rows();
    assert_eq!(
        (written.rows, &written.references[..], &written.numbers[..]),
        // The sheet of notes has rows, too: a number alone does not name a row.
        (2, &["b".into(), "c".into()][..], &[][..])
    );
    // The values, by the same reader again: every row of the next file fails once more, and the copy is equal.
    let mut body = killb("COMPLETED", [2, 2, 0, 2]);
    body["results"] =
        ["b", "c"].iter().map(|id| json!({"status": "ERROR", "originalRowData": {"externalId": id}})).collect();
    let again = new_path("retry-again.xlsx");
    let args = ["killb", "b-1", "--submitted", out.to_str().unwrap(), "--out", again.to_str().unwrap()];
    assert_eq!(retry(body, &args).await.code, 0);
    let part = |path: &Path, name: &str| {
        let mut archive = zip_part(path, name);
        archive.retain(|c| c != '\n');
        archive
    };
    let first = part(&out, "xl/worksheets/sheet1.xml");
    assert_eq!(first, part(&again, "xl/worksheets/sheet1.xml"));
    for kept in ["<v>3.5</v>", "<v>4.5</v>", "<v>46053</v>", "t=\"b\"><v>1</v>"] {
        assert!(first.contains(kept), "{kept}: {first}");
    }
    let texts = part(&out, "xl/sharedStrings.xml");
    assert!(
        ["007", "010", "How to", "fill in"].iter().all(|text| texts.contains(text)) && !texts.contains("001"),
        "{texts}"
    );
    assert!(part(&out, "xl/worksheets/sheet2.xml").contains("r=\"B5\""));
    for path in [out, again] {
        fs::remove_file(path).unwrap();
    }
}

/// Workbook of [`job`] with what people add to a sheet: formats, widths, rules, a filter, names, a hidden sheet.
fn styled() -> rust_xlsxwriter::Workbook {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet().set_name("Accounts").unwrap();
    let bold = Format::new().set_bold();
    let money = Format::new().set_num_format("#,##0.00");
    for (column, header) in (0..).zip(["externalId", "bankCode", "address"]) {
        sheet.write_string_with_format(0, column, header, &bold).unwrap();
    }
    for (row, id) in (1..).zip(["a", "b", "c", "d"]) {
        sheet.write_string(row, 0, id).unwrap();
        sheet.write_number_with_format(row, 1, f64::from(row) + 0.5, &money).unwrap();
        let formula = Formula::new(format!("=A{}&\" <x>\"", row + 1)).set_result(format!("{id} <x>"));
        sheet.write_formula(row, 2, formula).unwrap();
    }
    sheet.set_column_width(0, 33).unwrap().set_freeze_panes(1, 0).unwrap().autofilter(0, 0, 4, 2).unwrap();
    sheet.merge_range(5, 4, 6, 5, "", &bold).unwrap();
    let list = DataValidation::new().allow_list_formula("=Lists!$A$2:$A$4".into());
    sheet.add_data_validation(1, 1, 4, 1, &list).unwrap();
    let rule = DataValidation::new().allow_custom("=COUNTIF($A$2:$A$5,A2)=1".into());
    sheet.add_data_validation(1, 0, 1_048_575, 0, &rule).unwrap();
    let twice = ConditionalFormatFormula::new().set_rule("=COUNTIF($A$2:$A$5,$A2)>1").set_format(&bold);
    sheet.add_conditional_format(1, 0, 4, 2, &twice).unwrap();
    sheet.set_print_area(0, 0, 4, 2).unwrap();
    let lists = book.add_worksheet().set_name("Lists").unwrap().set_hidden(true);
    lists.write_column(0, 0, ["codes", "001", "002", "003"]).unwrap();
    book.define_name("Ids", "=Accounts!$A$2:$A$5").unwrap();
    book.define_name("First", "=Accounts!$A$2").unwrap();
    book
}

#[tokio::test]
async fn retry_of_a_workbook_keeps_formats_and_moves_what_refers_to_rows() {
    let file = TempFile::new("retry-styled.xlsx", styled().save_to_buffer().unwrap());
    let out = new_path("retry-styled-out.xlsx");
    let args = ["killb", "b-1", "--submitted", file.path(), "--out", out.to_str().unwrap()];
    let run = retry(job(), &args).await;
    assert!(run.code == 0 && !run.stderr.contains("without formats"), "{run:?}");
    let sheet = zip_part(&out, "xl/worksheets/sheet1.xml");
    for part in [
        "<row r=\"2\"",
        "<row r=\"3\"",
        "<row r=\"4\"",
        "<autoFilter ref=\"A1:C3\"",
        "<mergeCell ref=\"E4:F5\"/>",
        "sqref=\"B2:B3\"",
        "<formula1>Lists!$A$2:$A$4</formula1>",
        "sqref=\"A2:A1048576\"",
        "<formula1>COUNTIF($A$2:$A$3,A2)=1</formula1>",
        "<conditionalFormatting sqref=\"A2:C3\">",
        "<formula>COUNTIF($A$2:$A$3,$A2)&gt;1</formula>",
        "<pane ySplit=\"1\" topLeftCell=\"A2\"",
        "<is><t xml:space=\"preserve\">b &lt;x&gt;</t></is>",
        "<v>2.5</v>",
        "<v>3.5</v>",
    ] {
        assert!(sheet.contains(part), "{part}: {sheet}");
    }
    assert!(!sheet.contains("<f>") && !sheet.contains("1.5") && sheet.matches("<row ").count() == 5, "{sheet}");
    let book = zip_part(&out, "xl/workbook.xml");
    for name in ["Accounts!$A$2:$A$3<", "Accounts!#REF!<", "Accounts!$A$1:$C$3<"] {
        assert!(book.contains(name), "{name}: {book}");
    }
    // Texts of rows that are not in it are not in it either.
    let texts = zip_part(&out, "xl/sharedStrings.xml");
    assert!(texts.contains("<t>b</t>") && !texts.contains("<t>a</t>") && !texts.contains("<t>d</t>"), "{texts}");
    for same in ["xl/styles.xml", "xl/worksheets/sheet2.xml", "xl/theme/theme1.xml"] {
        assert_eq!(zip_part(&out, same), zip_part(Path::new(file.path()), same), "{same}");
    }
    let written = Workbook::from_xlsx(out.as_path()).await.unwrap().submitted_rows();
    assert_eq!((&written.references[..], &written.numbers[..]), (&["b".into(), "c".into()][..], &[][..]));
    fs::remove_file(out).unwrap();
}

#[tokio::test]
async fn retry_of_a_workbook_with_what_cannot_be_moved_has_its_values_and_says_so() {
    type Change = fn(&mut rust_xlsxwriter::Workbook);
    let changes: [(&str, Change); 3] = [
        ("has comments below the header", |book| {
            book.worksheet_from_index(0).unwrap().insert_note(2, 1, &Note::new("check this")).unwrap();
        }),
        ("has a rule or a name whose formula refers to rows in an unusual way", |book| {
            let rule = DataValidation::new().allow_custom("=Accounts!A8>1".into());
            book.worksheet_from_index(0).unwrap().add_data_validation(7, 1, 7, 1, &rule).unwrap();
        }),
        ("has a table of which no row is left", |book| {
            let other = book.add_worksheet().set_name("More").unwrap();
            other.write_string(0, 0, "externalId").unwrap();
            other.write_string(1, 0, "e").unwrap();
            let columns = [TableColumn::new().set_header("externalId")];
            other.add_table(0, 0, 1, 0, &Table::new().set_columns(&columns)).unwrap();
        }),
    ];
    for (reason, change) in changes {
        let mut book = styled();
        change(&mut book);
        let file = TempFile::new("retry-plain.xlsx", book.save_to_buffer().unwrap());
        let out = new_path("retry-plain-out.xlsx");
        let args = ["killb", "b-1", "--submitted", file.path(), "--out", out.to_str().unwrap()];
        let run = retry(job(), &args).await;
        assert_eq!(run.code, 0, "{run:?}");
        let warning = format!("warning: {} has the values without formats: {} {reason}\n", out.display(), file.path());
        assert!(run.stderr.contains(&warning), "{warning}: {run:?}");
        let written = Workbook::from_xlsx(out.as_path()).await.unwrap().submitted_rows();
        assert_eq!(&written.references[..], ["b", "c"], "{reason}");
        fs::remove_file(out).unwrap();
    }
}

#[tokio::test]
async fn retry_of_a_workbook_moves_its_table_and_keeps_a_comment_on_the_header() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let columns = ["externalId", "email"].map(|name| TableColumn::new().set_header(name));
    sheet.add_table(0, 0, 4, 1, &Table::new().set_columns(&columns)).unwrap();
    for (row, id) in (1..).zip(["a", "b", "c", "d"]) {
        sheet.write_string(row, 0, id).unwrap();
    }
    sheet.insert_note(0, 0, &Note::new("your own id")).unwrap();
    let file = TempFile::new("retry-table.xlsx", book.save_to_buffer().unwrap());
    let out = new_path("retry-table-out.xlsx");
    let args = ["killb", "b-1", "--submitted", file.path(), "--out", out.to_str().unwrap()];
    let run = retry(job(), &args).await;
    assert!(run.code == 0 && !run.stderr.contains("warning"), "{run:?}");
    let table = zip_part(&out, "xl/tables/table1.xml");
    assert_eq!(table.matches("ref=\"A1:B3\"").count(), 2, "{table}");
    assert!(zip_part(&out, "xl/comments1.xml").contains("your own id"));
    fs::remove_file(out).unwrap();
}

/// Returns a part of an archive.
fn zip_part(path: &Path, name: &str) -> String {
    use std::io::Read;
    let mut archive = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn created(ids: &[&str]) -> Value {
    let lines: String = ids.iter().map(|id| format!("i-{id},{id},1234\n")).collect();
    let mut body = crate::server::localpayment_completed();
    body["csvFormatResponse"] = json!(format!("internal_id,external_id,bank_account\n{lines}"));
    body
}

#[tokio::test]
async fn retry_of_a_batch_document_has_its_fields_and_an_external_id_of_its_own() {
    let account = |id: &str| {
        format!(
            "{{\"externalId\": \"{id}\",\n      \"beneficiary\": {{\"type\": \"COMPANY\", \"name\": \"F\", \"document\": \
             {{\"type\": \"RFC\", \"id\": \"X\"}}}}}}"
        )
    };
    let accounts: Vec<_> = (0..12).map(|number| account(&format!("e-{number}"))).collect();
    let batch = format!(
        "{{\n  \"name\": \"July\",\n  \"externalId\": \"pay-7\",\n  \"accounts\": [\n    {}\n  ],\n  \"country\": \"MEX\",\n  \
         \"accountNumber\": \"1.0\"\n}}\n",
        accounts.join(",\n    ")
    );
    let file = TempFile::new("retry-batch.json", &batch);
    let args = ["localpayment", "pay-7", "--submitted", file.path(), "--unaccounted"];
    let run = retry(created(&["e-0"]), &args).await;
    assert_eq!(run.code, 0, "{run:?}");
    let expected = batch.replace("pay-7", "pay-7-retry").replace(&format!("{},\n    ", accounts[0]), "");
    assert_eq!(run.stdout, expected);
    assert!(run.stderr.contains("externalId of the next batch: pay-7-retry\n"), "{run:?}");
    // Eleven rows are enough, nine are not.
    assert!(!run.stderr.contains("at least"), "{run:?}");
    let keyed = retry(created(&["e-0", "e-1", "e-2"]), &[&args[..], &["--key", "august"]].concat()).await;
    let document: Value = serde_json::from_str(&keyed.stdout).unwrap();
    assert_eq!((&document["externalId"], document["accounts"].as_array().unwrap().len()), (&json!("august"), 9));
    assert!(keyed.stderr.contains("localpayment takes at least 10 rows"), "{keyed:?}");

    let array = TempFile::new("retry-array.json", format!("[{}]", accounts.join(",").replace('\n', "")));
    let run = retry(created(&["e-0"]), &["localpayment", "x", "--submitted", array.path(), "--unaccounted"]).await;
    assert_eq!(run.stdout, format!("[{}]", accounts[1..].join(",").replace('\n', "")), "{run:?}");
    let args = ["localpayment", "x", "--submitted", array.path(), "--unaccounted", "--key", "k"];
    let refused = retry(created(&[]), &args).await;
    assert!(refused.stderr.contains("a key is for a batch document"));
}

#[tokio::test]
async fn retried_rows_are_submitted_again_and_the_beginning_of_an_id_is_enough() {
    let sandbox = Sandbox::builder().speed(60.0).seed(3).start().await.unwrap();
    let state = state();
    let file = TempFile::new("retry-sandbox.csv", people(60));
    let command = |args: &[&str]| {
        let mut command = at(&sandbox, args.iter().copied());
        command.env("XDG_STATE_HOME", &state);
        finish(command)
    };
    let ended = command(&[&["run", "killb", file.path(), "--json"][..], &QUICK].concat()).await.document();
    let (id, failed) = (ended["batch"]["id"].as_str().unwrap(), ended["progress"]["failed"].as_u64().unwrap());
    assert!(failed > 0, "the seed has failed rows: {ended}");
    let out = new_path("retry-sandbox-out.csv");
    let path = out.to_str().unwrap();
    let retried = command(&["retry", "killb", &id[..8], "--submitted", file.path(), "--out", path]).await;
    assert_eq!(retried.code, 0, "{retried:?}");
    let again = command(&[&["run", "killb", path, "--json"][..], &QUICK].concat()).await.document();
    assert_eq!(again["progress"]["total"], failed, "{again}");
    for args in [&["status", "killb", &id[..6], "--json"][..], &["wait", "killb", &id[..4], "--json"]] {
        assert_eq!(command(args).await.document()["batch"]["id"], *id, "{args:?}");
    }
    let changed = fs::read_to_string(file.path()).unwrap().replace("Person", "Other");
    fs::write(file.path(), changed).unwrap();
    let other = TempFile::new("retry-other.csv", "id,name\n1,2\n");
    let refused = command(&["retry", "killb", &id[..8], "--submitted", other.path()]).await;
    let hint = format!("\n  hint: the batch was submitted from {}\n", file.path());
    assert!(refused.code == 2 && refused.stderr.ends_with(&hint), "{refused:?}");
    let warned = command(&["retry", "killb", &id[..8], "--submitted", file.path()]).await;
    assert!(warned.stderr.contains("is not as it was submitted"), "{warned:?}");
    let gone = command(&["forget", &id[..8]]).await;
    assert_eq!((gone.code, gone.stdout.as_str()), (0, "1 submission is not listed any more\n"), "{gone:?}");
    fs::remove_file(out).unwrap();
}

#[tokio::test]
async fn beginning_of_several_ids_lists_them() {
    let state = state();
    fs::create_dir_all(state.join("bulkrail")).unwrap();
    let line = |id: &str| json!({"provider": "reap", "id": id, "key": null, "environment": "sandbox"}).to_string();
    let lines: String = ["abcd-1", "abcd-2", "abcd"].map(|id| line(id) + "\n").concat();
    fs::write(state.join("bulkrail/submitted.jsonl"), lines).unwrap();
    let server = Server::always(404, json!({"message": "no"})).await;
    for (args, expected) in [
        (&["status", "reap", "abcd-"][..], "2 batches begin with abcd-: "),
        (&["resume", "abcd-"], "2 batches begin with abcd-: reap abcd-1, reap abcd-2"),
        (&["forget", "abcd-"], "2 batches begin with abcd-: reap abcd-1, reap abcd-2"),
        (&["status", "reap", "abc", "--base-url", &server.url], "that begins with it (4 characters at least)\n"),
        (
            &["wait", "reap", "other", "--base-url", &server.url],
            "`bulkrail list` has no batch of reap that begins with",
        ),
        (&["rows", "killb", "abcd-", "--base-url", &server.url], "`bulkrail list` has no batch of killb that begins"),
        // The whole id of a batch in the list.
        (
            &["status", "reap", "abcd", "--any-environment", "--base-url", &server.url],
            "which account the credentials belong to\n",
        ),
        (
            &["status", "reap", "abcd", "--base-url", &server.url],
            "error: reap: this is a batch in sandbox, and the client",
        ),
    ] {
        let mut command = bulkrail(args);
        command.env("XDG_STATE_HOME", &state);
        let run = finish(command).await;
        let is_refused = expected.starts_with('2') || expected.starts_with("error");
        assert_eq!(run.code, if is_refused { 2 } else { 7 }, "{args:?} {run:?}");
        assert!(run.stderr.contains(expected), "{args:?} {run:?}");
    }
    assert!(server.requests().iter().any(|request| request.ends_with("/abcd")), "{:?}", server.requests());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn retry_to_a_closed_pipe_is_quiet_and_to_a_full_disk_an_error_of_the_output() {
    let server = Server::always(200, job()).await;
    let file = TempFile::new("retry-pipe.csv", CSV);
    for json in [false, true] {
        let retry = ["retry", "killb", "b-1", "--unaccounted", "--submitted", file.path()];
        let rows = ["rows", "killb", "b-1", "--format", "csv"];
        let command = |is_retry: bool| {
            let args = if is_retry { &retry[..] } else { &rows[..] };
            bulkrail(args.iter().copied().chain(["--base-url", &server.url]).chain(json.then_some("--quiet")))
        };
        let mut child = command(true).spawn().unwrap();
        drop(child.stdout.take());
        let closed = Run::new(child.wait_with_output().await.unwrap());
        assert_eq!((closed.code, closed.stderr.as_str()), (0, ""), "{closed:?}");
        for is_retry in [true, false] {
            let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let run = Run::new(command(is_retry).stdout(full).spawn().unwrap().wait_with_output().await.unwrap());
            assert_eq!(run.code, 1, "{run:?}");
            assert!(run.stderr.contains("standard output cannot be written"), "{run:?}");
        }
    }
}
