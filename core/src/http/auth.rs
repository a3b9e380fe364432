use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::secrets::secret_value;
use super::tokens::TokenCache;
use crate::error::{Error, ErrorKind};

/// Credentials as the requests of a client carry them.
#[derive(Clone)]
pub struct Auth {
    pub(super) scheme: Scheme,
    /// What a response may repeat, and is then removed.
    pub(super) secret: Option<SecretString>,
}

#[derive(Clone)]
pub(super) enum Scheme {
    /// No credentials (login calls).
    None,
    /// A fixed value of one header: a key, or user and password.
    Header(HeaderName, HeaderValue),
    /// A bearer token, refreshed as needed.
    Bearer(Arc<TokenCache>),
}

impl Auth {
    /// Returns no credentials, for login calls.
    #[must_use]
    pub fn none() -> Self {
        Self { scheme: Scheme::None, secret: None }
    }

    /// Returns a key in the header `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the key is empty or cannot be a header value.
    ///
    /// # Panics
    ///
    /// Panics when `name` is not a lower-case header name.
    pub fn header(name: &'static str, key: &SecretString) -> Result<Self, Error> {
        let scheme = Scheme::Header(HeaderName::from_static(name), secret_value(key.expose_secret())?);
        Ok(Self { scheme, secret: Some(key.clone()) })
    }

    /// Returns user and password of HTTP Basic ([RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)). A provider whose
    /// API key is the user takes an empty password.
    ///
    /// ```
    /// use bulkrail_core::http::Auth;
    ///
    /// let auth = Auth::basic("organisation-7", &"my-key".into())?;
    /// assert_eq!(format!("{auth:?}"), "Auth { .. }");
    /// # Ok::<(), bulkrail_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when user and password are both empty, the user has a colon, or one of them has a
    /// control character.
    pub fn basic(user: &str, password: &SecretString) -> Result<Self, Error> {
        let password = password.expose_secret();
        let is_empty = user.is_empty() && password.is_empty();
        if is_empty || user.contains(':') || user.chars().chain(password.chars()).any(char::is_control) {
            let reason = "user and password are empty, the user has a colon, or one of them has a control character";
            return Err(Error::new(ErrorKind::Configuration, reason));
        }
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        let scheme = Scheme::Header(AUTHORIZATION, secret_value(&format!("Basic {credentials}"))?);
        // Where the password is empty, the user is the key.
        let secret = if password.is_empty() { user } else { password };
        Ok(Self { scheme, secret: Some(secret.into()) })
    }

    /// Returns a bearer token from `tokens`, which refreshes it as needed. [`TokenCache::fixed`] is a token that is not
    /// refreshed, such as an API key; [`ClientCredentials`](super::ClientCredentials) is OAuth 2.0.
    #[must_use]
    pub fn bearer(tokens: TokenCache) -> Self {
        let secret = tokens.fixed_token().cloned();
        Self { scheme: Scheme::Bearer(Arc::new(tokens)), secret }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth { .. }")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_has_the_value_of_the_standard_and_refuses_what_it_cannot_carry() {
        // The example of RFC 7617, section 2.
        let Scheme::Header(name, value) = Auth::basic("Aladdin", &"open sesame".into()).unwrap().scheme else {
            panic!("not a header");
        };
        assert_eq!((name, value.to_str().unwrap()), (AUTHORIZATION, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(value.is_sensitive());
        Auth::basic("key", &"".into()).unwrap();
        for (user, password) in [("", ""), ("a:b", "c"), ("a\n", "b"), ("a", "b\u{7f}")] {
            assert_eq!(Auth::basic(user, &password.into()).unwrap_err().kind(), ErrorKind::Configuration, "{user:?}");
        }
    }

    #[test]
    fn debug_of_a_header_shows_no_credentials() {
        assert_eq!(format!("{:?}", Auth::header("x-api-key", &"CANARY".into()).unwrap()), "Auth { .. }");
    }
}
