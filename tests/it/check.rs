//! Checks of files before they are sent.

use std::io::{Cursor, Read, Write};

use bulkrail::check::{CheckOptions, CheckReport, Level};
use bulkrail::{AnyClient, AnySubmission, Error, ErrorKind, FileFormat, SubmitOptions, Upload};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use serde_json::json;

async fn try_check(provider: &str, file: impl Into<Upload>, format: FileFormat) -> Result<CheckReport, Error> {
    check_with(provider, file, format, SubmitOptions::default()).await
}

async fn check_with(
    provider: &str,
    file: impl Into<Upload>,
    format: FileFormat,
    submit: SubmitOptions,
) -> Result<CheckReport, Error> {
    let options = CheckOptions::default();
    AnySubmission::check(&provider.parse().unwrap(), file.into(), Some(format), &submit, &options).await
}

async fn check(provider: &str, file: impl Into<Upload>, format: FileFormat) -> CheckReport {
    try_check(provider, file, format).await.unwrap()
}

/// Returns row, column, level and rule of each finding.
fn listed(report: &CheckReport) -> Vec<(Option<u64>, &str, Level, &str)> {
    let finding = report.findings.iter();
    finding.map(|one| (one.row, one.column.as_deref().unwrap_or_default(), one.level, one.rule)).collect()
}

/// Columns of a complete row of KillB, and those of a kind.
fn killb(kind: &str, columns: &[(&str, &str)]) -> String {
    let document = if kind == "COELSA" { "NATIONAL_IDENTITY_CARD" } else { "PASSPORT" };
    let mut cells = vec![
        ("externalId", "ref-1"),
        ("entityType", "PERSON"),
        ("accountType", kind),
        ("firstName", "Ana"),
        ("lastName", "Rojas"),
        ("email", "ana@example.com"),
        ("phone", "+576015555555"),
        ("documentNumber", "X123"),
        ("documentIssuedCountryCode", "CO"),
        ("personDocumentType", document),
        ("countryCode", "CO"),
    ];
    for column in columns {
        cells.retain(|(name, _)| *name != column.0);
        cells.push(*column);
    }
    let line = |cells: Vec<&str>| format!("{}\n", cells.join(","));
    line(cells.iter().map(|cell| cell.0).collect()) + &line(cells.iter().map(|cell| cell.1).collect())
}

fn localpayment_csv(type_: &str, document: &str) -> String {
    let mut csv = "externalId,type,name,lastName,documentType,documentId\n".to_owned();
    for number in 1..10 {
        csv += &format!("a-{number},INDIVIDUAL,Ana,Rojas,RFC,X{number}\n");
    }
    csv + &format!("a-10,INDIVIDUAL,Ana,Rojas,{type_},{document}\n")
}

fn localpayment_json(type_: &str, document: &str) -> String {
    let account = |number: usize, type_: &str, document: &str| {
        json!({"externalId": format!("a-{number}"), "beneficiary": {"type": "INDIVIDUAL", "name": "Ana",
            "lastName": "Rojas", "document": {"type": type_, "id": document}}})
    };
    let mut accounts: Vec<_> = (1..10).map(|number| account(number, "RFC", &format!("X{number}"))).collect();
    accounts.push(account(10, type_, document));
    json!({"accounts": accounts, "externalId": "b-1", "accountNumber": "1", "country": "BRA"}).to_string()
}

struct Document {
    provider: &'static str,
    format: FileFormat,
    make: fn(&str) -> String,
    row: u64,
    column: &'static str,
    value: &'static str,
    rule: &'static str,
}

/// Documents with one value that has a check digit, from published examples.
fn documents() -> Vec<Document> {
    fn wire(routing: &str) -> String {
        let address = ["Street1", "City", "State"].map(|part| (format!("bankAddress{part}"), "x"));
        let mut columns = vec![
            ("bankName", "Chase Bank"),
            ("accountNumber", "102938283"),
            ("routingNumber", routing),
            ("bankAddressZipCode", "10005"),
            ("bankAddressCountryCode", "US"),
        ];
        columns.extend(address.iter().map(|(name, value)| (name.as_str(), *value)));
        killb("WIRE", &columns)
    }
    fn ach(routing: &str) -> String {
        let columns = [
            ("bankName", "Chase Bank"),
            ("accountNumber", "102938283"),
            ("bankAccountType", "checking"),
            ("routingNumber", routing),
        ];
        killb("ACH", &columns)
    }
    let document = |make, column, value, rule| Document {
        provider: "killb",
        format: FileFormat::Csv,
        make,
        row: 2,
        column,
        value,
        rule,
    };
    let cdq = |value| Document {
        provider: "cdq",
        make: |iban| format!("International Account ID\n{iban}\n"),
        ..document(|_| String::new(), "International Account ID", value, "iban-check-digits")
    };
    vec![
        document(|clabe| killb("SPEI", &[("clabe", clabe)]), "clabe", "032180000118359719", "clabe-check-digit"),
        document(
            |clabe| killb("SPEI", &[("clabe", clabe), ("clabeType", "CLABE")]),
            "clabe",
            "012180026050783858",
            "clabe-check-digit",
        ),
        document(|cvu| killb("COELSA", &[("cvu", cvu)]), "cvu", "0000472900016847756532", "cbu-check-digit"),
        document(|cbu| killb("COELSA", &[("cvu", cbu)]), "cvu", "2850590940090418135201", "cbu-check-digit"),
        document(ach, "routingNumber", "111000025", "aba-check-digit"),
        document(wire, "routingNumber", "021000021", "aba-check-digit"),
        document(
            |cpf| killb("PIX", &[("pixKeyType", "CPF"), ("pixKey", cpf)]),
            "pixKey",
            "52998224725",
            "cpf-check-digits",
        ),
        document(
            |cnpj| killb("PIX", &[("pixKeyType", "CNPJ"), ("pixKey", cnpj)]),
            "pixKey",
            "12ABC34501DE35",
            "cnpj-check-digits",
        ),
        document(
            |iban| killb("SINPE", &[("bankCode", "0152"), ("bankAccountType", "savings"), ("accountNumber", iban)]),
            "accountNumber",
            "CR05015202001026284066",
            "iban-check-digits",
        ),
        cdq("DE89370400440532013000"),
        cdq("GB29NWBK60161331926819"),
        Document {
            provider: "localpayment",
            format: FileFormat::Json,
            row: 10,
            ..document(
                |cpf| localpayment_json("CPF", cpf),
                "beneficiary.document.id",
                "11144477735",
                "cpf-check-digits",
            )
        },
        Document {
            provider: "localpayment",
            row: 11,
            ..document(|cnpj| localpayment_csv("CNPJ", cnpj), "documentId", "11222333000181", "cnpj-check-digits")
        },
    ]
}

#[test]
fn every_standard_is_in_the_page_of_rules() {
    let page = include_str!("../../docs/check.md");
    for standard in bulkrail::check::standards::ALL {
        assert!(page.contains(&format!("| `{}` |", standard.name)), "{standard:?}");
        assert!(page.contains(standard.source), "{standard:?}");
    }
}

#[tokio::test]
async fn documents_with_valid_check_digits_pass() {
    let documents = documents();
    assert!(documents.len() >= 12);
    for Document { provider, format, make, column, value, .. } in documents {
        let report = check(provider, make(value), format).await;
        // The nine other documents of the Brazilian batch are Mexican.
        let mut left = listed(&report);
        left.retain(|(.., rule)| *rule != "document-type");
        assert_eq!(left, [], "{provider} {column}");
    }
}

#[tokio::test]
async fn documents_with_one_wrong_check_digit_are_all_caught() {
    for Document { provider, format, make, row, column, value, rule } in documents() {
        let place = value.rfind(|c: char| c.is_ascii_digit()).unwrap();
        let digit = (value.as_bytes()[place] - b'0' + 1) % 10;
        let wrong = format!("{}{digit}{}", &value[..place], &value[place + 1..]);
        let report = check(provider, make(&wrong), format).await;
        let expected = (Some(row), column, Level::Warning, rule);
        assert!(listed(&report).contains(&expected), "{provider} {column}: {:?}", listed(&report));
        assert_eq!(report.errors, 0, "{provider} {column}");
        let printed = format!("{report:?}{}{}", report.summary(), serde_json::to_string(&report).unwrap());
        assert!(!printed.contains(&wrong), "{printed}");
    }
}

#[tokio::test]
async fn check_has_an_error_wherever_prepare_refuses_and_only_there() {
    let reap = |rows: &str| format!("externalId,shareToken\n{rows}");
    let batch = |extra: &str| localpayment_json("CPF", "11144477735").replacen('{', &format!("{{{extra}"), 1);
    let table: Vec<(&str, FileFormat, Vec<u8>)> = vec![
        ("reap", FileFormat::Csv, reap("a,b\n").into()),
        ("reap", FileFormat::Csv, reap("").into()),
        ("reap", FileFormat::Csv, reap("a,\n").into()),
        ("reap", FileFormat::Csv, reap("a,b\na,c\n").into()),
        ("reap", FileFormat::Csv, reap("a,b\n,\n").into()),
        ("reap", FileFormat::Csv, reap("a,\"b\nc,d\n").into()),
        ("reap", FileFormat::Csv, reap("a,b\"c\n").into()),
        ("reap", FileFormat::Csv, reap("a,b,c\n").into()),
        ("reap", FileFormat::Csv, reap("a/b,c\n").into()),
        ("reap", FileFormat::Csv, format!("\u{feff}{}", reap("a,b\n")).into()),
        ("reap", FileFormat::Csv, b"\xff\xfee\0".to_vec()),
        ("reap", FileFormat::Csv, b"externalId,shareToken\na,\xff\n".to_vec()),
        ("reap", FileFormat::Csv, "externalId;shareToken\na;b\n".into()),
        ("reap", FileFormat::Csv, (0..5001).fold(reap(""), |csv, row| format!("{csv}r-{row},t-{row}\n")).into()),
        ("killb", FileFormat::Csv, killb("SPEI", &[("clabe", "1")]).into()),
        ("killb", FileFormat::Csv, "externalId,clabee\na,b\n".into()),
        ("killb", FileFormat::Csv, "externalId,externalId\na,b\n".into()),
        ("killb", FileFormat::Csv, "externalId\n123\n123.0\n".into()),
        ("killb", FileFormat::Xlsx, sheet(&[&["externalId"], &["a"], &["b"]])),
        ("killb", FileFormat::Xlsx, sheet(&[&["externalId"], &["a"], &["a "]])),
        ("killb", FileFormat::Xlsx, sheet(&[&["externalId", "externalId"], &["a", "b"]])),
        ("killb", FileFormat::Xlsx, sheet(&[&["externalId"]])),
        ("killb", FileFormat::Xlsx, sheet(&[&["notes"], &["a"]])),
        ("killb", FileFormat::Xlsx, sheet(&[&["externalId"], &["a\u{2028}b"]])),
        ("killb", FileFormat::Xlsx, sheet(&[&["externalId"], &["a\n"]])),
        ("killb", FileFormat::Xlsx, sheet(&[&["externalId"], &["a\nb"]])),
        ("killb", FileFormat::Xlsx, sheets(&[&[&["firstName"], &["a"]], &[&["firstName"], &["b"]]])),
        ("killb", FileFormat::Xlsx, with_cell_twice(sheets(&[&[&["firstName"], &["a"]], &[&["firstName"], &["b"]]]))),
        ("killb", FileFormat::Xlsx, b"not a workbook".to_vec()),
        ("localpayment", FileFormat::Csv, localpayment_csv("RFC", "X").into()),
        ("localpayment", FileFormat::Csv, localpayment_csv("", "X").into()),
        ("localpayment", FileFormat::Csv, localpayment_csv("RFC", "X").replace("a-10", "a 10").into()),
        ("localpayment", FileFormat::Csv, localpayment_csv("RFC", "X").replace("a-10", "a-1").into()),
        ("localpayment", FileFormat::Csv, localpayment_csv("RFC", "X").replace("INDIVIDUAL", "COMPANY").into()),
        ("localpayment", FileFormat::Csv, localpayment_csv("RFC", "X").replace("INDIVIDUAL", "Company").into()),
        ("localpayment", FileFormat::Csv, localpayment_csv("RFC", "X").replace("Rojas", " ").into()),
        ("localpayment", FileFormat::Csv, localpayment_csv("RFC", "X").replacen("a-1,", "a-1,,", 1).into()),
        (
            "localpayment",
            FileFormat::Csv,
            localpayment_csv("RFC", "X").replacen("a-1,INDIVIDUAL,Ana,Rojas,RFC,X1\n", "", 1).into(),
        ),
        ("localpayment", FileFormat::Json, batch("").into()),
        ("localpayment", FileFormat::Json, batch("\"extra\":1,").into()),
        ("localpayment", FileFormat::Json, batch("\"extra\":null,").into()),
        ("localpayment", FileFormat::Json, batch("").replace("\"BRA\"", "\"bra\"").into()),
        ("localpayment", FileFormat::Json, batch("").replace("\"b-1\"", "\"b 1\"").into()),
        ("localpayment", FileFormat::Json, batch("").replace("\"accountNumber\":\"1\",", "").into()),
        ("localpayment", FileFormat::Json, batch("").replace("a-9", "a-1").into()),
        ("localpayment", FileFormat::Json, batch("").replace("INDIVIDUAL", "ROBOT").into()),
        ("localpayment", FileFormat::Json, batch("").replace("lastName", "lastNme").into()),
        ("localpayment", FileFormat::Json, batch("").replace("\"Ana\"", "7").into()),
        ("localpayment", FileFormat::Json, batch("").replace('}', "").into()),
        (
            "localpayment",
            FileFormat::Json,
            batch("").replacen("\"beneficiary\"", "\"externalId\":\"a-0\",\"beneficiary\"", 1).into(),
        ),
        ("localpayment", FileFormat::Json, batch("").replacen('[', "[7,", 1).into()),
        ("localpayment", FileFormat::Json, "{\"accounts\":[]}".into()),
        ("localpayment", FileFormat::Json, "7".into()),
        ("localpayment", FileFormat::Json, "".into()),
        ("cdq", FileFormat::Csv, "International Account ID\nDE89370400440532013000\n".into()),
        ("cdq", FileFormat::Csv, "IBAN\nDE89370400440532013000\n".into()),
    ];
    for (provider, format, file) in table {
        let options = match (provider, format) {
            ("cdq", _) => SubmitOptions::default().storage_id("s"),
            ("localpayment", FileFormat::Csv) => SubmitOptions::default().account_number("1").country("MEX"),
            _ => SubmitOptions::default(),
        };
        let upload = || Some(Upload::from_bytes(file.clone()));
        let prepared = AnySubmission::prepare(&provider.parse().unwrap(), upload(), Some(format), &options).await;
        let report = check_with(provider, upload().unwrap(), format, options).await.unwrap();
        let file = String::from_utf8_lossy(&file);
        assert_eq!(report.errors > 0, prepared.is_err(), "{provider} {file:.200}: {prepared:?} {report:?}");
    }
}

fn sheet(rows: &[&[&str]]) -> Vec<u8> {
    sheets(&[rows])
}

fn sheets(sheets: &[&[&[&str]]]) -> Vec<u8> {
    let mut book = Workbook::new();
    for rows in sheets {
        let sheet = book.add_worksheet();
        for (number, row) in (0..).zip(*rows) {
            for (column, cell) in (0..).zip(*row) {
                sheet.write_string(number, column, *cell).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}

/// Returns a workbook whose second sheet has a cell twice, so that the sheet cannot be read.
fn with_cell_twice(book: Vec<u8>) -> Vec<u8> {
    let mut parts = zip::ZipArchive::new(Cursor::new(book)).unwrap();
    let mut written = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..parts.len() {
        let mut part = parts.by_index(index).unwrap();
        let (name, mut content) = (part.name().unwrap().into_owned(), String::new());
        part.read_to_string(&mut content).unwrap();
        if name.ends_with("sheet2.xml") {
            let row = "<row r=\"9\"><c r=\"A9\"><v>1</v></c><c r=\"A9\"><v>2</v></c></row></sheetData>";
            content = content.replace("</sheetData>", row);
        }
        written.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        written.write_all(content.as_bytes()).unwrap();
    }
    written.finish().unwrap().into_inner()
}

#[tokio::test]
async fn cells_that_a_spreadsheet_has_rewritten_are_found_with_the_row_numbers_of_the_sheet() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, name) in (0..).zip(["externalId", "clabe", "bankCode", "cvu", "alias", "middleName", "UNKNOWN"]) {
        sheet.write_string(2, column, name).unwrap();
    }
    sheet.write_string(4, 0, "ref-1").unwrap();
    sheet.write_number(4, 1, 32_180_000_118_359_719.0).unwrap();
    sheet.write_number(4, 2, 12.0).unwrap();
    sheet.write_string(4, 3, "472900016847756532").unwrap();
    let date = Format::new().set_num_format("yyyy-mm-dd");
    sheet.write_datetime_with_format(4, 4, ExcelDateTime::from_ymd(2026, 3, 4).unwrap(), &date).unwrap();
    sheet.write_boolean(4, 5, true).unwrap();
    sheet.write_string(5, 0, "ref-2").unwrap();
    sheet.write_string(5, 1, "3.2180000118359E+16").unwrap();
    sheet.write_string(5, 2, "'012").unwrap();
    sheet.write_string(5, 5, "#REF!").unwrap();
    let report = check("killb", book.save_to_buffer().unwrap(), FileFormat::Xlsx).await;
    assert_eq!((report.rows, report.errors), (2, 0));
    let listed = listed(&report);
    for expected in [
        (Some(3), "", "unknown-column"),
        (Some(5), "clabe", "number-precision"),
        (Some(5), "bankCode", "stored-as-number"),
        (Some(5), "cvu", "leading-zeros-lost"),
        (Some(5), "alias", "date"),
        (Some(5), "middleName", "boolean"),
        (Some(6), "clabe", "scientific-notation"),
        (Some(6), "bankCode", "leading-apostrophe"),
        (Some(6), "middleName", "spreadsheet-error"),
    ] {
        let (row, column, rule) = expected;
        assert!(listed.contains(&(row, column, Level::Warning, rule)), "{expected:?} in {listed:?}");
    }
    // One finding for a damaged cell, although its check digit cannot be right.
    assert_eq!(listed.iter().filter(|(row, column, ..)| (*row, *column) == (Some(5), "clabe")).count(), 1);
    let unknown = &report.findings[0];
    assert!(!format!("{unknown:?} {}", unknown.reason).contains("UNKNOWN"), "a header may be personal data");
}

#[tokio::test]
async fn sheets_of_a_workbook_are_named_where_several_have_rows() {
    let mut book = Workbook::new();
    for name in ["May", "June"] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        sheet.write_string(0, 0, "externalId").unwrap();
        sheet.write_string(1, 0, "ref-1").unwrap();
    }
    let report = check("killb", book.save_to_buffer().unwrap(), FileFormat::Xlsx).await;
    let error = report.findings.iter().find(|finding| finding.level == Level::Error).unwrap();
    assert_eq!((error.sheet.as_deref(), error.row, error.rule), (Some("June"), Some(2), "duplicate-reference"));
}

#[tokio::test]
async fn accounts_and_tokens_that_are_there_twice_are_found() {
    let reap =
        "externalId,shareToken\n784d4045-c900-4050-aad6-8fe4c8d2fb16,t\n784d4045-c900-4050-aad6-8fe4c8d2fb17,t\n";
    let report = check("reap", reap, FileFormat::Csv).await;
    assert_eq!(listed(&report), [(Some(3), "shareToken", Level::Warning, "repeated-token")]);
    let spei = killb("SPEI", &[("clabe", "032180000118359719")]);
    let second = spei.lines().nth(1).unwrap().replace("ref-1", "ref-2");
    let report = check("killb", format!("{spei}{second}\n"), FileFormat::Csv).await;
    assert_eq!(listed(&report), [(Some(3), "clabe", Level::Warning, "repeated-account")]);
    assert!(report.findings[0].reason.contains("row 2"));
}

#[tokio::test]
async fn rows_of_cdq_that_identify_no_account_or_contradict_themselves_are_found() {
    let csv = "International Account ID,International Bank ID,Country Code,National Bank ID,National Account ID\n\
               DE89370400440532013000,,FR,,\n\
               ,,DE,,123\n\
               ,,DE,37040044,0532013000\n\
               ,DEUTDEFF500,,,123\n\
               ,DEUTDEFFXX,UK,,124\n";
    let report = check("cdq", csv, FileFormat::Csv).await;
    assert_eq!(
        listed(&report),
        [
            (Some(2), "Country Code", Level::Warning, "iban-country-differs"),
            (Some(3), "", Level::Warning, "account-not-identified"),
            (Some(6), "International Bank ID", Level::Warning, "bic-length"),
            (Some(6), "Country Code", Level::Warning, "country-code"),
        ]
    );
}

#[tokio::test]
async fn localpayment_country_and_its_documents_are_checked_in_either_order() {
    let json = localpayment_json("RFC", "X").replace("\"BRA\"", "\"MXN\"");
    let report = check("localpayment", json.as_str(), FileFormat::Json).await;
    assert_eq!(listed(&report), [(None, "country", Level::Warning, "country-code")]);
    assert!(report.findings[0].reason.contains("code of a currency"), "{}", report.findings[0].reason);
    let options = SubmitOptions::default().country("ARG");
    let csv = localpayment_csv("CUIT", "20123456786");
    let report = check_with("localpayment", csv, FileFormat::Csv, options).await.unwrap();
    assert_eq!(listed(&report), [(None, "", Level::Warning, "document-type")]);
    assert!(report.findings[0].reason.starts_with("9 accounts, the first in row 2,"), "{}", report.findings[0].reason);
}

#[tokio::test]
async fn pix_key_follows_its_type() {
    for (type_, key, rule) in [
        ("EMAIL", "ana@example.com", None),
        ("EMAIL", "ana", Some("email-format")),
        ("PHONE", "+5511999990000", None),
        ("PHONE", "11999990000", Some("e164-plus")),
        ("RANDOM", "123e4567-e12b-12d1-a456-426655440000", None),
        ("RANDOM", "123", Some("uuid-format")),
        ("CPF", "5299822472", Some("cpf-length")),
    ] {
        let report = check("killb", killb("PIX", &[("pixKeyType", type_), ("pixKey", key)]), FileFormat::Csv).await;
        assert_eq!(listed(&report).first().map(|finding| finding.3), rule, "{type_} {key}");
    }
}

#[tokio::test]
async fn clabe_column_follows_its_type() {
    for (type_, value, rules) in [
        ("DEBIT_CARD", "4111111111111111", &["field-missing"][..]),
        ("DEBIT_CARD", "411111111111111", &["digits", "field-missing"]),
        ("PHONE_NUMBER", "5555555555", &["field-missing"]),
        ("CLABE", "CLABE123456789012345", &["clabe-characters"]),
        ("SOMETHING_NEW", "x", &[]),
    ] {
        let csv = killb("SPEI", &[("clabeType", type_), ("clabe", value)]);
        let report = check("killb", csv, FileFormat::Csv).await;
        let rules_listed: Vec<_> = listed(&report).iter().map(|finding| finding.3).collect();
        assert_eq!(rules_listed, rules, "{type_} {value}");
    }
}

#[tokio::test]
async fn fields_that_every_row_of_killb_has_are_asked_for() {
    let csv = killb("SPEI", &[("clabe", "032180000118359719"), ("email", ""), ("entityType", "ROBOT")]);
    let report = check("killb", csv, FileFormat::Csv).await;
    assert_eq!(
        listed(&report),
        [
            (Some(2), "email", Level::Warning, "field-missing"),
            (Some(2), "entityType", Level::Warning, "value-not-listed"),
        ]
    );
    let csv = killb("SPEY", &[("clabe", "032180000118359719")]);
    let report = check("killb", csv, FileFormat::Csv).await;
    assert_eq!(listed(&report), [(Some(2), "accountType", Level::Warning, "value-not-listed")]);
    let csv = killb("SPEI", &[("clabe", "032180000118359719"), ("lastName", ""), ("cci", "1")]);
    let report = check("killb", csv, FileFormat::Csv).await;
    assert_eq!(
        listed(&report),
        [(Some(2), "lastName", Level::Warning, "field-missing"), (Some(2), "cci", Level::Warning, "field-not-of-kind"),]
    );
}

#[tokio::test]
async fn check_refuses_other_formats_options_and_providers() {
    let error = try_check("reap", "x", FileFormat::Json).await.unwrap_err();
    assert!(error.to_string().contains(".csv files"), "{error}");
    let error = try_check("acme", "x", FileFormat::Csv).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let options = SubmitOptions::default().country("MEX");
    let error = check_with("reap", "x", FileFormat::Csv, options).await.unwrap_err();
    assert_eq!(error.parameter(), Some("country"));
    let missing = Upload::from_path("/nowhere/import.csv");
    assert_eq!(try_check("reap", missing, FileFormat::Csv).await.unwrap_err().kind(), ErrorKind::Usage);
}

#[tokio::test]
async fn client_checks_as_a_submission_does() {
    let credentials = bulkrail::reap::Credentials::api_key("key");
    let client = bulkrail::reap::Client::builder().credentials(credentials).build().unwrap();
    let options = CheckOptions::default();
    let checked = AnyClient::from(client)
        .check("externalId,shareToken\n1,2\n".into(), Some(FileFormat::Csv), &SubmitOptions::default(), &options)
        .await;
    assert_eq!(checked.unwrap().summary(), "1 warning (uuid-format 1)");
}
