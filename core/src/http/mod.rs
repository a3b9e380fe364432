//! HTTP for provider clients: authentication, tokens, limits, retries, error mapping, uploads.
//!
//! [`HttpClient`] is the only part of a client that sends requests. A provider module calls a generated method inside
//! [`capture`], which runs it just far enough to build the request, and hands that request to the `HttpClient`:
//!
//! ```text
//! generated method --capture--> PreparedRequest --HttpClient--> Response --> ResponseBody --> Snapshot, rows, types
//! ```
//!
//! Failures are `Err` and responses are `Ok` on the whole path. One place maps error responses
//! ([`ErrorMapping`]), and a response that does not decode keeps its status and request id.

mod auth;
mod builder;
mod capture;
mod client;
mod connection_error;
mod connector;
mod error_mapping;
mod limits;
mod oauth;
mod proxy;
mod redact;
mod response;
mod retry;
mod retry_after;
mod secrets;
mod submit;
mod tls;
mod tokens;
mod upload;

pub use auth::Auth;
pub use builder::{ClientBuilder, Environment, HttpOptions, ProviderClient};
pub use capture::{PreparedRequest, capture};
pub use client::{CallKind, HttpClient};
pub use connection_error::ConnectorError;
pub use connector::{ConnectorFuture, HttpConnector};
pub use error_mapping::{ApiErrorBody, ErrorMapping, text_at};
pub use limits::Limits;
pub use oauth::ClientCredentials;
pub use response::{BufferedBody, Response, ResponseBody, StatusResponse};
pub use retry::{READ_RETRIES, Retry, RetryPolicy, retry, retry_reads};
pub use secrets::{EnvCredentials, env_secret};
pub use tokens::{TokenCache, TokenFuture, TokenResponse, TokenSource};
pub use upload::{Upload, UploadBody};
