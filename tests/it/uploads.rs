//! A file on disk is read once to check it and once to send it.
//!
//! Linux counts the bytes that a process reads in `/proc/self/io`, so that each case runs in a
//! process of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bulkrail::http::{ConnectorFuture, HttpConnector};
use bulkrail::{AnyClient, FileFormat, SubmitOptions, Upload, cdq, killb, localpayment, reap};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::common::in_own_process;

/// Reads the whole body of each request, as a network would, and counts its bytes.
#[derive(Clone, Default)]
struct Reader(Arc<AtomicU64>);

impl HttpConnector for Reader {
    fn send(&self, mut request: reqwest::Request) -> ConnectorFuture<'_> {
        Box::pin(async move {
            let body = request.body_mut().take().unwrap_or_default();
            let body = body.collect().await.unwrap().to_bytes();
            self.0.fetch_add(body.len() as u64, Ordering::SeqCst);
            // A list of accounts has the reference of its batch, which the response repeats.
            let list: Option<Value> = serde_json::from_slice(&body).ok();
            let id = list.and_then(|list| Some(list.get("externalId")?.as_str()?.to_owned()));
            let id = id.unwrap_or_else(|| "b-1".to_owned());
            let response = json!({"batchId": id, "jobId": id, "id": id, "externalId": id});
            Ok(http::Response::new(response.to_string()).into())
        })
    }
}

/// Bytes that this process has read so far.
fn bytes_read() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).unwrap()
}

fn client(provider: &str, connector: Reader) -> AnyClient {
    match provider {
        "killb" => {
            let credentials = killb::Credentials::access_token("t");
            killb::Client::builder().credentials(credentials).connector(connector).build().unwrap().into()
        }
        "reap" => {
            let credentials = reap::Credentials::api_key("k");
            reap::Client::builder().credentials(credentials).connector(connector).build().unwrap().into()
        }
        "cdq" => {
            let credentials = cdq::Credentials::api_key("k");
            cdq::Client::builder().credentials(credentials).connector(connector).build().unwrap().into()
        }
        _ => {
            let credentials = localpayment::Credentials::access_token("t");
            localpayment::Client::builder().credentials(credentials).connector(connector).build().unwrap().into()
        }
    }
}

/// Returns a file of `rows` rows under `header`.
fn csv(header: &str, rows: usize, row: impl Fn(usize) -> String) -> Vec<u8> {
    let rows = (0..rows).map(|number| format!("{}\n", row(number)));
    std::iter::once(format!("{header}\n")).chain(rows).collect::<String>().into_bytes()
}

/// Returns a workbook whose cells do not compress well.
fn workbook(rows: u32) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "externalId").unwrap();
    for row in 1..=rows {
        sheet.write(row, 0, format!("{:x}", u64::from(row).wrapping_mul(0x9e37_79b9_7f4a_7c15))).unwrap();
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn upload_from_path_is_read_once_for_checking_and_once_for_sending() {
    let test = "uploads::upload_from_path_is_read_once_for_checking_and_once_for_sending";
    let options = SubmitOptions::default;
    let check = |provider: &str,
                 content: fn() -> Vec<u8>,
                 format: FileFormat,
                 options: SubmitOptions,
                 [checks, sends]: [u64; 2]| {
        in_own_process(test, provider, &[], &[], || {
            let content = content();
            let size = content.len() as u64;
            assert!(size > 200_000, "{size} bytes are too few to stand out from other reads");
            let path = std::env::temp_dir().join(format!("bulkrail-read-{provider}-{}", std::process::id()));
            std::fs::write(&path, content).unwrap();
            let connector = Reader::default();
            let client = client(provider, connector.clone());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let file = Some(Upload::from_path(&path));
            let times = |before: u64| (bytes_read() - before + size / 4) / size;
            let before = bytes_read();
            let prepare = client.prepare(file, Some(format), &options);
            let prepared = runtime.block_on(prepare).unwrap();
            assert_eq!(times(before), checks, "{provider}: reads of the file to check it");
            let before = bytes_read();
            runtime.block_on(client.submit(&prepared[0])).unwrap();
            assert_eq!(times(before), sends, "{provider}: reads of the file to send it");
            let sent = connector.0.load(Ordering::SeqCst);
            assert!(sent > size / 2, "{provider}: {sent} bytes were sent of {size}");
            std::fs::remove_file(&path).unwrap();
        });
    };
    let reap = || csv("externalId,shareToken", 5_000, |row| format!("ent-{row},{row:0100}"));
    check("reap", reap, FileFormat::Csv, options(), [1, 1]);
    let cdq = || csv("Country Code,National Account ID", 20_000, |row| format!("CH,{row:020}"));
    check("cdq", cdq, FileFormat::Csv, options().storage_id("s"), [1, 1]);
    // A workbook and a list of accounts are kept in memory, because their rows are.
    check("killb", || workbook(30_000), FileFormat::Xlsx, options(), [1, 0]);
    let accounts = || {
        csv("externalId,type,name,documentType,documentId", 4_000, |row| {
            format!("a-{row},COMPANY,Acme {row:050},RFC,{row}")
        })
    };
    let mexico = options().account_number("484").country("MEX");
    check("localpayment", accounts, FileFormat::Csv, mexico, [1, 0]);
}
