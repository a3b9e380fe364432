//! Secrets in headers and in the environment.

use std::env;
use std::fmt;

use http::header::HeaderValue;
use secrecy::SecretString;

use crate::error::{Error, ErrorKind};

/// Returns a header value that is never shown, not even by its own `Debug`.
pub(super) fn secret_value(secret: &str) -> Result<HeaderValue, Error> {
    let unusable =
        || Error::new(ErrorKind::Configuration, "a credential is empty or has characters that a header cannot have");
    if secret.trim().is_empty() {
        return Err(unusable());
    }
    let mut value = HeaderValue::from_str(secret).map_err(|_| unusable())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns the secret in the environment variable `name`. An empty variable counts as unset.
#[must_use]
pub fn env_secret(name: &str) -> Option<SecretString> {
    env::var(name).ok().filter(|value| !value.is_empty()).map(SecretString::from)
}

/// Sets of environment variables of which one set holds the credentials of a provider.
#[derive(Debug, Clone, Copy)]
pub struct EnvCredentials(pub &'static [&'static [&'static str]]);

impl EnvCredentials {
    /// Returns the secrets of the first set whose variables are all set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], naming the variables, and the missing one where a set is incomplete.
    pub fn read(&self) -> Result<(usize, Vec<SecretString>), Error> {
        self.read_from(env_secret)
    }

    /// Returns the secrets of the first set that `secret` has: it returns the secret of a variable's name.
    ///
    /// # Errors
    ///
    /// As for [`EnvCredentials::read`].
    pub fn read_from(
        &self,
        secret: impl Fn(&str) -> Option<SecretString>,
    ) -> Result<(usize, Vec<SecretString>), Error> {
        let mut missing = None;
        for (index, names) in self.0.iter().enumerate() {
            // Each once: a store of secrets may be slow, and change in between.
            let found: Vec<_> = names.iter().map(|name| secret(name)).collect();
            let absent = names.iter().zip(&found).find_map(|(name, secret)| secret.is_none().then_some(name));
            let is_begun = found.iter().any(Option::is_some);
            match (found.into_iter().collect(), absent) {
                (Some(secrets), _) => return Ok((index, secrets)),
                (None, absent) if is_begun => missing = missing.or(absent),
                _ => {}
            }
        }
        Err(Error::new(
            ErrorKind::Configuration,
            match missing {
                Some(name) => format!("there are no credentials: {name} is missing (set {self})"),
                None => format!("there are no credentials: set {self}"),
            },
        ))
    }
}

impl fmt::Display for EnvCredentials {
    /// Writes the names of the variables: `A and B, or C`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets: Vec<_> = self.0.iter().map(|names| names.join(" and ")).collect();
        f.write_str(&sets.join(", or "))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn credentials_are_read_from_the_environment_of_the_process() {
        const MISSING: &str = "BULKRAIL_TEST_VARIABLE_THAT_IS_NOT_SET";
        let path = env::var("PATH").unwrap();
        let (index, secrets) = EnvCredentials(&[&[MISSING], &["PATH"]]).read().unwrap();
        assert_eq!((index, secrets.len(), secrets[0].expose_secret()), (1, 1, &*path));
        let error = EnvCredentials(&[&["PATH", MISSING]]).read().unwrap_err().to_string();
        assert_eq!(error, format!("there are no credentials: {MISSING} is missing (set PATH and {MISSING})"));
        let error = EnvCredentials(&[&[MISSING]]).read().unwrap_err().to_string();
        assert_eq!(error, format!("there are no credentials: set {MISSING}"));
    }
}
