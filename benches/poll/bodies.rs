//! KillB status bodies of any size, made of one documented example row.
//!
//! Body of a running batch: made as it is sent, never in memory as a whole. Body of a finished
//! batch: in memory, because its rows differ in their number.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bulkrail::http::{ConnectorFuture, HttpConnector};
use bytes::Bytes;
use http_body::Frame;

/// 48 rows in one chunk of a body: about 64 KiB, which a TLS connection delivers at best.
const ROWS_PER_CHUNK: u64 = 48;

const CHUNK: usize = 64 * 1024;

const ROW: &str = r#"{"rowNumber":2,"status":"SUCCESS","accountId":"e8d74b2f-86df-43b0-a9d9-72055a6b0432","complianceUrl":"https://compliance.example.com/review/e8d74b2f","sheetName":"Sheet1","originalRowData":{"rowNumber":2,"entityType":"PERSON","email":"user@example.com","phone":"+576015555555","accountType":"PSE","documentNumber":"123456789","documentIssuedCountryCode":"CO","countryCode":"CO","firstName":"John","middleName":"Carlos","lastName":"Doe","companyName":"Acme Corp","personDocumentType":"PASSPORT","companyDocumentType":"NIT","bankCode":"001","accountNumber":"1234567890","clabe":"646180157000000004","bankAccountType":"savings","externalId":"external-id-123","routingNumber":"021000021","bankName":"Banco de Bogotá","swiftCode":"BOFAUS3N","iban":"GB29NWBK60161331926819","address":"123 Main St, Bogotá, Colombia","currency":"USDC","network":"POLYGON","cvu":"0000003100025695","aliasType":"NATIONAL_ID","alias":"john.doe","bankAddressStreet1":"100 Wall Street","bankAddressStreet2":"Suite 500","bankAddressCity":"New York","bankAddressState":"NY","bankAddressZipCode":"10005","bankAddressCountryCode":"US","account":"3001234567","transfiyaAccountType":"SAVINGS","clabeType":"CLABE","pixKeyType":"CPF","pixKey":"12345678901","cci":"12345678901234567890"}}"#;

const TAIL: &str = r#"],"createdAt":"2026-04-23T00:38:08.439Z","updatedAt":"2026-04-23T00:38:08.439Z"}"#;

fn head(status: &str, rows: u64) -> String {
    format!(
        r#"{{"jobId":"e8d74b2f","status":"{status}","totalRows":{rows},"processedRows":{rows},"successCount":{rows},"errorCount":0,"results":["#
    )
}

/// Status body of a running batch.
#[derive(Clone)]
pub(crate) struct RunningBody {
    rows: u64,
    head: Bytes,
    /// `ROWS_PER_CHUNK` rows, each followed by a comma.
    chunk: Bytes,
}

impl RunningBody {
    pub(crate) fn new(rows: u64) -> Self {
        let chunk = format!("{ROW},").repeat(ROWS_PER_CHUNK as usize);
        Self { rows, head: head("PROCESSING", rows).into(), chunk: chunk.into() }
    }

    /// Returns the whole body, for the baselines.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut chunks = self.chunks();
        std::iter::from_fn(|| chunks.next_chunk()).flatten().collect()
    }

    fn chunks(&self) -> Chunks {
        Chunks {
            body: self.clone(),
            rows_left: self.rows,
            head: [self.head.clone()].into(),
            tail: Some(Bytes::from_static(TAIL.as_bytes())),
        }
    }
}

struct Chunks {
    body: RunningBody,
    rows_left: u64,
    head: VecDeque<Bytes>,
    tail: Option<Bytes>,
}

impl Chunks {
    fn next_chunk(&mut self) -> Option<Bytes> {
        if let Some(chunk) = self.head.pop_front() {
            return Some(chunk);
        }
        let rows = self.rows_left.min(ROWS_PER_CHUNK);
        self.rows_left -= rows;
        let length = (rows as usize) * (ROW.len() + 1);
        match (rows, self.rows_left) {
            (0, _) => self.tail.take(),
            // No comma follows the last row.
            (_, 0) => Some(self.body.chunk.slice(..length - 1)),
            _ => Some(self.body.chunk.slice(..length)),
        }
    }
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_chunk().map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// Responds to every request with the body.
impl HttpConnector for RunningBody {
    fn send(&self, _request: reqwest::Request) -> ConnectorFuture<'_> {
        let body = reqwest::Body::wrap(self.chunks());
        Box::pin(async { Ok(http::Response::new(body).into()) })
    }
}

/// Status body of a finished batch. Its rows have numbers of their own.
#[derive(Clone)]
pub(crate) struct FinishedBody(Bytes);

impl FinishedBody {
    pub(crate) fn new(rows: u64) -> Self {
        let numbered = |number: u64| ROW.replace(r#""rowNumber":2"#, &format!(r#""rowNumber":{}"#, number + 2));
        let results: Vec<_> = (0..rows).map(numbered).collect();
        Self(format!("{}{}{TAIL}", head("COMPLETED", rows), results.join(",")).into())
    }

    /// Returns the whole body, for the baseline.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// The rest of a body, sent in chunks.
pub(crate) struct Rest(pub(crate) Bytes);

impl http_body::Body for Rest {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.0.len().min(CHUNK);
        let chunk = self.0.split_to(length);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(chunk))))
    }
}

/// Responds to every request with the body.
impl HttpConnector for FinishedBody {
    fn send(&self, _request: reqwest::Request) -> ConnectorFuture<'_> {
        let body = reqwest::Body::wrap(Rest(self.0.clone()));
        Box::pin(async { Ok(http::Response::new(body).into()) })
    }
}
