use std::fmt;
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::secrets::secret_value;
use super::tokens::TokenCache;
use crate::error::Error;

/// Credentials as the requests of a client carry them.
#[derive(Clone)]
pub struct Auth(pub(super) Scheme);

#[derive(Clone)]
pub(super) enum Scheme {
    /// No credentials (login calls).
    None,
    /// A key in a header of its own.
    Header(HeaderName, HeaderValue),
    /// A bearer token, refreshed as needed.
    Bearer(Arc<TokenCache>),
}

impl Auth {
    /// Returns no credentials, for login calls.
    #[must_use]
    pub fn none() -> Self {
        Self(Scheme::None)
    }

    /// Returns a key in the header `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when the key is empty or cannot be a header value.
    ///
    /// # Panics
    ///
    /// Panics when `name` is not a lower-case header name.
    pub fn header(name: &'static str, key: &SecretString) -> Result<Self, Error> {
        Ok(Self(Scheme::Header(HeaderName::from_static(name), secret_value(key.expose_secret())?)))
    }

    /// Returns a bearer token from `tokens`, which refreshes it as needed.
    #[must_use]
    pub fn bearer(tokens: TokenCache) -> Self {
        Self(Scheme::Bearer(Arc::new(tokens)))
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth { .. }")
    }
}
