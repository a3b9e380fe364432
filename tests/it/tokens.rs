//! Tokens are refreshed before they expire and after a 401, once for all waits; a refusal ends a
//! wait at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Bench, client, secs};
use bulkrail::http::ConnectorError;
use bulkrail::test_util::{CapturedRequest, MockResponse, VirtualClock};
use bulkrail::{Batch, ErrorKind, Outcome, Provider, WaitSet, killb, localpayment};

/// KillB that issues tokens and knows which of them are valid.
#[derive(Clone)]
struct Issuer(Arc<Inner>);

struct Inner {
    clock: VirtualClock,
    logins: AtomicU64,
    refreshes: AtomicU64,
    /// Tokens with a lower number have expired.
    valid_from: AtomicU64,
    ends_at: Duration,
    refresh_response: Mutex<Option<MockResponse>>,
    login_response: Mutex<Option<MockResponse>>,
}

impl Issuer {
    fn new(bench: &Bench, ends_at: Duration) -> Self {
        let issuer = Self(Arc::new(Inner {
            clock: bench.clock.clone(),
            logins: AtomicU64::new(0),
            refreshes: AtomicU64::new(0),
            valid_from: AtomicU64::new(1),
            ends_at,
            refresh_response: Mutex::new(None),
            login_response: Mutex::new(None),
        }));
        let responding = issuer.clone();
        bench.connector.respond_with(move |sent| responding.respond(sent));
        issuer
    }

    fn respond(&self, sent: &CapturedRequest) -> MockResponse {
        let inner = &self.0;
        let after = |response: MockResponse| response.after(&inner.clock.clock(), secs(1));
        match sent.url.path() {
            path if path.ends_with("/login") => {
                assert!(!sent.headers.contains_key("authorization"), "a login does not have a token");
                let number = 1 + inner.logins.fetch_add(1, Ordering::SeqCst) + inner.refreshes.load(Ordering::SeqCst);
                after(inner.login_response.lock().unwrap().clone().unwrap_or_else(|| tokens(number)))
            }
            path if path.ends_with("/refresh") => {
                let number = 1 + inner.refreshes.fetch_add(1, Ordering::SeqCst) + inner.logins.load(Ordering::SeqCst);
                after(inner.refresh_response.lock().unwrap().clone().unwrap_or_else(|| tokens(number)))
            }
            _ => self.status(sent),
        }
    }

    fn status(&self, sent: &CapturedRequest) -> MockResponse {
        let token = sent.headers["authorization"].to_str().unwrap().strip_prefix("Bearer token-").unwrap();
        if token.parse::<u64>().unwrap() < self.0.valid_from.load(Ordering::SeqCst) {
            return MockResponse::json(401, r#"{"errorCode":"AUTH.0002","message":["expired"],"statusCode":"401"}"#);
        }
        let done = self.0.clock.elapsed() >= self.0.ends_at;
        let status = if done { "COMPLETED" } else { "PROCESSING" };
        MockResponse::json(200, format!(r#"{{"status":"{status}","totalRows":1,"successCount":1,"errorCount":0}}"#))
    }

    fn expire_tokens(&self) {
        let issued = self.0.logins.load(Ordering::SeqCst) + self.0.refreshes.load(Ordering::SeqCst);
        self.0.valid_from.store(issued + 1, Ordering::SeqCst);
    }

    fn counts(&self) -> (u64, u64) {
        (self.0.logins.load(Ordering::SeqCst), self.0.refreshes.load(Ordering::SeqCst))
    }
}

fn tokens(number: u64) -> MockResponse {
    MockResponse::json(
        201,
        format!(r#"{{"accessToken":"token-{number}","refreshToken":"r-{number}","expiresIn":3600000}}"#),
    )
}

fn login() -> killb::Credentials {
    killb::Credentials::login("me@example.com", "password")
}

fn batch(id: &str) -> Batch {
    Batch::new(killb::PROVIDER, id).unwrap()
}

#[test]
fn token_that_dies_is_refreshed_once_for_all_waits() {
    let bench = Bench::new();
    let issuer = Issuer::new(&bench, secs(120));
    let client = client!(killb, bench, login());
    let waits = (0..100).map(|number| {
        let batch = batch(&format!("b-{number}"));
        let client = client.clone();
        async move { client.wait(batch).await }
    });
    let expiry = async {
        bench.clock.clock().sleep(secs(60)).await;
        issuer.expire_tokens();
    };
    let (reports, ()) = bench.clock.run(futures_util::future::join(futures_util::future::join_all(waits), expiry));
    assert!(reports.into_iter().all(|report| report.unwrap().outcome() == Some(Outcome::Succeeded)));
    assert_eq!(issuer.counts(), (1, 1), "one login at the start, one refresh for all");
}

#[test]
fn token_is_refreshed_before_it_expires() {
    let bench = Bench::new();
    let issuer = Issuer::new(&bench, secs(3 * 3600));
    let client = client!(killb, bench, login());
    bench.clock.run(client.wait(batch("b")).deadline(secs(4 * 3600))).unwrap();
    // `expiresIn` is an hour in milliseconds: three refreshes in three hours.
    assert_eq!(issuer.counts(), (1, 3));
    assert!(bench.connector.requests().iter().all(|sent| sent.url.scheme() == "https"));
}

#[test]
fn localpayment_token_is_refreshed_every_four_minutes() {
    let bench = Bench::new();
    let client = client!(localpayment, bench, localpayment::Credentials::login("me", "password"));
    let clock = bench.clock.clone();
    bench.connector.respond_with(move |sent| match sent.url.path() {
        "/api/token/" => MockResponse::json(200, r#"{"access":"a","refresh":"r"}"#),
        "/api/token/refresh/" => MockResponse::json(200, r#"{"access":"b","refresh":"r"}"#),
        _ if clock.elapsed() > secs(1000) => {
            MockResponse::json(200, r#"{"status":{"code":"200","description":"COMPLETED"}}"#)
        }
        _ => MockResponse::json(200, r#"{"status":{"code":"100","description":"INPROGRESS"}}"#),
    });
    bench.clock.run(client.wait(Batch::new(localpayment::PROVIDER, "b").unwrap())).unwrap();
    let calls = |path: &str| bench.connector.requests().iter().filter(|sent| sent.url.path() == path).count();
    assert_eq!((calls("/api/token/"), calls("/api/token/refresh/")), (1, 4), "refreshed after four minutes each");
}

#[test]
fn refresh_in_a_set_that_is_not_polled_does_not_stop_other_requests() {
    let bench = Bench::new();
    let client = client!(localpayment, bench, localpayment::Credentials::login("me", "password"));
    let clock = bench.clock.clone();
    bench.connector.respond_with(move |sent| {
        let after = |body: &str, delay| MockResponse::json(200, body).after(&clock.clock(), secs(delay));
        let is_over = clock.elapsed() >= secs(225);
        match sent.url.path() {
            "/api/token/" => after(r#"{"access":"a","refresh":"r"}"#, 0),
            // Begins at 240 s with the poll of the batch that runs, and lasts until after the other one has ended.
            "/api/token/refresh/" => after(r#"{"access":"b","refresh":"r"}"#, 30),
            path if path.trim_end_matches('/').ends_with("/over") && is_over => {
                after(r#"{"externalId":"over","status":{"code":"200","description":"COMPLETED"}}"#, 20)
            }
            _ => after(r#"{"status":{"code":"100","description":"INPROGRESS"}}"#, 0),
        }
    });
    let batch = |id: &str| Batch::new(localpayment::PROVIDER, id).unwrap();
    bench.clock.run(async {
        let mut set = WaitSet::new(client.clone()).interval(secs(10)..=secs(10)).deadline(secs(1000));
        set.add(batch("over")).unwrap();
        set.add(batch("runs")).unwrap();
        let (ended, report) = set.next().await.unwrap();
        assert_eq!((ended.id(), report.unwrap().outcome()), ("over", Some(Outcome::Unknown)));
        client.reconcile(&ended, None).await.unwrap();
        let of_path = |path: &str| bench.connector.requests().iter().filter(|sent| sent.url.path() == path).count();
        assert_eq!((of_path("/api/token/"), of_path("/api/token/refresh/")), (1, 1), "one refresh, not one each");
        let (still_running, deadline) = set.next().await.unwrap();
        assert_eq!((still_running.id(), deadline.unwrap_err().kind()), ("runs", ErrorKind::Deadline));
    });
}

#[test]
fn poll_refused_with_401_is_repeated_once_with_a_new_token() {
    let bench = Bench::new();
    let issuer = Issuer::new(&bench, secs(600));
    let client = client!(killb, bench, login());
    bench.clock.run(client.poll(&batch("b"))).unwrap();
    issuer.expire_tokens();
    bench.clock.run(client.poll(&batch("b"))).unwrap();
    assert_eq!(issuer.counts(), (1, 1));

    issuer.0.valid_from.store(u64::MAX, Ordering::SeqCst);
    let before = bench.connector.requests().len();
    let error = bench.clock.run(client.wait(batch("b"))).unwrap_err();
    assert_eq!((error.kind(), error.http_status(), error.polls()), (ErrorKind::Authentication, Some(401), 1));
    assert_eq!(bench.connector.requests().len() - before, 3, "the poll, one refresh, the poll again");
}

#[test]
fn token_falls_back_to_login_when_its_refresh_is_refused() {
    let bench = Bench::new();
    let issuer = Issuer::new(&bench, secs(600));
    let client = client!(killb, bench, login());
    bench.clock.run(client.poll(&batch("b"))).unwrap();
    issuer.expire_tokens();
    *issuer.0.refresh_response.lock().unwrap() = Some(MockResponse::json(401, r#"{"errorCode":"AUTH.0003"}"#));
    issuer.0.valid_from.store(3, Ordering::SeqCst);
    bench.clock.run(client.poll(&batch("b"))).unwrap();
    assert_eq!(issuer.counts(), (2, 1));
}

#[test]
fn wait_ends_at_once_when_the_login_is_refused() {
    let bench = Bench::new();
    let issuer = Issuer::new(&bench, secs(600));
    *issuer.0.login_response.lock().unwrap() =
        Some(MockResponse::json(401, r#"{"errorCode":"AUTH.0001","message":["nope"]}"#));
    let client = client!(killb, bench, login());
    let error = bench.clock.run(client.wait(batch("b"))).unwrap_err();
    assert_eq!((error.kind(), error.code(), error.polls()), (ErrorKind::Authentication, Some("AUTH.0001"), 1));
    assert!(error.to_string().contains("logging in"), "{error}");
    assert_eq!(error.batch().map(Batch::id), Some("b"));
}

#[test]
fn wait_survives_an_outage_of_the_login_server() {
    let bench = Bench::new();
    let issuer = Issuer::new(&bench, secs(60));
    let client = client!(killb, bench, login());
    for response in [
        MockResponse::error(ConnectorError::Connect),
        MockResponse::new(502, "<html>"),
        MockResponse::json(200, "{"),
        MockResponse::error(ConnectorError::Timeout),
    ] {
        bench.connector.push(response);
    }
    let report = bench.clock.run(client.wait(batch("b"))).unwrap();
    assert_eq!(report.outcome(), Some(Outcome::Succeeded));
    assert_eq!(issuer.counts(), (1, 0));
}

#[test]
fn token_refresh_that_fails_does_not_log_in_again() {
    let bench = Bench::new();
    let issuer = Issuer::new(&bench, secs(60));
    let client = client!(killb, bench, login());
    bench.clock.run(client.poll(&batch("b"))).unwrap();
    issuer.expire_tokens();
    *issuer.0.refresh_response.lock().unwrap() = Some(MockResponse::new(503, ""));
    let error = bench.clock.run(client.poll(&batch("b"))).unwrap_err();
    assert_eq!((error.kind(), issuer.counts()), (ErrorKind::Unavailable, (1, 1)));
}

#[test]
fn token_that_was_given_is_never_refreshed() {
    let bench = Bench::new();
    let issuer = Issuer::new(&bench, secs(60));
    issuer.0.valid_from.store(9, Ordering::SeqCst);
    let client = client!(killb, bench, killb::Credentials::access_token("token-1"));
    let error = bench.clock.run(client.wait(batch("b"))).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Authentication, Some("AUTH.0002")));
    assert_eq!(issuer.counts(), (0, 0));
}

#[test]
fn token_with_an_odd_lifetime_lives_the_documented_hour() {
    for lifetime in ["0", "-5", "1e30", "\"3600000\"", "null", "1767225600000"] {
        let bench = Bench::new();
        let client = client!(killb, bench, login());
        bench.connector.push(MockResponse::json(200, format!(r#"{{"accessToken":"t","expiresIn":{lifetime}}}"#)));
        bench.connector.push(MockResponse::json(200, r#"{"status":"PENDING"}"#));
        bench.connector.push(MockResponse::json(200, r#"{"status":"PENDING"}"#));
        bench.clock.run(client.poll(&batch("b"))).unwrap();
        bench.clock.advance(secs(1800));
        bench.clock.run(client.poll(&batch("b"))).unwrap_or_else(|error| panic!("{lifetime}: {error}"));
    }
}

#[test]
fn wait_dropped_at_any_await_leaves_tokens_usable() {
    let mut awaits = 0;
    loop {
        let bench = Bench::new();
        let issuer = Issuer::new(&bench, secs(20));
        let client = client!(killb, bench, login());
        let wait = || client.wait(batch("b")).interval(secs(2)..=secs(4));
        let ended = {
            let mut dropped = std::pin::pin!(std::future::IntoFuture::into_future(wait()));
            let mut left = awaits;
            bench.clock.run(std::future::poll_fn(|context| {
                if left == 0 {
                    return std::task::Poll::Ready(false);
                }
                left -= 1;
                dropped.as_mut().poll(context).map(|end| end.is_ok())
            }))
        };
        let report = bench.clock.run(wait()).unwrap();
        assert_eq!(report.outcome(), Some(Outcome::Succeeded), "dropped at await {awaits}");
        // A login that was cut off is repeated; all other requests are polls.
        assert!(issuer.counts().0 <= 2 && issuer.counts().1 == 0, "dropped at await {awaits}: {:?}", issuer.counts());
        let harmless = |sent: &CapturedRequest| sent.method == "GET" || sent.url.path().ends_with("/login");
        assert!(bench.connector.requests().iter().all(harmless), "dropped at await {awaits}");
        if ended {
            break;
        }
        awaits += 1;
    }
    assert!(awaits > 5, "in a login, in polls and between them: {awaits}");
}
