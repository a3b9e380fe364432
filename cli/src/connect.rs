//! From a provider's name to a client of it, with credentials from the environment.

use std::env;

use bulkrail::time::Clock;
use bulkrail::http::Room;
use bulkrail::{
    PollingDefaults, Batch, ClientBuilder, Environment, Error, ErrorKind, Provider, ProviderId, Snapshot, cdq, killb,
    localpayment, reap,
};

use crate::args::Connection;
use crate::failure::Failure;

/// A client of any of the providers.
pub(crate) enum AnyClient {
    Killb(killb::Client),
    Reap(reap::Client),
    Cdq(cdq::Client),
    Localpayment(localpayment::Client),
}

/// Ways to prove who you are: each is a set of variables that belong together.
type Ways = &'static [&'static [&'static str]];

/// A client of `provider`. Nothing is sent yet.
pub(crate) fn connect(provider: &ProviderId, options: &Connection) -> Result<AnyClient, Failure> {
    let client = match provider.as_str() {
        "killb" => AnyClient::Killb(set_up(
            provider,
            options,
            killb::Client::builder(),
            killb::Credentials::from_env(),
            &[&["KILLB_EMAIL", "KILLB_PASSWORD"], &["KILLB_ACCESS_TOKEN"]],
        )?),
        "reap" => AnyClient::Reap(set_up(
            provider,
            options,
            reap::Client::builder(),
            reap::Credentials::from_env(),
            &[&["REAP_API_KEY"]],
        )?),
        "cdq" => AnyClient::Cdq(set_up(
            provider,
            options,
            cdq::Client::builder(),
            cdq::Credentials::from_env(),
            &[&["CDQ_API_KEY"]],
        )?),
        "localpayment" => AnyClient::Localpayment(set_up(
            provider,
            options,
            localpayment::Client::builder(),
            localpayment::Credentials::from_env(),
            &[&["LOCALPAYMENT_USERNAME", "LOCALPAYMENT_PASSWORD"], &["LOCALPAYMENT_ACCESS_TOKEN"]],
        )?),
        _ => {
            let unknown = format!("the provider {provider} is unknown; known are killb, reap, cdq and localpayment");
            return Err(Failure::usage(unknown));
        }
    };
    Ok(client)
}

fn set_up<C: Room>(
    provider: &ProviderId,
    options: &Connection,
    builder: ClientBuilder<C>,
    credentials: Option<C::Credentials>,
    ways: Ways,
) -> Result<C, Failure> {
    let Some(credentials) = credentials else {
        let missing = Error::new(ErrorKind::Configuration, missing(ways));
        return Err(missing.with_provider(provider.clone()).into());
    };
    let mut builder = builder.credentials(credentials);
    if options.insecure_http {
        builder = builder.allow_insecure_http();
    }
    let variable = format!("{}_BASE_URL", provider.as_str().to_ascii_uppercase());
    let url = env::var_os(&variable).filter(|url| !url.is_empty());
    let mut place = "";
    if let Some(url) = &options.base_url {
        builder = builder.base_url(url);
    } else if options.production {
        builder = builder.environment(Environment::Production);
    } else if let Some(url) = url {
        // What is no Unicode is no URL either; the builder says so.
        builder = builder.base_url(url.to_string_lossy());
        place = &variable;
    }
    builder
        .build()
        .map_err(|error| Failure::from(error).said(|message| format!("{message}{}", source(message, place, ways))))
}

/// Where to correct what the builder refuses: only we know where it is from.
fn source(message: &str, url: &str, ways: Ways) -> String {
    if message.contains("a credential is") {
        return format!(" (credentials are in {})", all(ways));
    }
    if url.is_empty() { String::new() } else { format!(" (the base URL is {url})") }
}

/// The variables of each way.
fn all(ways: Ways) -> String {
    ways.iter().map(|names| names.join(" and ")).collect::<Vec<_>>().join(", or ")
}

/// Names the variables to set, and which of them is missing where it is only one of two.
fn missing(ways: Ways) -> String {
    let is_set = |name: &&&str| env::var(name).is_ok_and(|value| !value.is_empty());
    let all = all(ways);
    let half = ways.iter().find(|names| names.iter().any(|name| is_set(&name)));
    let missing = half.and_then(|names| names.iter().find(|name| !is_set(name)));
    match missing {
        Some(name) => format!("there are no credentials: {name} is missing (set {all})"),
        None => format!("there are no credentials: set {all}"),
    }
}

impl Provider for AnyClient {
    fn id(&self) -> ProviderId {
        match self {
            Self::Killb(client) => client.id(),
            Self::Reap(client) => client.id(),
            Self::Cdq(client) => client.id(),
            Self::Localpayment(client) => client.id(),
        }
    }

    async fn poll(&self, batch: &Batch) -> Result<Snapshot, Error> {
        match self {
            Self::Killb(client) => client.poll(batch).await,
            Self::Reap(client) => client.poll(batch).await,
            Self::Cdq(client) => client.poll(batch).await,
            Self::Localpayment(client) => client.poll(batch).await,
        }
    }

    fn polling_defaults(&self) -> PollingDefaults {
        match self {
            Self::Killb(client) => client.polling_defaults(),
            Self::Reap(client) => client.polling_defaults(),
            Self::Cdq(client) => client.polling_defaults(),
            Self::Localpayment(client) => client.polling_defaults(),
        }
    }

    fn clock(&self) -> Clock {
        match self {
            Self::Killb(client) => client.clock(),
            Self::Reap(client) => client.clock(),
            Self::Cdq(client) => client.clock(),
            Self::Localpayment(client) => client.clock(),
        }
    }
}
