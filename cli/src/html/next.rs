//! What to do next about a batch.

use bulkrail::{AnyClient, Batch, ErrorKind, Outcome, ProviderId, cdq};

use super::section::Section;
use crate::args::Connection;
use crate::place::{Place, SubmittedFile};
use crate::submissions::Submissions;
use crate::table;

/// What the command lines about a batch are made of.
#[derive(Debug, Default, Clone)]
pub(crate) struct Commands {
    /// Where the batch is.
    pub(crate) place: Option<Place>,
    /// File that was submitted.
    pub(crate) file: SubmittedFile,
    /// Whether the batches are gone when the command ends: those of the demo.
    pub(crate) are_gone: bool,
}

impl Commands {
    pub(crate) fn new(place: Place, file: SubmittedFile) -> Self {
        Self { place: Some(place), file, are_gone: false }
    }

    /// Returns what is known of `batches`, which `client` polls. Their files are those of the list, for batches that were
    /// submitted from here.
    pub(crate) async fn of(
        client: &AnyClient,
        connection: &Connection,
        submissions: &Submissions,
        batches: &[&Batch],
    ) -> Vec<Self> {
        let place = Place::new(client, connection);
        let log = submissions.read_of(batches.iter().copied()).await.log;
        let of = batches.iter().map(|batch| {
            let noted = match batch.environment() {
                Some(_) => (*batch).clone(),
                None => (*batch).clone().with_environment(client.environment()),
            };
            let entry = log.position(&noted).map(|position| &log.entries()[position]);
            Self::new(place.clone(), entry.map(SubmittedFile::of).unwrap_or_default())
        });
        of.collect()
    }

    /// Returns the line that names the command which lists the rows of `batch` that did not succeed.
    ///
    /// `None` where it would need a file that is not known, and where the provider lists no rows.
    pub(crate) fn rows_line(&self, batch: &Batch) -> Option<String> {
        let place = self.place.as_ref()?;
        Some(format!("rows: {}", place.rows(batch.id(), self.file.path(), true)?))
    }

    /// Returns the line that names the command for the rows of `batch` which did not succeed, if there are any.
    pub(crate) fn retry_line(&self, batch: &Batch, failed: u64, unaccounted: u64) -> Option<String> {
        let place = self.place.as_ref().filter(|place| place.provider != cdq::PROVIDER)?;
        let retry = |has_unaccounted| self.file.retry(place, batch.id(), has_unaccounted);
        match (failed, unaccounted) {
            (0, 0) => None,
            (0, _) => Some(format!(
                "ask {} about the rows that are unaccounted for before they are submitted again, with: {}",
                place.provider,
                retry(true)?
            )),
            _ => Some(format!("retry: {}", retry(false)?)),
        }
    }
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
    if !section.rows.are_read && failed + unaccounted > 0 {
        steps.push(read_rows(section, failed, commands));
    }
    if failed > 0 {
        let text = format!(
            "Correct the {failed} {} that failed, and submit them in a new file, which this command writes. Do not \
             submit the whole file again: rows that succeeded would be submitted twice.",
            rows(failed)
        );
        steps.push(retry(section, text, false, commands));
    }
    if unaccounted > 0 {
        let (noun, they, them) = if unaccounted == 1 { ("row", "it", "it") } else { ("rows", "they", "them") };
        let text = format!(
            "Ask {provider} about the {unaccounted} {noun} of which it does not report an outcome, before you submit \
             {them} again: {they} may have succeeded."
        );
        let with_command = format!("{text} Where {they} did not, this command writes {them} to the new file too.");
        let step = retry(section, with_command, true, commands);
        steps.push(if step.command.is_some() { step } else { Step::new(text) });
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
    let command = place_and_id(section, commands).map(|(place, id)| place.wait(id));
    Step { text: text.to_owned(), command }
}

fn place_and_id<'a>(section: &'a Section, commands: &'a Commands) -> Option<(&'a Place, &'a str)> {
    commands.place.as_ref().zip(section.batch.as_ref().map(Batch::id))
}

/// Returns a step with the command that lists rows.
fn read_rows(section: &Section, failed: u64, commands: &Commands) -> Step {
    let text = if failed > 0 { "Read which rows failed, and why." } else { "Read which rows did not succeed." };
    let mut step = Step::new(text);
    if let Some((place, id)) = place_and_id(section, commands) {
        step.command = place.rows(id, commands.file.path(), failed > 0);
        if step.command.is_none() && !matches!(commands.file, SubmittedFile::Divided(_)) {
            step.text.push_str(" FILE is the file that was submitted.");
            step.command = place.rows(id, Some("FILE"), failed > 0);
        }
    }
    step
}

/// Returns a step with the command that writes the rows of the next file.
///
/// It has no command where the rows of the batch cannot be distinguished from those of other batches.
fn retry(section: &Section, text: String, has_unaccounted: bool, commands: &Commands) -> Step {
    let mut step = Step::new(text);
    if let Some((place, id)) = place_and_id(section, commands) {
        step.command = commands.file.retry(place, id, has_unaccounted);
    }
    if step.command.is_some() && commands.file.path().is_none() {
        step.text.push_str(" FILE is the file that was submitted, NEXT the new one.");
    }
    step
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

    use bulkrail::{Batch, Drift, DriftKind, Error, Progress, Report, Snapshot, State, killb, localpayment, reap};

    use super::*;

    fn section(provider: ProviderId, state: State, progress: Progress) -> Section {
        let batch = Batch::new(provider, "b-1").unwrap();
        let report = Report::new(batch, Snapshot::new(state, "X", progress), 1, Duration::ZERO);
        Section::new(Some(&report.batch), Some(&report))
    }

    fn counts(total: u64, succeeded: u64, failed: u64) -> Progress {
        Progress::default().with_total(total).with_succeeded(succeeded).with_failed(failed)
    }

    fn commands(provider: &ProviderId, file: SubmittedFile) -> Commands {
        let place = Place {
            provider: provider.clone(),
            environment: Some("production".to_owned()),
            base_url: None,
            insecure_http: false,
            profile: None,
            any_environment: false,
        };
        Commands::new(place, file)
    }

    fn flat(section: &Section, commands: &Commands) -> Vec<String> {
        let steps = steps(section, commands);
        steps.into_iter().map(|step| format!("{} $ {}", step.text, step.command.unwrap_or_default())).collect()
    }

    #[test]
    fn steps_follow_from_the_outcome() {
        let of = |provider: ProviderId, state, progress| {
            let commands = commands(&provider, SubmittedFile::Unknown);
            flat(&section(provider, state, progress), &commands)
        };
        assert_eq!(of(reap::PROVIDER, State::Finished, counts(3, 3, 0)), ["Nothing is left to do. $ "]);
        let partial = of(reap::PROVIDER, State::Finished, counts(5, 3, 1));
        assert_eq!(partial.len(), 3, "{partial:?}");
        assert!(partial[0].ends_with("$ bulkrail rows reap b-1 --submitted FILE --production"), "{partial:?}");
        assert!(partial[1].starts_with("Correct the 1 row that failed,"), "{partial:?}");
        let retry = "$ bulkrail retry reap b-1 --submitted FILE --out NEXT";
        assert!(partial[1].ends_with(&format!("the new one. {retry} --production")), "{partial:?}");
        assert!(partial[2].starts_with("Ask reap about the 1 row of which"), "{partial:?}");
        assert!(partial[2].ends_with(&format!("{retry} --unaccounted --production")), "{partial:?}");
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
        let file = || SubmittedFile::Named("/a/my people.csv".to_owned());
        let reap = commands(&reap::PROVIDER, file());
        let mut section = section(reap::PROVIDER, State::Finished, counts(5, 3, 2));
        let steps = flat(&section, &reap);
        assert!(
            steps[0].ends_with("$ bulkrail rows reap b-1 --submitted '/a/my people.csv' --production"),
            "{steps:?}"
        );
        let retry =
            "$ bulkrail retry reap b-1 --submitted '/a/my people.csv' --out '/a/my people-retry.csv' --production";
        assert!(steps[1].ends_with(&format!("submitted twice. {retry}")), "{steps:?}");
        section.rows.are_read = true;
        assert!(flat(&section, &reap)[0].ends_with(retry));
        let divided = Commands { file: SubmittedFile::Divided("/a/many.csv".to_owned()), ..reap.clone() };
        assert!(flat(&section, &divided)[0].ends_with("submitted twice. $ "));
        let gone = Commands { are_gone: true, ..reap };
        assert!(flat(&section, &gone)[0].ends_with("$ "));
    }

    #[test]
    fn steps_retry_rows_without_an_outcome_only_of_a_file_of_one_batch() {
        let section = section(localpayment::PROVIDER, State::Finished, counts(5, 3, 0));
        let steps = |file| flat(&section, &commands(&localpayment::PROVIDER, file));
        let named = steps(SubmittedFile::Named("/a/b.json".to_owned()));
        assert!(named[0].ends_with("$ bulkrail rows localpayment b-1 --submitted /a/b.json --production"), "{named:?}");
        assert!(named[1].contains("Where they did not, this command writes them to the new file too. $ "), "{named:?}");
        assert!(named[1].contains("--submitted /a/b.json --out /a/b-retry.json --unaccounted"), "{named:?}");
        let divided = steps(SubmittedFile::Divided("/a/many.csv".to_owned()));
        assert!(divided[0].ends_with("$ bulkrail rows localpayment b-1 --production"), "{divided:?}");
        assert!(divided[1].ends_with("they may have succeeded. $ "), "{divided:?}");
    }

    #[test]
    fn steps_follow_from_the_error_and_from_drift() {
        let mut late = section(reap::PROVIDER, State::Running, counts(5, 3, 0));
        late.snapshot = late
            .snapshot
            .map(|snapshot| snapshot.with_drift(vec![Drift::new("/a", DriftKind::UnknownField, "", "text")]));
        let late = late.with_error(&Error::new(ErrorKind::Deadline, "the deadline passed"));
        let reap = commands(&reap::PROVIDER, SubmittedFile::Unknown);
        let steps = flat(&late, &reap);
        assert!(steps[0].ends_with("Wait for its end again. $ bulkrail wait reap b-1 --production"), "{steps:?}");
        assert!(steps[1].starts_with("Report the differences"), "{steps:?}");
        let lost = Error::new(ErrorKind::OutcomeUnknown, "the response was lost").with_hint("search for it");
        let lost = flat(&Section::new(None, None).with_error(&lost), &Commands::default());
        assert!(lost[0].ends_with("$ bulkrail list --open"), "{lost:?}");
        assert_eq!(lost[1], "Search for it. $ ");
        let refused = Error::new(ErrorKind::Authentication, "refused").with_hint("check the key.");
        let refused = section(reap::PROVIDER, State::Running, counts(5, 3, 0)).with_error(&refused);
        assert_eq!(
            flat(&refused, &reap),
            ["Check the key. $ ", "Then wait for the batch again. $ bulkrail wait reap b-1 --production"]
        );
    }
}
