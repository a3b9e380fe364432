use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::raw;
use super::raw::types;
use crate::transport::{Auth, Grant, GrantFuture, TokenCache, TokenSource, Transport, env_secret, shape, text_at};
use crate::{Error, ErrorKind};

/// E-mail and password, which are exchanged for tokens as needed, or an access token that somebody else takes care of.
pub struct Credentials(Kind);

enum Kind {
    Login { email: SecretString, password: SecretString },
    Token(SecretString),
}

impl Credentials {
    /// E-mail and password (KillB's portal). Tokens are fetched when first needed, refreshed before they end (they live an hour) and
    /// after a 401.
    #[must_use]
    pub fn login(email: impl Into<SecretString>, password: impl Into<SecretString>) -> Self {
        Self(Kind::Login { email: email.into(), password: password.into() })
    }

    /// An access token. It is not refreshed: once it has died, every call is refused.
    #[must_use]
    pub fn access_token(token: impl Into<SecretString>) -> Self {
        Self(Kind::Token(token.into()))
    }

    /// `KILLB_EMAIL` and `KILLB_PASSWORD`, else `KILLB_ACCESS_TOKEN`; `None` where neither is set.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        match (env_secret("KILLB_EMAIL"), env_secret("KILLB_PASSWORD")) {
            (Some(email), Some(password)) => Some(Self::login(email, password)),
            _ => env_secret("KILLB_ACCESS_TOKEN").map(Self::access_token),
        }
    }

    /// `open` is the way out without credentials, for the login calls themselves.
    pub(super) fn into_auth(self, open: &Transport) -> Result<Auth, Error> {
        let cache = match self.0 {
            Kind::Token(token) => TokenCache::fixed(&token)?,
            Kind::Login { email, password } => {
                let transport = open.held();
                TokenCache::new(Login { calls: raw::Client::through(&transport), transport, email, password })
            }
        };
        Ok(Auth::Bearer(cache.into()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials { .. }")
    }
}

struct Login {
    transport: Transport,
    calls: raw::Client,
    email: SecretString,
    password: SecretString,
}

impl TokenSource for Login {
    fn login(&self) -> GrantFuture<'_> {
        Box::pin(async {
            let body = types::LoginRequest {
                email: self.email.expose_secret().to_owned(),
                password: self.password.expose_secret().to_owned(),
            };
            let answer = self.transport.fetch(self.calls.login(&body)).await;
            let tokens = async { answer?.good().await?.whole().await?.compared(shape!("Tokens")) }.await;
            tokens.and_then(|tokens| grant(&tokens)).map_err(|error: Error| error.with_action("logging in"))
        })
    }

    fn refresh<'a>(&'a self, refresh_token: &'a SecretString) -> GrantFuture<'a> {
        Box::pin(async {
            let body = types::RefreshRequest { refresh_token: Some(refresh_token.expose_secret().to_owned()) };
            let answer = self.transport.fetch(self.calls.refresh_token(&body)).await;
            let tokens = async { answer?.good().await?.whole().await?.compared(shape!("Tokens")) }.await;
            tokens
                .and_then(|tokens| grant(&tokens))
                .map_err(|error: Error| error.with_action("refreshing the access token"))
        })
    }
}

/// `expiresIn` is a duration in milliseconds, unlike in OAuth. What is no sane duration is taken for the documented hour.
fn grant(tokens: &Value) -> Result<Grant, Error> {
    const DOCUMENTED: Duration = Duration::from_secs(60 * 60);
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let access = text_at(tokens, "/accessToken");
    let stated = text_at(tokens, "/expiresIn").and_then(|millis| millis.parse().ok()).map(Duration::from_millis);
    Ok(Grant {
        access: access.ok_or_else(|| Error::new(ErrorKind::Decode, "the answer has no access token"))?.into(),
        refresh: text_at(tokens, "/refreshToken").map(Into::into),
        lifetime: stated.filter(|stated| !stated.is_zero() && *stated <= LONGEST).unwrap_or(DOCUMENTED),
    })
}
