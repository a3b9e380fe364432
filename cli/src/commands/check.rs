//! `bulkrail check`: checks a file before it is sent.

use std::path::Path;

use bulkrail::check::{CheckOptions, CheckReport, MAX_FINDINGS};
use bulkrail::text::printable;
use bulkrail::{AnySubmission, FileFormat, SubmitOptions, Upload};
use schemars::JsonSchema;
use serde::Serialize;

use crate::args::CheckArgs;
use crate::error::CliError;
use crate::grid::stdout_width;
use crate::printer::fit;
use crate::table;
use crate::{exit, input, output};

/// Width of the table where standard output is not a terminal.
const WIDTH: u16 = 80;

/// Narrowest table: each column must hold a word.
const MIN_WIDTH: u16 = 60;

/// What a check of a file has found.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CheckDocument<'r> {
    /// Path of the file as it was given.
    file: String,
    #[serde(flatten)]
    report: &'r CheckReport,
}

pub(crate) async fn run(args: CheckArgs) -> Result<u8, CliError> {
    let mut submit = SubmitOptions::default();
    if let Some(country) = &args.country {
        submit = submit.country(country);
    }
    // A limit that was asked for is not cut by the limit of all.
    let options = CheckOptions::default().max_per_rule(args.limit).show_values(args.show_values);
    let options = options.max_findings(MAX_FINDINGS.max(args.limit));
    let (provider, file) = (args.provider.id(), &args.file);
    input::check(file).await?;
    let upload = Upload::from_path(file);
    let checked = AnySubmission::check(&provider, upload, FileFormat::from_path(file), &submit, &options).await;
    let report = checked.map_err(|error| {
        let is_country = error.parameter() == Some("country");
        let error = CliError::from(error).map_reason(|reason| format!("{}: {reason}", file.display()));
        if is_country { error.with_hint("leave out --country") } else { error }
    })?;
    let printed = if args.json {
        output::json(&CheckDocument { file: name(file), report: &report })
    } else {
        output::text(&format!(
            "{}{}\n",
            table::findings(&report, width()),
            fit(&summary(&report, file), stdout_width())
        ))
    };
    output::last(printed)?;
    Ok(if report.is_clean() { exit::SUCCESS } else { exit::FINDINGS })
}

/// Returns the line below the table.
fn summary(report: &CheckReport, file: &Path) -> String {
    let rows = match report.rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    let unlisted = match report.unlisted() {
        0 => String::new(),
        count => format!("; {count} of them are not listed (see --limit)"),
    };
    printable(&format!("{}: {rows}, {}{unlisted}", name(file), report.summary())).into_owned()
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

fn width() -> u16 {
    let width = stdout_width().and_then(|width| u16::try_from(width).ok());
    width.map_or(WIDTH, |width| width.max(MIN_WIDTH))
}
