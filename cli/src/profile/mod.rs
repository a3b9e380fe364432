//! Profiles: named accounts at providers, in the user's configuration file.
//!
//! The file never has a secret: it names the environment variables that hold the credentials, or a
//! command that prints them. Messages about it never repeat a value.

mod command;
mod file;

use std::path::PathBuf;

use bulkrail::http::{EnvCredentials, Environment, env_secret};
use bulkrail::secrecy::SecretString;
use bulkrail::{Error, ErrorKind, ProviderId, cdq, killb, localpayment, reap};

use crate::error::CliError;
use crate::input;
use crate::values::quoted;

pub(crate) use file::{Config, Source};

/// Environment variable that names a profile.
pub(crate) const VARIABLE: &str = "BULKRAIL_PROFILE";

/// Environment variable that names the configuration file.
pub(crate) const FILE_VARIABLE: &str = "BULKRAIL_CONFIG";

/// Profile that a command uses, with its credentials.
#[derive(Clone)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) provider: ProviderId,
    pub(crate) environment: Environment,
    /// Values by the names of the provider's own variables.
    secrets: Vec<(String, SecretString)>,
    has_own: bool,
}

impl Profile {
    /// Returns the profile that is given, or named by the environment, if one is; with its
    /// credentials. A profile that is not of `provider` is refused before they are read.
    pub(crate) async fn selected(given: Option<&str>, provider: Option<&ProviderId>) -> Result<Option<Self>, CliError> {
        let name = match given {
            Some(name) => name.to_owned(),
            None => match std::env::var(VARIABLE) {
                Ok(name) if !name.is_empty() => name,
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(CliError::configuration(format!("{VARIABLE} is not Unicode")));
                }
                _ => return Ok(None),
            },
        };
        Self::load(&name, provider).await.map(Some)
    }

    /// Returns the profile `name` with its credentials, if it is of `provider`, or that is `None`. The
    /// command that prints them ends when the future is dropped.
    pub(crate) async fn load(name: &str, provider: Option<&ProviderId>) -> Result<Self, CliError> {
        let config = read().await?;
        let file = config_path().map(|path| path.display().to_string()).unwrap_or_default();
        let Some(profile) = config.profiles.iter().find(|profile| profile.name == name) else {
            let error = CliError::configuration(format!("there is no profile {name} in {file}"));
            let names: Vec<_> = config.profiles.iter().map(|profile| profile.name.as_str()).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(error.with_hint(format!("its profiles: {names}")));
        };
        let found = Self {
            name: profile.name.clone(),
            provider: profile.provider.clone(),
            environment: profile.environment.clone(),
            has_own: !matches!(profile.source, Source::Own),
            secrets: Vec::new(),
        };
        provider.map_or(Ok(()), |provider| found.check(provider))?;
        Ok(Self { secrets: profile.secrets().await?, ..found })
    }

    /// Returns the credential that the provider's own variable `name` would hold.
    pub(crate) fn secret(&self, name: &str) -> Option<SecretString> {
        if !self.has_own {
            return env_secret(name);
        }
        self.secrets.iter().find(|(known, _)| known == name).map(|(_, secret)| secret.clone())
    }

    /// Refuses a batch of another provider.
    pub(crate) fn check(&self, provider: &ProviderId) -> Result<(), Error> {
        if self.provider == *provider {
            return Ok(());
        }
        let reason = format!("the profile {} is of {}, and this is about {provider}", self.name, self.provider);
        Err(Error::new(ErrorKind::Configuration, reason).with_hint("choose another with --profile"))
    }
}

impl file::ProfileEntry {
    /// Returns the credentials that the profile names, by the provider's own variables.
    pub(crate) async fn secrets(&self) -> Result<Vec<(String, SecretString)>, CliError> {
        let incomplete = |reason: String| CliError::configuration(format!("profile {}: {reason}", self.name));
        match &self.source {
            Source::Own => Ok(Vec::new()),
            Source::Variables(variables) => variables
                .iter()
                .map(|(own, holder)| {
                    // Not by its name: it would be a secret that was put in its place.
                    let missing = || incomplete(format!("the variable that it names for {own} is not set"));
                    let secret = env_secret(holder).ok_or_else(missing)?;
                    Ok((own.clone(), secret))
                })
                .collect(),
            Source::Command(words) => {
                let names = credentials(&self.provider).0.concat();
                let printed = command::run(words, &names).await.map_err(|reason| match (&reason, words.first()) {
                    // The first word alone: the others may be secret.
                    (command::Reason::NotStarted(_), Some(program)) => incomplete(format!("{reason}: {program}")),
                    _ => incomplete(reason.to_string()),
                })?;
                let has = |set: &&[&str]| set.iter().all(|name| printed.iter().any(|(known, _)| known == name));
                if !credentials(&self.provider).0.iter().any(has) {
                    let needed = credentials(&self.provider);
                    return Err(incomplete(format!("the credential command does not print {needed}")));
                }
                Ok(printed)
            }
        }
    }
}

/// Returns the path of the configuration file, if there is a place for it.
pub(crate) fn config_path() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    if let Some(path) = variable(FILE_VARIABLE).filter(|path| !path.as_os_str().is_empty()) {
        return Some(path);
    }
    let directory = match variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute()) {
        Some(directory) => directory,
        None if cfg!(windows) => variable("APPDATA").filter(|path| path.is_absolute())?,
        None => std::env::home_dir().filter(|home| home.is_absolute())?.join(".config"),
    };
    Some(directory.join("bulkrail").join("config.toml"))
}

/// Reads the configuration file.
pub(crate) async fn read() -> Result<Config, CliError> {
    let Some(path) = config_path() else {
        return Err(CliError::configuration("there is no home directory for a configuration file")
            .with_hint(format!("name one with {FILE_VARIABLE}")));
    };
    let name = path.display().to_string();
    let found = tokio::fs::metadata(&path).await;
    if found.as_ref().is_ok_and(|found| !found.is_file()) {
        return Err(CliError::configuration(format!("{name} is not a file")));
    }
    let bytes = match found {
        Ok(_) => input::read(&path).await?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(CliError::configuration(format!("there is no configuration file {name}"))
                .with_hint("see bulkrail config check --help for what it holds"));
        }
        Err(error) => return Err(CliError::io(&format!("{name} cannot be read"), &error)),
    };
    let text = input::text(&bytes).map_err(|reason| CliError::configuration(format!("{name}: {reason}")))?;
    let config = Config::parse(text).map_err(|error| CliError::configuration(format!("{name}:{error}")))?;
    let runs = config.profiles.iter().any(|profile| matches!(profile.source, Source::Command(_)));
    if runs && is_writable_by_others(&path) {
        return Err(CliError::configuration(format!("{name} names a command, and other users may write to it"))
            .with_hint(format!("chmod go-w {}", quoted(&name))));
    }
    Ok(config)
}

#[cfg(unix)]
fn is_writable_by_others(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o022 != 0)
}

#[cfg(not(unix))]
fn is_writable_by_others(_: &std::path::Path) -> bool {
    false
}

/// Returns the environment variables of a provider's credentials.
pub(crate) fn credentials(provider: &ProviderId) -> EnvCredentials {
    match provider.as_str() {
        "killb" => killb::Credentials::ENV,
        "reap" => reap::Credentials::ENV,
        "cdq" => cdq::Credentials::ENV,
        "localpayment" => localpayment::Credentials::ENV,
        _ => EnvCredentials(&[]),
    }
}
