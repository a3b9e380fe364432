//! Waits for several batches at the same time, with a wait set for each provider.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::time::Duration;

use bulkrail::{
    AnyClient, Batch, Error, ErrorDocument, ErrorKind, Provider, ProviderId, Report, WaitSet, WaitSetProgress,
};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::WaitCommandArgs;
use crate::connect::connect;
use crate::drift_report::DriftReport;
use crate::error::{self, CliError, print_lines, prints_batch};
use crate::html::ReportPage;
use crate::printer::{self, Printer};
use crate::progress::Bars;
use crate::state::{HistoryStore, StateDir};
use crate::submissions::{BatchEnd, Submissions};
use crate::{exit, output, signals, table};

/// 200 ms between two updates of the progress bar.
const TICK: Duration = Duration::from_millis(200);

/// End of the wait for one batch.
type End = Result<Report, Error>;

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
    Ended(Batch, Box<End>),
    Progress(ProviderId, WaitSetProgress),
}

pub(super) async fn run(args: WaitCommandArgs, batches: Vec<Batch>, printer: Printer) -> Result<u8, CliError> {
    let mut by_provider: BTreeMap<ProviderId, Vec<Batch>> = BTreeMap::new();
    for batch in &batches {
        by_provider.entry(batch.provider().clone()).or_default().push(batch.clone());
    }
    if by_provider.len() > 1 && args.connection.base_url.is_some() {
        let reason = "--base-url is the address of one provider, and the batches are of several";
        return Err(CliError::usage(reason).with_hint("set KILLB_BASE_URL, REAP_BASE_URL and so on instead"));
    }
    let connected =
        by_provider.into_iter().map(|(provider, batches)| Ok((connect(&provider, &args.connection)?, batches)));
    let connected = connected.collect::<Result<Vec<_>, CliError>>()?;
    let environments: HashMap<_, _> =
        connected.iter().map(|(client, _)| (client.id(), client.environment().to_owned())).collect();
    let clients: HashMap<_, _> = connected.iter().map(|(client, _)| (client.id(), client.clone())).collect();
    let drift = DriftReport::open(args.record.drift_report.as_deref())?;
    let page = super::page(&args)?;
    let mut stop = pin!(signals::stop()?);
    let state = StateDir::from_env();
    let store = HistoryStore::open(&state, args.record.no_history).await;
    let bars = Bars::new(printer.draws_progress());
    let bar = bars.add(&format!("{} batches", batches.len()));

    let positions: HashMap<_, _> =
        batches.iter().enumerate().map(|(position, batch)| (batch.batch_id(), position)).collect();
    let mut ends: Vec<Option<End>> = Vec::new();
    ends.resize_with(batches.len(), || None);
    let (sender, mut events) = unbounded_channel();
    let (stopping, stopped) = watch::channel(false);
    let mut running = JoinSet::new();
    for (client, batches) in connected {
        let (options, history) = (args.wait.clone(), store.history().clone());
        let on_poll = page.observer(positions.len());
        let (shows_progress, stopped, sender) = (printer.draws_progress(), stopped.clone(), sender.clone());
        running.spawn(async move {
            let set = options.configure_set(WaitSet::new(&client).history(&history).on_poll(on_poll));
            run_set(&client, batches, set, shows_progress, stopped, &sender).await;
        });
    }
    drop(sender);
    let mut progress: BTreeMap<ProviderId, WaitSetProgress> = BTreeMap::new();
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
            Some(Event::Ended(batch, end)) => {
                // Batches that were stopped are printed at the end, for a later wait.
                if args.jsonl && !is_interrupted(&end) {
                    output::json(&Document::from(&*end)).inspect_err(|_| bars.clear())?;
                }
                if let Some(position) = positions.get(&batch.batch_id()) {
                    ends[*position] = Some(*end);
                }
            }
            Some(Event::Progress(provider, now)) => {
                progress.insert(provider, now);
                bar.show_all(batches.len(), progress.values());
            }
            None => break,
        }
    }
    bars.clear();
    let code = match print_ends(&args, &batches, &ends, is_stopped, printer) {
        Ok(code) => code,
        Err(error) => error.print(args.json || args.jsonl),
    };
    add_ends(&page, &clients, &batches, &ends).await;
    page.write_or_warn(printer.for_json(args.json || args.jsonl));
    // What is remembered comes after what is printed: a disk may hang.
    let mut seen = Vec::new();
    for (batch, end) in batches.iter().zip(&ends) {
        let (last, kind) = match end {
            Some(Ok(report)) => (Some(report.clone()), None),
            Some(Err(error)) => (error.last_report(), Some(error.kind())),
            None => continue,
        };
        drift.add_polls(last.as_ref());
        let environment = environments.get(batch.provider()).map_or("", String::as_str);
        seen.extend(BatchEnd::new(batch, environment, last, kind));
    }
    Submissions::new(&state).see(seen).await;
    store.save().await;
    Ok(code)
}

/// Adds the end of each batch to the page of `--report`.
async fn add_ends(
    page: &ReportPage,
    clients: &HashMap<ProviderId, AnyClient>,
    batches: &[Batch],
    ends: &[Option<End>],
) {
    for (batch, end) in batches.iter().zip(ends) {
        match (end, clients.get(batch.provider())) {
            (Some(Ok(report)), Some(client)) => page.add_with_rows(client, report).await,
            (Some(Ok(report)), None) => page.add(report),
            (Some(Err(error)), _) => page.add_error(Some(batch), error, error.last_report().as_ref()),
            (None, _) => page.add_submitted(batch),
        }
    }
}

/// Prints the ends of all batches, and returns the exit code.
fn print_ends(
    args: &WaitCommandArgs,
    batches: &[Batch],
    ends: &[Option<End>],
    is_stopped: bool,
    printer: Printer,
) -> Result<u8, CliError> {
    if is_stopped {
        return Err(print_interrupted(args, batches, ends, printer));
    }
    let ends: Option<Vec<&End>> = ends.iter().map(Option::as_ref).collect();
    let ends = ends.ok_or_else(|| CliError::configuration("the wait was cut off"))?;
    output::last(print(args, batches, &ends))?;
    Ok(worst_exit_code(&ends))
}

/// Waits for all batches of one provider.
async fn run_set(
    client: &AnyClient,
    batches: Vec<Batch>,
    mut set: WaitSet<'_>,
    shows_progress: bool,
    mut stopped: watch::Receiver<bool>,
    events: &UnboundedSender<Event>,
) {
    let (provider, clock) = (client.id(), client.clock());
    for batch in batches {
        if let Err(error) = set.add(batch.clone()) {
            let _ = events.send(Event::Ended(batch, Box::new(Err(error))));
        }
    }
    let mut is_stopped = false;
    loop {
        // Sending fails only when the receiver is gone, and then this task is about to end too.
        tokio::select! {
            end = set.next() => {
                let Some((batch, end)) = end else { break };
                let _ = events.send(Event::Ended(batch, Box::new(end)));
            }
            _ = stopped.changed(), if !is_stopped => {
                is_stopped = true;
                set.stop();
            }
            () = clock.sleep(TICK), if shows_progress => {}
        }
        if shows_progress {
            let _ = events.send(Event::Progress(provider.clone(), set.progress()));
        }
    }
}

fn is_interrupted(end: &End) -> bool {
    matches!(end, Err(error) if error.kind() == ErrorKind::Interrupted)
}

/// Prints the ends that were seen and the batches that have not ended, and returns the error for
/// the interrupt.
fn print_interrupted(args: &WaitCommandArgs, batches: &[Batch], ends: &[Option<End>], printer: Printer) -> CliError {
    let is_open = |end: &Option<End>| match end {
        None => true,
        Some(Ok(_)) => false,
        Some(Err(error)) => prints_batch(error.kind()),
    };
    let open: Vec<_> = batches.iter().zip(ends).filter(|(_, end)| is_open(end)).map(|(batch, _)| batch).collect();
    let seen = batches.iter().zip(ends).filter_map(|(batch, end)| Some((batch, end.as_ref()?)));
    let seen: Vec<_> = seen.filter(|(_, end)| !is_interrupted(end)).collect();
    if !args.json && !args.jsonl && !seen.is_empty() {
        printer.note(table::batches(&seen).trim_end());
    }
    if args.json && !seen.is_empty() {
        let _ = output::json(&seen.iter().map(|(_, end)| Document::from(*end)).collect::<Vec<_>>());
    }
    for batch in &open {
        // Where it cannot be printed, the file of batches is still there.
        let _ = output::json(batch);
    }
    let reason = format!("the wait was stopped; {} of {} batches have not ended", open.len(), batches.len());
    let error = Error::new(ErrorKind::Interrupted, reason);
    CliError::from(error).with_resume(|kind| args.target.resume_command(kind, &args.connection.flags()))
}

fn print(args: &WaitCommandArgs, batches: &[Batch], ends: &[&End]) -> std::io::Result<()> {
    if args.jsonl {
        return Ok(());
    }
    if args.json {
        return output::json(&ends.iter().copied().map(Document::from).collect::<Vec<_>>());
    }
    let lines: Vec<_> = batches.iter().zip(ends.iter().copied()).collect();
    let printed = output::text(&table::batches(&lines));
    ends.iter().filter_map(|end| end.as_ref().err()).for_each(print_lines);
    let open = lines.iter().filter(|(_, end)| end.as_ref().is_err_and(|error| prints_batch(error.kind())));
    let open: Vec<_> = open.map(|(batch, _)| batch).collect();
    if !open.is_empty() {
        let command = args.target.resume_command(ErrorKind::Deadline, &args.connection.flags());
        printer::error(&format!("resume: {command}"));
    }
    printed.and_then(|()| open.into_iter().try_for_each(output::json))
}

/// Returns the highest exit code of an error; without errors, that of the worst outcome.
fn worst_exit_code(ends: &[&End]) -> u8 {
    let errors = ends.iter().filter_map(|end| end.as_ref().err()).map(|error| exit::of_error(error.kind()));
    let outcomes = ends.iter().filter_map(|end| end.as_ref().ok()).map(exit::of_report);
    errors.max().or_else(|| outcomes.max()).unwrap_or(exit::SUCCESS)
}
