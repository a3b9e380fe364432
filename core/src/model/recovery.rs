use serde::{Deserialize, Serialize};

use super::batch::Batch;

/// Safe next step after a submit whose process ended before it had the response: the batch may exist.
///
/// The clients return it from `recovery`, with the key that the batch was submitted under. It follows from what the
/// provider documents, and does not ask the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Submit the same content again under the same key: the provider tells a repeated submit from a second batch.
    SendAgain,
    /// Poll this batch: its id was known before it was submitted. Submit it again only where the provider does not have it.
    LookUp(Batch),
    /// Neither is possible. Find out at the provider whether the batch exists, before anything is submitted again.
    Never,
}
