use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::raw;
use super::raw::types;
use crate::transport::{Auth, Grant, GrantFuture, TokenCache, TokenSource, Transport, env_secret, shape};
use crate::{Error, ErrorKind};

/// The access token lives five minutes (authentication page); the answer does not say so.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Sent with both token calls, as the page's curl samples do.
const VERSION: Option<&str> = Some("LPV3");

/// User name and password, which are exchanged for tokens as needed, or an access token that somebody else takes care of.
pub struct Credentials(Kind);

enum Kind {
    Login { username: SecretString, password: SecretString },
    Token(SecretString),
}

impl Credentials {
    /// User name and password as issued by Localpayment. Tokens are fetched when first needed, refreshed before they end (they live
    /// five minutes; the refresh token a day) and after a 401.
    #[must_use]
    pub fn login(username: impl Into<SecretString>, password: impl Into<SecretString>) -> Self {
        Self(Kind::Login { username: username.into(), password: password.into() })
    }

    /// An access token. It is not refreshed: after five minutes every call is refused.
    #[must_use]
    pub fn access_token(token: impl Into<SecretString>) -> Self {
        Self(Kind::Token(token.into()))
    }

    /// `LOCALPAYMENT_USERNAME` and `LOCALPAYMENT_PASSWORD`, else `LOCALPAYMENT_ACCESS_TOKEN`; `None` where neither is set.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        match (env_secret("LOCALPAYMENT_USERNAME"), env_secret("LOCALPAYMENT_PASSWORD")) {
            (Some(username), Some(password)) => Some(Self::login(username, password)),
            _ => env_secret("LOCALPAYMENT_ACCESS_TOKEN").map(Self::access_token),
        }
    }

    /// `open` is the way out without credentials, for the token calls themselves.
    pub(super) fn into_auth(self, open: &Transport) -> Result<Auth, Error> {
        let cache = match self.0 {
            Kind::Token(token) => TokenCache::fixed(&token)?,
            Kind::Login { username, password } => {
                let transport = open.held();
                TokenCache::new(Login { calls: raw::Client::through(&transport), transport, username, password })
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
    username: SecretString,
    password: SecretString,
}

impl TokenSource for Login {
    fn login(&self) -> GrantFuture<'_> {
        Box::pin(async {
            let body = types::TokenRequest {
                username: Some(self.username.expose_secret().to_owned()),
                password: Some(self.password.expose_secret().to_owned()),
            };
            let answer = self.transport.fetch(self.calls.obtain_token(VERSION, &body)).await;
            let tokens = async { answer?.good().await?.whole().await?.compared(shape!("Tokens")) }.await;
            tokens.and_then(grant).map_err(|error| error.with_action("logging in"))
        })
    }

    fn refresh<'a>(&'a self, refresh_token: &'a SecretString) -> GrantFuture<'a> {
        Box::pin(async {
            let body = types::RefreshRequest { refresh: Some(refresh_token.expose_secret().to_owned()) };
            let answer = self.transport.fetch(self.calls.refresh_token(VERSION, &body)).await;
            let tokens = async { answer?.good().await?.whole().await?.compared(shape!("Tokens")) }.await;
            tokens.and_then(grant).map_err(|error| error.with_action("refreshing the access token"))
        })
    }
}

fn grant(tokens: types::Tokens) -> Result<Grant, Error> {
    let access = tokens.access.ok_or_else(|| Error::new(ErrorKind::Decode, "the answer has no access token"))?;
    Ok(Grant { access: access.into(), refresh: tokens.refresh.map(Into::into), lifetime: LIFETIME })
}
