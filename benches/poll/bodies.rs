//! KillB status bodies of any size, made of one row and never held in memory as a whole.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bulkrail::http::{ConnectorFuture, HttpConnector};
use bytes::Bytes;
use http_body::Frame;

/// Rows in one piece of a body: about 64 KiB, what a TLS connection delivers at best.
const ROWS_A_PIECE: u64 = 48;

const ROW: &str = r#"{"rowNumber":2,"status":"SUCCESS","accountId":"e8d74b2f-86df-43b0-a9d9-72055a6b0432","complianceUrl":"https://compliance.example.com/review/e8d74b2f","sheetName":"Sheet1","originalRowData":{"rowNumber":2,"entityType":"PERSON","email":"user@example.com","phone":"+576015555555","accountType":"PSE","documentNumber":"123456789","documentIssuedCountryCode":"CO","countryCode":"CO","firstName":"John","middleName":"Carlos","lastName":"Doe","companyName":"Acme Corp","personDocumentType":"PASSPORT","companyDocumentType":"NIT","bankCode":"001","accountNumber":"1234567890","clabe":"646180157000000004","bankAccountType":"savings","externalId":"external-id-123","routingNumber":"021000021","bankName":"Banco de Bogotá","swiftCode":"BOFAUS3N","iban":"GB29NWBK60161331926819","address":"123 Main St, Bogotá, Colombia","currency":"USDC","network":"POLYGON","cvu":"0000003100025695","aliasType":"NATIONAL_ID","alias":"john.doe","bankAddressStreet1":"100 Wall Street","bankAddressStreet2":"Suite 500","bankAddressCity":"New York","bankAddressState":"NY","bankAddressZipCode":"10005","bankAddressCountryCode":"US","account":"3001234567","transfiyaAccountType":"SAVINGS","clabeType":"CLABE","pixKeyType":"CPF","pixKey":"12345678901","cci":"12345678901234567890"}}"#;

/// A status body with so many rows.
#[derive(Clone)]
pub(crate) struct Job {
    rows: u64,
    head: Bytes,
    /// `ROWS_A_PIECE` rows, each with a comma behind it.
    chunk: Bytes,
    tail: Bytes,
}

impl Job {
    pub(crate) fn of(rows: u64) -> Self {
        let head = format!(
            r#"{{"jobId":"e8d74b2f","status":"PROCESSING","totalRows":{rows},"processedRows":{rows},"successCount":{rows},"errorCount":0,"results":["#
        );
        let tail = r#"],"createdAt":"2026-04-23T00:38:08.439Z","updatedAt":"2026-04-23T00:38:08.439Z"}"#;
        let chunk = format!("{ROW},").repeat(ROWS_A_PIECE as usize);
        Self { rows, head: head.into(), chunk: chunk.into(), tail: tail.into() }
    }

    /// The whole body, for the baselines.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut pieces = self.pieces();
        std::iter::from_fn(|| pieces.next_piece()).flatten().collect()
    }

    fn pieces(&self) -> Pieces {
        Pieces {
            job: self.clone(),
            rows_left: self.rows,
            before: [self.head.clone()].into(),
            after: Some(self.tail.clone()),
        }
    }
}

struct Pieces {
    job: Job,
    rows_left: u64,
    before: VecDeque<Bytes>,
    after: Option<Bytes>,
}

impl Pieces {
    fn next_piece(&mut self) -> Option<Bytes> {
        if let Some(chunk) = self.before.pop_front() {
            return Some(chunk);
        }
        let rows = self.rows_left.min(ROWS_A_PIECE);
        self.rows_left -= rows;
        let length = (rows as usize) * (ROW.len() + 1);
        match (rows, self.rows_left) {
            (0, _) => self.after.take(),
            // The last row has no comma behind it.
            (_, 0) => Some(self.job.chunk.slice(..length - 1)),
            _ => Some(self.job.chunk.slice(..length)),
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_piece().map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// Answers every request with the body.
pub(crate) struct JobWire(pub(crate) Job);

impl HttpConnector for JobWire {
    fn send(&self, _request: reqwest::Request) -> ConnectorFuture<'_> {
        let body = reqwest::Body::wrap(self.0.pieces());
        Box::pin(async { Ok(http::Response::new(body).into()) })
    }
}
