//! Collects drift that no snapshot has, such as that of the response to a submit.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::model::Drift;

thread_local! {
    /// Drift of the future that is being polled on this thread, if it is collected.
    static COLLECTED: RefCell<Option<Vec<Drift>>> = const { RefCell::new(None) };
}

/// Runs `future` and returns its output with the drift that was traced meanwhile, with counts.
///
/// Drift of polls and rows is in [`Snapshot::drift`](crate::Snapshot::drift) and
/// [`Reconciliation::drift`](crate::Reconciliation::drift). That of the response to a submit is only traced, and here it
/// is returned. Drift in tasks that the future spawns is not collected.
///
/// ```
/// use bulkrail_core::json::{collect_drift, trace_drift};
/// use bulkrail_core::{Drift, DriftKind};
///
/// # async fn example() {
/// let ((), drift) = collect_drift(async {
///     trace_drift(&Drift::new("/addedLater", DriftKind::UnknownField, "", "string"));
/// })
/// .await;
/// assert_eq!(drift[0].pointer, "/addedLater");
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example());
/// ```
pub async fn collect_drift<F: Future>(future: F) -> (F::Output, Vec<Drift>) {
    let mut future = pin!(future);
    let mut drift = Vec::new();
    let output = std::future::poll_fn(|cx| poll(future.as_mut(), cx, &mut drift)).await;
    (output, drift)
}

/// Polls `future` while drift is collected into `drift`.
fn poll<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>, drift: &mut Vec<Drift>) -> Poll<F::Output> {
    /// Ends the collection, also when the future panics.
    struct Restore<'a> {
        outer: Option<Vec<Drift>>,
        drift: &'a mut Vec<Drift>,
    }
    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            let mut outer = self.outer.take();
            if let Some(collected) = COLLECTED.take() {
                // An enclosing collection has it, too.
                if let Some(outer) = &mut outer {
                    Drift::merge(outer, &collected);
                }
                Drift::merge(self.drift, &collected);
            }
            COLLECTED.set(outer);
        }
    }
    let _restore = Restore { outer: COLLECTED.replace(Some(Vec::new())), drift };
    future.poll(cx)
}

/// Adds `drift` to the collection of the future that is being polled, if there is one.
pub(super) fn add(drift: &Drift) {
    COLLECTED.with_borrow_mut(|collected| {
        if let Some(collected) = collected {
            Drift::merge(collected, std::slice::from_ref(drift));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::trace_drift;
    use super::*;
    use crate::model::DriftKind;

    fn drift(pointer: &str) -> Drift {
        Drift::new(pointer, DriftKind::TypeMismatch, "string", "number")
    }

    fn counts(drift: &[Drift]) -> Vec<(&str, u64)> {
        drift.iter().map(|drift| (drift.pointer.as_str(), drift.count)).collect()
    }

    #[tokio::test]
    async fn collect_drift_returns_drift_of_each_future_alone() {
        let traced = |pointer: &'static str| {
            collect_drift(async move {
                trace_drift(&drift(pointer));
                tokio::task::yield_now().await;
                trace_drift(&drift(pointer));
            })
        };
        trace_drift(&drift("/before"));
        let (first, second) = tokio::join!(traced("/a"), traced("/b"));
        assert_eq!((counts(&first.1), counts(&second.1)), (vec![("/a", 2)], vec![("/b", 2)]));
        let ((_, inner), outer) = collect_drift(traced("/c")).await;
        assert_eq!((counts(&inner), counts(&outer)), (vec![("/c", 2)], vec![("/c", 2)]));
        assert_eq!(collect_drift(async {}).await.1, []);
    }
}
