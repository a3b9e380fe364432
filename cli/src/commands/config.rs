//! `bulkrail config check`: says what is missing in the configuration file, without showing a value.

use bulkrail::http::{Environment, HttpOptions};
use bulkrail::secrecy::SecretString;
use bulkrail::{AnyClient, Error, ProviderId};

use crate::args::{ConfigArgs, ConfigCommand};
use crate::error::CliError;
use crate::printer::Printer;
use crate::profile::{self, Profile, Source};
use crate::table::{clean, finished, framed};
use crate::{exit, output};

pub(crate) async fn run(args: ConfigArgs, printer: Printer) -> Result<u8, CliError> {
    let ConfigCommand::Check(args) = args.command;
    check(args.profile.as_deref(), printer).await
}

async fn check(only: Option<&str>, printer: Printer) -> Result<u8, CliError> {
    let mut config = profile::read().await?;
    if let Some(only) = only {
        config.profiles.retain(|profile| profile.name == only);
    }
    if let (Some(only), true) = (only, config.profiles.is_empty()) {
        // Its error names the others.
        return Profile::load(only, None).await.map(|_| exit::SUCCESS);
    }
    let mut table = framed(["profile", "provider", "environment", "credentials"]);
    let mut is_complete = true;
    for profile in &config.profiles {
        if let Source::Command(_) = profile.source {
            printer.note(&format!("running the credential command of {}", profile.name));
        }
        let checked = match &profile.source {
            Source::Own => profile::credentials(&profile.provider).read().map(|_| Vec::new()).map_err(CliError::from),
            _ => profile.secrets().await,
        };
        let address = address(&profile.provider, &profile.environment);
        is_complete &= checked.is_ok() && address.is_ok();
        let state = match (&checked, &profile.source) {
            (Ok(_), Source::Command(_)) => "the command prints them".to_owned(),
            (Ok(_), _) => "set".to_owned(),
            (Err(error), _) => error.error().map_or_else(|| "missing".to_owned(), ToString::to_string),
        };
        let environment = match &profile.environment {
            Environment::Production => "production".to_owned(),
            Environment::Sandbox => "sandbox".to_owned(),
            Environment::Custom(url) => clean(url),
            _ => "-".to_owned(),
        };
        let environment = match address {
            Ok(()) => environment,
            Err(error) => format!("{environment}: {}", clean(&error.to_string())),
        };
        table.add_row([clean(&profile.name), profile.provider.to_string(), environment, clean(&state)]);
    }
    let file = profile::config_path().map(|path| path.display().to_string()).unwrap_or_default();
    let text = match config.profiles.len() {
        0 => format!("{file}: no profiles\n"),
        _ => finished(&table),
    };
    output::last(output::text(&text))?;
    Ok(if is_complete { exit::SUCCESS } else { exit::USAGE })
}

/// Checks that a client can be made for an address, whatever the credentials are.
fn address(provider: &ProviderId, environment: &Environment) -> Result<(), Error> {
    let any = |_: &str| Some(SecretString::from("any".to_owned()));
    let options = HttpOptions::default().environment(environment.clone());
    AnyClient::from_variables(provider, any, options).map(|_| ())
}
