//! The workloads: laws of durations, and ways of showing progress.

use crate::job::{Job, Progress, Shows};
use crate::rng::Rng;

/// 3 % of batches fail, at any moment of their life.
const FAILING: f64 = 0.03;

/// Durations are cut off at 8 h and are a second at least.
const DURATIONS: (f64, f64) = (1.0, 28_800.0);

/// Median of a batch that shows progress, in seconds, and the spread of its logarithm. With it 46 % of the mixed workload still run after
/// 5 min, 14 % after 15, 6 % after 30: what the study found that the anchors' deadlines abandon.
const WORK: (f64, f64) = (300.0, 1.25);

/// Rows of a batch that counts them, likewise.
const ROWS: (f64, f64) = (2_400.0, 1.0);

/// What is left of the spread where durations follow from rows at a rate of one's own: `sqrt(1.25^2 - 1)`.
const RATE_SPREAD: f64 = 0.75;

/// A rate is noisy from twentieth to twentieth of a batch: by a factor of 1.35 (`e^0.3`).
const PIECES: usize = 20;
const NOISE: f64 = 0.3;

/// As many batches share one line.
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
}

use Workload::*;

impl Workload {
    pub(crate) const ALL: [Self; 14] = [
        Lognorm, WeibHeavy, WeibReg, Bimodal, SizeOnly, Linear, QueuePct, Stalls, Speed, Shared, Final, Liar99,
        LiarJump, Mixed,
    ];
    /// Those whose progress means something.
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
        }
    }

    pub(crate) fn generate(self, seed: u64, count: usize) -> Vec<Job> {
        let mut rng = Rng::new(&[seed, self as u64]);
        let mut jobs = Vec::with_capacity(count + GROUP);
        while jobs.len() < count {
            let kind = if self == Mixed { Self::ALL[rng.below(Self::ALL.len() - 1)] } else { self };
            match kind {
                // One of a group is as good as another; the mix takes one.
                Shared if self == Mixed => jobs.extend(group(&mut rng).pop()),
                Shared => jobs.extend(group(&mut rng)),
                kind => jobs.push(kind.job(&mut rng)),
            }
        }
        jobs.truncate(count);
        jobs.into_iter().map(|job| failing(job, &mut rng)).collect()
    }

    fn job(self, rng: &mut Rng) -> Job {
        match self {
            Lognorm => silent(rng.lognormal(120.0, 1.2), None),
            WeibHeavy => silent(rng.weibull(200.0, 0.6), None),
            WeibReg => silent(rng.weibull(300.0, 3.0), None),
            Bimodal if rng.unit() < 0.5 => silent(rng.between(8.0, 30.0), None),
            Bimodal => silent(rng.lognormal(700.0, 0.1), None),
            SizeOnly => {
                let size = rng.lognormal(ROWS.0, ROWS.1).ceil();
                silent((10.0 + 0.12 * size) * rng.lognormal(1.0, 0.2), Some(size as u64))
            }
            Linear | Shared | Mixed => {
                let rows = rng.lognormal(ROWS.0, ROWS.1).ceil();
                let rate = rng.lognormal(ROWS.0 / WORK.0, RATE_SPREAD);
                counting(rows, noisy(rng, 0.0, rows / rate), 0.0)
            }
            QueuePct => {
                let queue = rng.lognormal(60.0, 1.0).min(DURATIONS.1 / 2.0);
                let run = rng.lognormal(WORK.0, WORK.1);
                percent(noisy(rng, queue, run), queue, 10.0, 0.0)
            }
            Stalls => {
                let rows = rng.lognormal(ROWS.0, ROWS.1).ceil();
                let work = rng.lognormal(WORK.0, WORK.1);
                counting(rows, stalling(rng, work), 5.0)
            }
            Speed => {
                let rows = rng.lognormal(ROWS.0, ROWS.1).ceil();
                let work = rng.lognormal(WORK.0, WORK.1);
                counting(rows, changing(rng, work), 0.0)
            }
            Final => {
                let rows = rng.lognormal(ROWS.0, ROWS.1).ceil();
                let run = rng.lognormal(WORK.0, WORK.1);
                let mut job = counting(rows, noisy(rng, 0.0, run), 0.0);
                job.ends += millis(rng.exponential(20.0));
                job
            }
            Liar99 => {
                let ends = rng.lognormal(WORK.0, WORK.1);
                let stops = ends * rng.between(0.5, 0.8);
                percent(vec![(stops, 0.99), (ends, 0.99)], 0.0, 5.0, 0.0)
            }
            LiarJump => {
                let run = rng.lognormal(WORK.0, WORK.1);
                percent(noisy(rng, 0.0, run), 0.0, 10.0, 0.12)
            }
        }
    }
}

fn failing(job: Job, rng: &mut Rng) -> Job {
    let (fails, when) = (rng.unit() < FAILING, rng.unit());
    let at = (job.ends as f64 * when) as u64;
    if fails { job.cut(at) } else { job }
}

fn silent(seconds: f64, size: Option<u64>) -> Job {
    Job { ends: millis(seconds), fails: false, size, shows: Shows::Nothing }
}

/// Exact counters of `rows` rows along `path` (seconds, progress).
pub(crate) fn counting(rows: f64, path: Vec<(f64, f64)>, refresh: f64) -> Job {
    showing(Some(rows as u64), path, 0.0, 1.0 / rows.max(1.0), refresh, 0.0)
}

/// A whole percentage along `path`.
pub(crate) fn percent(path: Vec<(f64, f64)>, begins: f64, refresh: f64, noise: f64) -> Job {
    showing(None, path, begins, PERCENT, refresh, noise)
}

fn showing(size: Option<u64>, path: Vec<(f64, f64)>, begins: f64, step: f64, refresh: f64, noise: f64) -> Job {
    let path: Vec<(u64, f64)> = path.into_iter().map(|(t, p)| (millis(t), p)).collect();
    let ends = path.last().map_or(1, |(t, _)| *t);
    let (begins, refresh) = ((begins * 1000.0) as u64, (refresh * 1000.0) as u64);
    Job { ends, fails: false, size, shows: Shows::Progress(Progress { begins, path, step, refresh, noise }) }
}

/// From `begins`, for `run` seconds, at a rate that is another for each piece.
pub(crate) fn noisy(rng: &mut Rng, begins: f64, run: f64) -> Vec<(f64, f64)> {
    let weights: Vec<f64> = (0..PIECES).map(|_| rng.lognormal(1.0, NOISE)).collect();
    let sum: f64 = weights.iter().sum();
    let mut t = begins;
    let path = weights.iter().enumerate().map(|(chunk, weight)| {
        t += run * weight / sum;
        (t, (chunk + 1) as f64 / PIECES as f64)
    });
    path.collect()
}

/// `work` seconds, with a stall of 20 s on average once a minute.
fn stalling(rng: &mut Rng, work: f64) -> Vec<(f64, f64)> {
    let (mut path, mut t, mut done) = (Vec::new(), 0.0, 0.0);
    loop {
        let chunk = rng.exponential(60.0).min(work - done);
        (t, done) = (t + chunk, done + chunk);
        path.push((t, done / work));
        if done >= work {
            return path;
        }
        t += rng.exponential(20.0);
        path.push((t, done / work));
    }
}

/// `work` seconds at a rate of 1, which is multiplied by `e^(0.7 N)` every two minutes on average.
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

/// Batches submitted within two minutes that share one line: whoever runs gets an equal part.
fn group(rng: &mut Rng) -> Vec<Job> {
    let mut begins: Vec<f64> = (0..GROUP).map(|_| rng.between(0.0, 120.0)).collect();
    begins.sort_by(f64::total_cmp);
    let work: Vec<f64> = (0..GROUP).map(|_| rng.lognormal(25.0, 1.0)).collect();
    let mut left = work.clone();
    let mut paths = vec![Vec::new(); GROUP];
    let mut now = 0.0;
    loop {
        let running: Vec<usize> = (0..GROUP).filter(|job| begins[*job] <= now && left[*job] > 0.0).collect();
        let next = begins.iter().copied().find(|begin| *begin > now);
        if running.is_empty() {
            match next {
                Some(next) => now = next,
                None => break,
            }
            continue;
        }
        let share = 1.0 / running.len() as f64;
        let ends = running.iter().map(|job| left[*job] / share).fold(f64::INFINITY, f64::min);
        let time = next.map_or(ends, |next| ends.min(next - now));
        now += time;
        for job in running {
            left[job] -= time * share;
            if left[job] < 1e-9 {
                left[job] = 0.0;
            }
            paths[job].push((now - begins[job], 1.0 - left[job] / work[job]));
        }
    }
    paths.into_iter().zip(work).map(|(path, work)| counting((work * 100.0).ceil(), path, 0.0)).collect()
}

fn millis(seconds: f64) -> u64 {
    (seconds.clamp(DURATIONS.0, DURATIONS.1) * 1000.0).round() as u64
}
