//! Whose turn it is: the looks of a fleet, from due to seen.

use std::cmp::Reverse;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use tracing::Instrument;

use super::super::machine::Seen;
use super::super::observe;
use super::super::snapshots::look;
use super::{Fleet, Landed, Waiting};
use crate::{Batch, Error, ErrorKind, Provider, Report, Snapshot};

/// Looks under way at once. A look takes a fraction of a second, so this feeds any documented limit, and bounds the connections.
const IN_FLIGHT: usize = 64;

/// Of these, so many at most are at batches whose last look failed: a look that hangs takes as long as a thousand good ones, and must not
/// keep the others from being seen.
const FAILING_IN_FLIGHT: usize = IN_FLIGHT / 4;

/// What looks are worth changes with time, but not much within a second; to ask it of every batch for every request would cost more.
const ORDER_LASTS: Duration = Duration::from_secs(1);

impl<'a, P: Provider> Fleet<'a, P> {
    /// The next batch whose time is over and that no look is under way at (one that is ends by itself).
    pub(super) fn expired(&mut self) -> Option<(Batch, Result<Report, Error>)> {
        let now = self.now();
        while let Some(Reverse((by, place))) = self.given_up.peek().copied()
            && by <= now
        {
            self.given_up.pop();
            if let Some(Some(waiting)) = self.waits.get_mut(place)
                && !waiting.is_in_flight
            {
                let Waiting { machine, began, span, .. } = &mut **waiting;
                let end = Err(machine.expired(now.saturating_sub(*began)));
                span.in_scope(|| observe::end(&end));
                return Some((self.remove(place)?, end));
            }
        }
        None
    }

    /// As long as `pause`, but no longer than until the next batch is given up.
    pub(super) fn pause(&self, pause: Option<Duration>) -> Option<Duration> {
        let next = self.given_up.peek().map(|Reverse((by, _))| by.saturating_sub(self.now()));
        pause.into_iter().chain(next.map(|next| next.max(Duration::from_millis(1)))).min()
    }

    /// Starts every look that is due and can be afforded; says how long until the next one may be.
    pub(super) fn start_looks(&mut self) -> Option<Duration> {
        let now = self.now();
        while let Some(Reverse((due, place))) = self.later.peek().copied()
            && due <= now
        {
            self.later.pop();
            self.arrived.push(place);
        }
        if self.failing_in_flight < FAILING_IN_FLIGHT {
            self.arrived.append(&mut self.held_back);
        }
        self.order(now);
        while self.in_flight.len() < IN_FLIGHT
            && let Some((worth, place)) = self.due.pop()
        {
            // One that has been given up meanwhile is not there any more.
            if let Some(waiting) = &self.waits[place] {
                if waiting.is_failing && self.failing_in_flight >= FAILING_IN_FLIGHT {
                    self.held_back.push(place);
                } else if self.budget.take(now) {
                    self.start(place);
                } else {
                    self.due.push((worth, place));
                    return Some(self.budget.wait(now).max(Duration::from_millis(1)));
                }
            }
            self.order(now);
        }
        if self.in_flight.len() >= IN_FLIGHT {
            return None;
        }
        let Reverse((next, _)) = self.later.peek()?;
        Some(next.saturating_sub(now).max(Duration::from_millis(1)))
    }

    /// Puts what is due in order of worth, the most last; while there is more due than the budget affords, once a second.
    fn order(&mut self, now: Duration) {
        let stale = self.due.is_empty() || now >= self.ordered.saturating_add(ORDER_LASTS);
        if !stale || (self.due.is_empty() && self.arrived.is_empty()) {
            return;
        }
        let due = self.due.drain(..).map(|(_, place)| place).chain(self.arrived.drain(..));
        let mut due: Vec<_> = due
            .filter_map(|place| {
                let waiting = self.waits[place].as_ref()?;
                Some((waiting.machine.worth(now.saturating_sub(waiting.began)), place))
            })
            .collect();
        due.sort_by(|(one, place), (other, after)| one.total_cmp(other).then(after.cmp(place)));
        self.due = due;
        self.ordered = now;
    }

    fn start(&mut self, place: usize) {
        let now = self.now();
        let Some(Some(waiting)) = self.waits.get_mut(place) else { return };
        waiting.is_in_flight = true;
        let was_failing = waiting.is_failing;
        self.failing_in_flight += usize::from(was_failing);
        let (provider, batch) = (self.provider, waiting.machine.batch().clone());
        let now = now.saturating_sub(waiting.began);
        let limit = self.clock.sleep(waiting.machine.look_until(now).saturating_sub(now));
        let (span, clock, asked) = (waiting.span.clone(), self.clock.clone(), self.clock.now());
        self.in_flight.push(Box::pin(async move {
            let seen = look(provider, &batch, limit).instrument(span).await;
            (place, was_failing, clock.now().saturating_sub(asked), seen)
        }));
    }

    /// The next look to come back, or nothing after `pause`.
    pub(super) async fn landed(&mut self, pause: Option<Duration>) -> Option<Landed> {
        let mut sleep = pause.map(|pause| self.clock.sleep(pause));
        let in_flight = &mut self.in_flight;
        std::future::poll_fn(move |context| {
            if !in_flight.is_empty()
                && let Poll::Ready(landed) = pin!(in_flight.next()).poll(context)
            {
                return Poll::Ready(landed);
            }
            match &mut sleep {
                Some(sleep) => sleep.as_mut().poll(context).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await
    }

    pub(super) fn seen(
        &mut self,
        place: usize,
        took: Duration,
        look: Result<Snapshot, Error>,
    ) -> Option<(Batch, Result<Report, Error>)> {
        let now = self.now();
        if let Err(error) = &look
            && error.kind() == ErrorKind::RateLimited
        {
            self.budget.throttled(now, error.retry_after());
        }
        let waiting = self.waits.get_mut(place)?.as_mut()?;
        if let Ok(snapshot) = &look {
            waiting.seen = Some(snapshot.clone());
        }
        (waiting.is_failing, waiting.is_in_flight) = (look.is_err(), false);
        let Waiting { machine, began, span, .. } = &mut **waiting;
        let elapsed = now.saturating_sub(*began);
        let end = match span.in_scope(|| observe::seen(machine, elapsed, took, look, None)) {
            Seen::Running(_) | Seen::Nothing => {
                self.later.push(Reverse((began.saturating_add(machine.next_look()), place)));
                return None;
            }
            Seen::End(end) => end,
        };
        Some((self.remove(place)?, end))
    }

    /// The first batch at `from` or after it that has not ended.
    pub(super) fn interrupted(&mut self, from: usize) -> Option<(Batch, Result<Report, Error>)> {
        let place = (from..self.waits.len()).find(|place| self.waits[*place].is_some())?;
        self.stopped = Some(place);
        let now = self.now();
        let Waiting { machine, began, span, .. } = &mut **self.waits[place].as_mut()?;
        let end = Err(machine.interrupted(now.saturating_sub(*began)));
        span.in_scope(|| observe::end(&end));
        Some((self.remove(place)?, end))
    }

    /// Closes the books on a batch that has ended.
    fn remove(&mut self, place: usize) -> Option<Batch> {
        let Waiting { machine, seen, .. } = *self.waits[place].take()?;
        self.past.ended += 1;
        seen.iter().for_each(|seen| self.past.add(seen));
        let batch = machine.batch().clone();
        self.places.remove(batch.id());
        Some(batch)
    }
}
