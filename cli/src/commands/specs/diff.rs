//! `bulkrail specs diff`.

use std::fmt::Write;
use std::path::PathBuf;

use bulkrail_codegen::docs::{Class, Difference, Explained, Page, Report, diff};
use bulkrail_codegen::{Error, Spec};
use serde_json::{Value, json};

use super::{EXPLAINED, FOUND, built_in, unreadable};
use crate::args::DiffArgs;
use crate::error::CliError;
use crate::table::clean;
use crate::{exit, output};

/// In the order in which they matter.
const CLASSES: [Class; 4] = [Class::Breaking, Class::Unknown, Class::Additive, Class::Editorial];

pub(super) fn run(args: DiffArgs) -> Result<u8, CliError> {
    let provider = args.provider.id();
    let page = Page::load(&args.doc).map_err(unreadable)?;
    let mut spec = match &args.spec {
        Some(file) => Spec::load(file).map_err(unreadable)?,
        None => {
            built_in(provider.as_str())?.ok_or_else(|| CliError::usage(format!("there is no spec of {provider}")))?
        }
    };
    let explained = match &args.explained {
        Some(file) => Explained::load(file),
        None => Explained::parse("specs/explained.yaml", EXPLAINED),
    };
    // Explanations know a spec by the name of its file, wherever it lies.
    let file = std::mem::replace(&mut spec.file, PathBuf::from(format!("{provider}.yaml")));
    let report = diff(&spec, &page, &explained.map_err(unreadable)?);
    let report = report.map_err(|mut error: Error| {
        error.file.clone_from(&file);
        unreadable(error)
    })?;
    let found = Found { provider: provider.to_string(), file, doc: args.doc, form: page.form.name(), report };
    output::last(if args.json { output::json(&found.document()) } else { output::text(&found.text()) })?;
    Ok(if found.report.unexplained().next().is_none() { exit::SUCCESS } else { FOUND })
}

struct Found {
    provider: String,
    /// The spec.
    file: PathBuf,
    doc: PathBuf,
    form: &'static str,
    report: Report,
}

impl Found {
    fn document(&self) -> Value {
        let Report { compared, outside, differences, .. } = &self.report;
        let differences: Vec<_> = differences.iter().map(document).collect();
        json!({
            "provider": self.provider,
            "form": self.form,
            "compared": compared,
            "outside": outside,
            "unexplained": self.report.unexplained().count(),
            "differences": differences,
        })
    }

    /// As people read it: by class, explained ones last.
    fn text(&self) -> String {
        let mut text = String::new();
        for class in CLASSES {
            let mut of_class = self.report.unexplained().filter(|difference| difference.class == class).peekable();
            if of_class.peek().is_some() {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{class}");
            }
            of_class.for_each(|difference| self.line(&mut text, difference));
        }
        let mut explained =
            self.report.differences.iter().filter(|difference| difference.explained.is_some()).peekable();
        if explained.peek().is_some() {
            text.push_str("explained\n");
        }
        for difference in explained {
            self.line(&mut text, difference);
            let _ = writeln!(text, "    because: {}", clean(difference.explained.as_deref().unwrap_or_default()));
        }
        let count = self.report.unexplained().count();
        let things = match count {
            0 => "no difference that is not explained".to_owned(),
            1 => "1 difference".to_owned(),
            count => format!("{count} differences"),
        };
        let compared = self.report.compared.iter().map(|operation| clean(operation)).collect::<Vec<_>>().join(", ");
        let compared = if compared.is_empty() { "nothing".to_owned() } else { compared };
        let _ = writeln!(text, "{things}; compared: {compared} ({} form)", self.form);
        if !self.report.outside.is_empty() {
            let outside = self.report.outside.iter().map(|operation| clean(operation)).collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "not in the spec and left out: {outside}");
        }
        text
    }

    fn line(&self, text: &mut String, difference: &Difference) {
        let _ = writeln!(text, "  {}: {}", clean(&difference.pointer), clean(&difference.what));
        let mut places = Vec::new();
        if let Some(line) = difference.line {
            places.push(format!("{}:{line}", self.file.display()));
        }
        if let Some(line) = difference.page_line {
            places.push(format!("{}:{line}", self.doc.display()));
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
        "what": difference.what,
        "from": difference.from,
        "to": difference.to,
        "explained": difference.explained,
    })
}
