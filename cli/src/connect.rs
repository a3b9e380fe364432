//! Connects the command line, the profile and the environment to a client.

use bulkrail::http::{Environment, HttpOptions, env_secret};
use bulkrail::{AnyClient, Batch, Error, ErrorKind, ProviderId};

use crate::args::Connection;
use crate::error::CliError;
use crate::place::Place;
use crate::profile::{Profile, credentials};
use crate::state::StateDir;
use crate::submissions::Submissions;
use crate::values::quoted;

/// Returns a client of `provider`. Nothing is sent yet.
///
/// The address is that of the options, else of the profile, else of the provider's variable, else
/// its sandbox. The credentials are those of the profile, else of the provider's variables.
pub(crate) fn connect(provider: &ProviderId, connection: &Connection) -> Result<AnyClient, CliError> {
    let mut variable = None;
    let profile = connection.profile.as_ref();
    if let Some(profile) = profile {
        profile.check(provider)?;
    }
    let environment = if let Some(url) = &connection.base_url {
        Environment::Custom(url.clone())
    } else if connection.production {
        Environment::Production
    } else if let Some(profile) = profile {
        profile.environment.clone()
    } else if let Some(environment) = AnyClient::environment_from_env(provider) {
        variable = Some(AnyClient::base_url_variable(provider));
        environment
    } else {
        Environment::Sandbox
    };
    let mut options = HttpOptions::default().environment(environment);
    if connection.insecure_http {
        options = options.allow_insecure_http();
    }
    if connection.any_environment {
        options = options.any_environment();
    }
    build(provider, profile, options).map_err(|error| with_source(error, provider, profile, variable.as_deref()).into())
}

/// Returns a client for `batch`. Nothing is sent yet.
///
/// The client refuses a batch of another environment. This error names the option to use, too.
pub(crate) async fn connect_for(batch: &Batch, connection: &Connection) -> Result<AnyClient, CliError> {
    let client = connect(batch.provider(), connection)?;
    let Err(error) = client.check_batch(batch) else { return Ok(client) };
    // The environment is that of the profile where no option says another.
    let is_of_profile = connection.profile.is_some() && connection.base_url.is_none() && !connection.production;
    let option = match batch.environment().unwrap_or_default() {
        _ if is_of_profile => "choose another --profile".to_owned(),
        "production" => "add --production".to_owned(),
        "sandbox" if AnyClient::environment_from_env(batch.provider()).is_some() => {
            format!(
                "leave out --production and --base-url, and unset {}",
                AnyClient::base_url_variable(batch.provider())
            )
        }
        "sandbox" => "leave out --production and --base-url".to_owned(),
        origin => format!("use --base-url {}", quoted(&base_url(batch).await.unwrap_or_else(|| origin.to_owned()))),
    };
    let hint = format!("{option}; or ask here all the same, with --any-environment");
    Err(CliError::from(error.with_batch(batch.clone())).with_hint(hint))
}

/// Returns the base URL that `batch` was submitted to, as it was given, if that is known here.
async fn base_url(batch: &Batch) -> Option<String> {
    let log = Submissions::new(&StateDir::from_env()).read_of([batch]).await.log;
    Place::of(&log.entries()[log.position(batch)?]).base_url
}

/// Returns a client of `provider` in `environment`, whatever the variables of the shell say, with
/// the credentials of `profile` or of the shell. Nothing is sent yet.
pub(crate) fn connect_in(
    provider: &ProviderId,
    environment: Environment,
    insecure_http: bool,
    profile: Option<&Profile>,
) -> Result<AnyClient, Error> {
    if let Some(profile) = profile {
        profile.check(provider)?;
    }
    let options = HttpOptions::default().environment(environment);
    let options = if insecure_http { options.allow_insecure_http() } else { options };
    build(provider, profile, options).map_err(|error| with_source(error, provider, profile, None))
}

fn build(provider: &ProviderId, profile: Option<&Profile>, options: HttpOptions) -> Result<AnyClient, Error> {
    let secret = |name: &str| profile.map_or_else(|| env_secret(name), |profile| profile.secret(name));
    AnyClient::from_variables(provider, secret, options)
}

/// Adds where the value that the client refuses comes from.
fn with_source(error: Error, provider: &ProviderId, profile: Option<&Profile>, url_variable: Option<&str>) -> Error {
    let variables = credentials(provider);
    let secret = |name: &str| profile.map_or_else(|| env_secret(name), |profile| profile.secret(name));
    if error.kind() != ErrorKind::Configuration || error.hint().is_some() || variables.read_from(secret).is_err() {
        // The error names the variables itself.
        return error;
    }
    if build(provider, profile, HttpOptions::default()).is_err() {
        return error.with_hint(match profile {
            Some(profile) => format!("the credentials are those of the profile {}", profile.name),
            None => format!("the credentials are in {variables}"),
        });
    }
    match (url_variable, profile) {
        (Some(variable), _) => error.with_hint(format!("the base URL is in {variable}")),
        (None, Some(profile)) => error.with_hint(format!("the profile is {}", profile.name)),
        (None, None) => error,
    }
}
