//! `bulkrail list`: lists what was submitted from here.

use std::time::Duration;

use bulkrail::time::Clock;

use crate::args::ListArgs;
use crate::error::CliError;
use crate::grid::stdout_width;
use crate::state::StateDir;
use crate::submissions::{Listed, Phase, Submissions};
use crate::table::{clean, finished, framed};
use crate::{exit, output, printer};

/// 78 columns at most for sentences below the table: longer lines are hard to read.
const WIDTH: usize = 78;

pub(crate) async fn run(args: ListArgs) -> Result<u8, CliError> {
    let contents = Submissions::new(&StateDir::from_env()).read().await;
    let contents = contents?;
    contents.warnings.iter().for_each(|warning| printer::error(&format!("warning: {warning}")));
    let mut listed = contents.log.listed(Clock::system().wall());
    if args.open {
        listed.retain(|listed| listed.phase != Phase::Ended);
    }
    output::last(if args.json { output::json(&listed) } else { output::text(&text(&listed)) })?;
    Ok(exit::SUCCESS)
}

/// Returns a table, and below it the advice about each submission.
fn text(listed: &[Listed]) -> String {
    if listed.is_empty() {
        return "nothing is listed\n".to_owned();
    }
    let mut table = framed(["no", "provider", "state", "age", "environment"]);
    for (number, listed) in (1..).zip(listed) {
        table.add_row([
            format!("{number}"),
            listed.batch.provider.to_string(),
            state(listed),
            listed.age.map_or_else(|| "-".to_owned(), age),
            abbreviated(listed.batch.environment.as_deref().unwrap_or("-"), 24),
        ]);
    }
    let width = stdout_width().map_or(WIDTH, |width| width.saturating_sub(2).min(WIDTH));
    let mut text = finished(&table);
    for (number, listed) in (1..).zip(listed) {
        text.push_str(&format!("\n {number}  {}\n", name(listed)));
        if listed.batch.id.is_some()
            && let Some(file) = &listed.file
        {
            text.push_str(&format!("    file: {}{}\n", clean(file), part(listed)));
        }
        if let Some(profile) = &listed.profile {
            text.push_str(&format!("    profile: {}\n", clean(profile)));
        }
        wrap(&mut text, &listed.advice.text, width);
        if let Some(command) = &listed.advice.command {
            // Not broken: it is to be copied.
            text.push_str(&format!("      {}\n", clean(command)));
        }
    }
    text
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
    detail.map_or_else(|| phase.to_owned(), |detail| abbreviated(&format!("{phase}: {detail}"), 24))
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

fn abbreviated(text: &str, width: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// Adds a sentence in lines that fit.
fn wrap(text: &mut String, sentence: &str, width: usize) {
    let mut line = String::from("   ");
    for word in clean(sentence).split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > width && !line.trim().is_empty() {
            text.push_str(&format!("{line}\n"));
            line = String::from("   ");
        }
        line.push_str(&format!(" {word}"));
    }
    text.push_str(&format!("{line}\n"));
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
    fn sentences_are_broken_between_words() {
        let mut text = String::new();
        wrap(&mut text, &"word ".repeat(40), WIDTH);
        assert!(text.lines().count() == 3 && text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert_eq!(text.split_whitespace().count(), 40);
    }
}
