//! Many batches at once on one account, which accepts five requests per second and refuses the
//! rest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulkrail::poll::WaitSet;
use bulkrail::schedule::Schedule;
use bulkrail::schedule::internal::{BatchSchedule, Budget, DurationSamples};
use bulkrail::test_util::{PROVIDER, VirtualClock, finished, queued};
use bulkrail::time::Clock;
use bulkrail::{Batch, Error, ErrorKind, PollingDefaults, Progress, Provider, ProviderId, Snapshot, State};
use futures_util::future::{Either, select};

use crate::job::Job;
use crate::rng;
use crate::simulation::{Fault, JobResult};

/// 1 min in which all batches are submitted.
const SUBMISSION_TIME: u64 = 60_000;

/// 5 requests per second that the account accepts, of which it saves 10 at most.
const RATE: f64 = 5.0;
const BURST: f64 = 10.0;

const INTERVAL: u64 = 30_000;

/// 30 days: no wait gives up.
const DEADLINE: Duration = Duration::from_secs(30 * 86_400);

/// Way of polling a thousand batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// The library's own wait set.
    WaitSet,
    /// One budget for all batches; each is due every 30 s, and due polls are in a queue.
    Queue,
    /// One client per batch, which polls at once and every 30 s, and honours `Retry-After`.
    Naive,
}

/// Returns the result of every job, and how many requests the account refused.
pub(crate) fn run(jobs: &[Job], client: Client, seed: u64) -> (Vec<JobResult>, usize) {
    let clock = VirtualClock::new();
    let account = Account {
        jobs,
        seed,
        clock: clock.clone(),
        submitted: submitted(jobs.len(), seed),
        requests: Requests::new(jobs),
    };
    match client {
        Client::WaitSet => clock.run(wait_set(&account)),
        Client::Queue => queue(&account, INTERVAL, Some(Budget::new(RATE))),
        Client::Naive => queue(&account, 0, None),
    }
    let requests = account.requests.into_inner().unwrap_or_else(PoisonError::into_inner);
    (requests.results, requests.refused)
}

fn submitted(jobs: usize, seed: u64) -> Vec<u64> {
    let mut submitted: Vec<u64> = (0..jobs).map(|job| rng::hash(&[seed, job as u64, 7]) % SUBMISSION_TIME).collect();
    submitted.sort_unstable();
    submitted
}

/// The account at the provider, with all its batches.
struct Account<'a> {
    jobs: &'a [Job],
    seed: u64,
    clock: VirtualClock,
    /// When each is submitted, in milliseconds.
    submitted: Vec<u64>,
    requests: Mutex<Requests>,
}

struct Requests {
    limit: RateLimit,
    /// Number of requests about each job so far.
    counts: Vec<u64>,
    results: Vec<JobResult>,
    refused: usize,
}

impl Requests {
    fn new(jobs: &[Job]) -> Mutex<Self> {
        let (counts, results) = (vec![0; jobs.len()], vec![JobResult::default(); jobs.len()]);
        Mutex::new(Self { limit: RateLimit { tokens: 1.0, updated: 0 }, counts, results, refused: 0 })
    }
}

/// The limit that the account enforces.
struct RateLimit {
    tokens: f64,
    updated: u64,
}

impl RateLimit {
    fn accepts(&mut self, now: u64) -> bool {
        // A millionth more than the limit, so that a rounding error refuses nothing.
        self.tokens = (self.tokens + (now - self.updated) as f64 / 1000.0 * RATE).min(BURST + 1e-6);
        self.updated = now;
        let accepts = self.tokens >= 1.0 - 1e-6;
        if accepts {
            self.tokens -= 1.0;
        }
        accepts
    }
}

/// Response to a request about a batch.
enum Response {
    Fault(Fault),
    Running,
    Ended,
}

impl Account<'_> {
    /// Returns the age of a batch at `now` in milliseconds, and the response to a request about it.
    fn request(&self, job: usize, now: u64) -> (u64, Response) {
        let mut requests = self.requests();
        let (at, number) = (now - self.submitted[job], requests.counts[job]);
        requests.counts[job] += 1;
        requests.results[job].requests += 1.0;
        if !requests.limit.accepts(now) {
            // The limit is real here, so no refusal is drawn.
            requests.refused += 1;
            return (at, Response::Fault(Fault::refused(self.seed, job, number)));
        }
        if let Some(fault @ Fault::Failed) = Fault::draw(self.seed, job, number) {
            return (at, Response::Fault(fault));
        }
        let end = self.jobs[job].end;
        if at < end {
            return (at, Response::Running);
        }
        requests.results[job].lag = (at - end) as f64 / 1000.0;
        (at, Response::Ended)
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self, job: usize, at: u64) -> Snapshot {
        let job = &self.jobs[job];
        let mut progress = Progress::default().with_total(job.size);
        match &job.progress {
            Some(reported) if at < reported.start => return queued(),
            Some(reported) => {
                let steps = (reported.reported(at) / reported.step).round();
                progress = match job.size {
                    Some(_) => progress.with_processed(steps as u64),
                    None => progress.with_stated_percent(steps),
                };
            }
            None => {}
        }
        Snapshot::new(State::Running, "running", progress)
    }
}

impl Provider for Account<'_> {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        let job = batch.id().parse().map_err(|_| Error::new(ErrorKind::NotFound, "not a batch of this account"))?;
        let (at, response) = self.request(job, self.clock.elapsed().as_millis() as u64);
        match response {
            Response::Fault(Fault::Failed) => Err(Error::new(ErrorKind::Unavailable, "a fault")),
            Response::Fault(Fault::Refused(millis)) => {
                let error = Error::new(ErrorKind::RateLimited, "too many requests");
                Err(error.with_retry_after(Duration::from_millis(millis)))
            }
            Response::Running => Ok(self.snapshot(job, at)),
            Response::Ended if self.jobs[job].fails => Ok(Snapshot::new(State::Failed, "failed", Progress::default())),
            Response::Ended => Ok(finished(1, 0)),
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
async fn wait_set(account: &Account<'_>) {
    let mut set = WaitSet::new(account);
    let mut ended = 0;
    for (job, at) in account.submitted.iter().enumerate() {
        let mut sleep = account.clock().sleep(Duration::from_millis(*at).saturating_sub(account.clock.elapsed()));
        ended += ended_until(&mut set, &mut sleep).await;
        let batch = Batch::new(PROVIDER, job.to_string()).expect("an id").with_submitted_at(account.clock().wall());
        // The number of rows is known on submission.
        let added = match account.jobs[job].size {
            Some(rows) => set.add_with_rows(batch, rows),
            None => set.add(batch),
        };
        added.expect("of this provider");
    }
    while let Some((_, end)) = set.next().await {
        end.expect("an end");
        ended += 1;
    }
    assert_eq!(ended, account.jobs.len(), "every batch ends once");
}

/// Returns how many batches of the set end before `sleep` does.
async fn ended_until(set: &mut WaitSet<'_>, sleep: &mut (impl Future<Output = ()> + Unpin)) -> usize {
    let mut ended = 0;
    loop {
        match select(Box::pin(set.next()), &mut *sleep).await {
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

/// Polls every batch `first` after its submission and every 30 s, within the budget if there is
/// one.
fn queue(account: &Account<'_>, first: u64, mut budget: Option<Budget>) {
    let samples = DurationSamples::new();
    let schedule = Schedule::fixed(Duration::from_millis(INTERVAL));
    let mut schedules: Vec<BatchSchedule> =
        account.jobs.iter().map(|_| BatchSchedule::new(schedule, None, &samples)).collect();
    let mut queue: BinaryHeap<_> =
        account.submitted.iter().enumerate().map(|(job, at)| Reverse((at + first, job))).collect();
    let mut now = 0;
    while let Some(Reverse((due, job))) = queue.pop() {
        now = due.max(now);
        if let Some(budget) = &mut budget {
            now += budget.wait(Duration::from_millis(now)).as_millis() as u64;
            // No other caller takes the token.
            let _taken = budget.take(Duration::from_millis(now));
        }
        let number = account.requests().counts[job];
        let (at, response) = account.request(job, now);
        let result = match response {
            Response::Ended => continue,
            Response::Running => account.jobs[job].poll(at),
            Response::Fault(fault) => {
                if let (Some(budget), Fault::Refused(millis)) = (&mut budget, fault) {
                    budget.throttled(Duration::from_millis(now), Some(Duration::from_millis(millis)));
                }
                fault.poll_result()
            }
        };
        let jitter = rng::unit(&[account.seed, job as u64, number]);
        let wait = schedules[job].after(result, Duration::from_millis(at), jitter, &samples).wait;
        queue.push(Reverse((now + wait.as_millis() as u64, job)));
    }
}
