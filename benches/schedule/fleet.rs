//! Many batches at once on one account, which answers five requests a second and refuses the rest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulkrail::poll::WaitSet;
use bulkrail::schedule::{BatchSchedule, Budget, DurationSamples, Schedule};
use bulkrail::test_util::{PROVIDER, VirtualClock, finished, queued};
use bulkrail::time::Clock;
use bulkrail::{Batch, Error, ErrorKind, PollingDefaults, Progress, Provider, ProviderId, Snapshot, State};
use futures_util::future::{Either, select};

use crate::job::{Job, Shows};
use crate::rng;
use crate::sim::{Fault, Tally};

/// All batches are submitted within a minute.
const SUBMITTED: u64 = 60_000;

/// Requests a second that the account answers, and how many it saves up.
const RATE: f64 = 5.0;
const SAVED: f64 = 10.0;

const INTERVAL: u64 = 30_000;

/// Nobody gives up.
const DEADLINE: Duration = Duration::from_secs(30 * 86_400);

/// Who looks after a thousand batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The library's own fleet, as it ships.
    Ours,
    /// One budget for all; every batch is due every 30 s, and they stand in a queue.
    Fifo,
    /// Every batch for itself, at once and every 30 s.
    Naive,
}

/// What became of each, and how many requests the account refused.
pub(crate) fn run(jobs: &[Job], who: Who, seed: u64) -> (Vec<Tally>, usize) {
    let clock = VirtualClock::new();
    let account =
        Reconciliation { jobs, seed, clock: clock.clone(), begins: begins(jobs.len(), seed), books: Books::of(jobs) };
    match who {
        Who::Ours => clock.run(fleet(&account)),
        Who::Fifo => queue(&account, INTERVAL, Some(Budget::new(RATE))),
        Who::Naive => queue(&account, 0, None),
    }
    let books = account.books.into_inner().unwrap_or_else(PoisonError::into_inner);
    (books.tallies, books.refused)
}

fn begins(jobs: usize, seed: u64) -> Vec<u64> {
    let mut begins: Vec<u64> = (0..jobs).map(|job| rng::hash(&[seed, job as u64, 7]) % SUBMITTED).collect();
    begins.sort_unstable();
    begins
}

/// The account at the provider, with all its batches.
struct Reconciliation<'a> {
    jobs: &'a [Job],
    seed: u64,
    clock: VirtualClock,
    /// When each is submitted, in milliseconds.
    begins: Vec<u64>,
    books: Mutex<Books>,
}

struct Books {
    limit: Limit,
    /// Requests about each so far.
    numbers: Vec<u64>,
    tallies: Vec<Tally>,
    refused: usize,
}

impl Books {
    fn of(jobs: &[Job]) -> Mutex<Self> {
        let (numbers, tallies) = (vec![0; jobs.len()], vec![Tally::default(); jobs.len()]);
        Mutex::new(Self { limit: Limit { tokens: 1.0, at: 0 }, numbers, tallies, refused: 0 })
    }
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

/// What a request about a batch meets.
enum Met {
    Fault(Fault),
    Running,
    End,
}

impl Reconciliation<'_> {
    /// A request at `now`, about a batch that was submitted `at` milliseconds before.
    fn ask(&self, job: usize, now: u64) -> (u64, Met) {
        let mut books = self.books();
        let (at, number) = (now - self.begins[job], books.numbers[job]);
        books.numbers[job] += 1;
        books.tallies[job].requests += 1.0;
        if !books.limit.admits(now) {
            // The limit is real here: what is refused is refused by it.
            books.refused += 1;
            return (at, Met::Fault(Fault::refused(self.seed, job, number)));
        }
        if let Some(fault @ Fault::Failed) = Fault::draw(self.seed, job, number) {
            return (at, Met::Fault(fault));
        }
        let ends = self.jobs[job].ends;
        if at < ends {
            return (at, Met::Running);
        }
        books.tallies[job].lag = (at - ends) as f64 / 1000.0;
        (at, Met::End)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self, job: usize, at: u64) -> Snapshot {
        let job = &self.jobs[job];
        let mut progress = Progress::default();
        progress.total = job.size;
        match &job.shows {
            Shows::Progress(shown) if at < shown.begins => return queued(),
            Shows::Progress(shown) => {
                let steps = (shown.shown(at) / shown.step).round();
                match job.size {
                    Some(_) => progress.processed = Some(steps as u64),
                    None => progress.stated_percent = Some(steps),
                }
            }
            Shows::Nothing => {}
        }
        Snapshot::new(State::Running, "running", progress)
    }
}

impl Provider for Reconciliation<'_> {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let job = batch.id().parse().map_err(|_| Error::new(ErrorKind::NotFound, "no such batch"))?;
        let (at, met) = self.ask(job, self.clock.elapsed().as_millis() as u64);
        match met {
            Met::Fault(Fault::Failed) => Err(Error::new(ErrorKind::Unavailable, "a fault")),
            Met::Fault(Fault::Refused(hint)) => {
                let error = Error::new(ErrorKind::RateLimited, "too many");
                Err(error.with_retry_after(Duration::from_millis(hint)))
            }
            Met::Running => Ok(self.shown(job, at)),
            Met::End if self.jobs[job].fails => Ok(Snapshot::new(State::Failed, "failed", Progress::default())),
            Met::End => Ok(finished(1, 0)),
        }
    }

    fn polling_defaults(&self) -> PollingDefaults {
        PollingDefaults::new().with_requests_per_second(RATE).with_deadline(DEADLINE)
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }
}

/// Submits and waits, as a service would.
async fn fleet(account: &Reconciliation<'_>) {
    let mut fleet = WaitSet::new(account);
    let mut ended = 0;
    for (job, begin) in account.begins.iter().enumerate() {
        let mut sleep = account.clock().sleep(Duration::from_millis(*begin).saturating_sub(account.clock.elapsed()));
        ended += ended_until(&mut fleet, &mut sleep).await;
        let batch = Batch::new(PROVIDER, job.to_string()).expect("an id").with_submitted_at(account.clock().wall());
        // Who submitted it knows how many rows it has.
        let added = match account.jobs[job].size {
            Some(rows) => fleet.add_with_rows(batch, rows),
            None => fleet.add(batch),
        };
        added.expect("of this provider");
    }
    while let Some((_, end)) = fleet.next().await {
        end.expect("an end");
        ended += 1;
    }
    assert_eq!(ended, account.jobs.len(), "every batch ends once");
}

/// How many batches of the fleet end before `sleep` does.
async fn ended_until(
    fleet: &mut WaitSet<'_, Reconciliation<'_>>,
    sleep: &mut (impl Future<Output = ()> + Unpin),
) -> usize {
    let mut ended = 0;
    loop {
        match select(Box::pin(fleet.next()), &mut *sleep).await {
            Either::Left((Some((_, end)), _)) => {
                end.expect("an end");
                ended += 1;
            }
            Either::Left((None, sleep)) => {
                sleep.await;
                return ended;
            }
            Either::Right(_) => return ended,
        }
    }
}

/// Every batch is looked at `first` after its submission and every 30 s, by the budget if there is one.
fn queue(account: &Reconciliation<'_>, first: u64, mut budget: Option<Budget>) {
    let history = DurationSamples::new();
    let schedule = Schedule::fixed(Duration::from_millis(INTERVAL));
    let mut paces: Vec<BatchSchedule> = account.jobs.iter().map(|_| schedule.pace(None, &history)).collect();
    let mut queue: BinaryHeap<_> =
        account.begins.iter().enumerate().map(|(job, begin)| Reverse((begin + first, job))).collect();
    let mut now = 0;
    while let Some(Reverse((due, job))) = queue.pop() {
        now = due.max(now);
        if let Some(budget) = &mut budget {
            now += budget.wait(Duration::from_millis(now)).as_millis() as u64;
            // Nobody else takes it.
            let _taken = budget.take(Duration::from_millis(now));
        }
        let number = account.books().numbers[job];
        let (at, met) = account.ask(job, now);
        let seen = match met {
            Met::End => continue,
            Met::Running => account.jobs[job].observe(at),
            Met::Fault(fault) => {
                if let (Some(budget), Fault::Refused(hint)) = (&mut budget, fault) {
                    budget.throttled(Duration::from_millis(now), Some(Duration::from_millis(hint)));
                }
                fault.observation()
            }
        };
        let u = rng::unit(&[account.seed, job as u64, number]);
        let wait = paces[job].after(seen, Duration::from_millis(at), u, &history).wait;
        queue.push(Reverse((now + wait.as_millis() as u64, job)));
    }
}
