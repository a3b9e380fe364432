//! Answers as they come: read as a whole, piece by piece, or only for their vital signs.

use std::marker::PhantomData;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use reqwest::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::dialect::{Dialect, refused, request_id};
use super::skim::Skimmer;
use super::vitals::Vitals;
use super::{Shape, WireFault, hints};
use crate::drift::Drift;
use crate::time::Clock;
use crate::{Error, ErrorKind, Snapshot};

/// Error bodies are small. Of a larger one (a proxy's page, an attack) this much is looked at.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// A body that comes in one piece of this size at most is read as it is: taking its lists out first would cost more than it saves.
const SMALL: usize = 8 * 1024;

/// An answer of any status, its body not read yet.
pub(crate) struct Answer {
    dialect: &'static Dialect,
    retry_after: Option<Duration>,
    limits: Allowance,
    response: Response,
}

/// How many bytes of one answer may come, and how many may be kept.
#[derive(Clone, Copy)]
pub(super) struct Allowance {
    pub(super) pass: u64,
    pub(super) keep: u64,
}

impl Answer {
    pub(super) fn new(dialect: &'static Dialect, clock: &Clock, limits: Allowance, response: Response) -> Self {
        let retry_after = hints::retry_after(response.headers(), !response.status().is_success(), clock);
        Self { dialect, retry_after, limits, response }
    }

    /// The body of a good answer, to be read.
    ///
    /// # Errors
    ///
    /// The mapped error of any other answer.
    pub(crate) async fn good(self) -> Result<Reading, Error> {
        let Self { dialect, retry_after, limits, mut response } = self;
        let status = response.status();
        if !status.is_success() {
            let headers = std::mem::take(response.headers_mut());
            let mut start = BytesMut::new();
            // A body that breaks off still has a status.
            while let Ok(Some(piece)) = response.chunk().await {
                let room = MAX_ERROR_BODY - start.len();
                start.extend_from_slice(&piece[..piece.len().min(room)]);
                if room <= piece.len() {
                    break;
                }
            }
            return Err(refused(dialect, status, &headers, retry_after, &start));
        }
        let meta = Meta { dialect, status, request_id: request_id(response.headers()) };
        Ok(Reading { response, left: limits, retry_after, meta })
    }
}

/// The body of a good answer, not read yet.
pub(crate) struct Reading {
    response: Response,
    left: Allowance,
    retry_after: Option<Duration>,
    meta: Meta,
}

impl Reading {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// What kept it from being read, or [`ErrorKind::TooLarge`].
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        let fault = match self.response.chunk().await {
            Ok(None) => return Ok(None),
            Ok(Some(piece)) if piece.len() as u64 <= self.left.pass => {
                self.left.pass -= piece.len() as u64;
                return Ok(Some(piece));
            }
            Ok(Some(_)) => WireFault::TooLarge,
            Err(error) => error.into(),
        };
        Err(self.blame(fault.into_error()))
    }

    /// How many bytes of it may be kept.
    pub(crate) fn keep(&self) -> u64 {
        self.left.keep
    }

    /// Reads it into memory.
    ///
    /// # Errors
    ///
    /// As [`Reading::piece`].
    pub(crate) async fn whole(mut self) -> Result<Body, Error> {
        let Some(first) = self.piece().await? else { return Ok(Body { bytes: Bytes::new(), reading: self }) };
        // Small answers come in one piece, which need not be copied.
        let Some(second) = self.piece().await? else { return Ok(Body { bytes: first, reading: self }) };
        let mut bytes = BytesMut::from(first);
        bytes.extend_from_slice(&second);
        while let Some(piece) = self.piece().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(Body { bytes: bytes.freeze(), reading: self })
    }

    /// Reads only the vital signs, for `judge`. Memory does not grow with the lists in the body.
    ///
    /// # Errors
    ///
    /// As [`Reading::piece`], and [`ErrorKind::Decode`] when it is not one JSON object.
    pub(crate) async fn judged(mut self, judge: fn(Vitals<'_>) -> Snapshot) -> Result<Snapshot, Error> {
        let first = self.piece().await?.unwrap_or_default();
        let mut next = self.piece().await?;
        if next.is_none() && first.len() <= SMALL {
            // What cannot be read as it is may still be once its lists are out.
            if let Ok(vitals) = Vitals::read_whole(&first) {
                return self.judge(Ok(vitals), judge);
            }
        }
        let mut skimmer = Skimmer::default();
        skimmer.push(&first);
        loop {
            if skimmer.kept().len() as u64 > self.left.keep {
                return Err(self.blame(WireFault::TooLarge.into_error()));
            }
            let Some(piece) = next else { return self.judge(Vitals::read(skimmer.kept()), judge) };
            skimmer.push(&piece);
            next = self.piece().await?;
        }
    }

    fn judge(&self, vitals: Result<Vitals<'_>, Error>, judge: fn(Vitals<'_>) -> Snapshot) -> Result<Snapshot, Error> {
        let mut snapshot = judge(vitals.map_err(|error| self.blame(error))?);
        snapshot.retry_after = self.retry_after;
        Ok(snapshot)
    }

    /// Fills in what is known about the answer that `error` is about.
    pub(crate) fn blame(&self, error: Error) -> Error {
        let error = error.with_provider(self.meta.dialect.provider.clone()).with_http_status(self.meta.status.as_u16());
        match &self.meta.request_id {
            Some(id) => error.with_request_id(id),
            None => error,
        }
    }
}

struct Meta {
    dialect: &'static Dialect,
    status: StatusCode,
    request_id: Option<String>,
}

/// The body of a good answer, in memory.
pub(crate) struct Body {
    bytes: Bytes,
    reading: Reading,
}

impl Body {
    /// Decodes into the generated type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`], with the place but without what stands there.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.bytes).map_err(|error| self.blame(undecodable(&error)))
    }

    /// The same, telling (as events) in what it differs from `shape`: for answers that no document shows the drift of.
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) fn compared<T: DeserializeOwned>(&self, shape: &Shape) -> Result<T, Error> {
        if let Ok(json) = self.decode() {
            shape.differences(&json).iter().for_each(Drift::tell);
        }
        self.decode()
    }

    /// Fills in what is known about the answer that `error` is about.
    pub(crate) fn blame(&self, error: Error) -> Error {
        self.reading.blame(error)
    }

    /// The typed status and what it means, read leniently by `judge`.
    pub(crate) fn status<T>(self, judge: fn(Vitals<'_>) -> Snapshot) -> Result<Status<T>, Error> {
        let mut skimmer = Skimmer::default();
        skimmer.push(&self.bytes);
        let snapshot = self.reading.judge(Vitals::read(skimmer.kept()), judge)?;
        Ok(Status { snapshot, body: self, typed: PhantomData })
    }
}

/// One look at a batch, as the provider answered: the neutral [`Snapshot`] at once, the provider's own type when asked for.
///
/// The snapshot is read leniently and does not depend on the typed decode: a field of another type, or one missing that the spec
/// requires, costs the typed value but never the snapshot.
pub struct Status<T> {
    /// What it means.
    pub snapshot: Snapshot,
    body: Body,
    typed: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Status<T> {
    /// The provider's own type, decoded now. Holds personal data.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when the answer does not fit the spec; the place is named, what stands there is not.
    pub fn typed(&self) -> Result<T, Error> {
        self.body.decode()
    }

    /// The answer as JSON, without regard to the spec. Holds personal data.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] when it is not JSON.
    pub fn json(&self) -> Result<Value, Error> {
        self.body.decode()
    }

    /// The answer as it came. Holds personal data.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body.bytes
    }
}

impl<T> std::fmt::Debug for Status<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Status").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

/// A decode error without what serde quotes from the body.
pub(crate) fn undecodable(error: &serde_json::Error) -> Error {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Eof => "the answer breaks off",
        Category::Data => "the answer does not have the fields that the spec says",
        Category::Syntax | Category::Io => "the answer is not JSON",
    };
    Error::new(ErrorKind::Decode, format!("{what} (line {}, column {})", error.line(), error.column()))
}
