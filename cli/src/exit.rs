//! Exit codes. Scripts rely on them: they do not change meaning.

use bulkrail::{ErrorKind, Outcome, Report};

/// The batch succeeded; or a command without a batch did its job.
pub(crate) const SUCCESS: u8 = 0;
/// Any error without a code of its own.
pub(crate) const OTHER: u8 = 1;
/// The arguments or the configuration cannot work.
pub(crate) const USAGE: u8 = 2;

/// `check` has found an error or a warning.
pub(crate) const FINDINGS: u8 = 3;

/// `compare` has found a row without exactly one account.
pub(crate) const DIFFERENCES: u8 = 3;

/// Returns the exit code of a batch that has ended.
pub(crate) fn of_outcome(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Succeeded => SUCCESS,
        Outcome::Partial => 3,
        Outcome::Failed | Outcome::Cancelled | Outcome::Unknown => 4,
        _ => OTHER,
    }
}

/// Returns the exit code of an error.
pub(crate) fn of_error(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage | ErrorKind::Configuration => USAGE,
        ErrorKind::Deadline => 5,
        ErrorKind::Authentication | ErrorKind::Permission => 6,
        ErrorKind::NotFound => 7,
        ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::Unreachable => 8,
        ErrorKind::OutcomeUnknown => 9,
        ErrorKind::Interrupted => 130,
        _ => OTHER,
    }
}

/// Returns the exit code of a report. A batch that is still running is a success of `status`.
pub(crate) fn of_report(report: &Report) -> u8 {
    report.outcome().map_or(SUCCESS, of_outcome)
}

/// Returns the exit code of several batches: the highest of an error; without errors, that of the worst outcome.
pub(crate) fn worst(errors: impl IntoIterator<Item = u8>, outcomes: impl IntoIterator<Item = u8>) -> u8 {
    errors.into_iter().max().or_else(|| outcomes.into_iter().max()).unwrap_or(SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_is_the_highest_code_of_an_error_and_then_of_an_outcome() {
        assert_eq!(worst([6, 8, 2], [4, 0]), 8);
        assert_eq!(worst([2], [4]), 2);
        assert_eq!(worst([], [0, 4, 3]), 4);
        assert_eq!(worst([], []), SUCCESS);
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let outcomes = [
            (Outcome::Succeeded, 0),
            (Outcome::Partial, 3),
            (Outcome::Failed, 4),
            (Outcome::Cancelled, 4),
            (Outcome::Unknown, 4),
        ];
        for (outcome, code) in outcomes {
            assert_eq!(of_outcome(outcome), code, "{outcome}");
        }
        let kinds = [
            (ErrorKind::Usage, 2),
            (ErrorKind::Configuration, 2),
            (ErrorKind::Authentication, 6),
            (ErrorKind::Permission, 6),
            (ErrorKind::NotFound, 7),
            (ErrorKind::Conflict, 1),
            (ErrorKind::InvalidRequest, 1),
            (ErrorKind::RateLimited, 8),
            (ErrorKind::Unavailable, 8),
            (ErrorKind::Decode, 1),
            (ErrorKind::Deadline, 5),
            (ErrorKind::Unreachable, 8),
            (ErrorKind::OutcomeUnknown, 9),
            (ErrorKind::Interrupted, 130),
            (ErrorKind::UnsafeRedirect, 1),
            (ErrorKind::TooLarge, 1),
        ];
        for (kind, code) in kinds {
            assert_eq!(of_error(kind), code, "{kind}");
        }
    }
}
