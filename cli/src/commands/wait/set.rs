//! Many batches at once: a fleet a provider.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::time::Duration;

use bulkrail::poll::{WaitSet, WaitSetProgress};
use bulkrail::{Batch, Error, ErrorDocument, ErrorKind, DurationHistory, Provider, ProviderId, Report};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::{Patience, WaitArgs};
use crate::connect::{AnyClient, connect};
use crate::drift::DriftReport;
use crate::failure::{Failure, behind, prints_batch};
use crate::memory::Memory;
use crate::people::{People, complain};
use crate::progress::Bars;
use crate::{exit, output, signals, table};

/// Between two looks at how far all are: what people see moves.
const TICK: Duration = Duration::from_millis(200);

/// How a batch ended, or why nobody saw it end.
type End = Result<Report, Error>;

/// What is printed for a batch.
#[derive(Serialize)]
#[serde(untagged)]
enum Document<'a> {
    Ended(&'a Report),
    Unseen(Box<ErrorDocument>),
}

impl<'a> From<&'a End> for Document<'a> {
    fn from(end: &'a End) -> Self {
        match end {
            Ok(report) => Self::Ended(report),
            Err(error) => {
                let mut document = error.document();
                document.error.message.push_str(&behind(error));
                Self::Unseen(Box::new(document))
            }
        }
    }
}

/// What fleets tell.
enum News {
    Ended(Batch, Box<End>),
    Progress(ProviderId, WaitSetProgress),
}

pub(super) async fn run(args: WaitArgs, batches: Vec<Batch>, people: People) -> Result<u8, Failure> {
    let mut fleets: BTreeMap<ProviderId, Vec<Batch>> = BTreeMap::new();
    for batch in &batches {
        fleets.entry(batch.provider().clone()).or_default().push(batch.clone());
    }
    if fleets.len() > 1 && args.connection.base_url.is_some() {
        let several = "--base-url is the address of one provider, and these are batches of several; \
                       set KILLB_BASE_URL, REAP_BASE_URL and so on instead";
        return Err(Failure::usage(several));
    }
    let connected = fleets.into_iter().map(|(provider, batches)| Ok((connect(&provider, &args.connection)?, batches)));
    let connected = connected.collect::<Result<Vec<_>, Failure>>()?;
    let drift = DriftReport::open(args.record.drift_report.as_deref())?;
    let mut stop = pin!(signals::stop().map_err(|error| Failure::machine("signals cannot be received", &error))?);
    let memory = Memory::open(args.record.no_history);
    let bars = Bars::new(people.want_bars());
    let bar = bars.add(&format!("{} batches", batches.len()));

    let places: HashMap<_, _> =
        batches.iter().enumerate().map(|(place, batch)| ((batch.provider(), batch.id()), place)).collect();
    let mut ends: Vec<Option<End>> = Vec::new();
    ends.resize_with(batches.len(), || None);
    let (tell, mut trace_request) = unbounded_channel();
    let (stopping, stopped) = watch::channel(false);
    let mut running = JoinSet::new();
    for (client, batches) in connected {
        let (patience, histories) = (args.patience.clone(), memory.histories().clone());
        let (shown, stopped, tell) = (people.want_bars(), stopped.clone(), tell.clone());
        running.spawn(async move { follow(&client, batches, &patience, &histories, shown, stopped, &tell).await });
    }
    drop(tell);
    let mut progress: BTreeMap<ProviderId, WaitSetProgress> = BTreeMap::new();
    let mut interrupted = false;
    loop {
        let news = tokio::select! {
            news = trace_request.recv() => news,
            () = &mut stop, if !interrupted => {
                interrupted = true;
                stopping.send_replace(true);
                continue;
            }
        };
        match news {
            Some(News::Ended(batch, end)) => {
                // What is stopped is printed at the end, to go on with.
                if args.jsonl && !is_stopped(&end) {
                    output::json(&Document::from(&*end)).inspect_err(|_| bars.clear())?;
                }
                if let Some(place) = places.get(&(batch.provider(), batch.id())) {
                    ends[*place] = Some(*end);
                }
            }
            Some(News::Progress(provider, now)) => {
                progress.insert(provider, now);
                bar.show_all(batches.len(), progress.values());
            }
            None => break,
        }
    }
    bars.clear();
    memory.keep().await;
    for end in ends.iter().flatten() {
        match end {
            Ok(report) => drift.status(Some(report)),
            Err(error) => drift.status(error.last_report().as_ref()),
        }
    }
    if interrupted {
        return Err(left_behind(&args, &batches, &ends, people));
    }
    let ends: Option<Vec<End>> = ends.into_iter().collect();
    let ends = ends.ok_or_else(|| Failure::configuration("the wait broke off"))?;
    output::last(print(&args, &batches, &ends))?;
    Ok(worst(&ends))
}

/// Waits for all batches of one provider.
async fn follow(
    client: &AnyClient,
    batches: Vec<Batch>,
    patience: &Patience,
    histories: &DurationHistory,
    shown: bool,
    mut stopped: watch::Receiver<bool>,
    tell: &UnboundedSender<News>,
) {
    let (provider, clock) = (client.id(), client.clock());
    let mut fleet = patience.of_all(WaitSet::new(client).history(histories));
    for batch in batches {
        if let Err(error) = fleet.add(batch.clone()) {
            let _ = tell.send(News::Ended(batch, Box::new(Err(error))));
        }
    }
    let mut is_stopped = false;
    loop {
        // That nobody listens any more means that this is about to end anyway.
        tokio::select! {
            end = fleet.next() => {
                let Some((batch, end)) = end else { break };
                let _ = tell.send(News::Ended(batch, Box::new(end)));
            }
            _ = stopped.changed(), if !is_stopped => {
                is_stopped = true;
                fleet.stop();
            }
            () = clock.sleep(TICK), if shown => {}
        }
        if shown {
            let _ = tell.send(News::Progress(provider.clone(), fleet.progress()));
        }
    }
}

fn is_stopped(end: &End) -> bool {
    matches!(end, Err(error) if error.kind() == ErrorKind::Interrupted)
}

/// What an interrupt leaves: the batches that have not ended, to go on with.
fn left_behind(args: &WaitArgs, batches: &[Batch], ends: &[Option<End>], people: People) -> Failure {
    let is_open = |end: &Option<End>| match end {
        None => true,
        Some(Ok(_)) => false,
        Some(Err(error)) => prints_batch(error.kind()),
    };
    let open: Vec<_> = batches.iter().zip(ends).filter(|(_, end)| is_open(end)).map(|(batch, _)| batch).collect();
    let seen = batches.iter().zip(ends).filter_map(|(batch, end)| Some((batch, end.as_ref()?)));
    let seen: Vec<_> = seen.filter(|(_, end)| !is_stopped(end)).collect();
    if !args.json && !args.jsonl && !seen.is_empty() {
        people.tell(table::batches(&seen).trim_end());
    }
    if args.json && !seen.is_empty() {
        let _ = output::json(&seen.iter().map(|(_, end)| Document::from(*end)).collect::<Vec<_>>());
    }
    for batch in &open {
        // Whoever does not read it has the file to go on with.
        let _ = output::json(batch);
    }
    let reason = format!("the wait was stopped; {} of {} batches have not ended", open.len(), batches.len());
    let error = Error::new(ErrorKind::Interrupted, reason);
    Failure::from(error).resumed_by(|kind| args.target.resumption(kind, &args.connection.words()))
}

fn print(args: &WaitArgs, batches: &[Batch], ends: &[End]) -> std::io::Result<()> {
    if args.jsonl {
        return Ok(());
    }
    if args.json {
        return output::json(&ends.iter().map(Document::from).collect::<Vec<_>>());
    }
    let lines: Vec<_> = batches.iter().zip(ends).collect();
    let printed = output::text(&table::batches(&lines));
    for error in ends.iter().filter_map(|end| end.as_ref().err()) {
        complain(&format!("error: {error}{}", behind(error)));
    }
    let open = lines.iter().filter(|(_, end)| end.as_ref().is_err_and(|error| prints_batch(error.kind())));
    let open: Vec<_> = open.map(|(batch, _)| batch).collect();
    if !open.is_empty() {
        complain(&format!("resume: {}", args.target.resumption(ErrorKind::Deadline, &args.connection.words())));
    }
    printed.and_then(|()| open.into_iter().try_for_each(output::json))
}

/// The highest code of an error; without errors that of the worst outcome.
fn worst(ends: &[End]) -> u8 {
    let errors = ends.iter().filter_map(|end| end.as_ref().err()).map(|error| exit::of_error(error.kind()));
    let outcomes = ends.iter().filter_map(|end| end.as_ref().ok()).map(exit::of_report);
    errors.max().or_else(|| outcomes.max()).unwrap_or(exit::SUCCESS)
}
