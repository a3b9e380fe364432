//! Waits for several batches at the same time, with a wait set for each client.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::time::Duration;

use bulkrail::poll::WaitState;
use bulkrail::{
    AnyClient, Batch, DurationHistory, Error, ErrorDocument, ErrorKind, Outcome, PollEvent, Provider, ProviderId,
    Report, WaitSet, WaitSetProgress,
};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::{WaitArgs, WaitCommandArgs};
use crate::connect::{connect, connect_for};
use crate::drift_report::DriftReport;
use crate::error::{self, CliError, print_lines, prints_batch};
use crate::follow::cut_off;
use crate::html::{Commands, ReportPage};
use crate::printer::{self, Printer, Progress};
use crate::progress::{Bars, Shared};
use crate::state::{HistoryStore, StateDir};
use crate::submissions::{BatchEnd, Saver, Submissions};
use crate::{exit, output, signals, table};

/// 200 ms between two updates of the progress bar.
const TICK: Duration = Duration::from_millis(200);

/// End of the wait for one batch.
pub(crate) type End = Result<Report, Error>;

/// Document that is printed for a batch.
#[derive(Serialize)]
#[serde(untagged)]
enum Document<'a> {
    Result(&'a Report),
    Error(Box<ErrorDocument>),
}

impl<'a> From<&'a End> for Document<'a> {
    fn from(end: &'a End) -> Self {
        match end {
            Ok(report) => Self::Result(report),
            Err(error) => Self::Error(Box::new(error::document(error))),
        }
    }
}

/// Message of a wait set.
enum Event {
    /// The wait for the batch at this position has ended.
    Ended(usize, Box<End>),
    /// Progress of the group of this number.
    Progress(usize, WaitSetProgress),
}

/// Waits of one client.
pub(crate) struct Group {
    pub(crate) client: AnyClient,
    pub(crate) waits: Vec<SetWait>,
    /// Positions of batches whose end is known, and whose rows the page of `--report` reads.
    pub(crate) ended: Vec<usize>,
}

/// Wait of a [`Group`].
pub(crate) struct SetWait {
    /// Position of the batch among all.
    pub(crate) position: usize,
    pub(crate) batch: Batch,
    /// State that the wait goes on with; without it, it begins anew.
    pub(crate) state: Option<WaitState>,
}

/// How waits are made, and how their ends are printed.
pub(crate) struct Terms<'a> {
    pub(crate) wait: &'a WaitArgs,
    pub(crate) history: &'a DurationHistory,
    pub(crate) json: bool,
    pub(crate) jsonl: bool,
    pub(crate) printer: Printer,
    /// Page of `--report`.
    pub(crate) page: &'a ReportPage,
    /// Command that waits again after an error of this kind.
    pub(crate) resume: &'a (dyn Fn(ErrorKind) -> String + Sync),
    /// Line that says what to do where a batch did not succeed as a whole.
    pub(crate) next: Option<&'a str>,
}

pub(super) async fn run(args: WaitCommandArgs, batches: Vec<Batch>, printer: Printer) -> Result<u8, CliError> {
    let mut by_provider: BTreeMap<ProviderId, Vec<SetWait>> = BTreeMap::new();
    for (position, batch) in batches.iter().enumerate() {
        let wait = SetWait { position, batch: batch.clone(), state: None };
        by_provider.entry(batch.provider().clone()).or_default().push(wait);
    }
    if by_provider.len() > 1 && args.connection.base_url.is_some() {
        let reason = "--base-url is the address of one provider, and the batches are of several";
        return Err(CliError::usage(reason).with_hint("set KILLB_BASE_URL, REAP_BASE_URL and so on instead"));
    }
    let mut groups = Vec::new();
    let mut ends: Vec<Option<End>> = Vec::new();
    ends.resize_with(batches.len(), || None);
    for (provider, mut waits) in by_provider {
        let client = connect(&provider, &args.connection)?;
        for wait in &waits {
            // A batch that this client must not ask has its error before the first poll; the others are waited for.
            if client.check_batch(&wait.batch).is_err()
                && let Err(error) = connect_for(&wait.batch, &args.connection).await
            {
                let Some(reason) = error.error() else { return Err(error) };
                printer.for_json(args.json || args.jsonl).note(&format!("{} is not waited for", wait.batch));
                ends[wait.position] = Some(Err(Error::from(reason.document())));
            }
        }
        waits.retain(|wait| ends[wait.position].is_none());
        groups.push(Group { client, waits, ended: Vec::new() });
    }
    let drift = DriftReport::open(args.record.drift_report.as_deref())?;
    let page = ReportPage::open(args.report.report.as_deref(), Commands::default())?;
    let state = StateDir::from_env();
    let submissions = Submissions::new(&state);
    for Group { client, waits, .. } in &groups {
        let batches: Vec<_> = waits.iter().map(|wait| &wait.batch).collect();
        page.describe(client, &args.connection, &submissions, &batches).await;
    }
    let store = HistoryStore::open(&state, args.record.no_history).await;
    let batches: Vec<_> = batches.into_iter().map(Some).collect();
    let terms = Terms {
        wait: &args.wait,
        history: store.history(),
        json: args.json,
        jsonl: args.jsonl,
        printer,
        page: &page,
        resume: &|kind| args.resume_command(kind),
        next: None,
    };
    let code = wait_for_all(groups, &batches, ends, &terms, &submissions, &drift).await;
    page.write_or_warn(printer.for_json(args.json || args.jsonl));
    let code = code?;
    store.save().await;
    Ok(code)
}

/// Waits for all batches of `groups`, prints the ends of all `batches`, and returns the exit code.
///
/// Batches that are in none of the groups have their end already.
pub(crate) async fn wait_for_all(
    groups: Vec<Group>,
    batches: &[Option<Batch>],
    mut ends: Vec<Option<End>>,
    terms: &Terms<'_>,
    submissions: &Submissions,
    drift: &DriftReport,
) -> Result<u8, CliError> {
    let mut stop = pin!(signals::stop()?);
    let mode = terms.printer.progress(terms.json || terms.jsonl);
    let bars = Bars::new(mode);
    let total = count(batches);
    let bar = bars.add(&if total == 1 { "1 batch".to_owned() } else { format!("{total} batches") });
    let mut environments: HashMap<usize, String> = HashMap::new();
    for Group { client, waits, .. } in &groups {
        environments.extend(waits.iter().map(|wait| (wait.position, client.environment().to_owned())));
    }
    let clients: Vec<_> = groups.iter().map(|group| group.client.clone()).collect();
    let groups_of: HashMap<_, _> = groups
        .iter()
        .enumerate()
        .flat_map(|(number, group)| {
            let waited = group.waits.iter().map(|wait| wait.position);
            waited.chain(group.ended.iter().copied()).map(move |position| (position, number))
        })
        .collect();
    let mut repeated = HashSet::new();
    for Group { waits, .. } in &groups {
        let mut ids = HashSet::new();
        repeated.extend(waits.iter().filter(|wait| !ids.insert(wait.batch.id())).map(|wait| wait.position));
    }
    let waited =
        groups.iter().flat_map(|group| group.waits.iter().map(|wait| (&wait.batch, group.client.environment())));
    let saver = Saver::start(submissions, waited).await;
    if terms.jsonl {
        ends.iter().flatten().try_for_each(|end| output::json(&Document::from(end))).inspect_err(|_| bars.clear())?;
    }
    let before = ends.iter().flatten().filter(|end| end.is_ok()).count();

    let (sender, mut events) = unbounded_channel();
    let (stopping, stopped) = watch::channel(false);
    let mut running = JoinSet::new();
    for (number, group) in groups.into_iter().enumerate().filter(|(_, group)| !group.waits.is_empty()) {
        let (options, history, saver) = (terms.wait.clone(), terms.history.clone(), saver.clone());
        let on_poll = terms.page.observer(batches.len());
        let (line, stopped, sender) = ((mode != Progress::None).then(|| bar.line()), stopped.clone(), sender.clone());
        running.spawn(async move {
            run_set(number, group, &options, &history, &saver, on_poll, line, stopped, &sender).await;
        });
    }
    drop(sender);
    let mut progress: BTreeMap<usize, WaitSetProgress> = BTreeMap::new();
    progress.insert(usize::MAX, ended_before(before));
    let mut is_stopped = false;
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = &mut stop, if !is_stopped => {
                is_stopped = true;
                stopping.send_replace(true);
                continue;
            }
        };
        match event {
            Some(Event::Ended(position, end)) => {
                // As it is known here: the batch of a stored wait may have been named by hand.
                let end = match (*end, &batches[position]) {
                    (Ok(mut report), Some(batch)) => {
                        report.batch = batch.clone();
                        Ok(report)
                    }
                    (Err(error), Some(batch)) => Err(error.with_batch(batch.clone())),
                    (end, None) => end,
                };
                // Batches that were stopped are printed at the end, for a later wait.
                if terms.jsonl && !is_interrupted(&end) {
                    output::json(&Document::from(&end)).inspect_err(|_| bars.clear())?;
                }
                ends[position] = Some(end);
            }
            Some(Event::Progress(group, now)) => {
                progress.insert(group, now);
                bar.show_all(total, progress.values());
            }
            None => break,
        }
    }
    bars.clear();
    let code = match print_ends(terms, batches, &ends, is_stopped) {
        Ok(code) => code,
        Err(error) => error.print(terms.json || terms.jsonl),
    };
    for (position, (batch, end)) in batches.iter().zip(&ends).enumerate() {
        if repeated.contains(&position) {
            continue;
        }
        let client = groups_of.get(&position).map(|group| &clients[*group]);
        add_end(terms, client, batch.as_ref(), end.as_ref()).await;
    }
    // What is remembered comes after what is printed: a disk may hang.
    let mut seen = Vec::new();
    for (position, (batch, end)) in batches.iter().zip(&ends).enumerate() {
        let (Some(batch), Some(environment)) = (batch, environments.get(&position)) else { continue };
        let (last, error) = match end {
            Some(Ok(report)) => (Some(report.clone()), None),
            Some(Err(error)) => (error.last_report(), Some(error)),
            None => continue,
        };
        if !repeated.contains(&position) {
            drift.add_polls(last.as_ref());
        }
        seen.extend(BatchEnd::new(batch, environment, last, error));
    }
    submissions.see(seen, saver.finish().await).await;
    Ok(code)
}

/// Adds the end of a batch to the page of `--report`.
async fn add_end(terms: &Terms<'_>, client: Option<&AnyClient>, batch: Option<&Batch>, end: Option<&End>) {
    let page = terms.page;
    match (end, client, batch) {
        (Some(Ok(report)), Some(client), _) => {
            page.add_with_rows(client, report, terms.printer.for_json(terms.json || terms.jsonl)).await;
        }
        (Some(Ok(report)), None, _) => page.add(report),
        (Some(Err(error)), ..) => page.add_error(batch, error, error.last_report().as_ref()),
        (None, _, Some(batch)) => page.add_submitted(batch),
        (None, _, None) => {}
    }
}

/// Prints the ends of all batches, and returns the exit code.
fn print_ends(
    terms: &Terms<'_>,
    batches: &[Option<Batch>],
    ends: &[Option<End>],
    is_stopped: bool,
) -> Result<u8, CliError> {
    if is_stopped {
        return Err(print_interrupted(terms, batches, ends));
    }
    let without = batches.iter().map(|batch| {
        Err(match batch {
            Some(batch) => cut_off().with_provider(batch.provider().clone()).with_batch(batch.clone()),
            None => cut_off(),
        })
    });
    let without: Vec<End> = without.collect();
    let ends: Vec<&End> = ends.iter().zip(&without).map(|(end, without)| end.as_ref().unwrap_or(without)).collect();
    output::last(print(terms, batches, &ends))?;
    Ok(worst_exit_code(&ends))
}

/// Waits for all batches of one group.
#[expect(clippy::too_many_arguments, reason = "the arguments of a task")]
async fn run_set(
    number: usize,
    Group { client, mut waits, .. }: Group,
    options: &WaitArgs,
    history: &DurationHistory,
    saver: &Saver,
    on_poll: impl FnMut(&PollEvent<'_>) + Send,
    line: Option<Shared>,
    mut stopped: watch::Receiver<bool>,
    events: &UnboundedSender<Event>,
) {
    let clock = client.clock();
    let (shows_progress, first) = (line.is_some(), line.clone());
    let mut save = saver.observer(client.environment());
    let set = WaitSet::new(&client).history(history).on_poll(on_poll).on_state(move |state| {
        if let Some(line) = &line {
            line.see(state);
        }
        save(state);
    });
    let mut set = options.configure_set(set);
    // One wait for each batch: two submissions under one key are one batch. A wait that was stored goes on.
    let mut positions = HashMap::new();
    waits.sort_by_key(|wait| wait.state.is_none());
    // Sending fails only when the receiver is gone, and then this task is about to end too.
    for SetWait { position, batch, state } in waits {
        let id = batch.batch_id();
        let same: &mut Vec<usize> = positions.entry(batch.id().to_owned()).or_default();
        same.push(position);
        if same.len() > 1 {
            continue;
        }
        let added = match state {
            Some(state) => set.resume(state),
            None => set.add(batch),
        };
        if let Err(error) = added {
            // The next submission of this batch is tried for itself.
            positions.remove(id.id());
            let _ = events.send(Event::Ended(position, Box::new(Err(error))));
        } else if let (Some(line), Some(state)) = (&first, set.state(&id)) {
            line.see(state);
        }
    }
    let mut is_stopped = false;
    loop {
        tokio::select! {
            end = set.next() => {
                let Some((batch, end)) = end else { break };
                if let Some([first, others @ ..]) = positions.get(batch.id()).map(Vec::as_slice) {
                    for other in others {
                        let _ = events.send(Event::Ended(*other, Box::new(copy(&end))));
                    }
                    let _ = events.send(Event::Ended(*first, Box::new(end)));
                }
            }
            _ = stopped.changed(), if !is_stopped => {
                is_stopped = true;
                set.stop();
            }
            () = clock.sleep(TICK), if shows_progress => {}
        }
        if shows_progress {
            let _ = events.send(Event::Progress(number, set.progress()));
        }
    }
}

/// Returns the same end, for another submission of the batch.
fn copy(end: &End) -> End {
    match end {
        Ok(report) => Ok(report.clone()),
        Err(error) => Err(Error::from(error::document(error))),
    }
}

/// Returns each batch once: two submissions may be of one batch.
fn distinct<'b>(batches: impl Iterator<Item = &'b Batch>) -> Vec<&'b Batch> {
    let mut seen = HashSet::new();
    batches.filter(|batch| seen.insert((batch.batch_id(), batch.environment()))).collect()
}

/// Returns the number of batches. One that is not known is a batch of its own.
fn count(batches: &[Option<Batch>]) -> usize {
    distinct(batches.iter().flatten()).len() + batches.iter().filter(|batch| batch.is_none()).count()
}

fn is_interrupted(end: &End) -> bool {
    matches!(end, Err(error) if error.kind() == ErrorKind::Interrupted)
}

/// Prints the ends that were seen and the batches that have not ended, and returns the error for
/// the interrupt.
fn print_interrupted(terms: &Terms<'_>, batches: &[Option<Batch>], ends: &[Option<End>]) -> CliError {
    let is_open = |end: &Option<End>| match end {
        None => true,
        Some(Ok(_)) => false,
        Some(Err(error)) => prints_batch(error.kind()),
    };
    let all = || batches.iter().zip(ends).filter_map(|(batch, end)| Some((batch.as_ref()?, end)));
    let open = distinct(all().filter(|(_, end)| is_open(end)).map(|(batch, _)| batch));
    let seen = all().filter_map(|(batch, end)| Some((batch, end.as_ref()?)));
    let seen: Vec<_> = seen.filter(|(_, end)| !is_interrupted(end)).collect();
    if !terms.json && !terms.jsonl && !seen.is_empty() {
        terms.printer.note(table::batches(&seen).trim_end());
    }
    if !terms.json && !terms.jsonl {
        print_errors(ends.iter().flatten().filter(|end| !is_interrupted(end)).filter_map(|end| end.as_ref().err()));
    }
    if terms.json && !seen.is_empty() {
        let _ = output::json(&seen.iter().map(|(_, end)| Document::from(*end)).collect::<Vec<_>>());
    }
    for batch in &open {
        // Where it cannot be printed, the file of batches is still there.
        let _ = output::json(batch);
    }
    let reason = match (open.len(), count(batches)) {
        (1, 1) => "the wait was stopped; the batch has not ended".to_owned(),
        (1, batches) => format!("the wait was stopped; 1 of {batches} batches has not ended"),
        (open, batches) => format!("the wait was stopped; {open} of {batches} batches have not ended"),
    };
    let error = Error::new(ErrorKind::Interrupted, reason);
    CliError::from(error).with_resume(terms.resume)
}

fn print(terms: &Terms<'_>, batches: &[Option<Batch>], ends: &[&End]) -> std::io::Result<()> {
    if terms.jsonl {
        return Ok(());
    }
    if terms.json {
        return output::json(&ends.iter().copied().map(Document::from).collect::<Vec<_>>());
    }
    let lines = batches.iter().zip(ends.iter().copied()).filter_map(|(batch, end)| Some((batch.as_ref()?, end)));
    let lines: Vec<_> = lines.collect();
    let printed = if lines.is_empty() { Ok(()) } else { output::text(&table::batches(&lines)) };
    print_errors(ends.iter().filter_map(|end| end.as_ref().err()));
    let failed = |end: &&End| end.as_ref().is_ok_and(|report| report.outcome() != Some(Outcome::Succeeded));
    terms.printer.next_step(terms.next.filter(|_| ends.iter().copied().any(|end| failed(&end))).map(str::to_owned));
    let open = lines.iter().filter(|(_, end)| end.as_ref().is_err_and(|error| prints_batch(error.kind())));
    let open = distinct(open.map(|(batch, _)| *batch));
    if !open.is_empty() {
        printer::error(&format!("resume: {}", (terms.resume)(ErrorKind::Deadline)));
    }
    printed.and_then(|()| open.into_iter().try_for_each(output::json))
}

/// Prints each error; missing credentials once.
fn print_errors<'e>(errors: impl Iterator<Item = &'e Error>) {
    let mut printed = Vec::new();
    for error in errors {
        if error.kind() == ErrorKind::Configuration {
            let text = error.to_string();
            if printed.contains(&text) {
                continue;
            }
            printed.push(text);
        }
        print_lines(error);
    }
}

/// Returns the progress of batches that had ended before.
fn ended_before(batches: usize) -> WaitSetProgress {
    let mut progress = WaitSetProgress::default();
    (progress.batches, progress.ended) = (batches, batches);
    progress
}

/// Returns the highest exit code of an error; without errors, that of the worst outcome.
fn worst_exit_code(ends: &[&End]) -> u8 {
    let errors = ends.iter().filter_map(|end| end.as_ref().err()).map(|error| exit::of_error(error.kind()));
    let outcomes = ends.iter().filter_map(|end| end.as_ref().ok()).map(exit::of_report);
    exit::worst(errors, outcomes)
}
