use std::time::Duration;

/// Progress of a batch, and the step in which it is reported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fraction {
    done: f64,
    step: f64,
}

impl Fraction {
    /// Step of a whole percentage.
    const PERCENT: f64 = 0.01;
    /// One in ten million: a finer step carries no information, and divisions by it lose precision.
    const MIN_STEP: f64 = 1e-7;
    /// One half: a provider that reports halves says more than nothing; a coarser step does not.
    const MAX_STEP: f64 = 0.5;

    /// Returns the progress `done`, from 0 to 1, reported in steps of `step`; `None` if either is
    /// NaN. Other values count as the nearest valid ones.
    #[must_use]
    pub fn new(done: f64, step: f64) -> Option<Self> {
        let is_valid = !done.is_nan() && !step.is_nan();
        is_valid.then(|| Self { done: done.clamp(0.0, 1.0), step: step.clamp(Self::MIN_STEP, Self::MAX_STEP) })
    }

    /// Returns the progress of `done` rows of `total`; `None` for 0 of 0.
    #[must_use]
    pub fn counted(done: u64, total: u64) -> Option<Self> {
        Self::new(done as f64 / total as f64, 1.0 / total as f64)
    }

    /// Returns the progress of a whole percentage, from 0 to 100.
    #[must_use]
    pub fn percent(percent: f64) -> Option<Self> {
        Self::new(percent / 100.0, Self::PERCENT)
    }

    /// Returns the progress, from 0 to 1.
    #[must_use]
    pub fn done(self) -> f64 {
        self.done
    }

    /// Returns the smallest difference that can be reported.
    #[must_use]
    pub fn step(self) -> f64 {
        self.step
    }

    /// Returns whether progress can rise no more: everything is done, or 99 of 100 percent are,
    /// where many providers stay until the end.
    pub(super) fn is_exhausted(self) -> bool {
        self.done >= 1.0 || (self.step >= Self::PERCENT && self.done >= 1.0 - Self::PERCENT)
    }
}

/// Result of a poll that did not end the wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PollResult {
    pub(super) status: PollStatus,
    pub(super) retry_after: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum PollStatus {
    Queued,
    Running(Option<Fraction>),
    Failed,
    Throttled,
}

impl PollResult {
    /// Returns the result "accepted and not started".
    #[must_use]
    pub fn queued() -> Self {
        Self { status: PollStatus::Queued, retry_after: None }
    }

    /// Returns the result "in progress" (or in an unknown state), with the progress if it is
    /// reported.
    #[must_use]
    pub fn running(progress: Option<Fraction>) -> Self {
        Self { status: PollStatus::Running(progress), retry_after: None }
    }

    /// Returns the result of a failed poll, which says nothing about the batch.
    #[must_use]
    pub fn failed() -> Self {
        Self { status: PollStatus::Failed, retry_after: None }
    }

    /// Returns the result of a poll that the provider refused because there were too many requests.
    #[must_use]
    pub fn throttled() -> Self {
        Self { status: PollStatus::Throttled, retry_after: None }
    }

    /// Returns the same result with the `Retry-After` of the response.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }
}

/// End of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub(super) is_failure: bool,
    pub(super) at: Option<Duration>,
}

impl End {
    /// Returns the end of a batch that was processed to the end.
    #[must_use]
    pub fn finished() -> Self {
        Self { is_failure: false, at: None }
    }

    /// Returns the end of a batch that failed or was cancelled. Its duration says nothing about
    /// others.
    #[must_use]
    pub fn failed() -> Self {
        Self { is_failure: true, at: None }
    }

    /// Returns the same end with the time of it that the provider reports, counted from the
    /// submission.
    #[must_use]
    pub fn at(self, at: Option<Duration>) -> Self {
        Self { at, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(progress: Option<Fraction>) -> Option<(f64, f64)> {
        progress.map(|progress| (progress.done(), progress.step()))
    }

    #[test]
    fn fraction_is_that_of_rows_or_percent_within_its_limits() {
        assert_eq!(parts(Fraction::counted(1, 4)), Some((0.25, 0.25)));
        assert_eq!(parts(Fraction::counted(5, 4)), Some((1.0, 0.25)));
        assert_eq!(parts(Fraction::counted(1, 1)), Some((1.0, 0.5)));
        assert_eq!(parts(Fraction::counted(0, 0)), None);
        assert_eq!(parts(Fraction::percent(25.0)), Some((0.25, 0.01)));
        assert_eq!(parts(Fraction::percent(-1.0)), Some((0.0, 0.01)));
        assert_eq!(parts(Fraction::percent(f64::NAN)), None);
        assert_eq!(parts(Fraction::new(0.5, 1e-8)), Some((0.5, 1e-7)));
        assert_eq!(parts(Fraction::new(0.5, f64::NAN)), None);
    }

    #[test]
    fn progress_is_exhausted_at_100_percent_and_at_99_of_whole_ones() {
        let is_exhausted = |done, step| Fraction::new(done, step).expect("numbers").is_exhausted();
        for (done, step, expected) in [
            (1.0, 0.001, true),
            (0.999, 0.001, false),
            (0.99, 0.01, true),
            (0.989, 0.01, false),
            (0.99, 0.009, false),
            (0.99, 0.5, true),
            (0.5, 0.5, false),
            (0.0, 0.01, false),
        ] {
            assert_eq!(is_exhausted(done, step), expected, "{done} in steps of {step}");
        }
    }

    #[test]
    fn end_has_the_time_that_the_provider_reports() {
        let at = Some(Duration::from_secs(7));
        assert_eq!((End::finished().at(at).at, End::failed().at(at).is_failure, End::failed().at), (at, true, None));
    }
}
