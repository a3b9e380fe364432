//! `bulkrail list`: lists what was submitted from here.

use std::time::Duration;

use bulkrail::time::Clock;

use crate::args::ListArgs;
use crate::error::CliError;
use crate::grid::{cut, stdout_width, words};
use crate::state::StateDir;
use crate::submissions::{Listed, Phase, Submissions};
use crate::table::{clean, finished, framed};
use crate::{exit, output, printer};

/// 8 characters of an id at least are shown: a UUID has a hyphen behind them.
const MIN_PREFIX: usize = 8;

/// 20 characters of an id or a key are shown as a whole: it may have been chosen to be read.
const MAX_WHOLE: usize = 20;

/// 24 columns of the state at most: a provider may have long words.
const MAX_STATE: usize = 24;

/// 78 columns at most for sentences below the table: longer lines are hard to read.
const WIDTH: usize = 78;

pub(crate) async fn run(args: ListArgs) -> Result<u8, CliError> {
    let contents = Submissions::new(&StateDir::from_env()).read().await;
    let contents = contents?;
    contents.warnings.iter().for_each(|warning| printer::error(&format!("warning: {warning}")));
    let all = contents.log.listed(Clock::system().wall());
    let listed: Vec<_> = all.iter().filter(|listed| !args.open || listed.phase != Phase::Ended).collect();
    output::last(if args.json { output::json(&listed) } else { output::text(&text(&listed, &all)) })?;
    Ok(exit::SUCCESS)
}

/// Returns a table, and below it the advice about each submission. `all` has those that are not shown, too.
fn text(listed: &[&Listed], all: &[Listed]) -> String {
    if listed.is_empty() {
        return "nothing is listed\n".to_owned();
    }
    let mut table = framed(["batch", "provider", "state", "age", "environment"]);
    table = table.with_cuttable(&["environment"]).with_droppable(&["environment"]);
    let names: Vec<_> = all.iter().filter_map(known).collect();
    for listed in listed {
        table.add_row([
            known(listed).map_or_else(|| "-".to_owned(), |name| prefix(name, &names)),
            listed.batch.provider.to_string(),
            state(listed),
            listed.age.map_or_else(|| "-".to_owned(), age),
            clean(listed.batch.environment.as_deref().unwrap_or("-")),
        ]);
    }
    let width = stdout_width().map_or(WIDTH, |width| width.saturating_sub(2).min(WIDTH));
    let mut text = finished(&table);
    for listed in listed {
        text.push_str(&format!("\n {}\n", name(listed)));
        if listed.batch.id.is_some()
            && let Some(file) = &listed.file
        {
            text.push_str(&format!("    file: {}{}\n", clean(file), part(listed)));
        }
        if let Some(profile) = &listed.profile {
            text.push_str(&format!("    profile: {}\n", clean(profile)));
        }
        for line in words(&clean(&listed.advice.text), width.saturating_sub(4)) {
            text.push_str(&format!("    {line}\n"));
        }
        if let Some(command) = &listed.advice.command {
            // Not broken: it is to be copied.
            text.push_str(&format!("      {}\n", clean(command)));
        }
    }
    text
}

/// Returns the id of a batch, or its key where the id is not known.
fn known(listed: &Listed) -> Option<&str> {
    listed.batch.id.as_deref().or(listed.batch.key.as_deref())
}

/// Returns the first characters of `name`, enough to name its batch on the command line.
fn prefix(name: &str, names: &[&str]) -> String {
    let is_shared = |prefix: &str| names.iter().any(|other| *other != name && other.starts_with(prefix));
    let ends = name.char_indices().map(|(end, _)| end).skip(MIN_PREFIX);
    let ends = ends.filter(|_| name.chars().count() > MAX_WHOLE);
    let prefix = ends.map(|end| &name[..end]).find(|prefix| !is_shared(prefix)).unwrap_or(name);
    clean(prefix)
}

/// Returns the phase, and the outcome or the provider's word.
fn state(listed: &Listed) -> String {
    let phase = match listed.phase {
        Phase::Submitting => "submitting",
        Phase::Open => "open",
        Phase::Ended => "ended",
        Phase::GaveUp => "gave_up",
    };
    let detail = listed.outcome.map(|outcome| outcome.to_string()).or_else(|| listed.provider_status.clone());
    detail.map_or_else(|| phase.to_owned(), |detail| cut(&clean(&format!("{phase}: {detail}")), MAX_STATE).into_owned())
}

/// Returns what the batch is known by: its id, else its key, its file or its storage.
fn name(listed: &Listed) -> String {
    let batch = &listed.batch;
    if let Some(id) = &batch.id {
        return clean(id);
    }
    if let Some(key) = &batch.key {
        return format!("key {}", clean(key));
    }
    match (&listed.file, &listed.storage_id) {
        (Some(file), _) => format!("file {}{}", clean(file), part(listed)),
        (None, Some(storage_id)) => format!("storage {}", clean(storage_id)),
        (None, None) => "-".to_owned(),
    }
}

fn part(listed: &Listed) -> String {
    listed.part.map_or_else(String::new, |[number, total]| format!(" (batch {number} of {total})"))
}

/// Returns the largest unit of a time.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_shown_in_its_largest_unit() {
        let shown = [(59, "59 s"), (60, "1 min"), (3_600, "1 h"), (86_400, "24 h"), (172_800, "2 d")];
        for (seconds, text) in shown {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn prefix_names_one_batch_alone() {
        let names = [
            "d619cd58-76d3-4848-a3c4",
            "d619cd58-76d4-4848-a3c4",
            "d619ffff-0000-4848-a3c4",
            "payroll-7",
            "payroll-70",
            "import-2026-01-01",
        ];
        let shown: Vec<_> = names.iter().map(|name| prefix(name, &names)).collect();
        assert_eq!(
            shown,
            ["d619cd58-76d3", "d619cd58-76d4", "d619ffff", "payroll-7", "payroll-70", "import-2026-01-01"]
        );
    }
}
