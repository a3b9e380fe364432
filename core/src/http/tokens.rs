use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::secrets::secret_value;
use crate::error::{Error, ErrorKind};
use crate::time::Clock;

/// 60 s before a token expires it is refreshed, so that it does not expire on the way; a fifth of a shorter lifetime.
const REFRESH_AHEAD: Duration = Duration::from_secs(60);

/// 10 s after an early refresh that failed before the next one: several attempts before the token expires, and not one
/// with each request.
const FAILED_REFRESH_PAUSE: Duration = Duration::from_secs(10);

/// 60 s after a refused login, or one whose token cannot be used, before the next one: a hundred waits with a wrong
/// password are one login a minute, which does not lock the account.
const REFUSED_LOGIN_PAUSE: Duration = Duration::from_secs(60);

/// Future of the calls of a [`TokenSource`].
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<TokenResponse, Error>> + Send + 'a>>;

/// Login and refresh calls of a provider.
pub trait TokenSource: Send + Sync {
    /// Logs in.
    fn login(&self) -> TokenFuture<'_>;
    /// Exchanges `refresh_token` for a new access token.
    fn refresh<'a>(&'a self, refresh_token: &'a SecretString) -> TokenFuture<'a>;
}

/// Tokens that a login or refresh returned. `Debug` does not show them.
pub struct TokenResponse {
    access: SecretString,
    refresh: Option<SecretString>,
    lifetime: Duration,
}

impl TokenResponse {
    /// Returns an access token that is valid for `lifetime` from now.
    #[must_use]
    pub fn new(access: impl Into<SecretString>, lifetime: Duration) -> Self {
        Self { access: access.into(), refresh: None, lifetime }
    }

    /// Returns the same tokens with a refresh token.
    #[must_use]
    pub fn with_refresh_token(self, refresh: Option<impl Into<SecretString>>) -> Self {
        Self { refresh: refresh.map(Into::into), ..self }
    }
}

impl TokenResponse {
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        [Some(&self.access), self.refresh.as_ref()].into_iter().flatten()
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// Access token of one client, shared by all its requests.
///
/// Single flight: the request that finds it expired begins to refresh it, and the others wait for the same refresh.
pub struct TokenCache {
    source: Source,
    /// Never locked across an await: a request that holds the lock and is not polled would stop all others.
    state: Arc<Mutex<State>>,
}

enum Source {
    /// Calls of the provider.
    Calls(Arc<dyn TokenSource>),
    /// One token that is never refreshed.
    Fixed(SecretString),
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    refresh: Option<SecretString>,
    refresh_at: Option<Duration>,
    /// When the token expires, or was refused. Until then an early refresh may fail.
    usable_until: Option<Duration>,
    generation: u64,
    /// The last login failed: the time of the next attempt, and the error until then.
    failed: Option<(Duration, Failure)>,
    /// The login or refresh under way, held by the requests that wait for it.
    running: Option<WeakShared<Obtaining>>,
}

/// A login or refresh. Each request that waits for it polls it, so that it goes on while the one that began it is
/// dropped or not polled. It ends early when all of them are dropped.
type Obtaining = Pin<Box<dyn Future<Output = Result<Token, Arc<Error>>> + Send>>;

/// Error of a failed login, as far as it is kept.
struct Failure {
    kind: ErrorKind,
    http_status: Option<u16>,
}

/// A token and its generation: each refresh begins a new one.
#[derive(Clone)]
pub(super) struct Token {
    value: HeaderValue,
    generation: u64,
}

impl Token {
    pub(super) fn header(&self) -> HeaderValue {
        self.value.clone()
    }
}

impl TokenCache {
    /// Returns tokens from `source`, obtained when first needed.
    #[must_use]
    pub fn new(source: impl TokenSource + 'static) -> Self {
        Self { source: Source::Calls(Arc::new(source)), state: Arc::default() }
    }

    /// Returns one token that is never refreshed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when it cannot be a header value.
    pub fn fixed(token: &SecretString) -> Result<Self, Error> {
        let value = bearer(token)?;
        let state = State { token: Some(Token { value, generation: 0 }), ..State::default() };
        Ok(Self { source: Source::Fixed(token.clone()), state: Arc::new(Mutex::new(state)) })
    }

    /// Returns the token that is never refreshed, if it is one.
    pub(super) fn fixed_token(&self) -> Option<&SecretString> {
        match &self.source {
            Source::Fixed(token) => Some(token),
            Source::Calls(_) => None,
        }
    }

    /// Returns a token that is valid as far as is known.
    pub(super) async fn current(&self, clock: &Clock) -> Result<Token, Error> {
        let obtaining = {
            let mut state = locked(&self.state);
            match (&state.token, state.refresh_at) {
                (Some(token), None) => return Ok(token.clone()),
                (Some(token), Some(refresh_at)) if clock.now() < refresh_at => return Ok(token.clone()),
                _ => self.obtain(clock, &mut state)?,
            }
        };
        let error = match obtaining.await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        let state = locked(&self.state);
        match &state.token {
            Some(token) if error.is_transient() && state.is_usable(clock.now()) => Ok(token.clone()),
            _ => Err(error.copy()),
        }
    }

    /// Returns a newer token than `refused`; `None` where there is no source of tokens.
    pub(super) async fn refresh(&self, clock: &Clock, refused: &Token) -> Result<Option<Token>, Error> {
        if self.fixed_token().is_some() {
            return Ok(None);
        }
        let obtaining = {
            let mut state = locked(&self.state);
            match &state.token {
                // Another request has refreshed it.
                Some(token) if token.generation > refused.generation => return Ok(Some(token.clone())),
                _ => {
                    state.usable_until = Some(clock.now());
                    self.obtain(clock, &mut state)?
                }
            }
        };
        obtaining.await.map(Some).map_err(|error| error.copy())
    }

    /// Returns the refresh or login under way, else begins one. When all who wait for it are dropped, the old state is
    /// left, and the next request tries again.
    fn obtain(&self, clock: &Clock, state: &mut State) -> Result<Shared<Obtaining>, Error> {
        let Source::Calls(source) = &self.source else {
            return Err(Error::new(ErrorKind::Authentication, "there is neither a token nor a login"));
        };
        if let Some(running) = state.running.as_ref().and_then(WeakShared::upgrade) {
            return Ok(running);
        }
        if let Some((until, failure)) = &state.failed
            && clock.now() < *until
        {
            return Err(failure.to_error(*until - clock.now()));
        }
        let (source, clock, refresh_token) = (Arc::clone(source), clock.clone(), state.refresh.clone());
        let kept = Arc::clone(&self.state);
        let obtaining: Obtaining = Box::pin(async move {
            let tokens = request_tokens(&*source, refresh_token.as_ref()).await;
            let mut state = locked(&kept);
            state.running = None;
            state.keep(tokens, clock.now()).map_err(Arc::new)
        });
        let obtaining = obtaining.shared();
        state.running = obtaining.downgrade();
        Ok(obtaining)
    }
}

/// Refreshes, else logs in.
async fn request_tokens(
    source: &dyn TokenSource,
    refresh_token: Option<&SecretString>,
) -> Result<TokenResponse, Error> {
    match refresh_token {
        Some(refresh_token) => match source.refresh(refresh_token).await {
            // The provider is reachable: the refresh token has expired.
            Err(error) if !error.is_transient() => source.login().await,
            other => other,
        },
        None => source.login().await,
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Keeps what a login or refresh returned, and returns the token.
    fn keep(&mut self, obtained: Result<TokenResponse, Error>, now: Duration) -> Result<Token, Error> {
        let tokens = obtained.inspect_err(|error| {
            self.failed = Failure::new(error, now);
            if error.is_transient() {
                self.postpone_refresh(now, error.retry_after());
            }
        })?;
        // The next login would return the same: it waits as long as after a refused one.
        let value = bearer(&tokens.access)
            .inspect_err(|error| self.failed = Some(Failure::until(now.saturating_add(REFUSED_LOGIN_PAUSE), error)))?;
        self.failed = None;
        let token = Token { value, generation: self.generation + 1 };
        let ahead = REFRESH_AHEAD.min(tokens.lifetime / 5);
        self.generation = token.generation;
        self.refresh_at = Some(now + tokens.lifetime.saturating_sub(ahead));
        self.usable_until = Some(now + tokens.lifetime);
        self.refresh = tokens.refresh;
        self.token = Some(token.clone());
        Ok(token)
    }

    /// Returns whether there is a token that has neither expired nor been refused.
    fn is_usable(&self, now: Duration) -> bool {
        self.usable_until.is_some_and(|until| now < until)
    }

    /// Uses the token on after a failed refresh, but not after it expires.
    fn postpone_refresh(&mut self, now: Duration, retry_after: Option<Duration>) {
        if self.is_usable(now) {
            let pause = FAILED_REFRESH_PAUSE.max(retry_after.unwrap_or_default());
            self.refresh_at = Some(now.saturating_add(pause)).min(self.usable_until);
        }
    }
}

impl Failure {
    /// Returns what to keep of `error` and until when: a refusal for a while, and as long as `Retry-After` asks.
    fn new(error: &Error, now: Duration) -> Option<(Duration, Self)> {
        let refused = (error.kind() == ErrorKind::Authentication).then_some(REFUSED_LOGIN_PAUSE);
        let pause = refused.max(error.retry_after())?;
        Some(Self::until(now.saturating_add(pause), error))
    }

    fn until(time: Duration, error: &Error) -> (Duration, Self) {
        (time, Self { kind: error.kind(), http_status: error.http_status() })
    }

    /// Returns the error for requests before the next attempt.
    fn to_error(&self, left: Duration) -> Error {
        let error = Error::new(self.kind, "logging in failed a moment ago; the next attempt comes later")
            .with_retry_after(left);
        match self.http_status {
            Some(status) => error.with_http_status(status),
            None => error,
        }
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Error> {
    secret_value(&format!("Bearer {}", token.expose_secret().trim()))
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCache { .. }")
    }
}

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests {
    use std::ops::Range;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::test_util::VirtualClock;

    /// Source that counts its logins, and refuses all of them after `refuse_after`.
    struct Counting {
        logins: Arc<AtomicU64>,
        refuse_after: u64,
    }

    impl TokenSource for Counting {
        fn login(&self) -> TokenFuture<'_> {
            let login = self.logins.fetch_add(1, Ordering::Relaxed) + 1;
            let result = if login <= self.refuse_after {
                Ok(TokenResponse::new(format!("token-{login}"), Duration::from_secs(3_600)))
            } else {
                Err(Error::new(ErrorKind::Authentication, "refused").with_http_status(401))
            };
            Box::pin(async { result })
        }

        fn refresh<'a>(&'a self, _: &'a SecretString) -> TokenFuture<'a> {
            self.login()
        }
    }

    fn cache(refuse_after: u64) -> (TokenCache, Arc<AtomicU64>) {
        let logins = Arc::new(AtomicU64::new(0));
        (TokenCache::new(Counting { logins: Arc::clone(&logins), refuse_after }), logins)
    }

    #[test]
    fn token_that_was_refused_to_many_requests_is_refreshed_once() {
        let (clock, (cache, logins)) = (VirtualClock::new(), cache(10));
        let time = clock.clock();
        let first = clock.run(cache.current(&time)).unwrap();
        let mut refused = first;
        for generation in 2..5 {
            let refresh = |refused: &Token| clock.run(cache.refresh(&time, refused)).unwrap().unwrap();
            let refreshed = [refresh(&refused), refresh(&refused), clock.run(cache.current(&time)).unwrap()];
            assert_eq!(logins.load(Ordering::Relaxed), generation);
            for token in &refreshed {
                assert_eq!(
                    (token.header(), token.generation),
                    (format!("Bearer token-{generation}").parse().unwrap(), generation)
                );
            }
            refused = refreshed[0].clone();
        }
    }

    /// Source whose logins take 10 s, and fail where they end in `outage`.
    struct Slow {
        clock: Clock,
        logins: Arc<AtomicU64>,
        outage: Range<Duration>,
    }

    impl TokenSource for Slow {
        fn login(&self) -> TokenFuture<'_> {
            Box::pin(async {
                let login = self.logins.fetch_add(1, Ordering::Relaxed) + 1;
                self.clock.sleep(Duration::from_secs(10)).await;
                if self.outage.contains(&self.clock.now()) {
                    let source = std::io::Error::other("closed");
                    let error = Error::new(ErrorKind::Unavailable, "the connection was closed").with_source(source);
                    return Err(error.with_provider_message("at night").with_action("logging in"));
                }
                Ok(TokenResponse::new(format!("token-{login}"), Duration::from_secs(3_600)))
            })
        }

        fn refresh<'a>(&'a self, _: &'a SecretString) -> TokenFuture<'a> {
            self.login()
        }
    }

    const NEVER: Range<Duration> = Duration::MAX..Duration::MAX;

    fn slow_cache(clock: &VirtualClock, outage: Range<Duration>) -> (TokenCache, Arc<AtomicU64>) {
        let logins = Arc::new(AtomicU64::new(0));
        (TokenCache::new(Slow { clock: clock.clock(), logins: Arc::clone(&logins), outage }), logins)
    }

    /// Polls `request` for the first 3 s, and leaves it then.
    async fn begin(clock: &Clock, request: impl Future + Unpin) {
        let begun = futures_util::future::select(request, clock.sleep(Duration::from_secs(3))).await;
        assert!(matches!(begun, futures_util::future::Either::Right(_)), "the login lasts longer");
    }

    #[test]
    fn login_goes_on_when_the_request_that_began_it_is_not_polled_or_dropped() {
        for is_dropped in [false, true] {
            let clock = VirtualClock::new();
            let (time, (cache, logins)) = (clock.clock(), slow_cache(&clock, NEVER));
            clock.run(async {
                let mut first = Box::pin(cache.current(&time));
                begin(&time, &mut first).await;
                let mut second = Box::pin(cache.current(&time));
                begin(&time, &mut second).await;
                let first = if is_dropped { None } else { Some(first) };
                assert_eq!(second.await.unwrap().header(), "Bearer token-1");
                assert_eq!(time.now(), Duration::from_secs(10), "the login that the first began");
                if let Some(first) = first {
                    assert_eq!(first.await.unwrap().header(), "Bearer token-1");
                }
            });
            assert_eq!(logins.load(Ordering::Relaxed), 1);
        }
    }

    #[test]
    fn login_that_all_requests_left_is_dropped_and_begun_anew() {
        let clock = VirtualClock::new();
        let (time, (cache, logins)) = (clock.clock(), slow_cache(&clock, NEVER));
        clock.run(begin(&time, Box::pin(cache.current(&time))));
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(clock.run(cache.current(&time)).unwrap().header(), "Bearer token-2");
        assert_eq!((clock.elapsed(), logins.load(Ordering::Relaxed)), (Duration::from_secs(3_613), 2));
    }

    #[test]
    fn login_that_fails_is_one_attempt_whose_whole_error_all_waiting_requests_have() {
        let clock = VirtualClock::new();
        let (time, (cache, logins)) = (clock.clock(), slow_cache(&clock, Duration::ZERO..Duration::MAX));
        let requests = futures_util::future::join3(cache.current(&time), cache.current(&time), cache.current(&time));
        let (first, second, third) = clock.run(requests);
        for error in [first, second, third].map(|result| result.err().unwrap()) {
            assert!(error.is_transient());
            assert_eq!(error.to_string(), "logging in: the connection was closed");
            assert_eq!(error.provider_message(), Some("at night"));
            assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "closed");
        }
        assert_eq!(logins.load(Ordering::Relaxed), 1);
        // A transient failure is not kept: the next request tries again.
        assert!(clock.run(cache.current(&time)).is_err());
        assert_eq!(logins.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn token_is_used_until_it_expires_while_its_early_refresh_fails() {
        let secs = Duration::from_secs;
        let clock = VirtualClock::new();
        // The token is of 0:10, is refreshed from 3,550 s and expires at 3,610 s.
        let (time, (cache, logins)) = (clock.clock(), slow_cache(&clock, secs(3_000)..secs(3_640)));
        let token = || clock.run(cache.current(&time)).map(|token| token.header().to_str().unwrap().to_owned());
        assert_eq!(token().unwrap(), "Bearer token-1");
        clock.advance(secs(3_540));
        for (now, attempts) in [(3_550, 2), (3_561, 2), (3_569, 2), (3_570, 3), (3_590, 4)] {
            clock.advance(secs(now) - clock.elapsed());
            assert_eq!((token().unwrap(), logins.load(Ordering::Relaxed)), ("Bearer token-1".to_owned(), attempts));
        }
        // The token has expired.
        clock.advance(secs(3_610) - clock.elapsed());
        assert_eq!((token().unwrap_err().kind(), logins.load(Ordering::Relaxed)), (ErrorKind::Unavailable, 5));
        clock.advance(secs(3_640) - clock.elapsed());
        assert_eq!((token().unwrap(), logins.load(Ordering::Relaxed)), ("Bearer token-6".to_owned(), 6));
    }

    #[test]
    fn token_that_was_refused_is_not_used_on_when_its_refresh_fails() {
        let secs = Duration::from_secs;
        let clock = VirtualClock::new();
        let (time, (cache, logins)) = (clock.clock(), slow_cache(&clock, secs(3_000)..Duration::MAX));
        let token = clock.run(cache.current(&time)).unwrap();
        clock.advance(secs(3_545));
        for attempts in 2..4 {
            assert!(clock.run(cache.refresh(&time, &token)).err().unwrap().is_transient());
            assert!(clock.run(cache.current(&time)).err().unwrap().is_transient());
            assert_eq!(logins.load(Ordering::Relaxed), 2 * attempts - 1);
        }
    }

    #[test]
    fn refused_login_is_repeated_after_a_minute_and_not_before() {
        let (clock, (cache, logins)) = (VirtualClock::new(), cache(0));
        let time = clock.clock();
        let error = || clock.run(cache.current(&time)).err().unwrap();
        assert_eq!(error().kind(), ErrorKind::Authentication);
        clock.advance(Duration::from_secs(20));
        let again = error();
        assert_eq!((again.kind(), again.http_status()), (ErrorKind::Authentication, Some(401)));
        assert_eq!(again.retry_after(), Some(Duration::from_secs(40)));
        clock.advance(Duration::from_millis(39_999));
        assert_eq!((error().retry_after(), logins.load(Ordering::Relaxed)), (Some(Duration::from_millis(1)), 1));
        clock.advance(Duration::from_millis(1));
        assert_eq!((error().kind(), logins.load(Ordering::Relaxed)), (ErrorKind::Authentication, 2));
    }

    #[test]
    fn login_whose_token_cannot_be_used_is_repeated_after_a_minute_and_not_before() {
        /// Source of tokens that cannot be header values.
        struct Unusable(Arc<AtomicU64>);

        impl TokenSource for Unusable {
            fn login(&self) -> TokenFuture<'_> {
                self.0.fetch_add(1, Ordering::Relaxed);
                Box::pin(async { Ok(TokenResponse::new("CANARY\n2", Duration::from_secs(3_600))) })
            }

            fn refresh<'a>(&'a self, _: &'a SecretString) -> TokenFuture<'a> {
                self.login()
            }
        }

        let (clock, logins) = (VirtualClock::new(), Arc::new(AtomicU64::new(0)));
        let (time, cache) = (clock.clock(), TokenCache::new(Unusable(Arc::clone(&logins))));
        let error = || clock.run(cache.current(&time)).err().unwrap();
        for minute in 1..4 {
            for retry_after in [None, Some(Duration::from_secs(60))] {
                let error = error();
                assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Configuration, retry_after));
                assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
            }
            clock.advance(Duration::from_millis(59_999));
            assert_eq!(
                (error().retry_after(), logins.load(Ordering::Relaxed)),
                (Some(Duration::from_millis(1)), minute)
            );
            clock.advance(Duration::from_millis(1));
        }
    }

    #[test]
    fn debug_of_tokens_shows_none() {
        let (cache, _) = cache(1);
        assert_eq!(format!("{cache:?}"), "TokenCache { .. }");
        let tokens = TokenResponse::new("CANARY", Duration::from_secs(7)).with_refresh_token(Some("CANARY"));
        assert_eq!(format!("{tokens:?}"), "TokenResponse { lifetime: 7s, .. }");
    }
}
