//! `bulkrail completions`, and the words that complete a command line.

use std::ffi::OsStr;
use std::time::Duration;

use bulkrail::time::Clock;
use clap::ValueEnum;
use clap_complete::Shell;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;

use crate::args::{CompletionsArgs, ProviderName};
use crate::error::CliError;
use crate::profile;
use crate::state::StateDir;
use crate::submissions::{Listed, Submissions};
use crate::{exit, output};

/// Variable by which the script asks for words.
pub(crate) const VARIABLE: &str = "COMPLETE";

/// 1 s to read the list: a key press waits for it.
const TIMEOUT: Duration = Duration::from_secs(1);

/// 100 batches at most, the newest first.
const MAX_BATCHES: usize = 100;

pub(crate) fn run(args: &CompletionsArgs) -> Result<u8, CliError> {
    let script = match args.shell {
        Shell::Bash => include_str!("bulkrail.bash").to_owned(),
        Shell::Zsh => include_str!("bulkrail.zsh").to_owned(),
        Shell::Fish => include_str!("bulkrail.fish").to_owned(),
        shell => script(shell)?,
    };
    output::last(output::text(&script))?;
    Ok(exit::SUCCESS)
}

/// Returns the script of `clap_complete`. Its scripts for bash, zsh and fish complete neither names that are typed with quotes
/// nor, in bash, words with `=` and `:`; ours use its variables `_CLAP_*`, too.
fn script(shell: Shell) -> Result<String, CliError> {
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(&shell.to_string()) else {
        return Err(CliError::usage(format!("there is no completion for {shell}")));
    };
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "bulkrail", "bulkrail", "bulkrail", &mut script)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// Returns the ids of batches in the list that begin with `current`, and the keys of those without one: those of the
/// provider on the command line, if there is one. None where the list cannot be read in time.
pub(crate) fn complete_batch(current: &OsStr) -> Vec<CompletionCandidate> {
    let provider = provider_of_line();
    complete(current, async |current| {
        names(current, provider, |listed| listed.batch.id.as_ref().or(listed.batch.key.as_ref()).into_iter().collect())
            .await
    })
}

/// Returns the ids and the keys of the batches in the list that begin with `current`.
pub(crate) fn complete_submission(current: &OsStr) -> Vec<CompletionCandidate> {
    complete(current, async |current| {
        names(current, None, |listed| listed.batch.id.iter().chain(&listed.batch.key).collect()).await
    })
}

/// Returns the names of profiles that begin with `current`: those of the provider on the command line, if there is one.
/// None where the configuration file cannot be read.
pub(crate) fn complete_profile(current: &OsStr) -> Vec<CompletionCandidate> {
    let provider = provider_of_line();
    complete(current, async |current| {
        let profiles = profile::read().await.map(|config| config.profiles).unwrap_or_default();
        let profiles = profiles.into_iter().filter(|profile| {
            profile.name.starts_with(current) && provider.is_none_or(|provider| provider.id() == profile.provider)
        });
        profiles.map(|profile| (profile.name, profile.provider.to_string())).collect()
    })
}

/// Returns the words that `find` finds in time, each with its help.
fn complete(current: &OsStr, find: impl AsyncFnOnce(&str) -> Vec<(String, String)>) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().enable_all().build() else { return Vec::new() };
    let names = runtime.block_on(async {
        tokio::select! {
            names = find(current) => names,
            () = Clock::system().sleep(TIMEOUT) => Vec::new(),
        }
    });
    runtime.shutdown_background();
    names.into_iter().map(|(name, help)| CompletionCandidate::new(name).help(Some(help.into()))).collect()
}

fn provider_of_line() -> Option<ProviderName> {
    // Other words may be names of files in any encoding.
    provider(std::env::args_os().filter_map(|word| word.into_string().ok()))
}

/// Returns the provider among the words of a command line, unless there are several.
fn provider(words: impl Iterator<Item = String>) -> Option<ProviderName> {
    let mut providers = words.filter_map(|word| ProviderName::from_str(&word, false).ok());
    providers.next().filter(|_| providers.next().is_none())
}

async fn names(
    current: &str,
    provider: Option<ProviderName>,
    names_of: impl Fn(&Listed) -> Vec<&String>,
) -> Vec<(String, String)> {
    let Ok(contents) = Submissions::new(&StateDir::from_env()).read().await else { return Vec::new() };
    let mut names: Vec<(String, String)> = Vec::new();
    for listed in contents.log.listed(Clock::system().wall()).iter().rev() {
        let is_asked = provider.is_none_or(|provider| provider.id() == listed.batch.provider);
        for name in names_of(listed).into_iter().filter(|name| is_asked && name.starts_with(current)) {
            if !names.iter().any(|(known, _)| known == name) {
                names.push((name.clone(), listed.batch.provider.to_string()));
            }
        }
        if names.len() >= MAX_BATCHES {
            break;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_of_a_command_line_is_the_only_one_named() {
        let provider = |line: &str| provider(line.split(' ').map(str::to_owned)).map(|name| name.id().to_string());
        assert_eq!(provider("bulkrail -- bulkrail wait --deadline 3m reap ").as_deref(), Some("reap"));
        assert_eq!(provider("bulkrail -- bulkrail resume "), None);
        assert_eq!(provider("bulkrail -- bulkrail wait --profile killb reap "), None);
    }
}
