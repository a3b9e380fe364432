use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bulkrail_core::poll::WaitOptions;
use bulkrail_core::time::Clock;
use bulkrail_durable::{Attempts, Submitter};
use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::account::AccountV1Client;
use crate::accounts::{Account, Accounts};
use crate::submit::{AfterSubmit, Attempt, Claim, Submitted};
use crate::wait::{self, AfterPoll};

/// Key of the status in the state of the workflow.
const STATUS: &str = "status";

/// Order of one batch: the account, and what is submitted there.
///
/// Restate keeps it, and everyone who can read its journal can read it. So `order` is a reference to the rows, not
/// the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchOrder<O> {
    account: String,
    order: O,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait: Option<WaitOptions>,
}

impl<O> BatchOrder<O> {
    /// Returns an order to submit `order` at `account`, with the wait that the provider has by default.
    #[must_use]
    pub fn new(account: impl Into<String>, order: O) -> Self {
        Self { account: account.into(), order, wait: None }
    }

    /// Sets the options of the wait: deadline, intervals, schedule.
    #[must_use]
    pub fn wait(self, options: WaitOptions) -> Self {
        Self { wait: Some(options), ..self }
    }

    /// Returns the name of the account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }
}

/// Workflow that submits one order, and polls its batch until it ends. Its key is the idempotency key of the order.
///
/// Each step is journalled, and a step that was journalled is not repeated: a worker that is lost is replaced by
/// another, which goes on with the next step. Between two steps it holds no task, memory or connection of a worker.
///
/// # Steps
///
/// 1. A turn of the account ([`AccountV1`](crate::AccountV1)), a claim, the submit. A submit that is known to have
///    failed is repeated from here, with a backoff and the provider's `Retry-After`, for
///    [`SUBMIT_WITHIN`](bulkrail_durable::SUBMIT_WITHIN).
/// 2. The state of the wait.
/// 3. Until the end: sleep, a turn of the account, one poll. The entry of a poll holds the state after it.
///
/// # Claim
///
/// A step is repeated where its worker was lost before its result was journalled. So a random id is journalled before
/// a submit. A worker that finds an id of another run does as [`Submitter::recovery`] says: it sends the order again
/// under its key, looks up the batch, or ends the order as `outcome_unknown`. The last is also the end where the
/// worker was lost between claim and submit, and the batch does not exist.
///
/// # Version
///
/// Order and names of the steps are frozen, since a journal is replayed against them. A change of them is a workflow
/// with a new name (`BatchV2`). Then workers serve both: new orders go to the new name, and the old one is served
/// until its last order has ended. A change inside of a step needs no new name; journal entries are read by every
/// later version.
pub struct BatchV1<S> {
    accounts: Arc<Accounts<S>>,
    clock: Clock,
    claims: bool,
}

impl<S> Clone for BatchV1<S> {
    fn clone(&self) -> Self {
        Self { accounts: Arc::clone(&self.accounts), clock: self.clock.clone(), claims: self.claims }
    }
}

impl<S> fmt::Debug for BatchV1<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchV1").field("accounts", &self.accounts).finish_non_exhaustive()
    }
}

// A poll may take 45 s (KillB: 10 min) and an upload some minutes: with the default of 10 min, the engine would cut a long upload
// off. Where all workers are away, the engine tries again for years, instead of pausing the order after an hour.
#[restate_sdk::workflow(
    inactivity_timeout = "2s",
    abort_timeout = "20m",
    client_visibility = "pub(crate)",
    invocation_retry_policy(
        initial_interval = "200ms",
        factor = 2.0,
        max_interval = "30s",
        max_attempts = 10_000_000,
        on_max_attempts = "pause",
    )
)]
impl<S: Submitter> BatchV1<S> {
    /// Submits the order, and returns its last status once it is over.
    #[handler]
    async fn run(
        &self,
        ctx: WorkflowContext<'_>,
        Json(order): Json<BatchOrder<S::Order>>,
    ) -> Result<Json<Box<RawValue>>, HandlerError> {
        let account = self.accounts.get(&order.account)?;
        let BatchOrder { account: name, order, wait: options } = order;
        let order = Arc::new(order);
        let mut attempts = Attempts::default();
        let batch = loop {
            self.turn(&ctx, &name).await?;
            let submitted = self.submit(&ctx, account, &order, attempts).await?;
            attempts = submitted.attempts.clone();
            self.report_refusal(&ctx, &name, submitted.throttled_ms);
            match submitted.next {
                AfterSubmit::Wait(batch) => break batch,
                AfterSubmit::Again { after_ms } => {
                    ctx.set(STATUS, Json(submitted.status));
                    ctx.sleep(Duration::from_millis(after_ms)).await?;
                }
                AfterSubmit::End => {
                    ctx.set(STATUS, Json(submitted.status.clone()));
                    return Ok(Json(submitted.status));
                }
            }
        };
        let rows = account.submitter.rows(&order);
        let begin = || async { Ok(Json(wait::begin(account, batch, options.as_ref(), rows)?)) };
        let Json(mut polled) = ctx.run(begin).name("begin").await?;
        loop {
            ctx.set(STATUS, Json(polled.status.clone()));
            self.report_refusal(&ctx, &name, polled.throttled_ms);
            let AfterPoll::Poll { after_ms } = polled.next else { return Ok(Json(polled.status)) };
            ctx.sleep(Duration::from_millis(after_ms)).await?;
            self.turn(&ctx, &name).await?;
            let state = polled.state;
            let poll = || async move { Ok(Json(wait::poll(account, &state).await?)) };
            Json(polled) = ctx.run(poll).name("poll").await?;
        }
    }

    /// Returns the last status; null before the first, and after the retention of the workflow.
    #[handler]
    async fn status(&self, ctx: SharedWorkflowContext<'_>) -> Result<Json<Option<Box<RawValue>>>, HandlerError> {
        Ok(Json(ctx.get::<Json<Box<RawValue>>>(STATUS).await?.map(Json::into_inner)))
    }
}

impl<S: Submitter> BatchV1<S> {
    pub(crate) fn new(accounts: Arc<Accounts<S>>) -> Self {
        Self { accounts, clock: Clock::system(), claims: true }
    }

    /// Submits without a claim, so that a test can show what the claim is for: it **submits twice**.
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn without_claim(self) -> Self {
        Self { claims: false, ..self }
    }

    /// Waits for the turn of one request.
    async fn turn(&self, ctx: &WorkflowContext<'_>, account: &str) -> Result<(), HandlerError> {
        let wait_ms = ctx.object_client::<AccountV1Client<'_>>(account).take(1).call().await?;
        if wait_ms > 0 {
            ctx.sleep(Duration::from_millis(wait_ms)).await?;
        }
        Ok(())
    }

    /// Makes the account slower, where the provider has refused a request for its rate.
    fn report_refusal(&self, ctx: &WorkflowContext<'_>, account: &str, throttled_ms: Option<u64>) {
        if let Some(retry_after_ms) = throttled_ms {
            ctx.object_client::<AccountV1Client<'_>>(account).throttled(retry_after_ms).send();
        }
    }

    async fn submit(
        &self,
        ctx: &WorkflowContext<'_>,
        account: &Account<S>,
        order: &Arc<S::Order>,
        mut attempts: Attempts,
    ) -> Result<Submitted, HandlerError> {
        let own = Claim { id: Uuid::new_v4(), at: self.clock.wall() };
        let Json(claim) = ctx.run(|| async { Ok(Json(own)) }).name("claim").await?;
        attempts.begin(claim.at);
        let attempt = Attempt { owns_claim: claim.id == own.id || !self.claims, attempts };
        let submit = || async { Ok(Json(attempt.submit(&account.submitter, order, ctx.key()).await?)) };
        let Json(submitted) = ctx.run(submit).name("submit").await?;
        Ok(submitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_version_1_stays_readable() {
        let order: BatchOrder<u64> = serde_json::from_str(r#"{"account":"reap","order":7}"#).unwrap();
        assert_eq!(order, BatchOrder::new("reap", 7));
        let stored = serde_json::to_string(&order).unwrap();
        assert_eq!(stored, r#"{"account":"reap","order":7}"#);
    }
}
