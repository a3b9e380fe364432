//! `bulkrail completions`, and the words that complete a command line.

use std::ffi::OsStr;
use std::time::Duration;

use bulkrail::time::Clock;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;

use crate::args::CompletionsArgs;
use crate::error::CliError;
use crate::state::StateDir;
use crate::submissions::Submissions;
use crate::{exit, output};

/// Variable by which the script asks for words.
pub(crate) const VARIABLE: &str = "COMPLETE";

/// 1 s to read the list: a key press waits for it.
const TIMEOUT: Duration = Duration::from_secs(1);

/// 100 batches at most, the newest first.
const MAX_BATCHES: usize = 100;

pub(crate) fn run(args: &CompletionsArgs) -> Result<u8, CliError> {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(&args.shell.to_string()) else {
        return Err(CliError::usage(format!("there is no completion for {}", args.shell)));
    };
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "bulkrail", "bulkrail", "bulkrail", &mut script)?;
    output::last(output::text(&String::from_utf8_lossy(&script)))?;
    Ok(exit::SUCCESS)
}

/// Returns the ids and keys of batches in the list that begin with `current`; none where the list cannot
/// be read in time.
pub(crate) fn complete_batch(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else { return Vec::new() };
    let names = runtime.block_on(async {
        tokio::select! {
            names = names(current) => names,
            () = Clock::system().sleep(TIMEOUT) => Vec::new(),
        }
    });
    runtime.shutdown_background();
    names.into_iter().map(|(name, help)| CompletionCandidate::new(name).help(Some(help.into()))).collect()
}

async fn names(current: &str) -> Vec<(String, String)> {
    let Ok(contents) = Submissions::new(&StateDir::from_env()).read().await else { return Vec::new() };
    let mut names: Vec<(String, String)> = Vec::new();
    for listed in contents.log.listed(Clock::system().wall()).iter().rev() {
        let Some(name) = listed.batch.id.as_ref().or(listed.batch.key.as_ref()) else { continue };
        if name.starts_with(current) && !names.iter().any(|(known, _)| known == name) {
            names.push((name.clone(), listed.batch.provider.to_string()));
        }
        if names.len() == MAX_BATCHES {
            break;
        }
    }
    names
}
