use std::time::Duration;

/// How far a batch is, and how finely that is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fraction {
    done: f64,
    step: f64,
}

impl Fraction {
    /// The step of a whole percentage.
    const PERCENT: f64 = 0.01;
    /// Finer steps than one in ten million carry no more, and would only divide badly.
    const FINEST: f64 = 1e-7;
    /// A provider that tells halves tells more than nothing; coarser does not.
    const COARSEST: f64 = 0.5;

    /// `done` from 0 to 1, told in steps of `step`; `None` if either is no number. Held within bounds.
    #[must_use]
    pub fn new(done: f64, step: f64) -> Option<Self> {
        let known = !done.is_nan() && !step.is_nan();
        known.then(|| Self { done: done.clamp(0.0, 1.0), step: step.clamp(Self::FINEST, Self::COARSEST) })
    }

    /// `done` of `total` rows; `None` of no rows.
    #[must_use]
    pub fn counted(done: u64, total: u64) -> Option<Self> {
        Self::new(done as f64 / total as f64, 1.0 / total as f64)
    }

    /// A whole percentage, from 0 to 100.
    #[must_use]
    pub fn percent(percent: f64) -> Option<Self> {
        Self::new(percent / 100.0, Self::PERCENT)
    }

    /// From 0 to 1.
    #[must_use]
    pub fn done(self) -> f64 {
        self.done
    }

    /// The smallest difference that it can tell.
    #[must_use]
    pub fn step(self) -> f64 {
        self.step
    }

    /// Nothing is left to show: all done, or 99 of 100 percent, where many providers stay until they are really done.
    pub(super) fn is_spent(self) -> bool {
        self.done >= 1.0 || (self.step >= Self::PERCENT && self.done >= 1.0 - Self::PERCENT)
    }
}

/// What one look that did not end the wait came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PollResult {
    pub(super) seen: Seen,
    pub(super) hint: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Seen {
    Queued,
    Running(Option<Fraction>),
    Failed,
    Throttled,
}

impl PollResult {
    /// Accepted, not begun.
    #[must_use]
    pub fn queued() -> Self {
        Self { seen: Seen::Queued, hint: None }
    }

    /// Being worked on (or in a state that nobody knows), this far if that is said.
    #[must_use]
    pub fn running(progress: Option<Fraction>) -> Self {
        Self { seen: Seen::Running(progress), hint: None }
    }

    /// The look failed and says nothing about the batch.
    #[must_use]
    pub fn failed() -> Self {
        Self { seen: Seen::Failed, hint: None }
    }

    /// The provider refused the look because there were too many.
    #[must_use]
    pub fn throttled() -> Self {
        Self { seen: Seen::Throttled, hint: None }
    }

    /// The same with a `Retry-After`.
    #[must_use]
    pub fn with_hint(self, hint: Option<Duration>) -> Self {
        Self { hint, ..self }
    }
}

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub(super) failed: bool,
    pub(super) at: Option<Duration>,
}

impl End {
    /// It was worked through to its end.
    #[must_use]
    pub fn finished() -> Self {
        Self { failed: false, at: None }
    }

    /// It failed or was cancelled. That says nothing about how long others take.
    #[must_use]
    pub fn failed() -> Self {
        Self { failed: true, at: None }
    }

    /// The same, with the time since the submission at which the provider says it ended.
    #[must_use]
    pub fn at(self, at: Option<Duration>) -> Self {
        Self { at, ..self }
    }
}

/// When to look next, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct NextPoll {
    /// From now to the next look.
    pub wait: Duration,
    /// What decided.
    pub reason: Reason,
    /// The seconds that the batch is expected to take still, where progress tells.
    pub remaining: Option<f64>,
    /// The standard deviation of the logarithm of that.
    pub spread: Option<f64>,
    /// What the look is worth when it is due, in seconds of lag. 0 where nothing says.
    pub worth: f64,
}

impl NextPoll {
    /// The same, but looking once more at the deadline, `left` from now.
    #[must_use]
    pub fn within(self, left: Duration) -> Self {
        if self.wait <= left { self } else { Self { wait: left, reason: Reason::Deadline, ..self } }
    }
}

/// Why a wait is as long as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A fixed or exponential schedule.
    Fixed,
    /// No progress to go by: from the durations of earlier batches, or from the time that passed.
    Blind,
    /// The expected end.
    Eta,
    /// Progress says that all is done, and it is not.
    Stuck,
    /// Progress may be cut short by a failure.
    Guard,
    /// A bound, or the provider's `Retry-After`.
    Floor,
    /// The look failed.
    Retry,
    /// The look was refused.
    Throttled,
    /// The deadline.
    Deadline,
}

impl Reason {
    /// The word used in traces.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Blind => "blind",
            Self::Eta => "eta",
            Self::Stuck => "stuck",
            Self::Guard => "guard",
            Self::Floor => "floor",
            Self::Retry => "retry",
            Self::Throttled => "throttled",
            Self::Deadline => "deadline",
        }
    }
}
