//! Makes the seed corpus from the specs, pages, samples and documents of this repository.

use std::io::{Cursor, Read};
use std::path::Path;
use std::{fs, io};

use bulkrail_codegen::Spec;
use bulkrail_core::poll::{WaitOptions, WaitState};
use bulkrail_core::test_util::{MockProvider, VirtualClock, finished, queued, running, unavailable};
use bulkrail_core::{DurationHistory, Error, ErrorKind};
use bulkrail_specdiff::examples::find_examples;
use serde_json::{Value, json};

/// Providers, each with the pages that are kept of it and the target for those.
const PAGES: &[(&str, &str, &str)] = &[
    ("killb", "bulk-status", "page_mintlify"),
    ("killb", "create-account", "page_mintlify"),
    ("reap", "batch-status", "page_readme"),
    ("cdq", "job-status", "page_redocly"),
    ("localpayment", "batch-status", "page_gitbook"),
];

/// JSON with what readers of chunks may mistake.
const JSON: &[&str] = &[
    r#"{"status":"DONE","results":[{"id":"a\"]}","rowNumber":1},{"id":"\\"},{"id":"\\\"\u005d"}],"failed":[]}"#,
    r#"{"a":{"b":{"c":[1,[2,{"d":[]}],"]"]}},"results":[],"results":[null,true,"x",-0,1e5,18446744073709551616]}"#,
    "{ \"results\" : [ \n ] , \"result\\u0073\" : [ { \"status\" : \"ok\" } , [ ] , { } ] }\r\n",
    r#"{"status":"half \ud83d pair","message":"\ud83d\ude00 \u12 \x","results":[{"originalRowData":{"externalId":"ñandú"}}]}"#,
    r#"{"status":"COMPLETED","results":[{"rowNumber":1,"originalRowData":{"externalId":"\ud83d\ude00","lastName":"\ud83d"}}]}"#,
    "\u{feff}{\"status\":\"done\",\"error\":\"a\tb\"}",
    r#"{"status":"COMPLETED","totalRows":"3","successCount":3,"errorCount":null,"percent":" 12.5 ","new":{"deep":[1]}}"#,
    r#"[{"results":[1]},"results",[2]]"#,
    r#"{"results":[{"id":1},{"i"#,
];

const TEXTS: &[&str] = &[
    "a\u{1b}[2Jb\r\nc\u{202e}d\u{200b}",
    "=1+1;@SUM(A1)|\t-2+3\u{a0}\u{ff1d}1\n\"=cmd|' /C calc'!A0",
    "abcdef… (94 characters cut)",
    " 123.0 ",
    "1.25e3",
    "reap/784d4045-c900-4050-aad6-8fe4c8d2fb16",
    "../..\\%2f\u{0}",
    "half \\ud83d of a pair \\x \\u12 \\\\ \\\"",
];

const CSV: &[&str] = &[
    "id,name,note\na-1,Ann,x\na-2,Ben,\"a, \"\"b\"\"\"\n",
    "\u{feff} name ,id,amount\r\n\r\nCANARY-1234567890,1.0,7\r\nCANARY-0987654321,1,8\r\n , ,\r\n",
    "id,name\nCANARY-1,\nCANARY-1,Ben\nCANARY\u{2028}2,CANARY\nx\n\"open,CANARY\n",
    "id,id,CANARY\n1,2,3\n",
    "id,name\rab\"c,d\r\"a\"b,c\r",
    "id;name\n1;2\n",
];

const HEADERS: &[&str] = &[
    "retry-after: 7\nx-request-id: r-1\n",
    "retry-after: Sun, 06 Nov 1994 08:50:07 GMT\ndate: Sun, 06 Nov 1994 08:49:37 GMT\n",
    "Retry-After: Sunday, 06-Nov-94 08:50:07 GMT\nDate: Sun, 06 Nov 1994 08:49:37 GMT\n",
    "retry-after: Sun Nov  6 08:50:07 1994\ndate: Sun, 06 Nov 1994 08:49:37 GMT\n",
    "x-ratelimit-reset: 784111782\nx-ratelimit-remaining: 0\ndate: Sun, 06 Nov 1994 08:49:37 GMT\n",
    "ratelimit-reset: 12\nratelimit-remaining: 1\nx-ratelimit-reset: 13\n",
    "retry-after: 99999999999999999999999\nratelimit-reset: 9223372036854775807\n",
    "retry-after: 2.5\nratelimit-reset: 100000000\n",
];

const SPECS: &[&str] = &[
    "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths:\n  /jobs/{id}:\n    get:\n      operationId: get_job\n      \
     parameters: [{name: id, in: path, required: true, schema: {type: string}}]\n      responses:\n        '200':\n          \
     description: ok\n          content:\n            application/json:\n              schema: {$ref: '#/components/schemas/Job'}\n\
     components:\n  schemas:\n    Job:\n      type: object\n      required: [id]\n      properties:\n        id: {type: string, \
     example: j-1}\n        state: {type: string, enum: [A, B]}\n        rows: {type: array, items: {type: integer, minimum: 0}}\n",
    "{\"openapi\":\"3.0.3\",\"a\":\"\\ud83d\\ude00\",\"b\":[1,-2.5e3,null,true],\"c\":{\"$ref\":\"#/a\"}}",
    "a: &x [1]\nb: *x\n",
    "a: !tag |\n  text\n  more\nb: >-\n  folded\n? c\n: d\n--- x\n",
];

/// Writes the seeds of all targets into `corpus`.
pub(crate) fn write(corpus: &Path) -> io::Result<()> {
    let root = super::fuzz().parent().expect("the repository");
    let seed = |target: &str, name: &str, content: &[u8]| {
        fs::create_dir_all(corpus.join(target))?;
        fs::write(corpus.join(target).join(name), content)
    };
    let numbered = |target: &str, contents: &[&str]| {
        let mut numbered = contents.iter().enumerate();
        numbered.try_for_each(|(number, content)| seed(target, &format!("case-{number}"), content.as_bytes()))
    };
    let json = ["array_elider", "json_array_reader", "status_fields", "provider_polls", "sanitising"];
    for target in json {
        numbered(target, JSON)?;
        for provider in ["killb", "reap", "cdq", "localpayment"] {
            let spec = spec(root, provider);
            let examples = find_examples(&spec.document).into_iter().filter(|example| is_status(&example.pointer));
            for (number, example) in examples.take(4).enumerate() {
                let text = if number % 2 == 0 {
                    serde_json::to_string(example.value)
                } else {
                    serde_json::to_string_pretty(example.value)
                };
                seed(target, &format!("{provider}-{number}.json"), text?.as_bytes())?;
            }
        }
    }
    // A text of more than 4 KiB is not copied.
    let long = json!({"jobId": "b-1", "status": "PENDING", "csv": "a,b\r\n".repeat(900), "n": 3}).to_string();
    for target in ["status_fields", "provider_polls"] {
        seed(target, "long-text.json", long.as_bytes())?;
    }
    seed("json_array_reader", "many-rows.json", many_rows().as_bytes())?;
    for (number, text) in TEXTS.iter().enumerate() {
        seed("sanitising", &format!("text-{number}"), text.as_bytes())?;
    }
    numbered("csv_validator", CSV)?;
    for sample in ["accounts", "people", "import"] {
        let text = fs::read_to_string(root.join(format!("samples/{sample}.csv")))?;
        let start: String = text.split_inclusive('\n').take(8).collect();
        seed("workbook_of_csv", &format!("{sample}.csv"), start.as_bytes())?;
        // With the columns of the target.
        let columns = start.replacen("externalId", "id", 1).replacen("lastName", "name", 1);
        seed("csv_validator", &format!("{sample}.csv"), columns.as_bytes())?;
    }
    for (number, text) in CSV.iter().enumerate() {
        let columns = text.replacen("id", "externalId", 1).replacen("name", "lastName", 1);
        seed("workbook_of_csv", &format!("case-{number}"), columns.as_bytes())?;
    }
    for (name, bytes) in workbooks() {
        seed("workbook_archive", &format!("{name}.xlsx"), &bytes)?;
        seed("workbook_parts", &format!("{name}.parts"), &parts(&bytes)?)?;
    }
    for (number, sheet) in SHEETS.iter().enumerate() {
        seed("workbook_parts", &format!("sheet-{number}"), sheet.as_bytes())?;
    }
    numbered("retry_after", HEADERS)?;
    seed("retry_after", "times", &[784_111_777_u64.to_le_bytes(), 784_111_807_u64.to_le_bytes()].concat())?;
    numbered("spec_loader", SPECS)?;
    for provider in ["cdq", "reap"] {
        let text = fs::read_to_string(root.join(format!("specs/{provider}.yaml")))?;
        seed("spec_loader", &format!("{provider}.yaml"), text.as_bytes())?;
    }
    let mut reap = spec(root, "reap").document;
    // The others take time and have nothing else.
    reap["paths"].as_object_mut().expect("paths").retain(|path, _| path.ends_with("{batchId}"));
    let cdq = spec(root, "cdq").document;
    let small = Spec::parse("small.yaml", SPECS[0]).expect("a spec").document;
    seed("page_openapi", "small.yaml", SPECS[0].as_bytes())?;
    seed("page_openapi", "small.json", serde_json::to_string_pretty(&small)?.as_bytes())?;
    seed("page_openapi", "cdq.json", cdq.to_string().as_bytes())?;
    seed(
        "page_markdown",
        "small.md",
        format!("# Page\n\n````yaml openapi.json get /jobs\n{}````\n\n## More\n", SPECS[0]).as_bytes(),
    )?;
    seed("page_markdown", "json.md", format!("# A\n\n# OpenAPI definition\n\n```json\n{small:#}\n```\n").as_bytes())?;
    seed("page_markdown", "reap.md", format!("~~~ json\n{reap}").as_bytes())?;
    for (provider, page, target) in PAGES {
        let text = fs::read_to_string(root.join(format!("specs/pages/{provider}/{page}.txt")))?;
        seed(target, &format!("{page}.txt"), text.as_bytes())?;
    }
    seed("page_mintlify", "small.txt", b"GET\n/\na\nResponse\n200\nid\nstring\nrequired\nAvailable options:\nA,\nB\n")?;
    seed(
        "page_readme",
        "small.txt",
        b"get\nhttps://api.example.com/a\nResponse: 200 Success\nResponse Fields:\nid: a job\nB Values:\na: b\n",
    )?;
    seed(
        "page_gitbook",
        "small.txt",
        b"GET https://api.example.com/a\nResponse\nParameter\nType\nid\nString\nlist\nArray\n",
    )?;
    seed(
        "page_redocly",
        "small.txt",
        b"Endpoint: GET /a\n## Response 200 fields (application/json):\n- `a.b` (string) Text. Enum: \"A\", \"B\"\n",
    )?;
    let golden = fs::read(root.join("core/src/poll/golden/wait_state_v1.json"))?;
    seed("wait_state", "golden.json", &golden)?;
    for (name, document) in documents() {
        seed("wait_state", name, document.as_bytes())?;
    }
    for (name, document) in histories() {
        seed("duration_history", name, document.as_bytes())?;
    }
    Ok(())
}

fn spec(root: &Path, provider: &str) -> Spec {
    Spec::load(root.join(format!("specs/{provider}.yaml"))).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns whether an example is that of a response whose pointer is of a status.
fn is_status(pointer: &str) -> bool {
    pointer.contains("/get/responses/200/")
}

fn many_rows() -> String {
    let row = |number: u64| {
        json!({
            "rowNumber": number,
            "status": if number.is_multiple_of(7) { "ERROR" } else { "SUCCESS" },
            "error": if number.is_multiple_of(7) { Value::from("bad \"digit\"") } else { Value::Null },
            "originalRowData": {"externalId": format!("r-{number}"), "lastName": "Muñoz"},
        })
    };
    json!({"status": "COMPLETED", "results": (1..30).map(row).collect::<Vec<_>>(), "totalRows": 29}).to_string()
}

/// Sheets with what a reader of cells may mistake.
const SHEETS: &[&str] = &[
    r#"<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>externalId</t></is></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>ref-1</t></is></c></row><row r="5"><c r="A5"><v>12.0</v></c><c r="XFD5" t="b"><v>1</v></c></row></sheetData></worksheet>"#,
    r#"<worksheet><sheetData><row><c t="str"><v>externalId</v></c><c t="e"><v>#N/A</v></c></row><row><c t="d"><v>2026-01-01T00:00:00Z</v></c></row><row r="1048577"><c r="ZZZ1048577"><v>1</v></c></row></sheetData></worksheet>"#,
    "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row><row r=\"2\"><c r=\"A2\" t=\"s\"><v>1</v></c></row></sheetData></worksheet>\n--- xl/sharedStrings.xml\n<sst count=\"2\" uniqueCount=\"2\"><si><t>externalId</t></si><si><r><t>a&amp;</t></r><r><t>b</t></r></si></sst>\n",
];

/// Returns workbooks as people save them.
fn workbooks() -> Vec<(&'static str, Vec<u8>)> {
    use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
    let mut all = Vec::new();
    let mut plain = Workbook::new();
    let sheet = plain.add_worksheet();
    for (row, cells) in
        [["externalId", "accountType", "lastName"], ["ref-1", "PSE", "Muñoz"], ["ref-2", "SPEI", "O'Neil"]]
            .iter()
            .enumerate()
    {
        for (column, cell) in cells.iter().enumerate() {
            sheet.write_string(row as u32, column as u16, *cell).expect("a cell");
        }
    }
    all.push(("plain", plain.save_to_buffer().expect("memory")));
    let mut typed = Workbook::new();
    typed.add_worksheet().set_name("Notes").expect("a name").write_string(0, 0, "How to fill in").expect("a cell");
    let sheet = typed.add_worksheet();
    sheet.write_string(1, 2, "externalId").and_then(|sheet| sheet.write_string(1, 3, "amount")).expect("a header");
    let date = ExcelDateTime::from_ymd(2026, 1, 31).expect("a date");
    sheet.write_number(2, 2, 12_345.0).and_then(|sheet| sheet.write_boolean(2, 3, true)).expect("cells");
    sheet.write_formula(3, 2, Formula::new("=C3+1").set_result("12346")).expect("a formula");
    sheet
        .write_datetime_with_format(4, 2, &date, &Format::new().set_num_format("yyyy-mm-dd"))
        .and_then(|sheet| sheet.write_blank(9, 3, &Format::new().set_bold()))
        .expect("cells");
    all.push(("typed", typed.save_to_buffer().expect("memory")));
    all
}

/// Returns the parts of a workbook as the target takes them.
fn parts(xlsx: &[u8]) -> io::Result<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(xlsx)).map_err(io::Error::other)?;
    let mut text = Vec::new();
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(io::Error::other)?;
        let name = part.name().map_err(io::Error::other)?.into_owned();
        // A reader of cells does not read the others.
        if !name.starts_with("xl/") || name.contains("theme") {
            continue;
        }
        text.extend_from_slice(format!("--- {name}\n").as_bytes());
        part.read_to_end(&mut text)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Returns documents that are stored between polls, and those in them.
fn documents() -> Vec<(&'static str, String)> {
    let provider = MockProvider::by_time(&VirtualClock::new());
    let state = |options: &WaitOptions| WaitState::new(provider.submitted("b-1"), options, VirtualClock::BEGINNING);
    let options = WaitOptions::new(&provider);
    let mut polled = state(&options.without_deadline()).rows(97);
    let first = polled.observe(polled.due(), Ok(queued()));
    let again = polled.observe(polled.due(), Ok(running(10, 97)));
    let failed = polled.observe(polled.due(), Err(unavailable()));
    let ended = state(&options).observe(VirtualClock::BEGINNING, Ok(finished(95, 2)));
    let error =
        Error::new(ErrorKind::Deadline, "the deadline passed").with_provider(provider.batch("b-1").provider().clone());
    let text = |document: serde_json::Result<String>| document.expect("a document");
    vec![
        ("new.json", text(serde_json::to_string(&state(&options)))),
        ("polled.json", text(serde_json::to_string(&polled))),
        ("options.json", text(serde_json::to_string(&options))),
        ("step-first.json", text(serde_json::to_string(&first))),
        ("step-again.json", text(serde_json::to_string(&again))),
        ("step-failed.json", text(serde_json::to_string(&failed))),
        ("step-ended.json", text(serde_json::to_string(&ended))),
        ("error.json", text(serde_json::to_string(&error.document()))),
        ("snapshot.json", text(serde_json::to_string(&running(1, 2)))),
        ("batch.json", text(serde_json::to_string(&provider.submitted("b-1").with_key("k")))),
    ]
}

/// Returns histories after some waits.
fn histories() -> Vec<(&'static str, String)> {
    let history = DurationHistory::default();
    let provider = MockProvider::by_time(&VirtualClock::new());
    for number in 0..12_u64 {
        let options = WaitOptions::new(&provider);
        let batch = provider.submitted(&format!("b-{number}"));
        let mut state = WaitState::new(batch, &options, VirtualClock::BEGINNING).rows(100).history(&history);
        state.observe(state.due(), Ok(running(10 + number, 100)));
        state.observe(state.due(), Ok(finished(100 - number, number)));
    }
    let exported = history.export();
    let two =
        format!("{exported}\n\n{}", r#"{"reap":{"version":1,"finished":[[100,60000],[0,5]],"failed":[[7,1000]]}}"#);
    vec![
        ("exported.json", exported),
        ("two.txt", two),
        ("empty.json", "{}".to_owned()),
        (
            "odd.json",
            r#"{"a":{"version":1,"finished":[[1,99999999999],"x",[-1,2]],"calibration":[9,1e300,-1,null]}}"#.to_owned(),
        ),
        ("later.json", r#"{"a":{"version":2}}"#.to_owned()),
    ]
}
