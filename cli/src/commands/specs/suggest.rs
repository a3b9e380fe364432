//! `bulkrail specs suggest`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bulkrail_specdiff::suggest::{DriftReports, ReportedSpec, propose_patch};

use super::{built_in, unreadable};
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

/// Refuses a device or a pipe: it may never end.
fn require_file(file: &Path) -> Result<(), CliError> {
    match fs::metadata(file) {
        Ok(found) if !found.is_file() && !found.is_dir() => {
            let file = file.display();
            Err(CliError::usage(format!("{file} cannot be read: it is not a regular file; save it as one")))
        }
        _ => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn require_file_refuses_a_device_that_never_ends() {
        assert!(require_file(Path::new("/dev/zero")).is_err());
        assert!(require_file(Path::new("Cargo.toml")).is_ok());
    }
}
