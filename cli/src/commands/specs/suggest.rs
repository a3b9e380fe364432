//! `bulkrail specs suggest`.

use std::collections::BTreeMap;

use bulkrail_specdiff::suggest::{DriftReports, ReportedSpec, propose_patch};

use super::{built_in, require_file, unreadable};
use crate::args::SuggestArgs;
use crate::error::CliError;
use crate::{exit, output};

pub(super) fn run(args: SuggestArgs) -> Result<u8, CliError> {
    let mut reports = DriftReports::default();
    for file in &args.files {
        require_file(file)?;
        reports.add_file(file).map_err(unreadable)?;
    }
    let mut specs = BTreeMap::new();
    for provider in reports.providers() {
        if let Some(spec) = built_in(provider)? {
            specs.insert(provider.to_owned(), ReportedSpec::maintained(provider, spec));
        }
    }
    output::last(output::text(&propose_patch(&reports, &specs)))?;
    Ok(exit::SUCCESS)
}
