use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use bulkrail_core::http::{CallKind, HttpClient, PreparedRequest, ResponseBody, text_at};
use bulkrail_core::json::{
    FingerprintCache, JsonArrayReader, JsonPath, ResponseSchema, StatusFields, sanitize_json, trace_drift,
};
use bulkrail_core::{Batch, Drift, DriftKind, Error, Row, RowCounts, RowOutcome, Snapshot};
use bytes::Bytes;
use futures_core::Stream;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::raw::types;
use super::{raw, status};

static ROW_SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "BulkRowResult"));

/// Row of a batch, as KillB's own type and as the provider-neutral [`Row`].
#[derive(Clone)]
pub struct RowResult {
    typed: types::BulkRowResult,
}

impl RowResult {
    /// Returns KillB's own type. It holds personal data. Its `error` is replaced where it repeats a credential.
    #[must_use]
    pub fn typed(&self) -> &types::BulkRowResult {
        &self.typed
    }

    /// Returns the outcome of the row.
    ///
    /// `SUCCESS` is succeeded, also with an `error`: KillB's own example has such a row. `ERROR` (the word of KillB's
    /// own client) and `FAILED` are failed. A row with any other word is unaccounted.
    #[must_use]
    pub fn outcome(&self) -> RowOutcome {
        let word = self.typed.status.as_deref().unwrap_or_default().trim();
        if word.eq_ignore_ascii_case("SUCCESS") {
            RowOutcome::Succeeded
        } else if word.eq_ignore_ascii_case("ERROR") || word.eq_ignore_ascii_case("FAILED") {
            RowOutcome::Failed
        } else {
            RowOutcome::Unaccounted
        }
    }

    /// Returns the neutral row.
    #[must_use]
    pub fn row(&self) -> Row {
        let outcome = self.outcome();
        let mut row = Row::new(outcome);
        row.index = self.typed.row_number.as_ref().and_then(serde_json::Number::as_u64);
        row.reference = self.typed.original_row_data.as_ref().and_then(|data| data.external_id.clone());
        row.account_id.clone_from(&self.typed.account_id);
        match &self.typed.error {
            Some(reason) if outcome != RowOutcome::Succeeded => row.with_reason(reason),
            _ => row,
        }
    }

    /// Parses an item. A row that does not fit the spec keeps the fields that can be read.
    fn parse(item: &[u8]) -> ParsedItem {
        if item.trim_ascii_start().first() != Some(&b'{') {
            // An array could be decoded into the generated type too, by position.
            return match serde_json::from_slice::<IgnoredAny>(item) {
                Ok(_) => ParsedItem::NotARow,
                Err(_) => ParsedItem::Invalid(None),
            };
        }
        // Checking the encoding of the item once takes less time than that of each string.
        let typed = match std::str::from_utf8(item) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(item),
        };
        if let Ok(typed) = typed {
            return ParsedItem::Row(Self { typed });
        }
        match serde_json::from_slice(item) {
            Ok(loose) => Self::from_loose(&loose).map_or(ParsedItem::NotARow, ParsedItem::Row),
            Err(_) => ParsedItem::Invalid(
                serde_json::from_str(&sanitize_json(item)).ok().and_then(|loose| Self::from_loose(&loose)),
            ),
        }
    }

    fn from_loose(loose: &Value) -> Option<Self> {
        let reference = text_at(loose, "/originalRowData/externalId");
        let kept = serde_json::json!({
            "rowNumber": loose["rowNumber"].as_u64(),
            "status": text_at(loose, "/status"),
            "accountId": text_at(loose, "/accountId"),
            "complianceUrl": text_at(loose, "/complianceUrl"),
            "error": text_at(loose, "/error"),
            "sheetName": text_at(loose, "/sheetName"),
            "originalRowData": reference.map(|reference| serde_json::json!({"externalId": reference})),
        });
        serde_json::from_value(kept).ok().map(|typed| Self { typed })
    }
}

/// A parsed item of `results`.
enum ParsedItem {
    Row(RowResult),
    /// JSON that is not an object.
    NotARow,
    /// Not JSON; the row of the fields that could be read.
    Invalid(Option<RowResult>),
}

impl fmt::Debug for RowResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowResult { .. }")
    }
}

/// Stream of the rows of a batch, returned by [`Client::rows`](super::Client::rows).
///
/// Rows are decoded one by one as the response arrives; the response is never in memory as a whole. Call
/// [`next`](Self::next) in a loop, or use it as a `Stream`.
pub struct Rows {
    batch: Batch,
    body: Body,
    reader: JsonArrayReader,
    ready: VecDeque<RowResult>,
    ended: bool,
    fingerprints: FingerprintCache,
    drift: Vec<Drift>,
}

/// The response body, or the future that reads its next chunk.
enum Body {
    Idle(Box<ResponseBody>),
    Reading(Pin<Box<dyn Future<Output = (Box<ResponseBody>, Result<Option<Bytes>, Error>)> + Send>>),
    Moved,
}

impl Rows {
    pub(super) async fn open(
        http: &HttpClient,
        kind: CallKind,
        batch: &Batch,
        request: Result<PreparedRequest, Error>,
    ) -> Result<Self, Error> {
        let open = async {
            http.check_batch(batch)?;
            http.send(request?, kind).await?.error_for_status().await
        };
        let body = open.await.map_err(|error| in_context(error, batch))?;
        Ok(Self {
            batch: batch.clone(),
            body: Body::Idle(Box::new(body)),
            reader: JsonArrayReader::new("results"),
            ready: VecDeque::new(),
            ended: false,
            fingerprints: FingerprintCache::default(),
            drift: Vec::new(),
        })
    }

    /// Returns the next row; `None` at the end.
    ///
    /// An item that is not an object, or cannot be read, is skipped: it is in [`Rows::drift`], and missing in a
    /// reconciliation.
    ///
    /// # Errors
    ///
    /// Any failure while the response is read, with the batch; `None` follows.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<RowResult, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Returns the differences from the spec in the rows read so far, each with its number of rows.
    #[must_use]
    pub fn drift(&self) -> &[Drift] {
        &self.drift
    }

    /// Returns the snapshot of the batch. Call it after all rows have been read.
    ///
    /// # Errors
    ///
    /// [`Decode`](crate::ErrorKind::Decode) before that, or when the response ended early.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        let snapshot = StatusFields::snapshot(self.reader.rest(), |fields| {
            fields.check_batch_id(status::ID, self.batch.id())?;
            Ok(status::parse_status(fields))
        });
        match (snapshot, &self.body) {
            (Ok(snapshot), Body::Idle(body)) => Ok(body.redact_snapshot(snapshot)),
            (Err(error), Body::Idle(body)) => Err(in_context(body.with_response_context(error), &self.batch)),
            (snapshot, Body::Reading(_) | Body::Moved) => snapshot.map_err(|error| in_context(error, &self.batch)),
        }
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        loop {
            match std::mem::replace(&mut self.body, Body::Moved) {
                Body::Idle(mut body) => {
                    self.body = Body::Reading(Box::pin(async move {
                        let chunk = body.chunk().await;
                        (body, chunk)
                    }));
                }
                Body::Reading(mut reading) => {
                    let Poll::Ready((body, chunk)) = reading.as_mut().poll(context) else {
                        self.body = Body::Reading(reading);
                        return Poll::Pending;
                    };
                    self.body = Body::Idle(body);
                    return Poll::Ready(chunk);
                }
                Body::Moved => return Poll::Ready(Ok(None)),
            }
        }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let Self { ready, fingerprints, drift, reader, body, .. } = self;
        let known = drift.len();
        reader.push(chunk, |item, spans| {
            let parsed = RowResult::parse(item);
            if matches!(parsed, ParsedItem::Invalid(_)) {
                Drift::merge(drift, &[invalid_item()]);
            } else {
                Drift::merge(drift, fingerprints.drift(item, spans, compare));
            }
            if let ParsedItem::Row(mut row) | ParsedItem::Invalid(Some(mut row)) = parsed {
                if let (Body::Idle(body), Some(error)) = (&*body, &mut row.typed.error) {
                    body.redact_text(error);
                }
                ready.push_back(row);
            }
        });
        if let Body::Idle(body) = body {
            body.redact_drift(&mut drift[known..]);
        }
        drift[known..].iter().for_each(trace_drift);
        match &self.body {
            Body::Idle(body) if self.reader.buffered_bytes() as u64 > body.max_buffered_bytes() => {
                Err(in_context(body.too_large(), &self.batch))
            }
            _ => Ok(()),
        }
    }
}

impl Stream for Rows {
    type Item = Result<RowResult, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while self.ready.is_empty() && !self.ended {
            let chunk = std::task::ready!(self.poll_chunk(context));
            let result = match chunk {
                Ok(Some(chunk)) => self.push(&chunk),
                Ok(None) => {
                    self.ended = true;
                    self.snapshot().map(drop)
                }
                Err(error) => Err(in_context(error, &self.batch)),
            };
            if let Err(error) = result {
                self.ended = true;
                return Poll::Ready(Some(Err(error)));
            }
        }
        Poll::Ready(self.ready.pop_front().map(Ok))
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("batch", &self.batch).finish_non_exhaustive()
    }
}

/// Counts the rows of a batch by their outcome. A row that is listed twice counts once, unless it made two accounts.
#[derive(Default)]
pub(super) struct RowCounter {
    counts: RowCounts,
    /// Hashes of the names of the rows, 8 bytes each: a batch may have millions.
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl RowCounter {
    pub(super) fn push(&mut self, row: &RowResult) {
        let outcome = row.outcome();
        let index = row.typed.row_number.as_ref().and_then(serde_json::Number::as_u64);
        let reference = row.typed.original_row_data.as_ref().and_then(|data| data.external_id.as_ref());
        let is_named = index.is_some() || reference.is_some();
        let name = (&row.typed.sheet_name, index, reference, outcome.to_string(), &row.typed.account_id);
        if !is_named || self.seen.insert(self.hasher.hash_one(name)) {
            self.counts.push(outcome);
        }
    }

    pub(super) fn counts(&self) -> RowCounts {
        self.counts
    }
}

/// Counts the rows in the body of a status response by their outcome.
pub(super) fn count(body: &[u8]) -> RowCounts {
    let mut counter = RowCounter::default();
    JsonArrayReader::new("results").push(body, |item, _| {
        if let ParsedItem::Row(row) | ParsedItem::Invalid(Some(row)) = RowResult::parse(item) {
            counter.push(&row);
        }
    });
    counter.counts()
}

fn invalid_item() -> Drift {
    Drift::new("/results/*", DriftKind::TypeMismatch, "object", "not JSON")
}

/// Returns the differences of one row from the spec. Its schema does not have an `enum`, as [`FingerprintCache`]
/// requires.
fn compare(item: &[u8]) -> Vec<Drift> {
    let mut found = Vec::new();
    let results = JsonPath::new(None, "results");
    let row = serde_json::from_slice(item).unwrap_or_default();
    ROW_SCHEMA.compare_value(Some(&JsonPath::new(Some(&results), "*")), &row, &mut found);
    found
}

fn in_context(error: Error, batch: &Batch) -> Error {
    error.with_action("reading the rows of the batch").with_batch(batch.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_has_a_row_that_is_listed_twice_once() {
        let succeeded = |body: &str| count(format!(r#"{{"results": [{body}]}}"#).as_bytes()).succeeded;
        let row = r#"{"rowNumber": 2, "status": "SUCCESS", "sheetName": "A"}"#;
        assert_eq!(succeeded(&[row, row].join(",")), 1);
        assert_eq!(succeeded(&[row, &row.replace("\"A\"", "\"B\"")].join(",")), 2, "rows of two sheets");
        assert_eq!(succeeded(&[row, &row.replace('2', "3")].join(",")), 2);
        assert_eq!(
            succeeded(r#"{"status": "SUCCESS"}, {"status": "SUCCESS"}"#),
            2,
            "rows without number and reference"
        );
        let disagree = count(format!(r#"{{"results": [{row}, {}]}}"#, row.replace("SUCCESS", "FAILED")).as_bytes());
        assert_eq!((disagree.succeeded, disagree.failed), (1, 1));
    }

    #[test]
    fn row_schema_has_no_enum_that_a_fingerprint_would_not_show() {
        let schemas: Value = serde_json::from_str(raw::SCHEMAS).unwrap();
        let mut names = vec!["BulkRowResult".to_owned()];
        let mut seen = 0;
        while let Some(name) = names.get(seen).cloned() {
            let text = schemas[&name].to_string();
            assert!(!text.contains("\"enum\""), "{name} has an enum, whose words are not in a fingerprint");
            let inner = text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
            let new: Vec<_> =
                inner.filter(|inner| !names.iter().any(|name| name == inner)).map(str::to_owned).collect();
            names.extend(new);
            seen += 1;
        }
        assert!(seen > 1, "the schema of the submitted data is followed");
    }
}
