use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use bulkrail_core::http::{
    Auth, CallKind, EnvCredentials, HttpClient, PreparedRequest, TokenCache, TokenFuture, TokenResponse, TokenSource,
    capture, text_at,
};
use bulkrail_core::json::ResponseSchema;
use bulkrail_core::{Error, ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::raw::types;
use super::{PROVIDER, raw};

/// 1 h: the documented lifetime of an access token, used when that in the response is missing or not plausible.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// 24 h: the longest plausible lifetime in a response.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

static TOKENS_SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Tokens"));

/// Credentials for KillB: e-mail and password, which are exchanged for tokens as needed, or an access token.
pub struct Credentials(Kind);

enum Kind {
    Login { email: SecretString, password: SecretString },
    Token(SecretString),
}

impl Credentials {
    /// Environment variables that hold credentials.
    pub const ENV: EnvCredentials = EnvCredentials(&[&["KILLB_EMAIL", "KILLB_PASSWORD"], &["KILLB_ACCESS_TOKEN"]]);

    /// Returns credentials with e-mail and password of KillB's portal.
    ///
    /// A token is obtained with the first request. It is refreshed before it expires (after 1 h) and after a 401.
    #[must_use]
    pub fn login(email: impl Into<SecretString>, password: impl Into<SecretString>) -> Self {
        Self(Kind::Login { email: email.into(), password: password.into() })
    }

    /// Returns credentials with an access token. It is not refreshed: requests fail once it has expired.
    #[must_use]
    pub fn access_token(token: impl Into<SecretString>) -> Self {
        Self(Kind::Token(token.into()))
    }

    /// Returns `KILLB_EMAIL` and `KILLB_PASSWORD`, else `KILLB_ACCESS_TOKEN`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], naming the variables, when neither is set.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(bulkrail_core::http::env_secret)
    }

    /// Returns credentials of a store of your own: `secret` returns the secret of a variable's name, as
    /// [`from_env`](Self::from_env) reads it.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env).
    pub fn from_variables(secret: impl Fn(&str) -> Option<SecretString>) -> Result<Self, Error> {
        let (set, secrets) = Self::ENV.read_from(secret).map_err(|error| error.with_provider(PROVIDER))?;
        let mut secrets = secrets.into_iter();
        let mut next = || secrets.next().unwrap_or_default();
        Ok(if set == 0 { Self::login(next(), next()) } else { Self::access_token(next()) })
    }

    /// `http` sends the token requests, without credentials.
    pub(super) fn into_auth(self, http: &HttpClient) -> Result<Auth, Error> {
        Ok(Auth::bearer(match self.0 {
            Kind::Token(token) => TokenCache::fixed(&token)?,
            Kind::Login { email, password } => {
                http.hide(&password);
                TokenCache::new(Login { raw: raw::Client::with_http(http), http: http.clone(), email, password })
            }
        }))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials { .. }")
    }
}

struct Login {
    http: HttpClient,
    raw: raw::Client,
    email: SecretString,
    password: SecretString,
}

impl Login {
    async fn tokens(&self, request: PreparedRequest, action: &'static str) -> Result<TokenResponse, Error> {
        let tokens = async {
            let response = self.http.send(request, CallKind::Small).await?;
            parse_tokens(&response.error_for_status().await?.bytes().await?.decode_traced(&TOKENS_SCHEMA)?)
        };
        let tokens = tokens.await.map_err(|error: Error| error.with_action(action))?;
        self.http.hide_tokens(&tokens);
        Ok(tokens)
    }
}

impl TokenSource for Login {
    fn login(&self) -> TokenFuture<'_> {
        Box::pin(async {
            let body = types::LoginRequest {
                email: self.email.expose_secret().to_owned(),
                password: self.password.expose_secret().to_owned(),
            };
            self.tokens(capture(self.raw.login(&body))?, "logging in").await
        })
    }

    fn refresh<'a>(&'a self, refresh_token: &'a SecretString) -> TokenFuture<'a> {
        Box::pin(async {
            let body = types::RefreshRequest { refresh_token: Some(refresh_token.expose_secret().to_owned()) };
            self.tokens(capture(self.raw.refresh_token(&body))?, "refreshing the access token").await
        })
    }
}

/// Parses a token response, whose `expiresIn` is in milliseconds (in OAuth it is in seconds).
fn parse_tokens(tokens: &Value) -> Result<TokenResponse, Error> {
    let access = text_at(tokens, "/accessToken");
    let access = access.ok_or_else(|| Error::new(ErrorKind::Decode, "the response has no access token"))?;
    let stated = text_at(tokens, "/expiresIn").and_then(|millis| millis.parse().ok()).map(Duration::from_millis);
    let lifetime = stated.filter(|stated| !stated.is_zero() && *stated <= MAX_LIFETIME).unwrap_or(LIFETIME);
    Ok(TokenResponse::new(access, lifetime).with_refresh_token(text_at(tokens, "/refreshToken")))
}
