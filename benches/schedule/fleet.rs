//! Many batches at once on one account, which answers five requests a second and refuses the rest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bulkrail::schedule::{Budget, End, History, Pace, Schedule, WORTH, pick};

use crate::job::Job;
use crate::rng;
use crate::sim::{Fault, Tally};

/// All batches are submitted within a minute.
const SUBMITTED: u64 = 60_000;

/// Requests a second that the account answers, and how many it saves up.
const RATE: f64 = 5.0;
const SAVED: f64 = 10.0;

/// Where there is nothing worth a request, the next moment to ask again.
const IDLE: u64 = 100;

const INTERVAL: u64 = 30_000;

/// Who looks after a thousand batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fleet {
    /// One budget for all; every request goes to the batch that it is worth most for.
    Ours,
    /// One budget for all; every batch is due every 30 s, and they stand in a queue.
    Fifo,
    /// Every batch for itself, at once and every 30 s.
    Naive,
}

/// The account's own limit.
struct Limit {
    tokens: f64,
    at: u64,
}

impl Limit {
    fn admits(&mut self, now: u64) -> bool {
        // The account is a hair more generous than it says, so that rounding refuses nobody.
        self.tokens = (self.tokens + (now - self.at) as f64 / 1000.0 * RATE).min(SAVED + 1e-6);
        self.at = now;
        let admits = self.tokens >= 1.0 - 1e-6;
        if admits {
            self.tokens -= 1.0;
        }
        admits
    }
}

/// What became of each, and how many requests the account refused.
pub(crate) fn run(jobs: &[Job], fleet: Fleet, seed: u64) -> (Vec<Tally>, usize) {
    let mut state = State::new(jobs, fleet, seed);
    match fleet {
        Fleet::Ours => state.by_worth(),
        Fleet::Fifo => state.in_order(Some(Budget::new(RATE))),
        Fleet::Naive => state.in_order(None),
    }
    (state.tallies, state.refused)
}

struct State<'a> {
    jobs: &'a [Job],
    seed: u64,
    begins: Vec<u64>,
    paces: Vec<Option<Pace>>,
    numbers: Vec<u64>,
    tallies: Vec<Tally>,
    refused: usize,
    left: usize,
    limit: Limit,
    history: History,
    schedule: Schedule,
    first: u64,
}

impl<'a> State<'a> {
    fn new(jobs: &'a [Job], fleet: Fleet, seed: u64) -> Self {
        let mut begins: Vec<u64> = (0..jobs.len()).map(|job| rng::hash(&[seed, job as u64, 7]) % SUBMITTED).collect();
        begins.sort_unstable();
        let (schedule, first) = match fleet {
            Fleet::Ours => (Schedule::adaptive(), 0),
            Fleet::Fifo => (Schedule::fixed(Duration::from_millis(INTERVAL)), INTERVAL),
            Fleet::Naive => (Schedule::fixed(Duration::from_millis(INTERVAL)), 0),
        };
        Self {
            jobs,
            seed,
            begins,
            paces: jobs.iter().map(|_| None).collect(),
            numbers: vec![0; jobs.len()],
            tallies: vec![Tally::default(); jobs.len()],
            refused: 0,
            left: jobs.len(),
            limit: Limit { tokens: 1.0, at: 0 },
            history: History::new(),
            schedule,
            first,
        }
    }

    fn by_worth(&mut self) {
        let (mut now, mut budget, mut submitted) = (0, Budget::new(RATE), 0);
        while self.left > 0 {
            while submitted < self.jobs.len() && self.begins[submitted] <= now {
                self.submit(submitted);
                submitted += 1;
            }
            let wait = budget.wait(Duration::from_millis(now)).as_millis() as u64;
            if wait > 0 {
                now += wait;
                continue;
            }
            let worths = self.paces.iter().enumerate().filter_map(|(job, pace)| {
                let age = Duration::from_millis(now - self.begins[job].min(now));
                Some((job, pace.as_ref()?.worth(age, &self.history)))
            });
            match pick(worths, WORTH) {
                Some(job) if budget.take(Duration::from_millis(now)) => {
                    if let Some((_, Some(hint))) = self.look(job, now) {
                        budget.throttled(Duration::from_millis(now), Some(hint));
                    }
                }
                _ => now += IDLE,
            }
        }
    }

    fn in_order(&mut self, mut budget: Option<Budget>) {
        let mut queue: BinaryHeap<_> =
            self.begins.iter().enumerate().map(|(job, begin)| Reverse((begin + self.first, job))).collect();
        let mut now = 0;
        while let Some(Reverse((due, job))) = queue.pop() {
            now = due.max(now);
            if let Some(budget) = &mut budget {
                now += budget.wait(Duration::from_millis(now)).as_millis() as u64;
                // Nobody else takes it.
                let _taken = budget.take(Duration::from_millis(now));
            }
            if self.numbers[job] == 0 {
                self.submit(job);
            }
            if let Some((wait, hint)) = self.look(job, now) {
                queue.push(Reverse((now + wait, job)));
                if let (Some(budget), Some(hint)) = (&mut budget, hint) {
                    budget.throttled(Duration::from_millis(now), Some(hint));
                }
            }
        }
    }

    fn submit(&mut self, job: usize) {
        let mut pace = self.schedule.pace(self.jobs[job].size, &self.history);
        pace.first(Some(Duration::ZERO), rng::unit(&[self.seed, job as u64]), &self.history);
        self.paces[job] = Some(pace);
    }

    /// Looks at a job: the wait to the next look, and a `Retry-After` if it was refused. `None`: it has ended.
    fn look(&mut self, job: usize, now: u64) -> Option<(u64, Option<Duration>)> {
        let at = now - self.begins[job];
        let key = [self.seed, job as u64, self.numbers[job]];
        let drawn = Fault::draw(self.seed, job, self.numbers[job]).filter(|fault| matches!(fault, Fault::Failed));
        let fault = if self.limit.admits(now) {
            // The limit is real here: what is refused is refused by it.
            drawn
        } else {
            self.refused += 1;
            Some(Fault::refused(self.seed, job, self.numbers[job]))
        };
        self.numbers[job] += 1;
        self.tallies[job].requests += 1.0;
        let age = Duration::from_millis(at);
        if fault.is_none() && at >= self.jobs[job].ends {
            self.tallies[job].lag = (at - self.jobs[job].ends) as f64 / 1000.0;
            self.left -= 1;
            let end = if self.jobs[job].fails { End::failed() } else { End::finished() };
            self.paces[job].take()?.ended(end, age, &mut self.history);
            return None;
        }
        let seen = fault.map_or_else(|| self.jobs[job].observe(at), Fault::observation);
        let wait = self.paces[job].as_mut()?.after(seen, age, rng::unit(&key), &self.history).wait;
        let hint = fault.map(Fault::hint).filter(|hint| *hint > 0).map(Duration::from_millis);
        Some((wait.as_millis() as u64, hint))
    }
}
