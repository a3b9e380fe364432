//! The configuration file: parsed by hand, so that a message has line and column and never a value.

use std::fmt;
use std::ops::Range;

use bulkrail::http::Environment;
use bulkrail::{AnyClient, ProviderId};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::credentials;

/// 64 characters of a variable's name, 6 of them digits: more is probably a key.
const MAX_VARIABLE_CHARS: usize = 64;
const MAX_VARIABLE_DIGITS: usize = 6;

/// Content of the file.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) profiles: Vec<ProfileEntry>,
}

/// Profile in the file.
#[derive(Debug)]
pub(crate) struct ProfileEntry {
    pub(crate) name: String,
    pub(crate) provider: ProviderId,
    pub(crate) environment: Environment,
    pub(crate) source: Source,
}

/// Where the credentials of a profile are.
#[derive(Debug)]
pub(crate) enum Source {
    /// In the provider's own environment variables.
    Own,
    /// In other variables: the own one, and the one in its place.
    Variables(Vec<(String, String)>),
    /// In the output of a command.
    Command(Vec<String>),
}

/// Line and column, from 1, and what is wrong there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    line: usize,
    column: usize,
    reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.reason)
    }
}

struct Parser<'t> {
    text: &'t str,
}

impl Config {
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let parser = Parser { text };
        let document = DeTable::parse(text).map_err(|error| {
            let place = error.span().unwrap_or_default();
            // The text of the error repeats the line.
            parser.error(place, "this is not TOML (a text is in quotation marks; a key is there once)")
        })?;
        let mut profiles = Vec::new();
        for (key, value) in document.get_ref() {
            if key.get_ref() != "profiles" {
                return Err(parser.error(key.span(), "unknown key; the file has tables [profiles.NAME]"));
            }
            for (name, table) in parser.table(value, "a table for each profile")? {
                let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
                if name.get_ref().is_empty() || !name.get_ref().chars().all(is_name) {
                    return Err(parser.error(name.span(), "the name of a profile has letters, digits, - _ and ."));
                }
                profiles.push(parser.profile(name, table)?);
            }
        }
        Ok(Self { profiles })
    }
}

impl<'t> Parser<'t> {
    fn error(&self, place: Range<usize>, reason: impl Into<String>) -> ConfigError {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        ConfigError { line, column, reason: reason.into() }
    }

    fn table<'v>(&self, value: &'v Spanned<DeValue<'t>>, expected: &str) -> Result<&'v DeTable<'t>, ConfigError> {
        value.get_ref().as_table().ok_or_else(|| self.error(value.span(), format!("expected {expected}")))
    }

    fn text<'v>(&self, value: &'v Spanned<DeValue<'t>>, expected: &str) -> Result<&'v str, ConfigError> {
        value.get_ref().as_str().ok_or_else(|| self.error(value.span(), format!("expected {expected}, a text")))
    }

    fn profile(
        &self,
        name: &Spanned<std::borrow::Cow<'t, str>>,
        table: &Spanned<DeValue<'t>>,
    ) -> Result<ProfileEntry, ConfigError> {
        let (mut provider, mut environment, mut source) = (None, None, None);
        let fields = self.table(table, "a table")?;
        // The other fields depend on it.
        for (_, value) in fields.iter().filter(|(key, _)| key.get_ref() == "provider") {
            let found = self.text(value, "the name of a provider")?;
            let known = AnyClient::PROVIDERS.iter().find(|known| **known == found);
            let reason = || self.error(value.span(), format!("expected one of {}", AnyClient::PROVIDERS.join(", ")));
            provider = Some(known.and_then(|known| known.parse::<ProviderId>().ok()).ok_or_else(reason)?);
        }
        let missing = |what: &str| self.error(name.span(), format!("{what} is missing in this profile"));
        let provider = provider.ok_or_else(|| missing("provider"))?;
        for (key, value) in fields {
            match key.get_ref().as_ref() {
                "provider" => {}
                "environment" | "base_url" if environment.is_some() => {
                    return Err(self.error(key.span(), "a profile has an environment or a base_url, not both"));
                }
                "environment" => {
                    environment = Some(match self.text(value, "production or sandbox")? {
                        "production" => Environment::Production,
                        "sandbox" => Environment::Sandbox,
                        _ => return Err(self.error(value.span(), "expected production or sandbox")),
                    });
                }
                "base_url" => {
                    let url = self.text(value, "a URL")?;
                    if url.contains(['@', '?', '#']) {
                        let reason = "a base_url has no user, password, query or fragment: never a secret in this file";
                        return Err(self.error(value.span(), reason));
                    }
                    environment = Some(Environment::Custom(url.to_owned()));
                }
                "credentials" | "credential_command" if source.is_some() => {
                    return Err(self.error(key.span(), "a profile has credentials or a credential_command, not both"));
                }
                "credentials" => source = Some(Source::Variables(self.variables(&provider, value)?)),
                "credential_command" => source = Some(Source::Command(self.command(value)?)),
                _ => {
                    let reason = "unknown key; known are provider, environment, base_url, credentials and \
                                  credential_command (never a secret in this file)";
                    return Err(self.error(key.span(), reason));
                }
            }
        }
        Ok(ProfileEntry {
            name: name.get_ref().to_string(),
            provider,
            environment: environment.ok_or_else(|| missing("environment or base_url"))?,
            source: source.unwrap_or(Source::Own),
        })
    }

    /// Returns the names of the variables that hold the credentials.
    fn variables(
        &self,
        provider: &ProviderId,
        value: &Spanned<DeValue<'t>>,
    ) -> Result<Vec<(String, String)>, ConfigError> {
        let sets = credentials(provider);
        let mut variables = Vec::new();
        for (key, holder) in self.table(value, "a table of names of variables")? {
            if !sets.0.concat().contains(&key.get_ref().as_ref()) {
                return Err(self.error(key.span(), format!("unknown key; {provider} has {sets}")));
            }
            let name = self.text(holder, "the name of an environment variable")?;
            if !is_variable(name) {
                let reason = "expected the name of an environment variable (capitals, digits and _): never a secret in \
                              this file";
                return Err(self.error(holder.span(), reason));
            }
            variables.push((key.get_ref().to_string(), name.to_owned()));
        }
        let has = |set: &&[&str]| set.iter().all(|name| variables.iter().any(|(known, _)| known == name));
        if !sets.0.iter().any(has) {
            return Err(self.error(value.span(), format!("the credentials are not complete: {provider} needs {sets}")));
        }
        Ok(variables)
    }

    fn command(&self, value: &Spanned<DeValue<'t>>) -> Result<Vec<String>, ConfigError> {
        let expected = "an array of texts: the program and its arguments";
        let array = value.get_ref().as_array().filter(|words| !words.is_empty());
        let array = array.ok_or_else(|| self.error(value.span(), format!("expected {expected}")))?;
        array.iter().map(|word| self.text(word, expected).map(str::to_owned)).collect()
    }
}

fn is_variable(name: &str) -> bool {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && name.len() <= MAX_VARIABLE_CHARS
        && digits <= MAX_VARIABLE_DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn config_has_profiles_of_each_source() {
        let config = Config::parse(
            r#"
            [profiles.killb-ops]
            provider = "killb"
            environment = "production"
            credentials = { KILLB_EMAIL = "OPS_EMAIL", KILLB_PASSWORD = "OPS_PASSWORD" }

            [profiles.reap]
            base_url = "https://reap.example"
            credential_command = ["pass-json", "reap/ops"]
            provider = "reap"

            [profiles.cdq]
            provider = "cdq"
            environment = "sandbox"
            "#,
        );
        let config = config.unwrap();
        let of = |name: &str| config.profiles.iter().find(|profile| profile.name == name).unwrap();
        assert!(matches!(&of("killb-ops").source, Source::Variables(variables) if variables.len() == 2));
        assert!(matches!(&of("reap").source, Source::Command(words) if *words == ["pass-json", "reap/ops"]));
        assert!(matches!(of("cdq").source, Source::Own));
        assert!(matches!(&of("reap").environment, Environment::Custom(url) if url == "https://reap.example"));
    }

    #[test]
    fn config_is_refused_with_line_and_column_and_without_its_values() {
        let profile =
            |fields: &str| format!("[profiles.a]\nprovider = \"killb\"\nenvironment = \"sandbox\"\n{fields}\n");
        for (text, expected) in [
            (profile("password = \"hunter2\""), "4:1: unknown key; known are provider"),
            (
                profile("credentials = { KILLB_PASSWORD = \"hunter2\" }"),
                "4:34: expected the name of an environment variable",
            ),
            (profile("credentials = { REAP_API_KEY = \"A\" }"), "4:17: unknown key; killb has KILLB_EMAIL"),
            (profile("credentials = { KILLB_EMAIL = \"A\" }"), "4:15: the credentials are not complete"),
            (profile("credentials = { KILLB_ACCESS_TOKEN = \"AKIA0123456789HUNTER\" }"), "4:38: expected the name"),
            (profile("credentials = \"hunter2\""), "4:15: expected a table"),
            (profile("credential_command = \"echo hunter2\""), "4:22: expected an array"),
            (profile("credential_command = []"), "4:22: expected an array"),
            (profile("base_url = \"https://u:hunter2@x\""), "4:12: a base_url has no user"),
            (profile("base_url = \"https://x\""), "a profile has an environment or a base_url"),
            (profile("x = hunter2"), "4:5: this is not TOML"),
            (
                "[profiles.a]\nprovider = \"reap\"\nbase_url = \"https://u:hunter2@x\"".into(),
                "3:12: a base_url has no user",
            ),
            ("[profiles.a]\nprovider = \"reap\"".into(), "1:11: environment or base_url is missing"),
            ("[profiles.a]\nenvironment = \"sandbox\"".into(), "1:11: provider is missing"),
            ("[profiles.a]\nprovider = \"hunter2\"".into(), "2:12: expected one of killb"),
            ("token = \"hunter2\"".into(), "1:1: unknown key; the file has tables"),
            ("[profiles.\"a b\"]\n".into(), "1:11: the name of a profile"),
        ] {
            let found = refused(&text);
            assert!(found.contains(expected), "{text}: {found}");
            assert!(!found.contains("hunter2") && !found.contains("HUNTER"), "{found}");
        }
    }
}
