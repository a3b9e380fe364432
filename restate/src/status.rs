use bulkrail_core::{Batch, Error, ErrorDocument, Report};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// State of an order, for a user interface.
///
/// Serialises to `{"submitting":{"fault"}}`, `{"waiting":{"batch","report","fault","due"}}`, `{"ended":REPORT}` or
/// `{"gave_up":ERROR}`, with the documents of [`Report`] and [`ErrorDocument`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// The order is submitted, or is to be submitted again.
    Submitting {
        /// Error of the last attempt.
        fault: Option<Box<ErrorDocument>>,
    },
    /// The batch exists, and is polled.
    Waiting {
        /// The batch.
        batch: Batch,
        /// Report of the last successful poll.
        report: Option<Box<Report>>,
        /// Error of the last poll, if it failed.
        fault: Option<Box<ErrorDocument>>,
        /// Time at which it is polled next, or later where the budget of the account is used up.
        due: Timestamp,
    },
    /// The batch has ended.
    Ended(Box<Report>),
    /// The order is over, and the end of a batch was not seen.
    ///
    /// - `outcome_unknown`: the batch may exist. Find out at the provider before it is ordered again.
    /// - `conflict`: the batch exists; the provider refused a second one under the key.
    /// - An error with a batch: the batch exists, or was looked up; see [`Wait`](bulkrail_core::Wait) for the errors
    ///   of a wait. `not_found` says that the provider did not have it within a minute.
    /// - Any other error: the batch does not exist.
    GaveUp(Box<ErrorDocument>),
}

impl Status {
    pub(crate) fn waiting(batch: Batch, due: Timestamp) -> Self {
        Self::Waiting { batch, report: None, fault: None, due }
    }

    /// Returns the result, if the order is over.
    #[must_use]
    pub fn end(self) -> Option<Result<Report, Error>> {
        match self {
            Self::Ended(report) => Some(Ok(*report)),
            Self::GaveUp(error) => Some(Err((*error).into())),
            Self::Submitting { .. } | Self::Waiting { .. } => None,
        }
    }
}
