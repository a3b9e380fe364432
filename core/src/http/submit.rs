//! Submitting a batch: at most once, unless a key tells the attempts apart.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::capture::PreparedRequest;
use super::client::{CallKind, HttpClient};
use super::error_mapping::text_at;
use super::retry::{Retry, RetryPolicy, retry};
use crate::error::{Error, ErrorKind};
use crate::json::ResponseSchema;
use crate::model::Batch;

/// 4 attempts, from 1 s apart, where no connection was made: nothing was sent, so another attempt is safe.
const CONNECT_RETRIES: RetryPolicy = RetryPolicy::new(4, Duration::from_secs(1));

/// 3 attempts, from 2 s apart, where a response was lost and the provider tells attempts apart by a key.
const LOST_RESPONSE_RETRIES: RetryPolicy = RetryPolicy::new(3, Duration::from_secs(2));

impl HttpClient {
    /// Submits a batch with the request that `prepare` makes for each attempt.
    ///
    /// The id of the new batch is at the JSON pointer `id_pointer` of the response, a string or a whole number. Whatever else the response has or
    /// lacks does not cost the id; its differences from `schema` are traced. The request is sent a second time only
    /// where the first one certainly did nothing: a connection was not made, or a token was refused.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`] when the batch may exist; any other error means that it does not.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the batch may exist.
    pub async fn submit(
        &self,
        kind: CallKind,
        schema: &ResponseSchema,
        id_pointer: &str,
        prepare: impl Fn() -> Result<PreparedRequest, Error>,
    ) -> Result<Batch, Error> {
        let attempt = async || {
            let body = self.send(prepare()?, kind).await?.error_for_status().await?.bytes().await?;
            let unusable = |reason| body.with_response_context(Error::new(ErrorKind::Decode, reason));
            let response = body.decode_traced::<Value>(schema)?;
            let id = text_at(&response, id_pointer);
            let id = id.ok_or_else(|| unusable("the response does not have the id of the batch"))?;
            // Of a number that is too large, digits are lost.
            let is_inexact = response.pointer(id_pointer).is_some_and(Value::is_f64) && id.contains(['.', 'e']);
            if is_inexact {
                return Err(unusable("the id in the response is a number that cannot be read exactly"));
            }
            let batch = Batch::new(self.provider().clone(), id);
            let batch = batch.map_err(|_| unusable("the id in the response cannot be used"))?;
            Ok(batch.with_submitted_at(self.clock().wall()).with_environment(self.environment()))
        };
        let submitted = self.retry_unsent(attempt).await;
        submitted.map_err(|error| error.into_submit_error().with_action("submitting the batch"))
    }

    /// Submits as [`HttpClient::submit`], to a provider that tells a second attempt from a second batch by `key`.
    ///
    /// Where a response was lost, the same request is sent again.
    ///
    /// # Errors
    ///
    /// As for [`HttpClient::submit`]; and [`ErrorKind::Conflict`] when the provider has a batch under `key` and does
    /// not return its id.
    pub async fn submit_with_key(
        &self,
        kind: CallKind,
        schema: &ResponseSchema,
        id_pointer: &str,
        key: &str,
        prepare: impl Fn() -> Result<PreparedRequest, Error>,
    ) -> Result<Batch, Error> {
        let mut lost = false;
        let attempt = async || self.submit(kind, schema, id_pointer, &prepare).await;
        let classify = |error: &Error| {
            let was_lost = error.is_outcome_unknown();
            lost |= was_lost;
            if was_lost { Retry::AfterBackoff } else { Retry::No }
        };
        let submitted = retry(self.clock(), LOST_RESPONSE_RETRIES, attempt, classify).await;
        submitted.map_err(|error| match error.kind() {
            ErrorKind::OutcomeUnknown | ErrorKind::Conflict => error.with_key(key),
            _ if lost => error.after_lost_attempt(key),
            _ => error,
        })
    }

    /// Sends a request that creates something, with the request that `prepare` makes for each attempt, and decodes
    /// the response into the generated type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`] when the response was lost: it may have been created.
    pub async fn create<T: DeserializeOwned>(
        &self,
        schema: &ResponseSchema,
        action: &'static str,
        prepare: impl Fn() -> Result<PreparedRequest, Error>,
    ) -> Result<T, Error> {
        let created = async {
            let response = self.send(prepare()?, CallKind::Small).await?;
            response.error_for_status().await?.bytes().await?.decode_traced(schema)
        };
        created.await.map_err(|error: Error| error.into_submit_error().with_action(action))
    }

    /// Runs `attempt` again where it certainly did nothing: a connection was not made, or, once, a token was refused
    /// and refreshed.
    async fn retry_unsent<T, F: Future<Output = Result<T, Error>>>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let mut was_refreshed = false;
        let classify = |error: &Error| {
            // Once: a new token that is refused too has not expired.
            let refreshed = !was_refreshed && error.is_token_refreshed();
            was_refreshed |= refreshed;
            match error.is_nothing_sent() {
                true if refreshed => Retry::Immediately,
                true if error.is_transient() => Retry::AfterBackoff,
                _ => Retry::No,
            }
        };
        retry(self.clock(), CONNECT_RETRIES, attempt, classify).await
    }
}
