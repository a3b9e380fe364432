use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::auth::secret_value;
use crate::time::Clock;
use crate::{Error, ErrorKind};

/// Renewed this long before it ends, so that a request does not arrive with a token that died on the way. A fifth of a short life.
const AHEAD: Duration = Duration::from_secs(60);

/// A refused login is not tried again for this long: a hundred waits with one wrong password are one login a minute, and no locked account.
const REFUSED: Duration = Duration::from_secs(60);

pub(crate) type GrantFuture<'a> = Pin<Box<dyn Future<Output = Result<Grant, Error>> + Send + 'a>>;

/// Where tokens come from: a provider's login and refresh calls.
pub(crate) trait TokenSource: Send + Sync {
    fn login(&self) -> GrantFuture<'_>;
    fn refresh<'a>(&'a self, refresh_token: &'a SecretString) -> GrantFuture<'a>;
}

/// What a login or refresh gives.
pub(crate) struct Grant {
    pub(crate) access: SecretString,
    pub(crate) refresh: Option<SecretString>,
    /// How long the access token lives from now.
    pub(crate) lifetime: Duration,
}

/// The token of one client. All its requests share it: who finds it spent renews it while the others wait (single flight).
pub(crate) struct TokenCache {
    source: Option<Box<dyn TokenSource>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    refresh: Option<SecretString>,
    renew_at: Option<Duration>,
    generation: u64,
    /// The last login failed; until then nobody tries another.
    failed: Option<(Duration, Failure)>,
}

/// What is kept of a failed login.
struct Failure {
    kind: ErrorKind,
    http_status: Option<u16>,
}

/// A token, and which one of all that the cache has seen.
#[derive(Clone)]
pub(crate) struct Token {
    value: HeaderValue,
    generation: u64,
}

impl Token {
    pub(crate) fn header(&self) -> HeaderValue {
        self.value.clone()
    }
}

impl TokenCache {
    /// Tokens from `source`, fetched when first needed.
    pub(crate) fn new(source: impl TokenSource + 'static) -> Self {
        Self { source: Some(Box::new(source)), state: Mutex::default() }
    }

    /// One token that somebody else takes care of. It is never renewed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when it cannot stand in a header.
    pub(crate) fn fixed(token: &SecretString) -> Result<Self, Error> {
        let value = bearer(token)?;
        let state = State { token: Some(Token { value, generation: 0 }), ..State::default() };
        Ok(Self { source: None, state: Mutex::new(state) })
    }

    /// A token that is good as far as we know.
    pub(crate) async fn current(&self, clock: &Clock) -> Result<Token, Error> {
        let mut state = self.state.lock().await;
        match (&state.token, state.renew_at) {
            (Some(token), None) => Ok(token.clone()),
            (Some(token), Some(renew_at)) if clock.now() < renew_at => Ok(token.clone()),
            _ => self.renew(clock, &mut state).await,
        }
    }

    /// A newer token than `refused`, which the provider did not take; `None` where nothing newer can be had.
    pub(crate) async fn renewed(&self, clock: &Clock, refused: &Token) -> Result<Option<Token>, Error> {
        if self.source.is_none() {
            return Ok(None);
        }
        let mut state = self.state.lock().await;
        match &state.token {
            // Somebody else was faster.
            Some(token) if token.generation > refused.generation => Ok(Some(token.clone())),
            _ => self.renew(clock, &mut state).await.map(Some),
        }
    }

    /// Refresh, else login. Dropped in the middle it leaves the old state, and whoever waits next tries again.
    async fn renew(&self, clock: &Clock, state: &mut State) -> Result<Token, Error> {
        let Some(source) = &self.source else {
            return Err(Error::new(ErrorKind::Authentication, "there is no token and no way to get one"));
        };
        if let Some((until, failure)) = &state.failed
            && clock.now() < *until
        {
            return Err(failure.again(*until - clock.now()));
        }
        let granted = match &state.refresh {
            Some(refresh_token) => match source.refresh(refresh_token).await {
                // Not "the provider is away", but "this refresh token is dead".
                Err(error) if !error.is_transient() => source.login().await,
                other => other,
            },
            None => source.login().await,
        };
        let grant = granted.inspect_err(|error| state.failed = Failure::of(error, clock.now()))?;
        state.failed = None;
        let token = Token { value: bearer(&grant.access)?, generation: state.generation + 1 };
        let ahead = AHEAD.min(grant.lifetime / 5);
        state.generation = token.generation;
        state.renew_at = Some(clock.now() + grant.lifetime.saturating_sub(ahead));
        state.refresh = grant.refresh;
        state.token = Some(token.clone());
        Ok(token)
    }
}

impl Failure {
    /// What to remember of `error`, and until when: a refusal for a while, and as long as the provider asked to be left alone.
    fn of(error: &Error, now: Duration) -> Option<(Duration, Self)> {
        let refused = (error.kind() == ErrorKind::Authentication).then_some(REFUSED);
        let pause = refused.max(error.retry_after())?;
        Some((now.saturating_add(pause), Self { kind: error.kind(), http_status: error.http_status() }))
    }

    /// The same error for who asks while it lasts.
    fn again(&self, left: Duration) -> Error {
        let error =
            Error::new(self.kind, "logging in failed a moment ago, and is not tried again yet").with_retry_after(left);
        match self.http_status {
            Some(status) => error.with_http_status(status),
            None => error,
        }
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Error> {
    secret_value(&format!("Bearer {}", token.expose_secret().trim()))
}
