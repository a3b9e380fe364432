//! Virtual time: whole milliseconds, and events in the order of (time, job, number). Nothing sleeps and nothing reads a clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bulkrail::schedule::{BatchSchedule, DurationSamples, End, IntervalBounds, PollResult, Schedule};

use crate::anchor::Anchor;
use crate::job::Job;
use crate::rng;

/// A batch is submitted every minute: some overlap, and what one teaches comes too late for the next.
const SPACING: u64 = 60_000;

/// 5 % of requests fail, 1 % are refused with a `Retry-After` of 5 to 20 s.
const FAILING: f64 = 0.05;
const REFUSED: f64 = 0.01;

/// Who looks.
#[derive(Clone)]
pub(crate) enum Policy {
    Anchor(Anchor),
    Ours(Box<Ours>),
}

#[derive(Clone)]
pub(crate) struct Ours {
    pub(crate) schedule: Schedule,
    pub(crate) history: DurationSamples,
    /// Whether the history grows with every end.
    pub(crate) learns: bool,
    pub(crate) limits: Limits,
}

/// What no wait of ours may fall short of or exceed, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) first: u64,
    pub(crate) gap: u64,
    pub(crate) most: u64,
}

/// The bounds that a schedule has by default.
pub(crate) const LIMITS: Limits = Limits { first: 0, gap: 1_000, most: 300_000 };

/// What became of one job.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Seconds.
    pub(crate) lag: f64,
    pub(crate) requests: f64,
    pub(crate) refused: f64,
    pub(crate) failed: bool,
    pub(crate) abandoned: bool,
}

/// What became of all, and how often a bound was broken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    pub(crate) tallies: Vec<Tally>,
    pub(crate) violations: usize,
}

/// One look, as it went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) at: u64,
    pub(crate) answered: bool,
}

/// Runs all jobs, each submitted a minute after the one before.
pub(crate) fn run(jobs: &[Job], policy: &Policy, seed: u64) -> Run {
    traced(jobs, policy, seed, |_, _| {})
}

/// The same, telling about every look.
pub(crate) fn traced(jobs: &[Job], policy: &Policy, seed: u64, mut trace: impl FnMut(usize, Look)) -> Run {
    let mut history = match policy {
        Policy::Ours(ours) => ours.history.clone(),
        Policy::Anchor(_) => DurationSamples::new(),
    };
    let mut waits: Vec<Option<Waiting>> = jobs.iter().map(|_| None).collect();
    let mut events: BinaryHeap<_> = (0..jobs.len()).map(|job| Reverse((job as u64 * SPACING, job, 0u64))).collect();
    let mut run = Run { tallies: vec![Tally::default(); jobs.len()], violations: 0 };
    while let Some(Reverse((now, id, number))) = events.pop() {
        let job = &jobs[id];
        let at = now - id as u64 * SPACING;
        let slot = &mut waits[id];
        let Some(waiting) = slot else {
            let (waiting, wait) = Waiting::begin(job, policy, &history, &[seed, id as u64]);
            run.violations += usize::from(waiting.broken);
            *slot = Some(waiting);
            events.push(Reverse((now + wait, id, 1)));
            continue;
        };
        let fault = Fault::draw(seed, id, number);
        trace(id, Look { at, answered: fault.is_none() });
        waiting.tally.requests += 1.0;
        waiting.tally.refused += f64::from(u8::from(matches!(fault, Some(Fault::Refused(_)))));
        if fault.is_none() && at >= job.ends {
            let Some(mut waiting) = slot.take() else { continue };
            waiting.tally.lag = (at - job.ends) as f64 / 1000.0;
            run.tallies[id] = waiting.tally;
            if matches!(policy, Policy::Ours(ours) if ours.learns) {
                let end = if job.fails { End::failed() } else { End::finished() };
                waiting.pace.ended(end, Duration::from_millis(at), &mut history);
            }
            continue;
        }
        let seen = fault.map_or_else(|| job.observe(at), Fault::observation);
        let wait = waiting.after(policy, seen, fault, at, &history, &[seed, id as u64, number]);
        run.violations += usize::from(waiting.broken);
        events.push(Reverse((now + wait, id, number + 1)));
    }
    run
}

/// Drawn for a seed, a job and the number of the request: all policies meet the same.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Failed,
    /// With a `Retry-After` in milliseconds.
    Refused(u64),
}

impl Fault {
    pub(crate) fn draw(seed: u64, job: usize, number: u64) -> Option<Self> {
        let drawn = rng::unit(&[seed, job as u64, number, 1]);
        if drawn < FAILING {
            Some(Self::Failed)
        } else if drawn < FAILING + REFUSED {
            Some(Self::refused(seed, job, number))
        } else {
            None
        }
    }

    pub(crate) fn refused(seed: u64, job: usize, number: u64) -> Self {
        Self::Refused(5_000 + rng::hash(&[seed, job as u64, number, 2]) % 15_000)
    }

    pub(crate) fn hint(self) -> u64 {
        match self {
            Self::Failed => 0,
            Self::Refused(hint) => hint,
        }
    }

    pub(crate) fn observation(self) -> PollResult {
        match self {
            Self::Failed => PollResult::failed(),
            Self::Refused(hint) => PollResult::throttled().with_hint(Some(Duration::from_millis(hint))),
        }
    }
}

/// One job being waited on.
struct Waiting {
    pace: BatchSchedule,
    looks: u32,
    broken: bool,
    tally: Tally,
}

impl Waiting {
    fn begin(job: &Job, policy: &Policy, history: &DurationSamples, key: &[u64]) -> (Self, u64) {
        let mut tally = Tally { failed: job.fails, ..Tally::default() };
        match policy {
            Policy::Anchor(anchor) => {
                tally.abandoned = anchor.gives_up.is_some_and(|after| job.ends as f64 / 1000.0 > after);
                // Its failures are handled as ours are: alike for all, under the same floor.
                let bounds = IntervalBounds { min: anchor.retries_after, ..IntervalBounds::default() };
                let pace = Schedule::fixed(bounds.min).bounds(bounds).pace(None, history);
                (Self { pace, looks: 0, broken: false, tally }, anchor.first())
            }
            Policy::Ours(ours) => {
                let mut pace = ours.schedule.pace(job.size, history);
                let wait = millis(pace.first(Some(Duration::ZERO), rng::unit(key), history).wait);
                let broken = wait < ours.limits.first.max(ours.limits.gap);
                (Self { pace, looks: 0, broken, tally }, wait)
            }
        }
    }

    fn after(
        &mut self,
        policy: &Policy,
        seen: PollResult,
        fault: Option<Fault>,
        at: u64,
        history: &DurationSamples,
        key: &[u64],
    ) -> u64 {
        self.looks += u32::from(fault.is_none());
        match policy {
            Policy::Anchor(anchor) if fault.is_none() => {
                let wait = anchor.next(self.looks, key);
                // A good look ends a run of failures.
                self.pace.after(PollResult::queued(), Duration::from_millis(at), 0.5, history);
                wait
            }
            Policy::Anchor(_) => millis(self.pace.after(seen, Duration::from_millis(at), rng::unit(key), history).wait),
            Policy::Ours(ours) => {
                let wait = millis(self.pace.after(seen, Duration::from_millis(at), rng::unit(key), history).wait);
                let hint = fault.map_or(0, Fault::hint);
                // A hint is never undercut; it may exceed the longest gap, by its own jitter too.
                let most = ours.limits.most.max(ours.limits.gap).max(hint + hint / 20 + 1);
                self.broken = wait < ours.limits.gap.max(hint) || wait > most;
                wait
            }
        }
    }
}

fn millis(wait: Duration) -> u64 {
    wait.as_millis() as u64
}
