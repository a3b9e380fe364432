//! One synthetic batch: when it ends, and what it shows until then. Times in milliseconds since its submission.

use bulkrail::schedule::{Fraction, PollResult};

use crate::rng;

#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) ends: u64,
    pub(crate) fails: bool,
    pub(crate) size: Option<u64>,
    pub(crate) shows: Shows,
}

/// What a look sees before the end.
#[derive(Clone)]
pub(crate) enum Shows {
    Nothing,
    Progress(Progress),
}

#[derive(Clone)]
pub(crate) struct Progress {
    /// Queued until then.
    pub(crate) begins: u64,
    /// `(time, progress)`, both rising; straight in between.
    pub(crate) path: Vec<(u64, f64)>,
    pub(crate) step: f64,
    /// What is shown is this old at most; 0 is always fresh.
    pub(crate) refresh: u64,
    /// What is shown is off by up to this, another time after every refresh.
    pub(crate) noise: f64,
}

impl Job {
    pub(crate) fn observe(&self, at: u64) -> PollResult {
        let Shows::Progress(progress) = &self.shows else {
            return PollResult::running(None);
        };
        if at < progress.begins {
            return PollResult::queued();
        }
        PollResult::running(Fraction::new(progress.shown(at), progress.step))
    }

    /// How far it really is.
    pub(crate) fn really(&self, at: u64) -> f64 {
        match &self.shows {
            Shows::Nothing => at as f64 / self.ends as f64,
            Shows::Progress(progress) => progress.real(at),
        }
    }

    /// It fails at `at`, if it gets that far.
    pub(crate) fn cut(mut self, at: u64) -> Self {
        self.ends = self.ends.min(at).max(1);
        self.fails = true;
        self
    }

    pub(crate) fn key(&self) -> u64 {
        let mut parts = vec![self.ends, u64::from(self.fails), self.size.unwrap_or(0)];
        if let Shows::Progress(progress) = &self.shows {
            parts.extend([progress.begins, progress.step.to_bits(), progress.refresh, progress.noise.to_bits()]);
            // To a millionth: the last digits belong to the machine's logarithm.
            parts.extend(progress.path.iter().flat_map(|(t, p)| [*t, (p * 1e6).round() as u64]));
        }
        rng::hash(&parts)
    }
}

impl Progress {
    pub(crate) fn shown(&self, at: u64) -> f64 {
        let refreshed = match self.refresh {
            0 => at,
            refresh => self.begins + (at - self.begins) / refresh * refresh,
        };
        let noise = self.noise * (2.0 * rng::unit(&[self.begins, refreshed, self.path.len() as u64]) - 1.0);
        let exact = (self.real(refreshed) + noise).clamp(0.0, 1.0);
        // Progress is rounded down, but not by the last digit of a division.
        (exact / self.step + 1e-9).floor() * self.step
    }

    fn real(&self, at: u64) -> f64 {
        let after = self.path.partition_point(|(t, _)| *t <= at);
        let Some((to, high)) = self.path.get(after) else {
            return self.path.last().map_or(0.0, |(_, p)| *p);
        };
        let (from, low) = after.checked_sub(1).map_or((self.begins, 0.0), |before| self.path[before]);
        let gone = at.saturating_sub(from) as f64 / (to - from).max(1) as f64;
        low + (high - low) * gone
    }
}

/// The fixture's fingerprint.
pub(crate) fn fingerprint(jobs: &[Job]) -> u64 {
    rng::hash(&jobs.iter().map(Job::key).collect::<Vec<_>>())
}
