//! The exit codes. Scripts rely on them: they do not change meaning.

use bulkrail::{ErrorKind, Outcome, Report};

/// Ended and succeeded; or a command without a batch did its job.
pub(crate) const SUCCESS: u8 = 0;
/// Anything that has no code of its own.
pub(crate) const OTHER: u8 = 1;
/// Called with something that cannot work.
pub(crate) const USAGE: u8 = 2;

/// For a batch that ended.
pub(crate) fn of_outcome(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Succeeded => SUCCESS,
        Outcome::Partial => 3,
        Outcome::Failed | Outcome::Cancelled | Outcome::Unknown => 4,
        _ => OTHER,
    }
}

/// For an error.
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

/// For what was last seen of a batch: seeing that it still runs is a job done.
pub(crate) fn of_report(report: &Report) -> u8 {
    report.outcome().map_or(SUCCESS, of_outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_documented_one() {
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
