//! Picks up what the generated clients, in held mode, hand over undecoded.

use std::future::Future;
use std::time::Duration;

use progenitor_client::{Error as Generated, ResponseValue};

use super::answer::{Allowance, Answer};
use super::dialect::{Dialect, text_at};
use super::vitals::Vitals;
use super::{Failed, Limits, Shape, Status, Transport, WireFault};
use crate::time::Clock;
use crate::{Batch, Error, ErrorKind, ProviderId, Snapshot};

/// Connections that did not come about are tried again this often: it costs nothing and harms nobody, because nothing was sent.
const CONNECT_TRIES: u32 = 4;

/// A second before the second try, then twice as long each time.
const CONNECT_BACKOFF: Duration = Duration::from_secs(1);

/// Where the provider tells tries apart by a key, a submit whose answer was lost is sent this often in all.
const LOST_TRIES: u32 = 3;

/// After the first lost answer, then twice, as long.
const LOST_BACKOFF: Duration = Duration::from_secs(2);

impl Transport {
    /// Picks up the answer to a call of a generated client in held mode.
    ///
    /// # Errors
    ///
    /// What kept the request from being answered. An answer of any status is `Ok`.
    pub(crate) fn fetch<T, E>(
        &self,
        call: impl Future<Output = Result<ResponseValue<T>, progenitor_client::Error<E>>>,
    ) -> impl Future<Output = Result<Answer, Error>> {
        // A call holds kilobytes, and every `async fn` that it passes through would hold them twice and be moved with them.
        let call = Box::pin(call);
        async move {
            match call.await {
                Err(error) => self.picked_up(error),
                Ok(_) => Err(self.error(ErrorKind::Configuration, "the generated client is not in held mode")),
            }
        }
    }

    /// One lean look at `batch`: the answer passes through, and only its vital signs are kept.
    ///
    /// # Errors
    ///
    /// Whatever went wrong, with the batch in it.
    pub(crate) fn look<T, E>(
        &self,
        batch: &Batch,
        call: impl Future<Output = Result<ResponseValue<T>, progenitor_client::Error<E>>>,
        judge: fn(Vitals<'_>) -> Snapshot,
    ) -> impl Future<Output = Result<Snapshot, Error>> {
        let fetched = self.fetch(call);
        let looked = async move {
            self.check(batch)?;
            fetched.await?.good().await?.judged(judge).await
        };
        async move { looked.await.map_err(|error: Error| about(error, batch)) }
    }

    /// One whole look at `batch`: what it means, and the answer itself.
    ///
    /// # Errors
    ///
    /// Whatever went wrong, with the batch in it.
    pub(crate) fn status<T, E>(
        &self,
        batch: &Batch,
        call: impl Future<Output = Result<ResponseValue<T>, progenitor_client::Error<E>>>,
        judge: fn(Vitals<'_>) -> Snapshot,
    ) -> impl Future<Output = Result<Status<T>, Error>> {
        let fetched = self.fetch(call);
        let looked = async move {
            self.check(batch)?;
            fetched.await?.good().await?.whole().await?.status(judge)
        };
        async move { looked.await.map_err(|error: Error| about(error, batch)) }
    }

    /// Submits by a call of a generated client in held mode, made by `call` for each try; the answer should have the form `shape`, and `id_at`
    /// is where it has the id of the new batch. Whatever else is in the answer, or missing from it, does not cost the id.
    ///
    /// It is sent a second time only where the first one certainly did nothing: no connection came about, or a token was refused.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutcomeUnknown`] when nobody can tell whether the batch exists; anything else means that it does not.
    pub(crate) async fn submit<T, E, F>(
        &self,
        mut call: impl FnMut() -> F,
        shape: &Shape,
        id_at: &str,
    ) -> Result<Batch, Error>
    where
        F: Future<Output = Result<ResponseValue<T>, progenitor_client::Error<E>>>,
    {
        let (mut tries, mut was_renewed) = (0, false);
        loop {
            let error = match self.submit_once(call(), shape, id_at).await {
                Ok(batch) => return Ok(batch),
                Err(error) => error,
            };
            tries += 1;
            // Once: a new token that is refused too is no token that ended.
            let renewed = !was_renewed && error.is_token_renewed();
            was_renewed |= renewed;
            if !error.is_unsent() || tries >= CONNECT_TRIES || !(error.is_transient() || renewed) {
                return Err(error.of_submit().with_action("submitting the batch"));
            }
            if !renewed {
                self.clock().sleep(CONNECT_BACKOFF * 2u32.pow(tries - 1)).await;
            }
        }
    }

    /// As [`Transport::submit`], to a provider that tells a second try from a second batch by `key`: where an answer was lost, the same
    /// is sent again.
    ///
    /// # Errors
    ///
    /// As there; and [`ErrorKind::Conflict`] when the provider has a batch under `key` but does not say which.
    pub(crate) async fn submit_keyed<T, E, F>(
        &self,
        mut call: impl FnMut() -> F,
        shape: &Shape,
        id_at: &str,
        key: &str,
    ) -> Result<Batch, Error>
    where
        F: Future<Output = Result<ResponseValue<T>, progenitor_client::Error<E>>>,
    {
        let mut tries = 0;
        loop {
            let error = match self.submit(&mut call, shape, id_at).await {
                Ok(batch) => return Ok(batch),
                Err(error) => error,
            };
            tries += 1;
            match error.kind() {
                ErrorKind::OutcomeUnknown if tries < LOST_TRIES => {
                    self.clock().sleep(LOST_BACKOFF * tries).await;
                }
                ErrorKind::OutcomeUnknown | ErrorKind::Conflict => return Err(error.under_key(key)),
                _ if tries > 1 => return Err(error.lost_before(key)),
                _ => return Err(error),
            }
        }
    }

    async fn submit_once<T, E>(
        &self,
        call: impl Future<Output = Result<ResponseValue<T>, progenitor_client::Error<E>>>,
        shape: &Shape,
        id_at: &str,
    ) -> Result<Batch, Error> {
        let body = self.fetch(call).await?.good().await?.whole().await?;
        let unusable = |what: &'static str| body.blame(Error::new(ErrorKind::Decode, what));
        let id = text_at(&body.compared(shape)?, id_at);
        let id = id.ok_or_else(|| unusable("the answer does not have the id of the batch"))?;
        let batch =
            Batch::named(self.provider().clone(), id).map_err(|_| unusable("the id in the answer cannot be used"))?;
        Ok(batch.with_submitted_at(self.clock().wall()))
    }

    /// Refuses a batch of another provider before anything is sent.
    pub(crate) fn check(&self, batch: &Batch) -> Result<(), Error> {
        if batch.provider() == self.provider() {
            return Ok(());
        }
        let reason = format!("this is a batch of {}, not of {}", batch.provider(), self.provider());
        Err(Error::new(ErrorKind::Usage, reason))
    }

    fn provider(&self) -> &ProviderId {
        &self.shared.dialect.provider
    }

    fn picked_up<E>(&self, error: progenitor_client::Error<E>) -> Result<Answer, Error> {
        match error {
            Generated::UnexpectedResponse(mut response) => {
                if let Some(Failed(error)) = response.extensions_mut().remove::<Failed>() {
                    let error = error.lock().ok().and_then(|mut slot| slot.take());
                    return Err(error.unwrap_or_else(|| self.error(ErrorKind::Unavailable, "the request failed")));
                }
                Ok(Answer::new(self.shared.dialect, &self.shared.clock, self.allowance(), response))
            }
            // Its text names the header or URL part that is malformed, with the value; so it is not passed on.
            Generated::InvalidRequest(_) => Err(self.error(ErrorKind::Usage, "a value cannot stand in a header")),
            _ => Err(self.error(ErrorKind::Configuration, "the request could not be built; check the base URL")),
        }
    }
}

fn about(error: Error, batch: &Batch) -> Error {
    error.with_action("reading the status of the batch").with_batch(batch.clone())
}

/// Makes an [`Error`] of an error of a generated client that was called directly (`client.raw()`).
pub(crate) async fn explain<E>(dialect: &'static Dialect, error: progenitor_client::Error<E>) -> Error {
    let provider = dialect.provider.clone();
    match error {
        Generated::UnexpectedResponse(mut response) => {
            if let Some(Failed(error)) = response.extensions_mut().remove::<Failed>() {
                let error = error.lock().ok().and_then(|mut slot| slot.take());
                return error.unwrap_or_else(|| Error::new(ErrorKind::Unavailable, "the request failed"));
            }
            let answer = Answer::new(
                dialect,
                &Clock::system(),
                Allowance { pass: Limits::BODY as u64, keep: Limits::BODY as u64 },
                response,
            );
            let undocumented =
                || Error::new(ErrorKind::Decode, "the provider answered with a status the spec does not have");
            answer.good().await.err().unwrap_or_else(|| undocumented().with_provider(provider))
        }
        Generated::InvalidResponsePayload(..) => {
            Error::new(ErrorKind::Decode, "the answer does not have the fields that the spec says")
                .with_provider(provider)
        }
        Generated::CommunicationError(error)
        | Generated::ResponseBodyError(error)
        | Generated::InvalidUpgrade(error) => WireFault::from(error).into_error().with_provider(provider),
        _ => Error::new(ErrorKind::Usage, "a value cannot stand in the request").with_provider(provider),
    }
}
