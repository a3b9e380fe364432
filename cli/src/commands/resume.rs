//! `bulkrail resume`: waits for what was submitted from here and has not ended. Submits nothing.

use std::collections::BTreeMap;

use bulkrail::http::Environment;
use bulkrail::time::Clock;
use bulkrail::{AnyClient, Batch, Error, ErrorKind, Recovery};

use super::wait::set::{End, Group, SetWait, Terms, wait_for_all};
use crate::args::{Connection, ResumeArgs};
use crate::connect::{connect, connect_in};
use crate::drift_report::DriftReport;
use crate::error::CliError;
use crate::html::{Commands, ReportPage};
use crate::place::{Place, SubmittedFile};
use crate::printer::{self, Printer};
use crate::profile::Profile;
use crate::state::{HistoryStore, StateDir, lock_as_holder};
use crate::submissions::{Entry, Log, Phase, Submissions};
use crate::values::quoted;
use crate::{exit, output};

/// Name of the file that only one process has locked.
const LOCK: &str = "resume.lock";

pub(crate) async fn run(args: ResumeArgs, printer: Printer) -> Result<u8, CliError> {
    let state = StateDir::from_env();
    let _lock = match lock_as_holder(&state, LOCK).await {
        Ok(lock) => lock,
        Err(holder) => {
            let reason = format!("another process waits for what is open: {holder}");
            return Err(CliError::configuration(reason).with_hint("wait for its end, or end it"));
        }
    };
    let submissions = Submissions::new(&state);
    let contents = submissions.read().await?;
    contents.warnings.iter().for_each(|warning| printer::error(&format!("warning: {warning}")));
    let log = &contents.log;
    let selected = select(log, &args)?;
    let printer = printer.for_json(args.json || args.jsonl);
    let page = ReportPage::open(args.report.report.as_deref(), Commands::default())?;
    note_gave_up(log, &args, printer);
    if selected.is_empty() {
        if let Some(file) = &args.report.report {
            printer.note(&format!("{} is not written: it would have no batch", file.display()));
        }
        output::last(match (args.json, args.jsonl) {
            (true, _) => output::json(&[(); 0]),
            (_, true) => Ok(()),
            _ => output::text("nothing is open\n"),
        })?;
        return Ok(exit::SUCCESS);
    }
    let drift = DriftReport::open(args.record.drift_report.as_deref())?;
    let store = HistoryStore::open(&state, args.record.no_history).await;
    let profiles = profiles(&selected, page.is_wanted()).await?;
    let Plan { groups, batches, ends } = plan(log, &selected, &args, &profiles, page.is_wanted());
    for (entry, batch) in selected.iter().zip(&batches) {
        let commands = Commands::new(Place::of(entry), SubmittedFile::of(entry));
        batch.iter().for_each(|batch| page.set_commands(batch, commands.clone()));
    }
    let resume = |kind| resume_command(&args, kind);
    let terms = Terms {
        wait: &args.wait,
        history: store.history(),
        json: args.json,
        jsonl: args.jsonl,
        printer,
        page: &page,
        resume: &resume,
        next: Some("not every row succeeded; what to do next about each batch: bulkrail list"),
    };
    let code = wait_for_all(groups, &batches, ends, &terms, &submissions, &drift).await;
    page.write_or_warn(printer);
    let code = code?;
    store.save().await;
    Ok(code)
}

/// Returns the submissions to wait for, the oldest first: those that are named, or all that are
/// open.
fn select<'l>(log: &'l Log, args: &ResumeArgs) -> Result<Vec<&'l Entry>, CliError> {
    let mut named = Vec::new();
    for name in &args.id {
        let found = log.named(name, false)?;
        named.extend(found.iter().map(|entry| entry.record_key()));
        if found.is_empty() {
            let reason = format!("nothing was submitted from here that has the id or the key {name}");
            let hint = "see bulkrail list; any other batch is waited for with bulkrail wait";
            return Err(CliError::usage(reason).with_hint(hint));
        }
    }
    let is_selected = |entry: &&Entry| match entry.phase {
        _ if !args.id.is_empty() => named.contains(&entry.record_key()),
        Phase::Submitting | Phase::Open => true,
        Phase::GaveUp => args.gave_up,
        Phase::Ended => false,
    };
    Ok(log.entries().iter().filter(is_selected).collect())
}

/// Prints that there are batches which are not waited for.
fn note_gave_up(log: &Log, args: &ResumeArgs, printer: Printer) {
    let gave_up = log.entries().iter().filter(|entry| entry.phase == Phase::GaveUp).count();
    if gave_up > 0 && args.id.is_empty() && !args.gave_up {
        let what = if gave_up == 1 { "1 batch is".to_owned() } else { format!("{gave_up} batches are") };
        printer.note(&format!("{what} not waited for, because an earlier wait gave up; --gave-up waits again"));
    }
}

/// Waits to make, and the ends that are known without one.
struct Plan {
    groups: Vec<Group>,
    batches: Vec<Option<Batch>>,
    ends: Vec<Option<End>>,
}

/// Profiles of the batches, or the error of those that cannot be used.
type Profiles = BTreeMap<String, Result<Profile, Error>>;

/// Returns the profiles that the batches were submitted with; those of batches that have ended where
/// their rows are read.
async fn profiles(selected: &[&Entry], reads_rows: bool) -> Result<Profiles, CliError> {
    let mut profiles = Profiles::new();
    let of = |entry: &&Entry| entry.note().profile.clone();
    for name in selected.iter().filter(|entry| reads_rows || entry.report().is_none()).filter_map(of) {
        if profiles.contains_key(&name) {
            continue;
        }
        let loaded = match Profile::load(&name, None).await {
            Ok(profile) => Ok(profile),
            Err(error) => match error.error() {
                Some(reason) => Err(Error::from(reason.document())),
                None => return Err(error),
            },
        };
        profiles.insert(name, loaded);
    }
    Ok(profiles)
}

fn plan(log: &Log, selected: &[&Entry], args: &ResumeArgs, profiles: &Profiles, reads_rows: bool) -> Plan {
    let mut plan = Plan { groups: Vec::new(), batches: Vec::new(), ends: Vec::new() };
    let mut by_place: BTreeMap<Place, Vec<(usize, &Entry, Batch)>> = BTreeMap::new();
    for (position, entry) in selected.iter().enumerate() {
        let batch = entry.batch();
        let end = match (entry.report(), &batch) {
            (Some(report), _) => {
                if reads_rows && let Ok(client) = client(&Place::of(entry), profiles) {
                    plan.groups.push(Group { client, waits: Vec::new(), ended: vec![position] });
                }
                Some(Ok(report.clone()))
            }
            (None, None) => Some(Err(unknown(log, entry))),
            (None, Some(batch)) => {
                by_place.entry(Place::of(entry)).or_default().push((position, *entry, batch.clone()));
                None
            }
        };
        plan.batches.push(batch);
        plan.ends.push(end);
    }
    for (place, entries) in by_place {
        match client(&place, profiles) {
            Ok(client) => {
                let mut waits = Vec::new();
                for (position, entry, batch) in entries {
                    if entry.phase == Phase::Submitting && !may_be_looked_up(&client, entry, &batch) {
                        plan.ends[position] = Some(Err(unknown(log, entry)));
                        continue;
                    }
                    // With options of its own a wait begins anew.
                    let state = if args.wait.is_given() { None } else { entry.wait_state() };
                    waits.push(SetWait { position, batch, state });
                }
                plan.groups.push(Group { client, waits, ended: Vec::new() });
            }
            Err(error) => {
                for (position, _, batch) in entries {
                    plan.ends[position] = Some(Err(Error::from(error.document()).with_batch(batch)));
                }
            }
        }
    }
    plan
}

/// Returns a client of the place that a batch was submitted to.
fn client(place: &Place, profiles: &Profiles) -> Result<AnyClient, Error> {
    let Place { provider, environment, base_url, insecure_http, profile, .. } = place;
    let profile = match profile.as_ref().and_then(|name| profiles.get(name)) {
        Some(Err(error)) => return Err(Error::from(error.document())),
        Some(Ok(profile)) => Some(profile),
        None => None,
    };
    let environment = match environment.as_deref() {
        Some("production") => Environment::Production,
        Some("sandbox") => Environment::Sandbox,
        Some(origin) => Environment::Custom(base_url.clone().unwrap_or_else(|| origin.to_owned())),
        // The first versions did not note it.
        None => {
            let connected = connect(provider, &Connection::default());
            return connected.map_err(|error| match error.error() {
                Some(error) => Error::from(error.document()),
                None => Error::new(ErrorKind::Configuration, "the client cannot be made"),
            });
        }
    };
    connect_in(provider, environment, *insecure_http, profile)
}

/// Returns whether a poll tells if the provider has a batch of unknown fate.
fn may_be_looked_up(client: &AnyClient, entry: &Entry, batch: &Batch) -> bool {
    match client.recovery(entry.key.as_deref()) {
        Recovery::LookUp(known) => known.id() == batch.id(),
        Recovery::SendAgain | Recovery::Never => false,
    }
}

/// Returns the error for a submission that cannot be waited for. Its hint is the advice of the
/// list.
fn unknown(log: &Log, entry: &Entry) -> Error {
    let listed = log.listed_entry(entry, Clock::system().wall());
    let name = match (&entry.key, &listed.file) {
        (Some(key), _) => format!(" with the key {key}"),
        (None, Some(file)) => format!(" of {file}"),
        (None, None) => String::new(),
    };
    let (kind, reason) = match entry.phase {
        Phase::Submitting => (ErrorKind::OutcomeUnknown, format!("it is not known whether the batch{name} exists")),
        _ => (ErrorKind::Conflict, format!("the id of the batch{name} is not known")),
    };
    Error::new(kind, reason).with_provider(entry.provider.clone()).with_hint(listed.advice.to_string())
}

/// Returns the command that goes on after an error of `kind`.
fn resume_command(args: &ResumeArgs, kind: ErrorKind) -> String {
    let mut command = "bulkrail resume".to_owned();
    args.id.iter().for_each(|name| command.push_str(&format!(" {}", quoted(name))));
    if args.id.is_empty() && (args.gave_up || kind != ErrorKind::Interrupted) {
        command.push_str(" --gave-up");
    }
    command + &args.report.flags()
}
