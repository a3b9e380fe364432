//! `bulkrail specs diff`.

use std::fmt::Write;
use std::path::PathBuf;

use bulkrail_codegen::Spec;
use bulkrail_specdiff::{
    ACCEPTED_DIFFERENCES_FILE, AcceptedDifferences, Class, DiffReport, Difference, Page, PageFormat, diff_for_provider,
};
use serde_json::{Value, json};

use super::{ACCEPTED_DIFFERENCES, DIFFERENCES, built_in, unreadable};
use crate::args::DiffArgs;
use crate::error::CliError;
use crate::table::clean;
use crate::{exit, output};

pub(super) fn run(args: DiffArgs) -> Result<u8, CliError> {
    let provider = args.provider.id();
    let page = Page::load(&args.doc).map_err(unreadable)?;
    let spec = match &args.spec {
        Some(file) => Spec::load(file).map_err(unreadable)?,
        None => {
            built_in(provider.as_str())?.ok_or_else(|| CliError::usage(format!("there is no spec of {provider}")))?
        }
    };
    let accepted = match &args.accepted {
        Some(file) => AcceptedDifferences::load(file),
        None => AcceptedDifferences::parse(format!("specs/{ACCEPTED_DIFFERENCES_FILE}"), ACCEPTED_DIFFERENCES),
    };
    let accepted = accepted.map_err(unreadable)?;
    let report = diff_for_provider(provider.as_str(), &spec, &page, &accepted).map_err(unreadable)?;
    let output = Output {
        provider: provider.to_string(),
        spec_file: spec.file,
        page_file: args.doc,
        format: page.format,
        report,
    };
    output::last(if args.json { output::json(&output.document()) } else { output::text(&output.text()) })?;
    Ok(if output.report.unaccepted().next().is_none() { exit::SUCCESS } else { DIFFERENCES })
}

struct Output {
    provider: String,
    spec_file: PathBuf,
    page_file: PathBuf,
    format: PageFormat,
    report: DiffReport,
}

impl Output {
    fn document(&self) -> Value {
        let DiffReport { compared, not_in_spec, not_on_page, differences, .. } = &self.report;
        let differences: Vec<_> = differences.iter().map(document).collect();
        json!({
            "provider": self.provider,
            "format": self.format.name(),
            "compared": compared,
            "not_in_spec": not_in_spec,
            "not_on_page": not_on_page,
            "unaccepted": self.report.unaccepted().count(),
            "differences": differences,
        })
    }

    /// Returns the report as text: by class, accepted differences last.
    fn text(&self) -> String {
        let mut text = String::new();
        for class in Class::ALL {
            let mut of_class = self.report.unaccepted().filter(|difference| difference.class == class).peekable();
            if of_class.peek().is_some() {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{class}");
            }
            of_class.for_each(|difference| self.add_difference(&mut text, difference));
        }
        let mut accepted = self.report.accepted().peekable();
        if accepted.peek().is_some() {
            text.push_str("accepted\n");
        }
        for difference in accepted {
            self.add_difference(&mut text, difference);
            let _ = writeln!(text, "    reason: {}", clean(difference.accepted.as_deref().unwrap_or_default()));
        }
        let summary = match self.report.unaccepted().count() {
            0 => "all differences are accepted".to_owned(),
            1 => "1 difference".to_owned(),
            count => format!("{count} differences"),
        };
        let summary = if self.report.differences.is_empty() { "no differences".to_owned() } else { summary };
        let list = |operations: &[String]| operations.iter().map(|one| clean(one)).collect::<Vec<_>>().join(", ");
        let compared = list(&self.report.compared);
        let compared = if compared.is_empty() { "nothing".to_owned() } else { compared };
        let _ = writeln!(text, "{summary}; compared: {compared} (page format {})", self.format);
        if !self.report.not_in_spec.is_empty() {
            let _ = writeln!(text, "not in the spec, not compared: {}", list(&self.report.not_in_spec));
        }
        if !self.report.not_on_page.is_empty() {
            let _ = writeln!(text, "not on the page, not compared: {}", list(&self.report.not_on_page));
        }
        text
    }

    fn add_difference(&self, text: &mut String, difference: &Difference) {
        let _ = writeln!(text, "  {}: {}", clean(&difference.pointer), clean(&difference.message));
        let mut places = Vec::new();
        if let Some(line) = difference.line {
            places.push(format!("{}:{line}", self.spec_file.display()));
        }
        if let Some(line) = difference.page_line {
            places.push(format!("{}:{line}", self.page_file.display()));
        }
        if !places.is_empty() {
            let _ = writeln!(text, "    at {}", places.join(", "));
        }
    }
}

fn document(difference: &Difference) -> Value {
    json!({
        "class": difference.class.name(),
        "change": difference.change.name(),
        "pointer": difference.pointer,
        "line": difference.line,
        "page_line": difference.page_line,
        "operation": difference.operation,
        "message": difference.message,
        "from": difference.from,
        "to": difference.to,
        "accepted": difference.accepted,
    })
}
