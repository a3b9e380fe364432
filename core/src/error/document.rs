use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Error, ErrorKind};
use crate::model::{Batch, ProviderId, Report};
use crate::text::kept;

/// An [`Error`] as a JSON document.
///
/// `{"error":{...},"batch":...,"last":...,"polls":N,"elapsed_ms":N}`
///
/// Each text has at most [`MAX_TEXT_CHARS`](crate::text::MAX_TEXT_CHARS) characters; one that is cut ends with
/// `… (N characters cut)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ErrorDocument {
    /// The error itself.
    pub error: ErrorBody,
    /// Batch that the error is about; null where there is none.
    pub batch: Option<Batch>,
    /// Last report of the batch; null where no poll succeeded.
    pub last: Option<Report>,
    /// Number of status requests that got a response or failed.
    pub polls: u32,
    /// Time since the wait began, in milliseconds; 0 where there was no wait.
    #[serde(default)]
    pub elapsed_ms: u64,
}

/// The field `error` of an [`ErrorDocument`]. Texts of the provider may name people: `Debug` leaves them out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ErrorBody {
    /// Kind of the error.
    pub kind: ErrorKind,
    /// Message for people: what was being done and what failed.
    pub message: String,
    /// What to do next; null where nothing is known.
    #[serde(default)]
    pub hint: Option<String>,
    /// Provider of the request or batch.
    pub provider: Option<ProviderId>,
    /// HTTP status of the response.
    pub http_status: Option<u16>,
    /// The provider's own error code.
    pub code: Option<String>,
    /// Name of the field that the provider refuses.
    pub parameter: Option<String>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// Whether a later attempt can help.
    pub retryable: bool,
    /// Time before which the provider asks not to be sent another request, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl fmt::Debug for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorBody")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("provider", &self.provider)
            .field("http_status", &self.http_status)
            .field("retryable", &self.retryable)
            .finish_non_exhaustive()
    }
}

impl ErrorDocument {
    pub(super) fn new(error: &Error) -> Self {
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            error: ErrorBody {
                kind: error.kind(),
                message: kept(error.message()),
                hint: error.hint().map(str::to_owned),
                provider: error.provider().cloned(),
                http_status: error.http_status(),
                code: error.code().map(str::to_owned),
                parameter: error.parameter().map(str::to_owned),
                request_id: error.request_id().map(str::to_owned),
                retryable: error.is_resumable(),
                retry_after_ms: error.retry_after().map(millis),
            },
            batch: error.batch().cloned(),
            last: error.last_report(),
            polls: error.polls(),
            elapsed_ms: millis(error.elapsed()),
        }
    }
}
