//! Simulation in virtual time: whole milliseconds, and events in the order of (time, job, number).
//! It does not sleep and reads no clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bulkrail::schedule::internal::{BatchSchedule, DurationSamples, End, PollResult};
use bulkrail::schedule::{IntervalBounds, Schedule};

use crate::anchor::Anchor;
use crate::job::Job;
use crate::rng;

/// 1 min between submissions: some batches overlap, and what one teaches comes too late for the
/// next.
pub(crate) const SPACING: u64 = 60_000;

/// 5 % of requests fail, 1 % are refused with a `Retry-After` of 5 to 20 s.
const FAILURE_RATE: f64 = 0.05;
const REFUSAL_RATE: f64 = 0.01;

/// Rule by which batches are polled.
#[derive(Clone)]
pub(crate) enum Policy {
    Anchor(Anchor),
    Adaptive(Box<Adaptive>),
}

#[derive(Clone)]
pub(crate) struct Adaptive {
    pub(crate) schedule: Schedule,
    pub(crate) samples: DurationSamples,
    /// Whether every end adds a sample.
    pub(crate) learns: bool,
    pub(crate) limits: Limits,
}

/// Limits of the waits of the adaptive schedule, in milliseconds; a wait beyond is a violation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) initial_min: u64,
    pub(crate) min: u64,
    pub(crate) max: u64,
}

/// The default bounds of a schedule.
pub(crate) const LIMITS: Limits = Limits { initial_min: 0, min: 1_000, max: 300_000 };

/// Result of one job.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct JobResult {
    /// Seconds.
    pub(crate) lag: f64,
    pub(crate) requests: f64,
    pub(crate) refused: f64,
    pub(crate) failed: bool,
    pub(crate) abandoned: bool,
}

/// Results of all jobs, and the number of violations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    pub(crate) results: Vec<JobResult>,
    pub(crate) violations: usize,
    /// Durations at the end of the run.
    pub(crate) samples: DurationSamples,
}

/// One poll of the simulation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Poll {
    pub(crate) at: u64,
    pub(crate) is_success: bool,
}

/// Runs all jobs, each submitted `spacing` milliseconds after the one before.
pub(crate) fn run(jobs: &[Job], policy: &Policy, seed: u64, spacing: u64) -> Run {
    run_spaced(jobs, policy, seed, spacing, |_, _| {})
}

/// Runs all jobs and calls `trace` with the job and the poll at every poll.
pub(crate) fn run_traced(jobs: &[Job], policy: &Policy, seed: u64, trace: impl FnMut(usize, Poll)) -> Run {
    run_spaced(jobs, policy, seed, SPACING, trace)
}

fn run_spaced(jobs: &[Job], policy: &Policy, seed: u64, spacing: u64, mut trace: impl FnMut(usize, Poll)) -> Run {
    let mut samples = match policy {
        Policy::Adaptive(adaptive) => adaptive.samples.clone(),
        Policy::Anchor(_) => DurationSamples::new(),
    };
    let mut waits: Vec<Option<Waiting>> = jobs.iter().map(|_| None).collect();
    let mut events: BinaryHeap<_> = (0..jobs.len()).map(|job| Reverse((job as u64 * spacing, job, 0u64))).collect();
    let mut run = Run { results: vec![JobResult::default(); jobs.len()], violations: 0, ..Run::default() };
    while let Some(Reverse((now, id, number))) = events.pop() {
        let job = &jobs[id];
        let at = now - id as u64 * spacing;
        let slot = &mut waits[id];
        let Some(waiting) = slot else {
            let (waiting, wait) = Waiting::start(job, policy, &samples, &[seed, id as u64]);
            run.violations += usize::from(waiting.is_violation);
            *slot = Some(waiting);
            events.push(Reverse((now + wait, id, 1)));
            continue;
        };
        let fault = Fault::draw(seed, id, number);
        trace(id, Poll { at, is_success: fault.is_none() });
        waiting.result.requests += 1.0;
        waiting.result.refused += f64::from(u8::from(matches!(fault, Some(Fault::Refused(_)))));
        if fault.is_none() && at >= job.end {
            let Some(mut waiting) = slot.take() else { continue };
            waiting.result.lag = (at - job.end) as f64 / 1000.0;
            run.results[id] = waiting.result;
            if matches!(policy, Policy::Adaptive(adaptive) if adaptive.learns) {
                let end = if job.fails { End::failed() } else { End::finished() };
                waiting.schedule.ended(end, Duration::from_millis(at), &mut samples);
            }
            continue;
        }
        let result = fault.map_or_else(|| job.poll(at), Fault::poll_result);
        let wait = waiting.next(policy, result, fault, at, &mut samples, &[seed, id as u64, number]);
        run.violations += usize::from(waiting.is_violation);
        events.push(Reverse((now + wait, id, number + 1)));
    }
    run.samples = samples;
    run
}

/// Fault of a request. It depends on the seed, the job and the number of the request, so that all
/// policies meet the same faults.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Failed,
    /// With a `Retry-After` in milliseconds.
    Refused(u64),
}

impl Fault {
    pub(crate) fn draw(seed: u64, job: usize, number: u64) -> Option<Self> {
        let drawn = rng::unit(&[seed, job as u64, number, 1]);
        if drawn < FAILURE_RATE {
            Some(Self::Failed)
        } else if drawn < FAILURE_RATE + REFUSAL_RATE {
            Some(Self::refused(seed, job, number))
        } else {
            None
        }
    }

    pub(crate) fn refused(seed: u64, job: usize, number: u64) -> Self {
        Self::Refused(5_000 + rng::hash(&[seed, job as u64, number, 2]) % 15_000)
    }

    pub(crate) fn retry_after(self) -> u64 {
        match self {
            Self::Failed => 0,
            Self::Refused(retry_after) => retry_after,
        }
    }

    pub(crate) fn poll_result(self) -> PollResult {
        match self {
            Self::Failed => PollResult::failed(),
            Self::Refused(millis) => PollResult::throttled().with_retry_after(Some(Duration::from_millis(millis))),
        }
    }
}

/// Wait for one job.
struct Waiting {
    schedule: BatchSchedule,
    successes: u32,
    /// The last wait was beyond the limits.
    is_violation: bool,
    result: JobResult,
}

impl Waiting {
    fn start(job: &Job, policy: &Policy, samples: &DurationSamples, key: &[u64]) -> (Self, u64) {
        let mut result = JobResult { failed: job.fails, ..JobResult::default() };
        match policy {
            Policy::Anchor(anchor) => {
                result.abandoned = anchor.deadline.is_some_and(|deadline| job.end as f64 / 1000.0 > deadline);
                // Failed polls are handled alike for all policies, with the anchor's own lower
                // bound.
                let bounds = IntervalBounds::new().with_min(anchor.min_retry_delay);
                let schedule = Schedule::fixed(anchor.min_retry_delay).bounds(bounds);
                let schedule = BatchSchedule::new(schedule, None, samples);
                (Self { schedule, successes: 0, is_violation: false, result }, anchor.first())
            }
            Policy::Adaptive(adaptive) => {
                let mut schedule = BatchSchedule::new(adaptive.schedule, job.size, samples);
                let wait = millis(schedule.first(Some(Duration::ZERO), rng::unit(key), samples).wait);
                let is_violation = wait < adaptive.limits.initial_min.max(adaptive.limits.min);
                (Self { schedule, successes: 0, is_violation, result }, wait)
            }
        }
    }

    fn next(
        &mut self,
        policy: &Policy,
        result: PollResult,
        fault: Option<Fault>,
        at: u64,
        samples: &mut DurationSamples,
        key: &[u64],
    ) -> u64 {
        self.successes += u32::from(fault.is_none());
        let time = Duration::from_millis(at);
        match policy {
            Policy::Anchor(anchor) if fault.is_none() => {
                let wait = anchor.next(self.successes, key);
                // A successful poll ends a series of failures.
                self.schedule.after(PollResult::queued(), time, 0.5, samples);
                wait
            }
            Policy::Anchor(_) => millis(self.schedule.after(result, time, rng::unit(key), samples).wait),
            Policy::Adaptive(adaptive) => {
                let wait = millis(self.schedule.after(result, time, rng::unit(key), samples).wait);
                self.schedule.record_running(samples);
                let retry_after = fault.map_or(0, Fault::retry_after);
                // A `Retry-After` is never undercut. It may exceed the longest interval, with its
                // jitter too.
                let max = adaptive.limits.max.max(adaptive.limits.min).max(retry_after + retry_after / 20 + 1);
                self.is_violation = wait < adaptive.limits.min.max(retry_after) || wait > max;
                wait
            }
        }
    }
}

fn millis(wait: Duration) -> u64 {
    wait.as_millis() as u64
}
