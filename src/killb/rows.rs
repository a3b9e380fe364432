use std::collections::VecDeque;
use std::fmt;
use std::future::Future;

use progenitor_client::ResponseValue;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::raw::types;
use super::{raw, status};
use crate::drift::{Drift, DriftKind};
use crate::transport::{At, Forms, Items, Reading, Transport, Vitals, WireFault, mended, shape, text_at};
use crate::{Batch, Error, Row, RowOutcome, Snapshot};

/// One entry of `results`: KillB's own type, and what it means.
#[derive(Clone)]
pub struct RowResult {
    typed: types::BulkRowResult,
}

impl RowResult {
    /// KillB's own type. Holds personal data.
    #[must_use]
    pub fn typed(&self) -> &types::BulkRowResult {
        &self.typed
    }

    /// The neutral row.
    ///
    /// A row has succeeded when its `status` says so, whatever its `error` says: KillB's own example has a `SUCCESS` row with an error
    /// text. `ERROR` is the failing word in KillB's own client; any other word leaves the row unaccounted for.
    #[must_use]
    pub fn row(&self) -> Row {
        let word = self.typed.status.as_deref().unwrap_or_default();
        let outcome = if word.eq_ignore_ascii_case("SUCCESS") {
            RowOutcome::Succeeded
        } else if word.eq_ignore_ascii_case("ERROR") || word.eq_ignore_ascii_case("FAILED") {
            RowOutcome::Failed
        } else {
            RowOutcome::Unaccounted
        };
        let mut row = Row::new(outcome);
        row.index = self.typed.row_number.as_ref().and_then(serde_json::Number::as_u64);
        row.reference = self.typed.original_row_data.as_ref().and_then(|data| data.external_id.clone());
        row.account_id.clone_from(&self.typed.account_id);
        row.reason = self.typed.error.clone().filter(|_| outcome != RowOutcome::Succeeded);
        row
    }

    /// A row that does not fit the spec still has what can be read of it.
    fn read(item: &[u8]) -> Read {
        if item.trim_ascii_start().first() != Some(&b'{') {
            // The generated type could be read from a list too, by position.
            return match serde_json::from_slice::<IgnoredAny>(item) {
                Ok(_) => Read::NoRow,
                Err(_) => Read::Unreadable(None),
            };
        }
        if let Ok(typed) = serde_json::from_slice(item) {
            return Read::Row(Self { typed });
        }
        match serde_json::from_slice(item) {
            Ok(loose) => Self::of_loose(&loose).map_or(Read::NoRow, Read::Row),
            Err(_) => {
                Read::Unreadable(serde_json::from_str(&mended(item)).ok().and_then(|loose| Self::of_loose(&loose)))
            }
        }
    }

    fn of_loose(loose: &Value) -> Option<Self> {
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

/// What an item of `results` came to.
enum Read {
    Row(RowResult),
    /// Some other JSON.
    NoRow,
    /// No JSON, and what could be read of it all the same.
    Unreadable(Option<RowResult>),
}

impl fmt::Debug for RowResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowResult { .. }")
    }
}

/// The rows of a batch as they arrive; made by [`Client::rows`](super::Client::rows).
///
/// Rows are decoded one by one out of the answer, which is never held in memory as a whole.
pub struct Rows {
    batch: Batch,
    reading: Reading,
    items: Items,
    ready: VecDeque<RowResult>,
    ended: bool,
    forms: Forms,
    drift: Vec<Drift>,
}

impl Rows {
    pub(super) async fn open<T, E>(
        transport: &Transport,
        batch: &Batch,
        call: impl Future<Output = Result<ResponseValue<T>, progenitor_client::Error<E>>>,
    ) -> Result<Self, Error> {
        let opened = async {
            transport.check(batch)?;
            transport.fetch(call).await?.good().await
        };
        let reading = opened.await.map_err(|error| about(error, batch))?;
        let items = Items::of("results");
        let (ready, forms, drift) = (VecDeque::new(), Forms::default(), Vec::new());
        Ok(Self { batch: batch.clone(), reading, items, ready, ended: false, forms, drift })
    }

    /// The next row; `None` at the end. What is no object, or cannot be read at all, is left out: it shows in [`Rows::drift`], and as missing
    /// in an account.
    ///
    /// # Errors
    ///
    /// When the answer breaks off or cannot be read; nothing follows then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<RowResult, Error>> {
        while self.ready.is_empty() && !self.ended {
            match self.reading.piece().await {
                Ok(Some(piece)) => {
                    self.take(&piece);
                    if self.items.held() as u64 > self.reading.keep() {
                        self.ended = true;
                        let error = self.reading.blame(WireFault::TooLarge.into_error());
                        return Some(Err(about(error, &self.batch)));
                    }
                }
                Ok(None) => {
                    self.ended = true;
                    if let Err(error) = self.snapshot() {
                        return Some(Err(error));
                    }
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(about(error, &self.batch)));
                }
            }
        }
        self.ready.pop_front().map(Ok)
    }

    fn take(&mut self, piece: &[u8]) {
        let Self { ready, forms, drift, items, .. } = self;
        items.push(piece, |item, marks| {
            let read = RowResult::read(item);
            if matches!(read, Read::Unreadable(_)) {
                Drift::merge(drift, &[unreadable()]);
            } else {
                Drift::merge(drift, forms.drift(item, marks, compare));
            }
            if let Read::Row(row) | Read::Unreadable(Some(row)) = read {
                ready.push_back(row);
            }
        });
    }

    /// In what the rows differ from the spec, as far as they have been read, and how many of them.
    #[must_use]
    pub fn drift(&self) -> &[Drift] {
        &self.drift
    }

    /// What the answer around the rows says, once they have all been read.
    ///
    /// # Errors
    ///
    /// [`Decode`](crate::ErrorKind::Decode) as long as they have not, or when the answer broke off.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        let vitals = Vitals::read(self.items.rest());
        vitals.map(status::judge).map_err(|error| about(self.reading.blame(error), &self.batch))
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("batch", &self.batch).finish_non_exhaustive()
    }
}

fn unreadable() -> Drift {
    Drift::new("/results/*", DriftKind::TypeMismatch, "object", "no JSON")
}

/// In what one row differs. The spec has no closed list of words in it, so that its form is all that counts.
fn compare(item: &[u8]) -> Vec<Drift> {
    let mut found = Vec::new();
    let results = At::new(None, "results");
    shape!("BulkRowResult").compare_value(
        Some(&At::new(Some(&results), "*")),
        &serde_json::from_slice(item).unwrap_or_default(),
        &mut found,
    );
    found
}

fn about(error: Error, batch: &Batch) -> Error {
    error.with_action("reading the rows of the batch").with_batch(batch.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_no_closed_list_of_words_that_their_form_would_not_show() {
        let schemas: Value = serde_json::from_str(raw::SCHEMAS).unwrap();
        let mut names = vec!["BulkRowResult".to_owned()];
        let mut seen = 0;
        while let Some(name) = names.get(seen).cloned() {
            let text = schemas[&name].to_string();
            assert!(!text.contains("\"enum\""), "{name} lists words; rows of one form may then differ in them");
            let inner = text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
            let new: Vec<_> =
                inner.filter(|inner| !names.iter().any(|name| name == inner)).map(str::to_owned).collect();
            names.extend(new);
            seen += 1;
        }
        assert!(seen > 1, "the submitted data is part of a row");
    }
}
