//! Connects the command line and the environment to a client.

use bulkrail::http::{EnvCredentials, Environment, HttpOptions};
use bulkrail::{AnyClient, Error, ErrorKind, ProviderId, cdq, killb, localpayment, reap};

use crate::args::Connection;
use crate::error::CliError;

/// Returns a client of `provider`. Nothing is sent yet.
pub(crate) fn connect(provider: &ProviderId, connection: &Connection) -> Result<AnyClient, CliError> {
    let mut variable = None;
    let environment = if let Some(url) = &connection.base_url {
        Environment::Custom(url.clone())
    } else if connection.production {
        Environment::Production
    } else if let Some(environment) = AnyClient::environment_from_env(provider) {
        variable = Some(format!("{}_BASE_URL", provider.as_str().to_ascii_uppercase()));
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
    AnyClient::from_env(provider, options).map_err(|error| with_source(error, provider, variable.as_deref()).into())
}

/// Returns a client of `provider` in `environment`, whatever the variables of the shell say.
/// Nothing is sent yet.
pub(crate) fn connect_in(
    provider: &ProviderId,
    environment: Environment,
    insecure_http: bool,
) -> Result<AnyClient, Error> {
    let options = HttpOptions::default().environment(environment);
    let options = if insecure_http { options.allow_insecure_http() } else { options };
    AnyClient::from_env(provider, options).map_err(|error| with_source(error, provider, None))
}

/// Adds where the value that the client refuses comes from.
fn with_source(error: Error, provider: &ProviderId, url_variable: Option<&str>) -> Error {
    let Some(variables) = credentials(provider) else { return error };
    if error.kind() != ErrorKind::Configuration || error.hint().is_some() || variables.read().is_err() {
        // The error names the variables itself.
        return error;
    }
    if AnyClient::from_env(provider, HttpOptions::default()).is_err() {
        return error.with_hint(format!("the credentials are in {variables}"));
    }
    match url_variable {
        Some(variable) => error.with_hint(format!("the base URL is in {variable}")),
        None => error,
    }
}

fn credentials(provider: &ProviderId) -> Option<EnvCredentials> {
    Some(match provider.as_str() {
        "killb" => killb::Credentials::ENV,
        "reap" => reap::Credentials::ENV,
        "cdq" => cdq::Credentials::ENV,
        "localpayment" => localpayment::Credentials::ENV,
        _ => return None,
    })
}
