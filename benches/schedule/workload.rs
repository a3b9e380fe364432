//! The workloads: distributions of durations, and ways of reporting progress.

use crate::job::{Job, Progress};
use crate::rng::Rng;

/// Seeds of jobs and faults.
pub(crate) type Seeds = [u64; 3];

/// 3 % of batches fail, at any time of their life.
const FAILURE_RATE: f64 = 0.03;

/// 1 s to 8 h: durations are clamped to this.
const DURATIONS: (f64, f64) = (1.0, 28_800.0);

/// Median of a batch with progress, in seconds, and the standard deviation of its logarithm. With
/// it 46 % of the mixed workload still run after 5 min, 14 % after 15 and 6 % after 30: the shares
/// that the study found to be abandoned at the anchors' deadlines.
const WORK: (f64, f64) = (300.0, 1.25);

/// Rows of a batch that counts them: median and standard deviation of the logarithm.
const ROWS: (f64, f64) = (2_400.0, 1.0);

/// `sqrt(1.25^2 - 1)`, the spread of the rate where the duration is rows divided by a rate.
const RATE_SPREAD: f64 = 0.75;

/// 20 segments of a batch, whose rates differ by a factor of 1.35 (`e^0.3`).
const SEGMENTS: usize = 20;
const NOISE: f64 = 0.3;

/// 20 batches share one throughput.
const GROUP: usize = 20;

const PERCENT: f64 = 0.01;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    Lognorm,
    WeibHeavy,
    WeibReg,
    Bimodal,
    SizeOnly,
    Linear,
    QueuePct,
    Stalls,
    Speed,
    Shared,
    Final,
    Liar99,
    LiarJump,
    Mixed,
    /// Batches of 8 to 90 s without progress. Not one of `ALL`, nor is the next.
    LogUniform,
    /// The same with a whole percentage that is refreshed every 5 s.
    PercentSteps,
}

use Workload::*;

impl Workload {
    pub(crate) const ALL: [Self; 14] = [
        Lognorm, WeibHeavy, WeibReg, Bimodal, SizeOnly, Linear, QueuePct, Stalls, Speed, Shared, Final, Liar99,
        LiarJump, Mixed,
    ];
    /// The workloads without progress.
    pub(crate) const WITHOUT_PROGRESS: [Self; 6] = [Lognorm, WeibHeavy, WeibReg, Bimodal, SizeOnly, LogUniform];
    /// The workloads with honest progress.
    pub(crate) const SIX: [Self; 6] = [Linear, QueuePct, Stalls, Speed, Shared, Final];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Lognorm => "lognorm",
            WeibHeavy => "weib-heavy",
            WeibReg => "weib-reg",
            Bimodal => "bimodal",
            SizeOnly => "size-only",
            Linear => "linear",
            QueuePct => "queue-pct",
            Stalls => "stalls",
            Speed => "speed",
            Shared => "shared",
            Final => "final",
            Liar99 => "liar99",
            LiarJump => "liarjump",
            Mixed => "mixed",
            LogUniform => "log-uniform",
            PercentSteps => "percent-5s",
        }
    }

    /// Returns `count` jobs per seed.
    pub(crate) fn jobs(self, seeds: &Seeds, count: usize) -> Vec<(u64, Vec<Job>)> {
        seeds.iter().map(|seed| (*seed, self.generate(*seed, count))).collect()
    }

    pub(crate) fn generate(self, seed: u64, count: usize) -> Vec<Job> {
        let mut rng = Rng::new(&[seed, self as u64]);
        let mut jobs = Vec::with_capacity(count + GROUP);
        while jobs.len() < count {
            let kind = if self == Mixed { Self::ALL[rng.below(Self::ALL.len() - 1)] } else { self };
            match kind {
                // The batches of a group are alike; the mix takes one.
                Shared if self == Mixed => jobs.extend(group(&mut rng).pop()),
                Shared => jobs.extend(group(&mut rng)),
                kind => jobs.push(kind.job(&mut rng)),
            }
        }
        jobs.truncate(count);
        jobs.into_iter().map(|job| with_failure(job, &mut rng)).collect()
    }

    fn job(self, rng: &mut Rng) -> Job {
        match self {
            Lognorm => without_progress(rng.lognormal(120.0, 1.2), None),
            WeibHeavy => without_progress(rng.weibull(200.0, 0.6), None),
            WeibReg => without_progress(rng.weibull(300.0, 3.0), None),
            Bimodal if rng.unit() < 0.5 => without_progress(rng.between(8.0, 30.0), None),
            Bimodal => without_progress(rng.lognormal(700.0, 0.1), None),
            SizeOnly => {
                let size = rng.lognormal(ROWS.0, ROWS.1).ceil();
                without_progress((10.0 + 0.12 * size) * rng.lognormal(1.0, 0.2), Some(size as u64))
            }
            LogUniform => without_progress(short(rng), None),
            PercentSteps => {
                let run = short(rng);
                percent(noisy(rng, 0.0, run), 0.0, 5.0, 0.0)
            }
            Linear | Shared | Mixed => {
                let rows = rng.lognormal(ROWS.0, ROWS.1).ceil();
                let rate = rng.lognormal(ROWS.0 / WORK.0, RATE_SPREAD);
                counted(rows, noisy(rng, 0.0, rows / rate), 0.0)
            }
            QueuePct => {
                let queue = rng.lognormal(60.0, 1.0).min(DURATIONS.1 / 2.0);
                let run = rng.lognormal(WORK.0, WORK.1);
                percent(noisy(rng, queue, run), queue, 10.0, 0.0)
            }
            Stalls => {
                let rows = rng.lognormal(ROWS.0, ROWS.1).ceil();
                let work = rng.lognormal(WORK.0, WORK.1);
                counted(rows, stalling(rng, work), 5.0)
            }
            Speed => {
                let rows = rng.lognormal(ROWS.0, ROWS.1).ceil();
                let work = rng.lognormal(WORK.0, WORK.1);
                counted(rows, changing(rng, work), 0.0)
            }
            Final => {
                let rows = rng.lognormal(ROWS.0, ROWS.1).ceil();
                let run = rng.lognormal(WORK.0, WORK.1);
                let mut job = counted(rows, noisy(rng, 0.0, run), 0.0);
                job.end += millis(rng.exponential(20.0));
                job
            }
            Liar99 => {
                let end = rng.lognormal(WORK.0, WORK.1);
                let stop = end * rng.between(0.5, 0.8);
                percent(vec![(stop, 0.99), (end, 0.99)], 0.0, 5.0, 0.0)
            }
            LiarJump => {
                let run = rng.lognormal(WORK.0, WORK.1);
                percent(noisy(rng, 0.0, run), 0.0, 10.0, 0.12)
            }
        }
    }
}

fn with_failure(job: Job, rng: &mut Rng) -> Job {
    let (fails, share) = (rng.unit() < FAILURE_RATE, rng.unit());
    let at = (job.end as f64 * share) as u64;
    if fails { job.failing_at(at) } else { job }
}

/// Returns a duration from 8 to 90 s, log-uniform.
fn short(rng: &mut Rng) -> f64 {
    (rng.unit() * (90.0f64 / 8.0).ln()).exp() * 8.0
}

fn without_progress(seconds: f64, size: Option<u64>) -> Job {
    Job { end: millis(seconds), fails: false, size, progress: None }
}

/// Returns a job with exact counters of `rows` rows along `path` (seconds, progress).
pub(crate) fn counted(rows: f64, path: Vec<(f64, f64)>, refresh: f64) -> Job {
    with_progress(Some(rows as u64), path, 0.0, 1.0 / rows.max(1.0), refresh, 0.0)
}

/// Returns a job with a whole percentage along `path`.
pub(crate) fn percent(path: Vec<(f64, f64)>, start: f64, refresh: f64, noise: f64) -> Job {
    with_progress(None, path, start, PERCENT, refresh, noise)
}

fn with_progress(size: Option<u64>, path: Vec<(f64, f64)>, start: f64, step: f64, refresh: f64, noise: f64) -> Job {
    let path: Vec<(u64, f64)> = path.into_iter().map(|(t, p)| (millis(t), p)).collect();
    let end = path.last().map_or(1, |(t, _)| *t);
    let (start, refresh) = ((start * 1000.0) as u64, (refresh * 1000.0) as u64);
    Job { end, fails: false, size, progress: Some(Progress { start, path, step, refresh, noise }) }
}

/// Returns a path from `start`, for `run` seconds, at another rate in each segment.
pub(crate) fn noisy(rng: &mut Rng, start: f64, run: f64) -> Vec<(f64, f64)> {
    let weights: Vec<f64> = (0..SEGMENTS).map(|_| rng.lognormal(1.0, NOISE)).collect();
    let sum: f64 = weights.iter().sum();
    let mut t = start;
    let path = weights.iter().enumerate().map(|(segment, weight)| {
        t += run * weight / sum;
        (t, (segment + 1) as f64 / SEGMENTS as f64)
    });
    path.collect()
}

/// Returns a path of `work` seconds, with a stall of 20 s on average once a minute.
fn stalling(rng: &mut Rng, work: f64) -> Vec<(f64, f64)> {
    let (mut path, mut t, mut done) = (Vec::new(), 0.0, 0.0);
    loop {
        let time = rng.exponential(60.0).min(work - done);
        (t, done) = (t + time, done + time);
        path.push((t, done / work));
        if done >= work {
            return path;
        }
        t += rng.exponential(20.0);
        path.push((t, done / work));
    }
}

/// Returns a path of `work` seconds at a rate of 1, which is multiplied by `e^(0.7 N)` every two
/// minutes on average.
fn changing(rng: &mut Rng, work: f64) -> Vec<(f64, f64)> {
    let (mut path, mut t, mut done, mut rate) = (Vec::new(), 0.0, 0.0, 1.0);
    while done < work {
        let time = rng.exponential(120.0).min((work - done) / rate);
        done += time * rate;
        t += time;
        path.push((t, (done / work).min(1.0)));
        if work - done < 1e-6 {
            break;
        }
        rate = (rate * rng.lognormal(1.0, 0.7)).clamp(0.1, 10.0);
    }
    if let Some(last) = path.last_mut() {
        last.1 = 1.0;
    }
    path
}

/// Returns batches submitted within two minutes that share one throughput in equal parts.
fn group(rng: &mut Rng) -> Vec<Job> {
    let mut submitted: Vec<f64> = (0..GROUP).map(|_| rng.between(0.0, 120.0)).collect();
    submitted.sort_by(f64::total_cmp);
    let work: Vec<f64> = (0..GROUP).map(|_| rng.lognormal(25.0, 1.0)).collect();
    let mut left = work.clone();
    let mut paths = vec![Vec::new(); GROUP];
    let mut now = 0.0;
    loop {
        let running: Vec<usize> = (0..GROUP).filter(|job| submitted[*job] <= now && left[*job] > 0.0).collect();
        let next = submitted.iter().copied().find(|at| *at > now);
        if running.is_empty() {
            match next {
                Some(next) => now = next,
                None => break,
            }
            continue;
        }
        let share = 1.0 / running.len() as f64;
        let end = running.iter().map(|job| left[*job] / share).fold(f64::INFINITY, f64::min);
        let time = next.map_or(end, |next| end.min(next - now));
        now += time;
        for job in running {
            left[job] -= time * share;
            if left[job] < 1e-9 {
                left[job] = 0.0;
            }
            paths[job].push((now - submitted[job], 1.0 - left[job] / work[job]));
        }
    }
    paths.into_iter().zip(work).map(|(path, work)| counted((work * 100.0).ceil(), path, 0.0)).collect()
}

fn millis(seconds: f64) -> u64 {
    (seconds.clamp(DURATIONS.0, DURATIONS.1) * 1000.0).round() as u64
}
