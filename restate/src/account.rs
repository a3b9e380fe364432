//! One request budget for all workers of an account.

use std::collections::BTreeMap;
use std::time::Duration;

use bulkrail_core::schedule::Budget;
use bulkrail_core::time::Clock;
use jiff::Timestamp;
use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::accounts::unknown_account;

/// 60 s before another rate replaces the budget. While a deployment changes the rate, old and new workers take turns:
/// each change begins with one request at once, so that they must not follow each other.
const MIN_RATE_CHANGE_INTERVAL: Duration = Duration::from_secs(60);

/// Key of the budget in the state of the object.
const BUDGET: &str = "budget";

/// Object with the request budget of one account, which all workers share. Its key is the name of the account.
///
/// Workflows call it before each request. Its handlers cannot be called from outside of Restate.
///
/// It is a [`Budget`] with the [burst](Budget::BURST) of a `Budget`. Its step order is frozen, as that of
/// [`BatchV1`](crate::BatchV1).
#[derive(Debug)]
pub struct AccountV1 {
    rates: BTreeMap<String, f64>,
    clock: Clock,
}

// All batches of the account wait behind a call that failed: it is tried again soon, and for years.
#[restate_sdk::object(
    inactivity_timeout = "2s",
    ingress_private = true,
    client_visibility = "pub(crate)",
    invocation_retry_policy(
        initial_interval = "100ms",
        factor = 2.0,
        max_interval = "2s",
        max_attempts = 100_000_000,
        on_max_attempts = "pause",
    )
)]
impl AccountV1 {
    /// Reserves places for requests, and returns the time until the last of them in milliseconds.
    #[handler]
    async fn take(&self, ctx: ObjectContext<'_>, requests: u32) -> Result<u64, HandlerError> {
        let stored = ctx.get::<Json<Box<RawValue>>>(BUDGET).await?;
        let rate = self.rate(ctx.key())?;
        // Clock and decision are journalled: a replay does not depend on the code of the budget.
        let Json(taken) =
            ctx.run(|| async { Ok(Json(take(self.now(), stored, rate, requests)?)) }).name("take").await?;
        ctx.set(BUDGET, Json(taken.budget));
        Ok(taken.wait_ms)
    }

    /// Records that the provider refused a request, and asked to wait for `retry_after_ms`.
    #[handler]
    async fn throttled(&self, ctx: ObjectContext<'_>, retry_after_ms: u64) -> Result<(), HandlerError> {
        let stored = ctx.get::<Json<Box<RawValue>>>(BUDGET).await?;
        let rate = self.rate(ctx.key())?;
        let throttled = ctx.run(|| async { Ok(Json(throttled(self.now(), stored, rate, retry_after_ms)?)) });
        let Json(budget) = throttled.name("throttled").await?;
        ctx.set(BUDGET, Json(budget));
        Ok(())
    }
}

impl AccountV1 {
    pub(crate) fn new(rates: BTreeMap<String, f64>) -> Self {
        Self { rates, clock: Clock::system() }
    }

    fn rate(&self, account: &str) -> Result<f64, HandlerError> {
        self.rates.get(account).copied().ok_or_else(|| unknown_account(account).into())
    }

    fn now(&self) -> Duration {
        since_1970(self.clock.wall())
    }
}

/// State of the object.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    requests_per_second: f64,
    /// Time since 1970 at which the rate was set.
    rate_since_ms: u64,
    budget: Budget,
}

/// Journal entry of `take`.
#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    wait_ms: u64,
    budget: Box<RawValue>,
}

fn take(now: Duration, stored: StoredJson, rate: f64, requests: u32) -> serde_json::Result<Taken> {
    let mut stored = restore(now, stored, rate)?;
    let wait = (0..requests).map(|_| stored.budget.reserve(now)).max().unwrap_or_default();
    Ok(Taken { wait_ms: millis(wait), budget: serde_json::value::to_raw_value(&stored)? })
}

fn throttled(now: Duration, stored: StoredJson, rate: f64, retry_after_ms: u64) -> serde_json::Result<Box<RawValue>> {
    let mut stored = restore(now, stored, rate)?;
    stored.budget.throttled(now, Some(Duration::from_millis(retry_after_ms)));
    serde_json::value::to_raw_value(&stored)
}

type StoredJson = Option<Json<Box<RawValue>>>;

/// Returns the stored budget, or a new one of `rate`.
fn restore(now: Duration, stored: StoredJson, rate: f64) -> serde_json::Result<Stored> {
    if let Some(Json(stored)) = stored {
        let stored: Stored = serde_json::from_str(stored.get())?;
        let age = now.saturating_sub(Duration::from_millis(stored.rate_since_ms));
        if stored.requests_per_second == rate || age < MIN_RATE_CHANGE_INTERVAL {
            return Ok(stored);
        }
    }
    Ok(Stored { requests_per_second: rate, rate_since_ms: millis(now), budget: Budget::new(rate) })
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn since_1970(time: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(taken: &Taken) -> StoredJson {
        Some(Json(taken.budget.clone()))
    }

    #[test]
    fn take_gives_the_requests_of_all_callers_one_place_after_the_other() {
        let now = Duration::from_secs(1_767_225_600);
        let (mut budget, mut waits) = (None, Vec::new());
        for _ in 0..25 {
            let taken = take(now, budget.take(), 24.0, 1).unwrap();
            waits.push(taken.wait_ms);
            budget = stored(&taken);
        }
        // 0.2 s of requests at once, then one each 42 ms.
        assert_eq!(waits.iter().filter(|wait| **wait == 0).count(), 4, "{waits:?}");
        assert_eq!(waits[24], 842, "{waits:?}");
        assert!(waits.is_sorted(), "{waits:?}");
    }

    #[test]
    fn throttled_makes_the_next_take_wait_as_long_as_the_provider_asked() {
        let now = Duration::from_secs(1_767_225_600);
        let budget = throttled(now, None, 24.0, 7_000).unwrap();
        assert!(take(now, Some(Json(budget)), 24.0, 1).unwrap().wait_ms >= 7_000);
    }

    #[test]
    fn another_rate_is_taken_once_a_minute_at_most() {
        let begun = Duration::from_secs(1_767_225_600);
        let rate = |budget: &StoredJson| {
            serde_json::from_str::<Stored>(budget.as_ref().unwrap().0.get()).unwrap().requests_per_second
        };
        let mut budget = stored(&take(begun, None, 24.0, 1).unwrap());
        let mut sent = 0;
        // Workers with two rates in turn, each of which sends at once whenever it may.
        for step in 0_u32..3_000 {
            let now = begun + step * Duration::from_millis(20);
            let rate = if step % 2 == 0 { 24.0 } else { 12.0 };
            let taken = take(now, budget.take(), rate, 1).unwrap();
            sent += u32::from(taken.wait_ms == 0);
            budget = stored(&taken);
        }
        assert!(sent <= 24 * 60 + 5, "{sent} requests in a minute");
        assert_eq!(rate(&budget), 24.0);
        let later = stored(&take(begun + MIN_RATE_CHANGE_INTERVAL, budget, 12.0, 1).unwrap());
        assert_eq!(rate(&later), 12.0);
    }

    #[test]
    fn budget_of_version_1_stays_readable() {
        let stored = r#"{"requests_per_second":24.0,"rate_since_ms":1767225600000,"budget":BUDGET}"#;
        let budget = serde_json::to_string(&Budget::new(24.0)).unwrap();
        let stored = RawValue::from_string(stored.replace("BUDGET", &budget)).unwrap();
        let restored = restore(Duration::from_secs(1_767_225_700), Some(Json(stored)), 24.0).unwrap();
        assert_eq!(restored.rate_since_ms, 1_767_225_600_000);
    }
}
