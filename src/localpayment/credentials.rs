use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use bulkrail_core::http::{
    Auth, CallKind, EnvCredentials, HttpClient, PreparedRequest, TokenCache, TokenFuture, TokenResponse, TokenSource,
    capture,
};
use bulkrail_core::json::ResponseSchema;
use bulkrail_core::{Error, ErrorKind};
use secrecy::{ExposeSecret, SecretString};

use super::raw::types;
use super::{PROVIDER, raw};

/// 5 min: the lifetime of an access token, from the authentication page. The response does not have it.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Version sent with both token calls, as in the curl samples of the page.
const VERSION: Option<&str> = Some("LPV3");

static TOKENS_SCHEMA: LazyLock<ResponseSchema> = LazyLock::new(|| ResponseSchema::new(raw::SCHEMAS, "Tokens"));

/// Credentials for Localpayment: user name and password, which are exchanged for tokens as needed, or an access token.
pub struct Credentials(Kind);

enum Kind {
    Login { username: SecretString, password: SecretString },
    Token(SecretString),
}

impl Credentials {
    /// Environment variables that hold credentials.
    pub const ENV: EnvCredentials =
        EnvCredentials(&[&["LOCALPAYMENT_USERNAME", "LOCALPAYMENT_PASSWORD"], &["LOCALPAYMENT_ACCESS_TOKEN"]]);

    /// Returns credentials with the user name and password that Localpayment has issued.
    ///
    /// A token is obtained with the first request. It is refreshed before it expires (after 5 min; the refresh token
    /// after 24 h) and after a 401.
    #[must_use]
    pub fn login(username: impl Into<SecretString>, password: impl Into<SecretString>) -> Self {
        Self(Kind::Login { username: username.into(), password: password.into() })
    }

    /// Returns credentials with an access token. It is not refreshed: requests fail once it has expired (after 5 min).
    #[must_use]
    pub fn access_token(token: impl Into<SecretString>) -> Self {
        Self(Kind::Token(token.into()))
    }

    /// Returns `LOCALPAYMENT_USERNAME` and `LOCALPAYMENT_PASSWORD`, else `LOCALPAYMENT_ACCESS_TOKEN`.
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
            Kind::Login { username, password } => {
                http.hide(&password);
                TokenCache::new(Login { raw: raw::Client::with_http(http), http: http.clone(), username, password })
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
    username: SecretString,
    password: SecretString,
}

impl Login {
    async fn tokens(&self, request: PreparedRequest, action: &'static str) -> Result<TokenResponse, Error> {
        let tokens = async {
            let response = self.http.send(request, CallKind::Small).await?;
            let tokens = response.error_for_status().await?.bytes().await?;
            let tokens: types::Tokens = tokens.decode_traced(&TOKENS_SCHEMA)?;
            let missing = || Error::new(ErrorKind::Decode, "the response has no access token");
            let access = tokens.access.ok_or_else(missing)?;
            Ok(TokenResponse::new(access, LIFETIME).with_refresh_token(tokens.refresh))
        };
        let tokens = tokens.await.map_err(|error: Error| error.with_action(action))?;
        self.http.hide_tokens(&tokens);
        Ok(tokens)
    }
}

impl TokenSource for Login {
    fn login(&self) -> TokenFuture<'_> {
        Box::pin(async {
            let body = types::TokenRequest {
                username: Some(self.username.expose_secret().to_owned()),
                password: Some(self.password.expose_secret().to_owned()),
            };
            self.tokens(capture(self.raw.obtain_token(VERSION, &body))?, "logging in").await
        })
    }

    fn refresh<'a>(&'a self, refresh_token: &'a SecretString) -> TokenFuture<'a> {
        Box::pin(async {
            let body = types::RefreshRequest { refresh: Some(refresh_token.expose_secret().to_owned()) };
            self.tokens(capture(self.raw.refresh_token(VERSION, &body))?, "refreshing the access token").await
        })
    }
}
