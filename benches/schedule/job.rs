//! One synthetic batch: when it ends, and what it reports until then. Times in milliseconds since
//! its submission.

use bulkrail::schedule::internal::{Fraction, PollResult};

use crate::rng;

#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) end: u64,
    pub(crate) fails: bool,
    pub(crate) size: Option<u64>,
    /// `None`: no progress is reported.
    pub(crate) progress: Option<Progress>,
}

/// Progress that a poll before the end sees.
#[derive(Clone)]
pub(crate) struct Progress {
    /// Queued until then.
    pub(crate) start: u64,
    /// `(time, progress)`, both increasing; linear in between.
    pub(crate) path: Vec<(u64, f64)>,
    pub(crate) step: f64,
    /// Age of the reported progress at most; 0 is always fresh.
    pub(crate) refresh: u64,
    /// Error of the reported progress at most, another one after every refresh.
    pub(crate) noise: f64,
}

impl Job {
    pub(crate) fn poll(&self, at: u64) -> PollResult {
        let Some(progress) = &self.progress else {
            return PollResult::running(None);
        };
        if at < progress.start {
            return PollResult::queued();
        }
        PollResult::running(Fraction::new(progress.reported(at), progress.step))
    }

    /// Returns the actual progress.
    pub(crate) fn actual(&self, at: u64) -> f64 {
        match &self.progress {
            None => at as f64 / self.end as f64,
            Some(progress) => progress.actual(at),
        }
    }

    /// Returns the job that fails at `at`, if it does not end before.
    pub(crate) fn failing_at(mut self, at: u64) -> Self {
        self.end = self.end.min(at).max(1);
        self.fails = true;
        self
    }

    pub(crate) fn key(&self) -> u64 {
        let mut parts = vec![self.end, u64::from(self.fails), self.size.unwrap_or(0)];
        if let Some(progress) = &self.progress {
            parts.extend([progress.start, progress.step.to_bits(), progress.refresh, progress.noise.to_bits()]);
            // To a millionth: further digits depend on the machine's logarithm.
            parts.extend(progress.path.iter().flat_map(|(t, p)| [*t, (p * 1e6).round() as u64]));
        }
        rng::hash(&parts)
    }
}

impl Progress {
    pub(crate) fn reported(&self, at: u64) -> f64 {
        let refreshed = match self.refresh {
            0 => at,
            refresh => self.start + (at - self.start) / refresh * refresh,
        };
        let noise = self.noise * (2.0 * rng::unit(&[self.start, refreshed, self.path.len() as u64]) - 1.0);
        let exact = (self.actual(refreshed) + noise).clamp(0.0, 1.0);
        // Rounded down, but not because of the last digit of a division.
        (exact / self.step + 1e-9).floor() * self.step
    }

    fn actual(&self, at: u64) -> f64 {
        let after = self.path.partition_point(|(t, _)| *t <= at);
        let Some((to, high)) = self.path.get(after) else {
            return self.path.last().map_or(0.0, |(_, p)| *p);
        };
        let (from, low) = after.checked_sub(1).map_or((self.start, 0.0), |before| self.path[before]);
        let share = at.saturating_sub(from) as f64 / (to - from).max(1) as f64;
        low + (high - low) * share
    }
}

/// Returns the fingerprint of a fixture.
pub(crate) fn fingerprint(jobs: &[Job]) -> u64 {
    rng::hash(&jobs.iter().map(Job::key).collect::<Vec<_>>())
}
