//! Error of clients, waits and reconciliation.

mod document;
mod kind;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use document::{ErrorBody, ErrorDocument};
pub use kind::ErrorKind;

use crate::model::{Batch, InvalidBatchId, InvalidProviderId, ProviderId, Report, Snapshot};
use crate::text::{MAX_MESSAGE_CHARS, kept, printable, truncated};

/// Error of clients, waits and reconciliation.
///
/// `Display` and `Debug` hold no secret and no free text of a provider: the codes and reasons they show come from the
/// documented catalogues. The provider's own text is at [`Error::provider_message`]; it may name people.
///
/// `Display` shows up to [`MAX_MESSAGE_CHARS`] characters, escaped by [`printable`]. Texts of the provider (code, message,
/// parameter, request id) are kept up to [`MAX_TEXT_CHARS`](crate::text::MAX_TEXT_CHARS) characters each, as is the message in
/// an [`ErrorDocument`]. A text that is cut ends with `… (N characters cut)`.
///
/// # Handling an error
///
/// ```
/// # use bulkrail_core::Error;
/// # fn handle(error: Error) {
/// if error.is_outcome_unknown() {
///     // A submit may have worked: look it up at the provider before you submit again.
///     alert(&error, error.hint());
/// } else if error.is_resumable() && let Some(batch) = error.batch() {
///     // The batch exists: save it, and wait for it again later. Do not submit it again.
///     save(batch);
/// } else if error.is_transient() {
///     // Nothing was changed: send the same request again after `error.retry_after()`.
///     schedule_retry(error.retry_after());
/// } else {
///     // The request, the credentials or the configuration must change first.
///     alert(&error, error.hint());
/// }
/// # }
/// # fn save(_: &bulkrail_core::Batch) {}
/// # fn schedule_retry(_: Option<std::time::Duration>) {}
/// # fn alert(_: &Error, _: Option<&str>) {}
/// ```
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    reason: Cow<'static, str>,
    action: Option<Cow<'static, str>>,
    hint: Option<Cow<'static, str>>,
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
    nothing_sent: bool,
    token_refreshed: bool,
    /// Another attempt fails, too.
    is_permanent: bool,
    /// `reason` is a whole message, as it was saved.
    is_complete: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Returns an error of `kind`.
    ///
    /// `reason` is shown to people and logged: it must hold neither secrets nor personal data.
    #[must_use]
    pub fn new(kind: ErrorKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            reason: reason.into(),
            action: None,
            hint: None,
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
            nothing_sent: false,
            token_refreshed: false,
            is_permanent: false,
            is_complete: false,
            source: None,
        }))
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether the same request may succeed when it is sent again unchanged.
    ///
    /// A submit with an unknown outcome ([`ErrorKind::OutcomeUnknown`]) is not transient: repeating it could submit twice.
    /// An expired certificate or an unknown host is not, either: the request fails until something is changed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::Decode)
            && !self.0.is_permanent
    }

    /// Returns whether a later attempt can help: a transient error, or a wait that ended before its batch did.
    #[must_use]
    pub fn is_resumable(&self) -> bool {
        self.is_transient()
            || matches!(self.0.kind, ErrorKind::Deadline | ErrorKind::Unreachable | ErrorKind::Interrupted)
    }

    /// Returns whether a wait ran out of time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Deadline | ErrorKind::Unreachable)
    }

    /// Returns whether the credentials were refused or do not allow the request.
    #[must_use]
    pub fn is_authentication(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Authentication | ErrorKind::Permission)
    }

    /// Returns whether a submit may have worked although it failed: look it up before you submit again.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.0.kind == ErrorKind::OutcomeUnknown
    }

    /// Returns what to do next, in one sentence without a full stop, if there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        if let Some(hint) = &self.0.hint {
            return Some(hint);
        }
        // A wait that ran out of time was perhaps not answered by the provider at all.
        if self.is_timeout() {
            let sources = std::iter::successors(self.source(), |error| (**error).source());
            let mut errors = sources.filter_map(|error| error.downcast_ref::<Self>());
            if let Some(error) = errors.find(|error| error.0.kind == ErrorKind::Decode) {
                return error.hint();
            }
        }
        self.0.kind.hint()
    }

    /// Returns the provider of the request or batch.
    #[must_use]
    pub fn provider(&self) -> Option<&ProviderId> {
        self.0.provider.as_ref()
    }

    /// Returns the HTTP status of the response, if there was one.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// Returns the provider's own error code, unchanged.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns the provider's own text. It may hold personal data; neither `Display` nor `Debug` shows it.
    #[must_use]
    pub fn provider_message(&self) -> Option<&str> {
        self.0.provider_message.as_deref()
    }

    /// Returns the name of the field that the provider refuses.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        self.0.parameter.as_deref()
    }

    /// Returns the provider's id of the request, to quote to its support team.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns how long the provider asks to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the batch that the error is about. Every error of a wait or a poll has one.
    #[must_use]
    pub fn batch(&self) -> Option<&Batch> {
        self.0.batch.as_ref()
    }

    /// Returns the last snapshot of the batch.
    #[must_use]
    pub fn last_snapshot(&self) -> Option<&Snapshot> {
        self.0.last.as_ref()
    }

    /// Returns the number of status requests of the wait that ended with this error.
    #[must_use]
    pub fn polls(&self) -> u32 {
        self.0.polls
    }

    /// Returns the duration of the wait that ended with this error.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Returns batch and last snapshot as a result document.
    #[must_use]
    pub fn last_report(&self) -> Option<Report> {
        let (batch, last) = (self.0.batch.clone()?, self.0.last.clone()?);
        Some(Report::new(batch, last, self.0.polls, self.0.elapsed))
    }

    /// Returns the HTTP status with which a service that called the provider may answer its own caller.
    ///
    /// ```
    /// use bulkrail_core::{Error, ErrorKind};
    ///
    /// assert_eq!(Error::new(ErrorKind::Usage, "row 3, column externalId: is empty").suggested_http_status(), 422);
    /// ```
    #[must_use]
    pub fn suggested_http_status(&self) -> u16 {
        self.0.kind.suggested_http_status()
    }

    /// Returns the error as a JSON document.
    #[must_use]
    pub fn document(&self) -> ErrorDocument {
        ErrorDocument::new(self)
    }
}

/// Adds context to an error; for provider clients and tests.
impl Error {
    /// Adds what was being done, in the form "reading the status of the batch". Does nothing if an action is set.
    #[must_use]
    pub fn with_action(mut self, action: impl Into<Cow<'static, str>>) -> Self {
        self.0.action.get_or_insert_with(|| action.into());
        self
    }

    /// Adds the provider.
    #[must_use]
    pub fn with_provider(mut self, provider: ProviderId) -> Self {
        self.0.provider = Some(provider);
        self
    }

    /// Adds the HTTP status of the response.
    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    /// Adds the provider's error code. It is shown only together with `meaning`, its documented meaning in our words.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>, meaning: Option<&'static str>) -> Self {
        self.0.code = Some(kept(code));
        self.0.meaning = meaning;
        self
    }

    /// Adds the provider's own text.
    #[must_use]
    pub fn with_provider_message(mut self, message: impl Into<String>) -> Self {
        self.0.provider_message = Some(kept(message));
        self
    }

    /// Adds the name of the field that the provider refuses.
    #[must_use]
    pub fn with_parameter(mut self, parameter: impl Into<String>) -> Self {
        self.0.parameter = Some(kept(parameter));
        self
    }

    /// Adds the provider's id of the request.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(kept(id));
        self
    }

    /// Adds the time before which the provider asks not to be sent another request.
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

    /// Adds what to do next instead of what follows from the kind, in one sentence without a full stop.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the cause. Its `Display` and `Debug` must hold neither secrets nor personal data.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Returns the same error with another reason, computed from the current one.
    #[must_use]
    pub fn map_reason(mut self, reason: impl FnOnce(&str) -> String) -> Self {
        self.0.reason = reason(&self.0.reason).into();
        self
    }

    /// Marks that another attempt fails, too, until something is changed: the error is then not transient.
    #[must_use]
    pub fn with_permanent(mut self) -> Self {
        self.0.is_permanent = true;
        self
    }

    /// Applies `map` to each text of the provider.
    pub(crate) fn map_provider_texts(mut self, map: impl Fn(&mut String)) -> Self {
        let Inner { code, provider_message, parameter, request_id, .. } = &mut *self.0;
        [code, provider_message, parameter, request_id].into_iter().flatten().for_each(map);
        self
    }

    /// Marks that an earlier request of the same operation was carried out. The error is not transient, because another
    /// attempt would send that again, and [`is_nothing_sent`](Error::is_nothing_sent) is false.
    #[must_use]
    pub fn with_part_sent(mut self) -> Self {
        self.0.nothing_sent = false;
        self.with_permanent()
    }

    /// Marks that the provider received nothing of the request, or processed nothing of it.
    #[must_use]
    pub fn with_nothing_sent(mut self) -> Self {
        self.0.nothing_sent = true;
        self
    }

    /// Returns whether it is certain that the provider received nothing of the request, or processed nothing of it.
    #[must_use]
    pub fn is_nothing_sent(&self) -> bool {
        self.0.nothing_sent
    }

    /// Converts the error of a request that must not be sent twice.
    ///
    /// Unless the provider refused the request, or received nothing of it, the outcome is unknown.
    #[must_use]
    pub fn into_submit_error(mut self) -> Self {
        // Many servers answer a POST that they carried out with a redirect to the result.
        let ambiguous = matches!(
            self.0.kind,
            ErrorKind::Unavailable | ErrorKind::Decode | ErrorKind::TooLarge | ErrorKind::UnsafeRedirect
        );
        if ambiguous && !self.0.nothing_sent {
            self.0.kind = ErrorKind::OutcomeUnknown;
        }
        self
    }

    /// Marks that the provider did nothing because it refused the access token, and that a new token was obtained.
    pub(crate) fn with_token_refreshed(mut self) -> Self {
        self.0.token_refreshed = true;
        self.with_nothing_sent()
    }

    pub(crate) fn is_token_refreshed(&self) -> bool {
        self.0.token_refreshed
    }

    /// Adds the idempotency key, which is needed to look the batch up.
    pub(crate) fn with_key(self, key: &str) -> Self {
        self.map_reason(|reason| format!("{reason} under the idempotency key {key}"))
    }

    /// Returns the error for an attempt after one whose response was lost: the earlier attempt may have worked.
    pub(crate) fn after_lost_attempt(mut self, key: &str) -> Self {
        self.0.kind = ErrorKind::OutcomeUnknown;
        // They are about the last attempt alone.
        self.0.nothing_sent = false;
        self.0.hint = None;
        self.map_reason(|reason| {
            format!(
                "an earlier attempt under the idempotency key {key} may have worked, and the next one failed: {reason}"
            )
        })
    }

    /// Returns the same error once more, for another request that failed by the same cause.
    pub(crate) fn copy(&self) -> Self {
        Self(self.0.clone())
    }

    /// Adds the last snapshot, polls and duration of the wait that ends with this error.
    pub(crate) fn with_wait(mut self, last: Option<Snapshot>, polls: u32, elapsed: Duration) -> Self {
        self.0.last = last;
        self.0.polls = polls;
        self.0.elapsed = elapsed;
        self
    }
}

impl From<InvalidBatchId> for Error {
    fn from(error: InvalidBatchId) -> Self {
        let invalid = Self::new(ErrorKind::Usage, error.to_string());
        match error.provider() {
            Some(provider) => invalid.with_provider(provider.clone()),
            None => invalid,
        }
    }
}

impl From<InvalidProviderId> for Error {
    fn from(error: InvalidProviderId) -> Self {
        Self::new(ErrorKind::Usage, error.to_string())
    }
}

impl From<ErrorDocument> for Error {
    /// Returns the error that was saved as a document. Its message is shown as it was saved.
    ///
    /// It has everything but [`provider_message`](Error::provider_message), [`is_nothing_sent`](Error::is_nothing_sent)
    /// and its sources, which the document does not hold.
    fn from(document: ErrorDocument) -> Self {
        let ErrorDocument { error: saved, batch, last, polls, elapsed_ms } = document;
        let mut error = Self::new(saved.kind, saved.message);
        error.0.is_complete = true;
        error.0.is_permanent = error.is_transient() && !saved.retryable;
        error.0.hint = saved.hint.map(Cow::Owned);
        error.0.provider = saved.provider;
        error.0.http_status = saved.http_status;
        error.0.code = saved.code;
        error.0.parameter = saved.parameter;
        error.0.request_id = saved.request_id;
        error.0.retry_after = saved.retry_after_ms.map(Duration::from_millis);
        error.0.batch = batch;
        error.0.polls = polls;
        error.0.elapsed = Duration::from_millis(elapsed_ms);
        if let Some(last) = last {
            // Documents of earlier versions have the time in the report only.
            error.0.elapsed = last.elapsed;
            error.0.last = Some(last.snapshot);
        }
        error
    }
}

impl Error {
    /// Returns the message as a whole: neither escaped nor cut.
    fn message(&self) -> String {
        let inner = &*self.0;
        let mut message = String::new();
        if !inner.is_complete {
            for context in
                [inner.provider.as_ref().map(ProviderId::as_str), inner.action.as_deref()].into_iter().flatten()
            {
                message.extend([context, ": "]);
            }
        }
        message.push_str(&inner.reason);
        if inner.is_complete {
            return message;
        }
        message.push_str(&match (inner.http_status, inner.code.as_deref().zip(inner.meaning)) {
            (Some(status), Some((code, meaning))) => format!(" (HTTP {status}, code {code}: {meaning})"),
            (Some(status), None) => format!(" (HTTP {status})"),
            (None, Some((code, meaning))) => format!(" (code {code}: {meaning})"),
            (None, None) => String::new(),
        });
        if let Some(batch) = &inner.batch {
            message.extend(["; batch ", batch.id()]);
        }
        message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&truncated(&self.message(), MAX_MESSAGE_CHARS)))
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
    fn error_is_one_pointer_wide_and_crosses_threads() {
        fn crosses_threads<T: Send + Sync + 'static>() {}
        crosses_threads::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn error_shows_nothing_that_a_provider_wrote() {
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
    fn error_message_has_provider_action_reason_and_batch() {
        let error = Error::new(ErrorKind::NotFound, "the provider does not know it")
            .with_action("reading the status of the batch")
            .with_http_status(404)
            .with_code("0701020100", Some("batch not found"))
            .with_batch(Batch::new(ProviderId::from_static("reap"), "b-1").unwrap());
        assert_eq!(
            error.to_string(),
            "reap: reading the status of the batch: the provider does not know it (HTTP 404, code 0701020100: batch not found); \
             batch b-1"
        );
        assert_eq!(error.hint(), Some("check the id, the environment and which account the credentials belong to"));
    }

    #[test]
    fn error_texts_are_cut_for_people_and_kept_longer_in_the_document() {
        let long = |length| "x".repeat(length);
        let error = Error::new(ErrorKind::Usage, format!("\u{1b}]52;c;\u{7}\u{202e}{}", long(20_000)))
            .with_code(long(100_000), Some("too long"))
            .with_parameter(long(20_000))
            .with_request_id(long(20_000));
        let shown = error.to_string();
        assert!(shown.starts_with(" ]52;c; \\u{202e}xxx") && shown.ends_with(" characters cut)"), "{shown}");
        assert!(shown.chars().count() < MAX_MESSAGE_CHARS + 50, "{}", shown.len());
        let document = error.document().error;
        assert!(document.message.starts_with("\u{1b}]52") && document.message.len() > 20_000);
        assert_eq!((document.parameter, document.request_id), (Some(long(20_000)), Some(long(20_000))));
        let expected = format!("{}… (34464 characters cut)", long(65_536));
        assert_eq!(document.code, Some(expected));
    }

    #[test]
    fn hint_of_a_wait_that_ran_out_of_time_is_that_of_a_response_that_was_not_the_providers() {
        let not_json = || Error::new(ErrorKind::Decode, "not JSON");
        let hint = |kind| Error::new(kind, "it failed").with_source(not_json()).hint().map(str::to_owned);
        let of_response = not_json().hint().map(str::to_owned);
        assert_eq!((hint(ErrorKind::Unreachable), hint(ErrorKind::Deadline)), (of_response.clone(), of_response));
        let of_kind = ErrorKind::Authentication.hint().map(str::to_owned);
        assert_eq!(hint(ErrorKind::Authentication), of_kind);
    }

    #[test]
    fn error_survives_its_document() {
        let error = Error::new(ErrorKind::RateLimited, "the provider's rate limit is reached")
            .with_action("reading the status of the batch")
            .with_http_status(429)
            .with_code("X", Some("too many"))
            .with_parameter("p")
            .with_request_id("r-1")
            .with_retry_after(Duration::from_secs(7))
            .with_batch(Batch::new(ProviderId::from_static("reap"), "b-1").unwrap())
            .with_wait(None, 3, Duration::from_secs(9));
        let document = error.document();
        let restored = Error::from(document.clone());
        assert_eq!(restored.document(), document);
        assert_eq!((restored.polls(), restored.elapsed()), (3, Duration::from_secs(9)));
        assert_eq!(restored.to_string(), error.to_string());
    }
}
