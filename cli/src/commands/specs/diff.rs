//! `bulkrail specs diff`.

use std::fmt::Write;
use std::path::PathBuf;

use bulkrail_codegen::Spec;
use bulkrail_specdiff::{
    ACCEPTED_DIFFERENCES_FILE, AcceptedDifferences, Class, DiffReport, Difference, Page, PageFormat, diff_for_provider,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{ACCEPTED_DIFFERENCES, DIFFERENCES, built_in, require_file, unreadable};
use crate::args::DiffArgs;
use crate::error::CliError;
use crate::table::clean;
use crate::{exit, output};

pub(super) fn run(args: DiffArgs) -> Result<u8, CliError> {
    let provider = args.provider.id();
    [Some(&args.doc), args.spec.as_ref(), args.accepted.as_ref()]
        .into_iter()
        .flatten()
        .try_for_each(|file| require_file(file))?;
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

/// Differences between a page and the spec of a provider.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DiffDocument<'o> {
    /// Provider of the spec.
    provider: &'o str,
    /// Format of the page.
    format: &'static str,
    /// `operationId` of each operation that was compared.
    compared: &'o [String],
    /// Operations of the page that the spec does not have.
    not_in_spec: &'o [String],
    /// Operations of the spec that the page does not have.
    not_on_page: &'o [String],
    /// Number of differences that are not accepted.
    unaccepted: usize,
    differences: Vec<DifferenceDocument<'o>>,
}

/// Difference in a [`DiffDocument`].
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Difference")]
struct DifferenceDocument<'o> {
    /// What it means for code that uses the client: `breaking`, `unknown`, `notice`, `additive`, `editorial`.
    class: &'static str,
    /// Kind of the difference; specs/README.md lists them.
    change: &'static str,
    /// JSON pointer of the value in the spec, or of its place if the spec does not have it.
    pointer: &'o str,
    /// Line in the spec.
    line: Option<usize>,
    /// Line on the page.
    page_line: Option<usize>,
    /// `operationId` of the operation.
    operation: &'o str,
    /// Sentence that describes the difference.
    message: &'o str,
    /// State in the spec.
    from: Option<&'o str>,
    /// State on the page.
    to: Option<&'o str>,
    /// Reason why the difference is accepted; null where it is not.
    accepted: Option<&'o str>,
}

impl Output {
    fn document(&self) -> DiffDocument<'_> {
        let DiffReport { compared, not_in_spec, not_on_page, differences, .. } = &self.report;
        DiffDocument {
            provider: &self.provider,
            format: self.format.name(),
            compared,
            not_in_spec,
            not_on_page,
            unaccepted: self.report.unaccepted().count(),
            differences: differences.iter().map(document).collect(),
        }
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

fn document(difference: &Difference) -> DifferenceDocument<'_> {
    DifferenceDocument {
        class: difference.class.name(),
        change: difference.change.name(),
        pointer: &difference.pointer,
        line: difference.line,
        page_line: difference.page_line,
        operation: &difference.operation,
        message: &difference.message,
        from: difference.from.as_deref(),
        to: difference.to.as_deref(),
        accepted: difference.accepted.as_deref(),
    }
}
