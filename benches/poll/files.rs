//! Files to submit, and the CSV in a Localpayment response: with the library, and written by hand.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use allocation_counter::measure;
use bulkrail::http::{ConnectorFuture, HttpConnector};
use bulkrail::killb::Workbook;
use bulkrail::killb::raw::types::BulkRow;
use bulkrail::test_util::VirtualClock;
use bulkrail::{Batch, Provider, SubmitOptions, SubmittedRows, localpayment, reap};
use bytes::Bytes;
use csv::StringRecord;
use rust_xlsxwriter::Workbook as Writer;

use super::bodies::Rest;
use super::{Goal, Measurement};

/// 5,000 rows: the most that Reap and Localpayment take in one batch.
const ROWS: usize = 5_000;

/// Returns the rows of the table that are about files.
pub(crate) fn measurements() -> Vec<Measurement> {
    let mut measurements = vec![localpayment_poll(), localpayment_reconcile(), reap_check()];
    measurements.extend(workbook());
    measurements
}

/// Returns the median ratio of the CPU times that two functions take, over `runs` pairs; see [`paired`](super::paired).
///
/// Of CPU time, because the work of a whole file is interrupted when other programs run.
fn paired_cpu(runs: usize, mut one: impl FnMut(), mut other: impl FnMut()) -> f64 {
    fn timed(work: &mut impl FnMut()) -> f64 {
        let now = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let began = now();
        work();
        let time = now() - began;
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    }
    one();
    other();
    let mut ratios: Vec<_> = (0..runs)
        .map(|run| {
            if run % 2 == 0 {
                let time = timed(&mut one);
                time / timed(&mut other)
            } else {
                let time = timed(&mut other);
                timed(&mut one) / time
            }
        })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios[runs / 2]
}

/// Returns a UUID that differs for each number.
fn uuid(number: usize) -> String {
    // A multiplier spreads the digits.
    let low = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{low:012.12x}", number, low >> 48, low >> 36 & 0xfff, low >> 24 & 0xfff)
        [..36]
        .to_owned()
}

/// Localpayment's response about a batch that has been completed.
#[derive(Clone)]
struct Completed(Bytes);

impl Completed {
    fn new() -> Self {
        let mut csv = "internal_id,external_id,bank_account\\n".to_owned();
        for number in 0..ROWS {
            let _ = write!(csv, "{},{},6460113198{number:08}\\n", uuid(number + ROWS), uuid(number));
        }
        let comment = format!(
            "The batch process is done - The process started at = 2025-06-19 02:24:50.381 - \
             Total accounts requested = {ROWS} - Total accounts created = {ROWS} - \
             The process finished at = 2025-06-19 02:24:50.894 - "
        );
        let body = format!(
            r#"{{"externalId":"b-1","internalId":"d710312c-8c3f-4b65-8e62-7f83eeba321a","accountNumber":"484.484.00000046","name":"Batch","country":"MEX","status":{{"code":"200","description":"COMPLETED","detail":"Batch Process Virtual Account completed"}},"comment":"{comment}","errors":[],"csvFormatResponse":"{csv}"}}"#
        );
        Self(body.into())
    }
}

impl HttpConnector for Completed {
    fn send(&self, _request: reqwest::Request) -> ConnectorFuture<'_> {
        let body = reqwest::Body::wrap(Rest(self.0.clone()));
        Box::pin(async { Ok(http::Response::new(body).into()) })
    }
}

fn client(connector: impl HttpConnector) -> localpayment::Client {
    let builder = localpayment::Client::builder().clock(VirtualClock::new().clock()).connector(connector);
    builder.credentials(localpayment::Credentials::access_token("t")).build().expect("a client")
}

fn batch() -> Batch {
    Batch::new(localpayment::PROVIDER, "b-1").expect("an id")
}

fn localpayment_poll() -> Measurement {
    let body = Completed::new();
    let (client, batch) = (client(body.clone()), batch());
    let poll = || {
        let snapshot = VirtualClock::new().run(client.poll(&batch)).expect("a snapshot");
        assert_eq!(snapshot.progress.succeeded, Some(ROWS as u64));
    };
    let by_hand = || {
        let decoded: localpayment::raw::types::Batch = serde_json::from_slice(&body.0).expect("a batch");
        let csv = decoded.csv_format_response.expect("a CSV");
        let (mut reader, mut record) = (csv::Reader::from_reader(csv.as_bytes()), StringRecord::new());
        let mut count = 0;
        while reader.read_record(&mut record).expect("a record") {
            count += 1;
        }
        assert_eq!(count, ROWS);
    };
    Measurement {
        name: "CPU of a poll with 5,000 accounts in its CSV",
        baseline: "typed decode, counting records (goal: 1/1.2)",
        measured: paired_cpu(101, poll, by_hand),
        goal: Goal::AtMost(1.0 / 1.2),
        unit: "x",
    }
}

/// Row of a result, as a service would declare it.
#[expect(dead_code, reason = "making it is the work")]
struct RowResult {
    reference: String,
    account_id: Option<String>,
    succeeded: bool,
}

fn localpayment_reconcile() -> Measurement {
    let body = Completed::new();
    let (client, batch) = (client(body.clone()), batch());
    let submitted = SubmittedRows::new((0..ROWS).map(uuid));
    let reconcile = || {
        let reconciliation = VirtualClock::new().run(client.reconcile(&batch, Some(&submitted))).expect("the rows");
        assert_eq!((reconciliation.rows.len(), reconciliation.missing.len()), (ROWS, 0));
    };
    let by_hand = || {
        let decoded: localpayment::raw::types::Batch = serde_json::from_slice(&body.0).expect("a batch");
        let csv = decoded.csv_format_response.expect("a CSV");
        let (mut reader, mut record) = (csv::Reader::from_reader(csv.as_bytes()), StringRecord::new());
        let mut listed = HashMap::new();
        while reader.read_record(&mut record).expect("a record") {
            let known = listed.insert(record[1].to_owned(), (record[0].to_owned(), !record[2].is_empty()));
            assert!(known.is_none(), "listed twice");
        }
        let rows = submitted.references.iter().map(|reference| match listed.remove(reference) {
            Some((account, succeeded)) => {
                RowResult { reference: reference.clone(), account_id: Some(account), succeeded }
            }
            None => RowResult { reference: reference.clone(), account_id: None, succeeded: false },
        });
        let rows: Vec<_> = rows.collect();
        assert_eq!((rows.len(), listed.len()), (ROWS, 0));
    };
    Measurement {
        name: "CPU of reconciling 5,000 accounts",
        baseline: "typed decode, pairing records (goal: 1/0.9)",
        measured: paired_cpu(101, reconcile, by_hand),
        goal: Goal::AtMost(1.0 / 0.9),
        unit: "x",
    }
}

fn reap_check() -> Measurement {
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.".repeat(55);
    let mut file = "externalId,shareToken\n".to_owned();
    for number in 0..ROWS {
        let _ = writeln!(file, "{},{token}{number:08}", uuid(number));
    }
    let file = Bytes::from(file);
    let options = SubmitOptions::default();
    let check = || {
        let submission = reap::Submission::from_csv(file.clone(), &options);
        assert_eq!(VirtualClock::new().run(submission).expect("a submission").rows().references.len(), ROWS);
    };
    let by_hand = || {
        let (mut reader, mut record) = (csv::Reader::from_reader(&*file), StringRecord::new());
        let header = reader.headers().expect("a header");
        let position = |name: &str| header.iter().position(|column| column == name).expect("the column");
        let (reference, required) = (position("externalId"), [position("externalId"), position("shareToken")]);
        let mut references = HashSet::new();
        while reader.read_record(&mut record).expect("a record") {
            assert!(required.iter().all(|column| !record[*column].trim().is_empty()), "a cell is empty");
            assert!(references.insert(record[reference].to_owned()), "the same value twice");
        }
        assert_eq!(references.len(), ROWS);
    };
    Measurement {
        name: "CPU of checking a Reap file of 5,000 rows, 10 MB",
        baseline: "csv and a HashSet",
        measured: paired_cpu(41, check, by_hand),
        goal: Goal::AtMost(1.0),
        unit: "x",
    }
}

fn workbook() -> [Measurement; 2] {
    let rows: Vec<_> = (0..50_000).map(bulk_row).collect();
    let library = || {
        let workbook = Workbook::from_rows(&rows).expect("a workbook");
        assert!(workbook.into_bytes().starts_with(b"PK"));
    };
    let by_hand = || assert!(write_by_hand(&rows).starts_with(b"PK"));
    let peak = |work: &dyn Fn()| measure(work).bytes_max as f64;
    [
        Measurement {
            name: "CPU of a workbook of 50,000 typed rows",
            baseline: "the same cells with rust_xlsxwriter",
            measured: paired_cpu(9, library, by_hand),
            goal: Goal::AtMost(1.1),
            unit: "x",
        },
        Measurement {
            name: "peak memory of a workbook of 50,000 typed rows",
            baseline: "the same cells with rust_xlsxwriter",
            measured: peak(&library) / peak(&by_hand),
            goal: Goal::AtMost(1.05),
            unit: "x",
        },
    ]
}

/// Returns the row of a person's account at a bank in Colombia, with the columns of that kind.
fn bulk_row(number: usize) -> BulkRow {
    let row = serde_json::json!({
        "entityType": "PERSON",
        "email": format!("user-{number}@example.com"),
        "phone": format!("+5760{number:08}"),
        "accountType": "PSE",
        "documentNumber": format!("{}", 100_000_000 + number),
        "documentIssuedCountryCode": "CO",
        "countryCode": "CO",
        "firstName": "John",
        "lastName": format!("Doe {}", number % 1_000),
        "personDocumentType": "PASSPORT",
        "bankCode": format!("{:03}", number % 60),
        "accountNumber": format!("{}", 1_000_000_000 + number),
        "bankAccountType": "savings",
        "externalId": uuid(number),
    });
    serde_json::from_value(row).expect("a row")
}

fn write_by_hand(rows: &[BulkRow]) -> Vec<u8> {
    let mut book = Writer::new();
    let sheet = book.add_worksheet();
    for (column, name) in (0..).zip(bulkrail::killb::COLUMNS) {
        sheet.write_string(0, column, *name).expect("a cell");
    }
    for (number, row) in (1..).zip(rows) {
        // In the order of the header.
        let cells = [
            &row.account,
            &row.account_number,
            &row.account_type,
            &row.address,
            &row.alias,
            &row.alias_type,
            &row.bank_account_type,
            &row.bank_address_city,
            &row.bank_address_country_code,
            &row.bank_address_state,
            &row.bank_address_street1,
            &row.bank_address_street2,
            &row.bank_address_zip_code,
            &row.bank_code,
            &row.bank_name,
            &row.cci,
            &row.clabe,
            &row.clabe_type,
            &row.company_document_type,
            &row.company_name,
            &row.country_code,
            &row.currency,
            &row.cvu,
            &row.document_issued_country_code,
            &row.document_number,
            &row.email,
            &row.entity_type,
            &row.external_id,
            &row.first_name,
            &row.iban,
            &row.last_name,
            &row.middle_name,
            &row.network,
            &row.person_document_type,
            &row.phone,
            &row.pix_key,
            &row.pix_key_type,
            &row.routing_number,
            &row.swift_code,
            &row.transfiya_account_type,
        ];
        for (column, cell) in (0..).zip(cells) {
            if let Some(cell) = cell {
                sheet.write_string(number, column, cell).expect("a cell");
            }
        }
    }
    book.save_to_buffer().expect("a workbook")
}
