//! The polls of a wait set, from due to observed.

use std::cmp::Reverse;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tracing::Instrument;

use super::super::machine::Observed;
use super::super::stream::poll_until;
use super::super::trace;
use super::{Completed, WaitSet, Waiting};
use crate::error::{Error, ErrorKind};
use crate::http::Limits;
use crate::model::{Batch, Report};
use crate::provider::{DynProvider, NextPlace, PollPlace};

/// 64 to 512 polls in flight. The upper end is the limit of a client, which other waits on it share.
const IN_FLIGHT: RangeInclusive<usize> = 64..=Limits::MAX_POLLS_IN_FLIGHT;

/// A quarter more than the request rate times the latency: the number that are in flight on average at that rate.
const IN_FLIGHT_MARGIN: f64 = 1.25;

/// 1/16 for the latency of a new poll: about the last sixteen are remembered.
const LATENCY_WEIGHT: f64 = 1.0 / 16.0;

/// 1 s between two sorts by priority: priorities change little within it, and computing all of them for every request
/// would cost more.
const SORT_INTERVAL: Duration = Duration::from_secs(1);

impl WaitSet<'_> {
    /// Returns the next batch whose time is over and that is not being polled (a poll in flight ends by itself).
    pub(super) fn expired(&mut self) -> Option<(Batch, Result<Report, Error>)> {
        let now = self.now();
        while let Some(Reverse((by, slot))) = self.expiries.peek().copied()
            && by <= now
        {
            self.expiries.pop();
            if let Some(Some(waiting)) = self.waits.get_mut(slot)
                && !waiting.is_in_flight
            {
                let time = waiting.time(now);
                let Waiting { state, span, .. } = &mut **waiting;
                let end = Err(state.0.expired(time));
                span.in_scope(|| trace::end(&end));
                return Some((self.finish(slot)?, end));
            }
        }
        None
    }

    /// Returns the shorter of `pause` and the time to the next expiry.
    pub(super) fn until_next_expiry(&self, pause: Option<Duration>) -> Option<Duration> {
        let next = self.expiries.peek().map(|Reverse((by, _))| by.saturating_sub(self.now()));
        pause.into_iter().chain(next.map(|next| next.max(Duration::from_millis(1)))).min()
    }

    /// Starts every poll that is due, within the budget and within the limit of the provider. Returns the time to the
    /// next one, unless a completed poll or a free place comes first.
    pub(super) fn start_polls(&mut self, context: &mut Context<'_>) -> Option<Duration> {
        let now = self.now();
        // Given up on return, unless a poll still waits for it.
        let mut next_place = self.next_place.take();
        while let Some(Reverse((due, slot))) = self.later.peek().copied()
            && due <= now
        {
            self.later.pop();
            self.newly_due.push(slot);
        }
        let max = self.max_in_flight();
        // A quarter at most are polls of batches whose last poll failed: one that hangs takes as long as a thousand good
        // ones, and must not delay the others.
        let max_failing = max / 4;
        if self.failing_in_flight < max_failing {
            self.newly_due.append(&mut self.held_back);
        }
        self.sort(now);
        while self.in_flight.len() < max
            && let Some((priority, slot)) = self.due.pop()
        {
            // A batch that has expired or was removed in the meantime is not there any more.
            if let Some(waiting) = &self.waits[slot] {
                if waiting.is_failing && self.failing_in_flight >= max_failing {
                    self.held_back.push(slot);
                } else {
                    let pause = self.budget.wait(now);
                    if !pause.is_zero() {
                        self.due.push((priority, slot));
                        return Some(pause.max(Duration::from_millis(1)));
                    }
                    let Some(place) = poll_place(&*self.provider, &mut next_place, context) else {
                        self.due.push((priority, slot));
                        self.next_place = next_place;
                        return None;
                    };
                    // One is available: there was no pause.
                    let _taken = self.budget.take(now);
                    self.start(slot, place);
                }
            }
            self.sort(now);
        }
        if self.in_flight.len() >= max {
            return None;
        }
        let Reverse((next, _)) = self.later.peek()?;
        Some(next.saturating_sub(now).max(Duration::from_millis(1)))
    }

    /// Returns the number of polls that may be in flight at once: as many as the rate needs at the latency seen.
    fn max_in_flight(&self) -> usize {
        let needed = (self.budget.rate() * self.latency * IN_FLIGHT_MARGIN).ceil() as usize;
        needed.clamp(*IN_FLIGHT.start(), *IN_FLIGHT.end())
    }

    /// Sorts due polls by priority, the highest last; once a second while more is due than the budget allows.
    fn sort(&mut self, now: Duration) {
        let stale = self.due.is_empty() || now >= self.sorted_at.saturating_add(SORT_INTERVAL);
        if !stale || (self.due.is_empty() && self.newly_due.is_empty()) {
            return;
        }
        let due = self.due.drain(..).map(|(_, slot)| slot).chain(self.newly_due.drain(..));
        let mut due: Vec<_> = due
            .filter_map(|slot| {
                let waiting = self.waits[slot].as_ref()?;
                Some((waiting.machine().priority(waiting.time(now)), slot))
            })
            .collect();
        due.sort_by(|(one, slot), (other, after)| one.total_cmp(other).then(after.cmp(slot)));
        self.due = due;
        self.sorted_at = now;
    }

    fn start(&mut self, slot: usize, place: PollPlace) {
        let now = self.now();
        let Some(Some(waiting)) = self.waits.get_mut(slot) else { return };
        waiting.is_in_flight = true;
        let was_failing = waiting.is_failing;
        self.failing_in_flight += usize::from(was_failing);
        let (provider, batch) = (Arc::clone(&self.provider), waiting.state.batch().clone());
        let now = waiting.time(now);
        let limit = self.clock.sleep(waiting.machine().poll_until(now, now).saturating_sub(now));
        let (span, clock, sent) = (waiting.span.clone(), self.clock.clone(), self.clock.now());
        self.in_flight.push(Box::pin(async move {
            let result = poll_until(&*provider, &batch, limit).instrument(span).await;
            drop(place);
            Completed { slot, was_failing, duration: clock.now().saturating_sub(sent), result }
        }));
    }

    /// Polls for the next completed poll; ready with `None` after `pause`.
    pub(super) fn poll_completed(
        &mut self,
        context: &mut Context<'_>,
        pause: Option<Duration>,
    ) -> Poll<Option<Completed>> {
        if !self.in_flight.is_empty()
            && let Poll::Ready(completed) = Pin::new(&mut self.in_flight).poll_next(context)
        {
            return Poll::Ready(completed);
        }
        let Some(pause) = pause else {
            self.timer = None;
            return Poll::Pending;
        };
        let then = self.now().saturating_add(pause);
        if self.timer.as_ref().is_none_or(|(set_to, _)| *set_to != then) {
            self.timer = Some((then, self.clock.sleep(pause)));
        }
        let Some((_, sleep)) = &mut self.timer else { return Poll::Pending };
        std::task::ready!(sleep.as_mut().poll(context));
        self.timer = None;
        Poll::Ready(None)
    }

    /// Passes a completed poll to its wait; returns the end of the wait, if it is one.
    pub(super) fn observe(&mut self, completed: Completed) -> Option<(Batch, Result<Report, Error>)> {
        let Completed { slot, was_failing, duration, result } = completed;
        let now = self.now();
        self.failing_in_flight -= usize::from(was_failing);
        if let Err(error) = &result
            && error.kind() == ErrorKind::RateLimited
        {
            self.budget.throttled(now, error.retry_after());
        }
        if result.is_ok() {
            self.latency += LATENCY_WEIGHT * (duration.as_secs_f64() - self.latency);
        }
        let waiting = self.waits.get_mut(slot)?.as_mut()?;
        (waiting.is_failing, waiting.is_in_flight) = (result.is_err(), false);
        let (time, observer) = (waiting.time(now), self.observer.as_mut());
        let Waiting { state, span, .. } = &mut **waiting;
        let end = match span.in_scope(|| trace::observe(&mut state.0, time, duration, result, observer)) {
            Observed::Running(_) | Observed::Nothing => {
                // The clock of the set does not jump; the time of day of a stored state follows it.
                state.0.synchronise(time, self.clock.wall());
                if let Some(observer) = &mut self.state_observer {
                    observer(state);
                }
                self.later.push(Reverse((waiting.set_time(waiting.machine().next_poll()), slot)));
                return None;
            }
            Observed::End(end) => end,
        };
        Some((self.finish(slot)?, end))
    }

    /// Ends the first wait at or after slot `from` as interrupted.
    pub(super) fn interrupted(&mut self, from: usize) -> Option<(Batch, Result<Report, Error>)> {
        let slot = (from..self.waits.len()).find(|slot| self.waits[*slot].is_some())?;
        self.stopped = Some(slot);
        let now = self.now();
        let waiting = self.waits[slot].as_mut()?;
        let time = waiting.time(now);
        let Waiting { state, span, .. } = &mut **waiting;
        let end = Err(state.0.interrupted(time));
        span.in_scope(|| trace::end(&end));
        Some((self.finish(slot)?, end))
    }

    /// Takes a batch that has ended out of the set.
    fn finish(&mut self, slot: usize) -> Option<Batch> {
        let Waiting { state, .. } = *self.waits[slot].take()?;
        self.past.ended += 1;
        self.open -= 1;
        state.snapshot().iter().for_each(|snapshot| self.past.add(snapshot));
        let batch = state.batch().clone();
        self.slots.remove(batch.id());
        Some(batch)
    }
}

/// Returns a place within the limit of `provider`; `None` while `next` waits for one.
fn poll_place(
    provider: &(dyn DynProvider + '_),
    next: &mut Option<NextPlace>,
    context: &mut Context<'_>,
) -> Option<PollPlace> {
    if next.is_none()
        && let Some(place) = PollPlace::try_take(provider)
    {
        return Some(place);
    }
    let waiting = next.get_or_insert_with(|| PollPlace::take(provider));
    let Poll::Ready(place) = waiting.as_mut().poll(context) else { return None };
    *next = None;
    Some(place)
}

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use super::*;
    use crate::model::Snapshot;
    use crate::poll::DurationHistory;
    use crate::provider::Provider;
    use crate::schedule::Schedule;
    use crate::test_util::{MockProvider, PROVIDER, VirtualClock, finished, running, unavailable};
    use crate::time::Clock;

    /// Provider that records the order of the polls of batches, which have ended.
    struct Order {
        clock: VirtualClock,
        polls: Mutex<Vec<String>>,
    }

    impl Provider for Order {
        fn id(&self) -> crate::model::ProviderId {
            PROVIDER
        }

        async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
            self.polls.lock().unwrap().push(batch.id().to_owned());
            // A batch "percent20" is at 20 % in its first poll.
            Ok(match batch.id().strip_prefix("percent") {
                Some(done) if self.clock.elapsed() < secs(5) => running(done.parse().unwrap(), 100),
                _ => finished(1, 0),
            })
        }

        fn clock(&self) -> Clock {
            self.clock.clock()
        }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn order() -> Order {
        Order { clock: VirtualClock::new(), polls: Mutex::default() }
    }

    /// Returns batch `id`, submitted `age` ago.
    fn batch(provider: &Order, id: &str, age: u64) -> Batch {
        batch_of(&provider.clock, id, age)
    }

    fn batch_of(clock: &VirtualClock, id: &str, age: u64) -> Batch {
        let submitted = clock.clock().wall().checked_sub(secs(age)).unwrap();
        Batch::new(PROVIDER, id).unwrap().with_submitted_at(submitted)
    }

    /// Runs `set`, which is paused for `pause` first, to its end, and returns the order of the polls since.
    fn polled(provider: &Order, mut set: WaitSet<'_>, pause: Duration) -> Vec<String> {
        provider.polls.lock().unwrap().clear();
        set.throttled(Some(pause));
        while provider.clock.run(set.next()).is_some() {}
        provider.polls.lock().unwrap().clone()
    }

    fn slow(provider: &Order) -> WaitSet<'_> {
        WaitSet::new(provider).requests_per_second(0.5).without_deadline()
    }

    #[test]
    fn wait_set_polls_first_the_batch_that_was_longest_without_a_poll() {
        let provider = order();
        let mut set = slow(&provider);
        for (id, age) in [("10s", 10), ("100s", 100), ("50s", 50)] {
            set.add(batch(&provider, id, age)).unwrap();
        }
        assert_eq!(polled(&provider, set, secs(20)), ["100s", "50s", "10s"]);
    }

    #[test]
    fn wait_set_polls_first_the_batch_whose_rows_say_that_it_has_probably_ended() {
        let provider = order();
        let history = DurationHistory::default();
        // A second for each row.
        history.write(&PROVIDER, |samples| (10..400).step_by(10).for_each(|rows| samples.add(Some(rows), secs(rows))));
        let polls = |rows: [Option<u64>; 3]| {
            let mut set = slow(&provider).history(&history);
            for (id, rows) in ["first", "second", "third"].into_iter().zip(rows) {
                let batch = batch(&provider, id, 250);
                if let Some(rows) = rows { set.add_with_rows(batch, rows) } else { set.add(batch) }.unwrap();
            }
            polled(&provider, set, secs(20))
        };
        assert_eq!(polls([Some(260), Some(200), Some(230)]), ["second", "third", "first"]);
        assert_eq!(polls([Some(230), Some(260), Some(200)]), ["third", "first", "second"]);
        assert_eq!(polls([None; 3]), ["first", "second", "third"], "in the order in which they were added");
    }

    #[test]
    fn wait_set_polls_first_the_batch_that_is_overdue_longest_at_fixed_intervals() {
        let provider = order();
        let mut set = slow(&provider).schedule(Schedule::fixed(secs(60)));
        for (id, age) in [("a", 0), ("b", 50), ("c", 20)] {
            set.add(batch(&provider, id, age)).unwrap();
        }
        assert_eq!(polled(&provider, set, secs(100)), ["b", "c", "a"]);
    }

    #[test]
    fn wait_set_polls_first_the_batch_whose_deadline_has_passed() {
        let provider = order();
        let mut set = slow(&provider);
        set.add(batch(&provider, "old", 1_000)).unwrap();
        let mut set = set.deadline(secs(15));
        set.add(batch(&provider, "over", 1)).unwrap();
        let mut set = set.without_deadline();
        set.add(batch(&provider, "older", 2_000)).unwrap();
        assert_eq!(polled(&provider, set, secs(20)), ["over", "older", "old"]);
    }

    #[test]
    fn wait_set_polls_first_the_batch_whose_progress_predicts_its_end() {
        let provider = order();
        let mut set = WaitSet::new(&provider).requests_per_second(100.0).without_deadline();
        for done in ["20", "90", "50"] {
            set.add(batch(&provider, &format!("percent{done}"), 60)).unwrap();
        }
        // Each is polled once, at the same rate of progress, and then not for a while.
        let mut cut = provider.clock.clock().sleep(secs(3));
        let mut ended = None;
        provider.clock.run(std::future::poll_fn(|context| {
            if let Poll::Ready(end) = Pin::new(&mut set).poll_next(context) {
                ended = end;
            }
            cut.as_mut().poll(context)
        }));
        assert!(ended.is_none());
        assert_eq!(provider.polls.lock().unwrap().len(), 3);
        assert_eq!(polled(&provider, set, secs(400)), ["percent90", "percent50", "percent20"]);
    }

    /// Provider whose first poll of a batch fails at once, and whose later polls take 20 s: a "good" batch has ended.
    struct Failing {
        clock: VirtualClock,
        polls: Mutex<HashMap<String, usize>>,
    }

    impl Provider for Failing {
        fn id(&self) -> crate::model::ProviderId {
            PROVIDER
        }

        async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
            let polls = {
                let mut polls = self.polls.lock().unwrap();
                *polls.entry(batch.id().to_owned()).and_modify(|polls| *polls += 1).or_insert(1)
            };
            match batch.id().starts_with("good") {
                true => Ok(finished(1, 0)),
                false if polls == 1 => Err(unavailable()),
                false => {
                    self.clock.clock().sleep(secs(20)).await;
                    Ok(finished(1, 0))
                }
            }
        }

        fn clock(&self) -> Clock {
            self.clock.clock()
        }
    }

    /// Runs `set` for `time`; ends of waits are dropped.
    fn run_for(clock: &VirtualClock, set: &mut WaitSet<'_>, time: Duration) {
        let mut cut = clock.clock().sleep(time);
        clock.run(std::future::poll_fn(|context| {
            while let Poll::Ready(Some(_)) = Pin::new(&mut *set).poll_next(context) {}
            cut.as_mut().poll(context)
        }));
    }

    #[test]
    fn wait_set_keeps_a_quarter_of_its_polls_for_failing_batches_until_all_have_ended() {
        let provider = Failing { clock: VirtualClock::new(), polls: Mutex::default() };
        let mut set = WaitSet::new(&provider).requests_per_second(10_000.0);
        for n in 0..100 {
            set.add(batch_of(&provider.clock, &format!("bad-{n}"), 100)).unwrap();
        }
        run_for(&provider.clock, &mut set, secs(15));
        let max = set.max_in_flight();
        assert_eq!((set.failing_in_flight, set.in_flight.len()), (max / 4, max / 4), "each has failed once");
        set.add(batch_of(&provider.clock, "good", 100)).unwrap();
        run_for(&provider.clock, &mut set, secs(3));
        assert_eq!((set.progress().ended, set.failing_in_flight), (1, max / 4), "a good one is not delayed");
        run_for(&provider.clock, &mut set, secs(600));
        assert_eq!((set.progress().ended, set.failing_in_flight, set.is_empty()), (101, 0, true));
    }

    #[test]
    fn wait_set_has_as_many_polls_in_flight_as_the_rate_needs_at_the_latency() {
        let provider = order();
        for (rate, latency, expected) in [
            (10.0, 0.2, 64),
            (256.0, 0.2, 64),
            (260.0, 0.2, 65),
            (1_000.0, 0.2, 250),
            (500.0, 0.8, 500),
            (512.0, 0.8, 512),
            (10_000.0, 0.2, 512),
        ] {
            let mut set = WaitSet::new(&provider).requests_per_second(rate);
            set.latency = latency;
            assert_eq!(set.max_in_flight(), expected, "{rate} per second, {latency} s");
        }
    }

    #[test]
    fn wait_set_learns_the_latency_of_good_polls_by_a_sixteenth() {
        let provider = order();
        let mut set = WaitSet::new(&provider);
        set.add(batch(&provider, "one", 10)).unwrap();
        set.latency = 0.2;
        let mut observe = |seconds: u64, result: Result<Snapshot, Error>| {
            let completed = Completed { slot: 0, was_failing: false, duration: secs(seconds), result };
            assert!(set.observe(completed).is_none());
            set.latency
        };
        assert!((observe(1, Ok(running(1, 100))) - 0.25).abs() < 1e-12);
        assert!((observe(9, Err(unavailable())) - 0.25).abs() < 1e-12, "a failed poll says nothing");
        assert!((observe(0, Ok(running(2, 100))) - 0.234_375).abs() < 1e-12);
    }

    #[test]
    fn wait_set_has_no_more_polls_in_flight_than_its_limit() {
        let clock = VirtualClock::new();
        let provider = MockProvider::by_time(&clock).from(Duration::ZERO, || Ok(finished(1, 0))).poll_takes(secs(10));
        let mut set = WaitSet::new(&provider).requests_per_second(10_000.0);
        set.latency = 0.0;
        for n in 0..200 {
            set.add(batch_of(&clock, &format!("b-{n}"), 1_000)).unwrap();
        }
        run_for(&clock, &mut set, secs(2));
        assert_eq!(set.in_flight.len(), 64);
    }

    #[test]
    fn progress_of_a_set_counts_the_rows_of_batches_that_run_and_that_have_ended() {
        let provider = order();
        let mut set = WaitSet::new(&provider).requests_per_second(100.0).without_deadline();
        set.add(batch(&provider, "percent30", 60)).unwrap();
        set.add(batch(&provider, "ends", 60)).unwrap();
        run_for(&provider.clock, &mut set, secs(3));
        let progress = set.progress();
        assert_eq!((progress.batches, progress.ended), (2, 1));
        assert_eq!((progress.rows_processed, progress.rows_total), (31, 101));
    }
}
