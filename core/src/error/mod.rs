//! One error for everything that can go wrong.

mod document;
mod kind;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

pub use document::ErrorDocument;
pub use kind::ErrorKind;

use crate::{Batch, ProviderId, Report, Snapshot};

/// What went wrong, while doing what, and what to do next.
///
/// `Display` and `Debug` hold no secret and nothing that a provider wrote as free text: codes and reasons they show come from the
/// documented catalogues. What the provider itself said is at [`Error::provider_message`]; it may name people.
///
/// # Troubleshooting
///
/// Ask the predicates, or [`Error::kind`]:
///
/// ```
/// # fn react(error: bulkrail::Error) {
/// if error.is_transient() {
///     // Wait (error.retry_after()) and do the same again.
/// } else if let Some(batch) = error.batch() {
///     // The batch exists: save it, and wait for it again later. Do not submit again.
///     save(batch);
/// }
/// # }
/// # fn save(_: &bulkrail::Batch) {}
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    reason: Cow<'static, str>,
    action: Option<&'static str>,
    provider: Option<ProviderId>,
    http_status: Option<u16>,
    code: Option<String>,
    meaning: Option<&'static str>,
    provider_message: Option<String>,
    parameter: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    batch: Option<Batch>,
    last: Option<Snapshot>,
    polls: u32,
    elapsed: Duration,
    unsent: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`. `reason` is shown to people and logged: it must hold no secret and no personal data.
    #[must_use]
    pub fn new(kind: ErrorKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            reason: reason.into(),
            action: None,
            provider: None,
            http_status: None,
            code: None,
            meaning: None,
            provider_message: None,
            parameter: None,
            request_id: None,
            retry_after: None,
            batch: None,
            last: None,
            polls: 0,
            elapsed: Duration::ZERO,
            unsent: false,
            source: None,
        }))
    }

    /// The kind; the first thing to decide on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same request may work when it is made again, as it is: the provider or the network had a bad moment.
    ///
    /// A submit whose fate is unknown ([`ErrorKind::OutcomeUnknown`]) is not transient: repeating it could submit twice.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::Decode)
    }

    /// Whether a later attempt can help: [`Error::is_transient`], or a wait that ran out of time.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.is_transient()
            || matches!(self.0.kind, ErrorKind::Deadline | ErrorKind::Unreachable | ErrorKind::Interrupted)
    }

    /// Whether a wait ran out of time, with the batch still running or out of sight.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Deadline | ErrorKind::Unreachable)
    }

    /// Whether the credentials were refused, or do not allow this.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Authentication | ErrorKind::Permission)
    }

    /// The provider, where one was asked.
    #[must_use]
    pub fn provider(&self) -> Option<&ProviderId> {
        self.0.provider.as_ref()
    }

    /// The HTTP status, where an answer came.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The provider's own code, as it came.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What the provider itself said. May hold personal data; neither `Display` nor `Debug` shows it.
    #[must_use]
    pub fn provider_message(&self) -> Option<&str> {
        self.0.provider_message.as_deref()
    }

    /// The field that the provider complains about.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        self.0.parameter.as_deref()
    }

    /// The provider's id of the request, for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the provider asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The batch this is about. Every error after a submission has one.
    #[must_use]
    pub fn batch(&self) -> Option<&Batch> {
        self.0.batch.as_ref()
    }

    /// What was last seen of the batch.
    #[must_use]
    pub fn last_snapshot(&self) -> Option<&Snapshot> {
        self.0.last.as_ref()
    }

    /// Status requests of the wait that ended so.
    #[must_use]
    pub fn polls(&self) -> u32 {
        self.0.polls
    }

    /// Time that the wait took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// The batch and what was last seen of it as a result document.
    #[must_use]
    pub fn last_report(&self) -> Option<Report> {
        let (batch, last) = (self.0.batch.clone()?, self.0.last.clone()?);
        Some(Report::new(batch, last, self.0.polls, self.0.elapsed))
    }

    /// The error as a JSON document.
    #[must_use]
    pub fn document(&self) -> ErrorDocument {
        ErrorDocument::of(self)
    }
}

/// Everything that adds to an error, for providers of one's own and for tests.
impl Error {
    /// Names what was being done, in the form "reading the status of the batch".
    #[must_use]
    pub fn with_action(mut self, action: &'static str) -> Self {
        self.0.action.get_or_insert(action);
        self
    }

    /// Names the provider.
    #[must_use]
    pub fn with_provider(mut self, provider: ProviderId) -> Self {
        self.0.provider = Some(provider);
        self
    }

    /// Adds the HTTP status.
    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    /// Adds the provider's code. It is shown only together with `meaning`, its documented meaning in our words.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>, meaning: Option<&'static str>) -> Self {
        self.0.code = Some(code.into());
        self.0.meaning = meaning;
        self
    }

    /// Adds what the provider itself said.
    #[must_use]
    pub fn with_provider_message(mut self, message: impl Into<String>) -> Self {
        self.0.provider_message = Some(message.into());
        self
    }

    /// Adds the name of the field that the provider complains about.
    #[must_use]
    pub fn with_parameter(mut self, parameter: impl Into<String>) -> Self {
        self.0.parameter = Some(parameter.into());
        self
    }

    /// Adds the provider's id of the request.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds how long the provider asked to be left alone.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Adds the batch.
    #[must_use]
    pub fn with_batch(mut self, batch: Batch) -> Self {
        self.0.provider.get_or_insert_with(|| batch.provider().clone());
        self.0.batch = Some(batch);
        self
    }

    /// Adds the error behind this one. Its `Display` and `Debug` must hold no secret and no personal data.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Names the host that was to be reached.
    pub(crate) fn at(mut self, host: &str) -> Self {
        self.0.reason = format!("{}: {host}", self.0.reason).into();
        self
    }

    /// Marks that the provider saw nothing of the request.
    pub(crate) fn unsent(mut self) -> Self {
        self.0.unsent = true;
        self
    }

    pub(crate) fn is_unsent(&self) -> bool {
        self.0.unsent
    }

    /// Marks that nothing was done because the access token was refused, and that there is a new one.
    pub(crate) fn is_token_renewed(&self) -> bool {
        self.0.unsent && self.0.kind == ErrorKind::Authentication && self.0.http_status.is_some()
    }

    /// What this error means for a request that must not be made twice: unless the provider refused it, or saw nothing of it, nobody
    /// can tell whether it was carried out.
    pub(crate) fn of_submit(mut self) -> Self {
        // Many a server answers a POST that it carried out with a redirect to the result.
        let ambiguous = matches!(
            self.0.kind,
            ErrorKind::Unavailable | ErrorKind::Decode | ErrorKind::TooLarge | ErrorKind::UnsafeRedirect
        );
        if ambiguous && !self.0.unsent {
            self.0.kind = ErrorKind::OutcomeUnknown;
        }
        self
    }

    /// Names the idempotency key, without which nobody could look the batch up.
    pub(crate) fn under_key(mut self, key: &str) -> Self {
        self.0.reason = format!("{} under the idempotency key {key}", self.0.reason).into();
        self
    }

    /// An error after a try whose answer was lost: that one may have worked.
    pub(crate) fn lost_before(mut self, key: &str) -> Self {
        self.0.kind = ErrorKind::OutcomeUnknown;
        self.0.reason = format!("an earlier try may have worked, and the next one failed: {}", self.0.reason).into();
        self.under_key(key)
    }

    /// Adds what a wait knows when it ends.
    pub(crate) fn with_wait(mut self, last: Option<Snapshot>, polls: u32, elapsed: Duration) -> Self {
        self.0.last = last;
        self.0.polls = polls;
        self.0.elapsed = elapsed;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(provider) = &inner.provider {
            write!(f, "{provider}: ")?;
        }
        if let Some(action) = inner.action {
            write!(f, "{action}: ")?;
        }
        f.write_str(&inner.reason)?;
        match (inner.http_status, inner.code.as_deref().zip(inner.meaning)) {
            (Some(status), Some((code, meaning))) => write!(f, " (HTTP {status}, code {code}: {meaning})")?,
            (Some(status), None) => write!(f, " (HTTP {status})")?,
            (None, Some((code, meaning))) => write!(f, " (code {code}: {meaning})")?,
            (None, None) => {}
        }
        if let Some(batch) = &inner.batch {
            write!(f, "; batch {}", batch.id())?;
        }
        match inner.kind.advice() {
            "" => Ok(()),
            advice => write!(f, "; {advice}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut shown = f.debug_struct("Error");
        shown.field("kind", &inner.kind).field("message", &self.to_string());
        if inner.polls > 0 {
            shown.field("polls", &inner.polls).field("elapsed", &inner.elapsed).field("last", &inner.last);
        }
        if let Some(source) = &inner.source {
            shown.field("source", source);
        }
        shown.finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer_and_may_cross_threads() {
        fn crosses_threads<T: Send + Sync + 'static>() {}
        crosses_threads::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn what_a_provider_wrote_is_not_shown() {
        let error = Error::new(ErrorKind::InvalidRequest, "the request was refused")
            .with_provider_message("CANARY")
            .with_parameter("CANARY")
            .with_request_id("CANARY")
            .with_code("CANARY", None);
        for shown in [format!("{error}"), format!("{error:?}"), format!("{error:#?}")] {
            assert!(!shown.contains("CANARY"), "{shown}");
        }
        assert_eq!(error.provider_message(), Some("CANARY"));
    }

    #[test]
    fn a_message_says_who_what_why_and_what_next() {
        let error = Error::new(ErrorKind::NotFound, "the provider does not know it")
            .with_action("reading the status of the batch")
            .with_http_status(404)
            .with_code("0701020100", Some("batch not found"))
            .with_batch(Batch::named(ProviderId::from_static("reap"), "b-1").unwrap());
        assert_eq!(
            error.to_string(),
            "reap: reading the status of the batch: the provider does not know it (HTTP 404, code 0701020100: batch not found); \
             batch b-1; check the id, the environment and whose credentials are in use"
        );
    }
}
