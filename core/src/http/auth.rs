use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::TokenCache;
use crate::{Error, ErrorKind};

/// How requests of a client prove who sends them.
#[derive(Clone)]
pub(crate) enum Auth {
    /// Not at all (login calls).
    None,
    /// A key in a header of its own.
    Header(HeaderName, HeaderValue),
    /// A bearer token, renewed as needed.
    Bearer(Arc<TokenCache>),
}

impl Auth {
    /// A key in the header `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the key is empty or cannot stand in a header.
    pub(crate) fn header(name: &'static str, key: &SecretString) -> Result<Self, Error> {
        Ok(Self::Header(HeaderName::from_static(name), secret_value(key.expose_secret())?))
    }
}

/// A header value that is never shown, not even by its own `Debug`.
pub(super) fn secret_value(secret: &str) -> Result<HeaderValue, Error> {
    let unusable =
        || Error::new(ErrorKind::Configuration, "a credential is empty or has characters that no header can hold");
    if secret.trim().is_empty() {
        return Err(unusable());
    }
    let mut value = HeaderValue::from_str(secret).map_err(|_| unusable())?;
    value.set_sensitive(true);
    Ok(value)
}
