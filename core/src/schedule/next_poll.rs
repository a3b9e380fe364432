use std::time::Duration;

/// Time of the next poll, and the reason for it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct NextPoll {
    /// Time from now to the next poll.
    pub wait: Duration,
    /// Part of the rule that decided.
    pub reason: Reason,
    /// Seconds that the batch is expected to take still, if progress says so.
    pub remaining: Option<f64>,
    /// Standard deviation of the logarithm of `remaining`.
    pub spread: Option<f64>,
    /// Value of the poll when it is due, in seconds of lag. 0 where it is not known.
    pub priority: f64,
}

impl NextPoll {
    /// Returns the same poll, or one at the deadline, `left` from now, if that comes first.
    #[must_use]
    pub fn within(self, left: Duration) -> Self {
        if self.wait <= left { self } else { Self { wait: left, reason: Reason::Deadline, ..self } }
    }
}

/// Part of the rule that decided when the next poll is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The interval of a fixed or exponential schedule.
    Fixed,
    /// Without progress: the durations of earlier batches, or the time that has passed.
    NoProgress,
    /// The end that is expected from progress.
    ExpectedEnd,
    /// Progress has stalled.
    Stalled,
    /// The batch may fail before the expected end.
    EarlyFailure,
    /// A lower bound, or the provider's `Retry-After`.
    LowerBound,
    /// The poll failed.
    Retry,
    /// The provider refused the poll.
    Throttled,
    /// The deadline of the wait.
    Deadline,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poll_is_at_the_deadline_only_where_that_comes_first() {
        let wait = Duration::from_secs(10);
        let next = NextPoll { wait, reason: Reason::Fixed, remaining: Some(3.0), spread: Some(0.2), priority: 2.0 };
        let left = Duration::from_millis(9_999);
        assert_eq!(next.within(left), NextPoll { wait: left, reason: Reason::Deadline, ..next });
        assert_eq!(next.within(wait), next);
        assert_eq!(next.within(Duration::from_millis(10_001)), next);
    }
}
