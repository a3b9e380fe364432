use serde::{Deserialize, Serialize};

use super::{Error, ErrorKind};
use crate::{Batch, ProviderId, Report};

/// An [`Error`] as a JSON document: `{"error":{...},"batch":...,"last":...,"polls":N}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ErrorDocument {
    /// What went wrong.
    pub error: ErrorBody,
    /// The batch it is about; null where there is none.
    pub batch: Option<Batch>,
    /// What was last seen of the batch; null where nothing was.
    pub last: Option<Report>,
    /// Status requests that were answered or failed.
    pub polls: u32,
}

/// The field `error` of an [`ErrorDocument`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ErrorBody {
    /// The kind.
    pub kind: ErrorKind,
    /// What people read: what was being done, what went wrong, what to do next.
    pub message: String,
    /// The provider.
    pub provider: Option<ProviderId>,
    /// The HTTP status of the answer.
    pub http_status: Option<u16>,
    /// The provider's own code.
    pub code: Option<String>,
    /// The field that the provider complains about.
    pub parameter: Option<String>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// Whether a later attempt can help.
    pub retryable: bool,
    /// How long the provider asked to be left alone, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl ErrorDocument {
    pub(super) fn of(error: &Error) -> Self {
        let millis = |after: std::time::Duration| u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        Self {
            error: ErrorBody {
                kind: error.kind(),
                message: error.to_string(),
                provider: error.provider().cloned(),
                http_status: error.http_status(),
                code: error.code().map(str::to_owned),
                parameter: error.parameter().map(str::to_owned),
                request_id: error.request_id().map(str::to_owned),
                retryable: error.is_retryable(),
                retry_after_ms: error.retry_after().map(millis),
            },
            batch: error.batch().cloned(),
            last: error.last_report(),
            polls: error.polls(),
        }
    }
}
