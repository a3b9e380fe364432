//! What to do next about a batch.

use bulkrail::{ErrorKind, Outcome, ProviderId, cdq, killb};

use super::section::Section;
use crate::table;
use crate::values::quoted;

/// How the command lines that a page proposes continue.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    /// Options of the connection.
    pub(crate) flags: String,
    /// File that was submitted, where it is known.
    pub(crate) file: Option<String>,
    /// Whether the batches are gone when the command ends: those of the demo.
    pub(crate) are_gone: bool,
}

/// A sentence, and a command for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) text: String,
    pub(super) command: Option<String>,
}

impl Step {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), command: None }
    }
}

/// Returns what to do next about the batch of `section`, the first thing first.
pub(super) fn steps(section: &Section, commands: &Commands) -> Vec<Step> {
    let mut steps = match &section.error {
        Some(error) => after_error(section, error.error.kind, error.error.hint.as_deref(), commands),
        None => match section.outcome() {
            Some(outcome) => after_end(section, outcome, commands),
            None => vec![wait(section, "The batch has not ended. Wait for its end.", commands)],
        },
    };
    if section.snapshot.as_ref().is_some_and(|snapshot| !snapshot.drift.is_empty()) {
        let text = "Report the differences from the spec to the developers who maintain the connection. They may mean \
                    that the provider has changed its API.";
        steps.push(Step::new(text));
    }
    for step in &mut steps {
        step.command = step.command.take().filter(|_| !commands.are_gone);
    }
    steps
}

fn after_error(section: &Section, kind: ErrorKind, hint: Option<&str>, commands: &Commands) -> Vec<Step> {
    let hint = || hint.map(|hint| Step::new(sentence(hint)));
    match (kind, &section.batch) {
        (ErrorKind::OutcomeUnknown, _) => {
            let text = "Find out whether the provider has the batch before you submit anything again.";
            let list = Step { text: text.to_owned(), command: Some("bulkrail list --open".to_owned()) };
            [list].into_iter().chain(hint()).collect()
        }
        (_, None) => hint().into_iter().collect(),
        (ErrorKind::Deadline | ErrorKind::Unreachable | ErrorKind::Interrupted, Some(_)) => {
            vec![wait(section, "The batch continues at the provider. Wait for its end again.", commands)]
        }
        (_, Some(_)) => hint().into_iter().chain([wait(section, "Then wait for the batch again.", commands)]).collect(),
    }
}

fn after_end(section: &Section, outcome: Outcome, commands: &Commands) -> Vec<Step> {
    let provider = section.provider.as_ref().map_or("the provider", ProviderId::as_str);
    if outcome == Outcome::Succeeded {
        return vec![Step::new("Nothing is left to do.")];
    }
    if section.provider == Some(cdq::PROVIDER) {
        return vec![Step::new("CDQ does not report an outcome of each account. Ask CDQ.")];
    }
    let mut steps = Vec::new();
    let (failed, unaccounted) = (section.counts.failed.unwrap_or(0), section.counts.unaccounted.unwrap_or(0));
    if failed > 0 {
        let text = format!(
            "Correct the {failed} {} that failed, and submit them in a new file. Do not submit the whole file again: \
             rows that succeeded would be submitted twice.",
            rows(failed)
        );
        steps.push(if section.rows.are_read { Step::new(text) } else { read_rows(section, text, commands) });
    }
    if unaccounted > 0 {
        let (noun, they) = if unaccounted == 1 { ("row", "it") } else { ("rows", "they") };
        let text = format!(
            "Ask {provider} about the {unaccounted} {noun} of which it does not report an outcome, before you submit \
             {} again: {they} may have succeeded.",
            if unaccounted == 1 { "it" } else { "them" }
        );
        let is_listed = section.rows.are_read || failed > 0;
        steps.push(if is_listed { Step::new(text) } else { read_rows(section, text, commands) });
    }
    if !section.mismatches.is_empty() {
        let text = format!(
            "Ask {provider} which of its statements is right. Until then the lower count of successes is believed."
        );
        steps.push(Step::new(text));
    }
    if steps.is_empty() {
        steps.push(Step::new(match outcome {
            Outcome::Cancelled => format!("Ask {provider} which rows were processed before the batch was cancelled."),
            _ => format!("Ask {provider} what became of the rows before you submit anything again."),
        }));
    }
    steps
}

fn rows(count: u64) -> &'static str {
    if count == 1 { "row" } else { "rows" }
}

fn wait(section: &Section, text: &str, commands: &Commands) -> Step {
    let command = section
        .batch
        .as_ref()
        .map(|batch| format!("bulkrail wait {} {}{}", batch.provider(), quoted(batch.id()), commands.flags));
    Step { text: text.to_owned(), command }
}

/// Returns a step with the command that lists rows.
fn read_rows(section: &Section, text: String, commands: &Commands) -> Step {
    let command = section.batch.as_ref().map(|batch| {
        let id = quoted(batch.id());
        let which = if *batch.provider() == killb::PROVIDER && commands.file.is_none() {
            " --failed".to_owned()
        } else {
            format!(" --submitted {}", commands.file.as_deref().map_or_else(|| "FILE".to_owned(), quoted))
        };
        format!("bulkrail rows {} {id}{which}{}", batch.provider(), commands.flags)
    });
    Step { text, command }
}

/// Returns a hint, which is part of a sentence, as a sentence.
fn sentence(hint: &str) -> String {
    let hint = table::clean(hint);
    let mut chars = hint.chars();
    let Some(first) = chars.next() else { return hint };
    let end = if hint.ends_with(['.', '!', '?']) { "" } else { "." };
    first.to_uppercase().chain(chars).collect::<String>() + end
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bulkrail::{Batch, Drift, DriftKind, Error, Progress, Report, Snapshot, State, reap};

    use super::*;

    fn section(provider: ProviderId, state: State, progress: Progress) -> Section {
        let batch = Batch::new(provider, "b-1").unwrap();
        let report = Report::new(batch, Snapshot::new(state, "X", progress), 1, Duration::ZERO);
        Section::new(Some(&report.batch), Some(&report))
    }

    fn counts(total: u64, succeeded: u64, failed: u64) -> Progress {
        Progress::default().with_total(total).with_succeeded(succeeded).with_failed(failed)
    }

    fn flat(section: &Section, commands: &Commands) -> Vec<String> {
        let steps = steps(section, commands);
        steps.into_iter().map(|step| format!("{} $ {}", step.text, step.command.unwrap_or_default())).collect()
    }

    #[test]
    fn steps_follow_from_the_outcome() {
        let commands = Commands { flags: " --production".to_owned(), ..Commands::default() };
        let of = |provider, state, progress| flat(&section(provider, state, progress), &commands);
        assert_eq!(of(reap::PROVIDER, State::Finished, counts(3, 3, 0)), ["Nothing is left to do. $ "]);
        let partial = of(reap::PROVIDER, State::Finished, counts(5, 3, 1));
        assert_eq!(partial.len(), 2, "{partial:?}");
        assert!(partial[0].starts_with("Correct the 1 row that failed,"), "{partial:?}");
        assert!(partial[0].ends_with("$ bulkrail rows reap b-1 --submitted FILE --production"), "{partial:?}");
        assert!(partial[1].starts_with("Ask reap about the 1 row of which"), "{partial:?}");
        let running = of(killb::PROVIDER, State::Running, counts(5, 3, 1));
        assert!(running[0].ends_with("$ bulkrail wait killb b-1 --production"), "{running:?}");
        assert!(of(cdq::PROVIDER, State::Failed, Progress::default())[0].contains("Ask CDQ."));
        assert!(of(reap::PROVIDER, State::Failed, Progress::default())[0].contains("Ask reap what became"));
        assert!(
            of(reap::PROVIDER, State::Cancelled, Progress::default())[0].contains("before the batch was cancelled")
        );
    }

    #[test]
    fn steps_name_the_file_that_was_submitted_and_no_command_where_the_batch_is_gone() {
        let section = section(reap::PROVIDER, State::Finished, counts(5, 3, 2));
        let commands = Commands { file: Some("my people.csv".to_owned()), ..Commands::default() };
        assert!(flat(&section, &commands)[0].ends_with("rows reap b-1 --submitted 'my people.csv'"));
        let gone = Commands { are_gone: true, ..commands };
        assert!(flat(&section, &gone)[0].ends_with("$ "));
    }

    #[test]
    fn steps_follow_from_the_error_and_from_drift() {
        let mut late = section(reap::PROVIDER, State::Running, counts(5, 3, 0));
        late.snapshot = late
            .snapshot
            .map(|snapshot| snapshot.with_drift(vec![Drift::new("/a", DriftKind::UnknownField, "", "text")]));
        let late = late.with_error(&Error::new(ErrorKind::Deadline, "the deadline passed"));
        let steps = flat(&late, &Commands::default());
        assert!(steps[0].ends_with("Wait for its end again. $ bulkrail wait reap b-1"), "{steps:?}");
        assert!(steps[1].starts_with("Report the differences"), "{steps:?}");
        let lost = Error::new(ErrorKind::OutcomeUnknown, "the response was lost").with_hint("search for it");
        let lost = flat(&Section::new(None, None).with_error(&lost), &Commands::default());
        assert!(lost[0].ends_with("$ bulkrail list --open"), "{lost:?}");
        assert_eq!(lost[1], "Search for it. $ ");
        let refused = Error::new(ErrorKind::Authentication, "refused").with_hint("check the key.");
        let refused = section(reap::PROVIDER, State::Running, counts(5, 3, 0)).with_error(&refused);
        assert_eq!(
            flat(&refused, &Commands::default()),
            ["Check the key. $ ", "Then wait for the batch again. $ bulkrail wait reap b-1"]
        );
    }
}
