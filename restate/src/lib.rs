//! Batches on many machines.

mod account;
mod accounts;
mod batch;
mod endpoint;
mod http;
mod ingress;
mod status;
mod submit;
mod wait;

pub use account::AccountV1;
pub use accounts::Accounts;
pub use batch::{BatchOrder, BatchV1};
#[cfg(feature = "test-util")]
pub use endpoint::endpoint_without_claim;
pub use endpoint::{endpoint, register};
pub use ingress::{Ingress, Ordered};
pub use restate_sdk;
pub use status::Status;
pub use submit::SUBMIT_TIME;
