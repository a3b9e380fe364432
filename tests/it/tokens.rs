//! Tokens are renewed before they end and after a 401, once for everybody, and a refusal is said at once.
#![cfg(all(feature = "killb", feature = "localpayment"))]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulkrail::http::ConnectorError;
use bulkrail::test_util::{CapturedRequest, MockResponse, VirtualClock};
use bulkrail::{Batch, ErrorKind, Outcome, Provider, killb, localpayment};
use common::Bench;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A KillB that hands out tokens and knows which of them are alive.
#[derive(Clone)]
struct Issuer(Arc<Inner>);

struct Inner {
    clock: VirtualClock,
    logins: AtomicU64,
    refreshes: AtomicU64,
    /// Tokens with a lower number are dead.
    alive_from: AtomicU64,
    ends_at: Duration,
    refresh_answers: Mutex<Option<MockResponse>>,
    login_answers: Mutex<Option<MockResponse>>,
}

impl Issuer {
    fn on(bench: &Bench, ends_at: Duration) -> Self {
        let issuer = Self(Arc::new(Inner {
            clock: bench.clock.clone(),
            logins: AtomicU64::new(0),
            refreshes: AtomicU64::new(0),
            alive_from: AtomicU64::new(1),
            ends_at,
            refresh_answers: Mutex::new(None),
            login_answers: Mutex::new(None),
        }));
        let answering = issuer.clone();
        bench.connector.otherwise(move |sent| answering.answer(sent));
        issuer
    }

    fn answer(&self, sent: &CapturedRequest) -> MockResponse {
        let inner = &self.0;
        let after = |reply: MockResponse| reply.after(&inner.clock.clock(), secs(1));
        match sent.url.path() {
            path if path.ends_with("/login") => {
                assert!(!sent.headers.contains_key("authorization"), "a login carries no token");
                let number = 1 + inner.logins.fetch_add(1, Ordering::SeqCst) + inner.refreshes.load(Ordering::SeqCst);
                after(inner.login_answers.lock().unwrap().clone().unwrap_or_else(|| tokens(number)))
            }
            path if path.ends_with("/refresh") => {
                let number = 1 + inner.refreshes.fetch_add(1, Ordering::SeqCst) + inner.logins.load(Ordering::SeqCst);
                after(inner.refresh_answers.lock().unwrap().clone().unwrap_or_else(|| tokens(number)))
            }
            _ => self.status(sent),
        }
    }

    fn status(&self, sent: &CapturedRequest) -> MockResponse {
        let token = sent.headers["authorization"].to_str().unwrap().strip_prefix("Bearer token-").unwrap();
        if token.parse::<u64>().unwrap() < self.0.alive_from.load(Ordering::SeqCst) {
            return MockResponse::json(401, r#"{"errorCode":"AUTH.0002","message":["expired"],"statusCode":"401"}"#);
        }
        let done = self.0.clock.elapsed() >= self.0.ends_at;
        let status = if done { "COMPLETED" } else { "PROCESSING" };
        MockResponse::json(200, format!(r#"{{"status":"{status}","totalRows":1,"successCount":1,"errorCount":0}}"#))
    }

    fn kill_tokens(&self) {
        let issued = self.0.logins.load(Ordering::SeqCst) + self.0.refreshes.load(Ordering::SeqCst);
        self.0.alive_from.store(issued + 1, Ordering::SeqCst);
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
fn a_hundred_waits_whose_token_dies_refresh_it_once() {
    let bench = Bench::new();
    let issuer = Issuer::on(&bench, secs(120));
    let client = client!(killb, bench, login());
    let waits = (0..100).map(|number| {
        let batch = batch(&format!("b-{number}"));
        let client = client.clone();
        async move { client.wait(batch).await }
    });
    let killer = async {
        bench.clock.clock().sleep(secs(60)).await;
        issuer.kill_tokens();
    };
    let (reports, ()) =
        bench.clock.run(async { futures_util::future::join(futures_util::future::join_all(waits), killer).await });
    assert!(reports.into_iter().all(|report| report.unwrap().outcome() == Some(Outcome::Succeeded)));
    assert_eq!(issuer.counts(), (1, 1), "one login at the start, one refresh for all");
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let bench = Bench::new();
    let issuer = Issuer::on(&bench, secs(3 * 3600));
    let client = client!(killb, bench, login());
    bench.clock.run(client.wait(batch("b")).deadline(secs(4 * 3600))).unwrap();
    // Lifetime in milliseconds: an hour each, so three in three hours; not one a poll, and not one for ever.
    assert_eq!(issuer.counts(), (1, 3));
    assert!(bench.connector.sent().iter().all(|sent| sent.url.scheme() == "https"));
}

#[test]
fn localpayment_tokens_live_five_minutes() {
    let bench = Bench::new();
    let client = client!(localpayment, bench, localpayment::Credentials::login("me", "password"));
    let clock = bench.clock.clone();
    bench.connector.otherwise(move |sent| match sent.url.path() {
        "/api/token/" => MockResponse::json(200, r#"{"access":"a","refresh":"r"}"#),
        "/api/token/refresh/" => MockResponse::json(200, r#"{"access":"b","refresh":"r"}"#),
        _ if clock.elapsed() > secs(1000) => {
            MockResponse::json(200, r#"{"status":{"code":"200","description":"COMPLETED"}}"#)
        }
        _ => MockResponse::json(200, r#"{"status":{"code":"100","description":"INPROGRESS"}}"#),
    });
    bench.clock.run(client.wait(Batch::new(localpayment::PROVIDER, "b").unwrap())).unwrap();
    let calls = |path: &str| bench.connector.sent().iter().filter(|sent| sent.url.path() == path).count();
    assert_eq!((calls("/api/token/"), calls("/api/token/refresh/")), (1, 4), "renewed after four minutes each");
}

#[test]
fn a_401_is_replayed_once_and_a_second_one_is_permanent() {
    let bench = Bench::new();
    let issuer = Issuer::on(&bench, secs(600));
    let client = client!(killb, bench, login());
    bench.clock.run(client.poll(&batch("b"))).unwrap();
    issuer.kill_tokens();
    bench.clock.run(client.poll(&batch("b"))).unwrap();
    assert_eq!(issuer.counts(), (1, 1));

    issuer.0.alive_from.store(u64::MAX, Ordering::SeqCst);
    let before = bench.connector.sent().len();
    let error = bench.clock.run(client.wait(batch("b"))).unwrap_err();
    assert_eq!((error.kind(), error.http_status(), error.polls()), (ErrorKind::Authentication, Some(401), 1));
    assert_eq!(bench.connector.sent().len() - before, 3, "the poll, one refresh, the poll again");
}

#[test]
fn a_dead_refresh_token_falls_back_to_login() {
    let bench = Bench::new();
    let issuer = Issuer::on(&bench, secs(600));
    let client = client!(killb, bench, login());
    bench.clock.run(client.poll(&batch("b"))).unwrap();
    issuer.kill_tokens();
    *issuer.0.refresh_answers.lock().unwrap() = Some(MockResponse::json(401, r#"{"errorCode":"AUTH.0003"}"#));
    issuer.0.alive_from.store(3, Ordering::SeqCst);
    bench.clock.run(client.poll(&batch("b"))).unwrap();
    assert_eq!(issuer.counts(), (2, 1));
}

#[test]
fn a_failed_login_is_authentication_at_once() {
    let bench = Bench::new();
    let issuer = Issuer::on(&bench, secs(600));
    *issuer.0.login_answers.lock().unwrap() =
        Some(MockResponse::json(401, r#"{"errorCode":"AUTH.0001","message":["nope"]}"#));
    let client = client!(killb, bench, login());
    let error = bench.clock.run(client.wait(batch("b"))).unwrap_err();
    assert_eq!((error.kind(), error.code(), error.polls()), (ErrorKind::Authentication, Some("AUTH.0001"), 1));
    assert!(error.to_string().contains("logging in"), "{error}");
    assert_eq!(error.batch().map(Batch::id), Some("b"));
}

#[test]
fn a_login_server_with_a_bad_moment_does_not_end_a_wait() {
    let bench = Bench::new();
    let issuer = Issuer::on(&bench, secs(60));
    let client = client!(killb, bench, login());
    for reply in [
        MockResponse::fault(ConnectorError::Connect),
        MockResponse::new(502, "<html>"),
        MockResponse::json(200, "{"),
        MockResponse::fault(ConnectorError::Timeout),
    ] {
        bench.connector.push(reply);
    }
    let report = bench.clock.run(client.wait(batch("b"))).unwrap();
    assert_eq!(report.outcome(), Some(Outcome::Succeeded));
    assert_eq!(issuer.counts(), (1, 0));
}

#[test]
fn a_refresh_server_with_a_bad_moment_does_not_log_in_again_and_again() {
    let bench = Bench::new();
    let issuer = Issuer::on(&bench, secs(60));
    let client = client!(killb, bench, login());
    bench.clock.run(client.poll(&batch("b"))).unwrap();
    issuer.kill_tokens();
    *issuer.0.refresh_answers.lock().unwrap() = Some(MockResponse::new(503, ""));
    let error = bench.clock.run(client.poll(&batch("b"))).unwrap_err();
    assert_eq!((error.kind(), issuer.counts()), (ErrorKind::Unavailable, (1, 1)));
}

#[test]
fn a_given_token_is_never_renewed() {
    let bench = Bench::new();
    let issuer = Issuer::on(&bench, secs(60));
    issuer.0.alive_from.store(9, Ordering::SeqCst);
    let client = client!(killb, bench, killb::Credentials::access_token("token-1"));
    let error = bench.clock.run(client.wait(batch("b"))).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Authentication, Some("AUTH.0002")));
    assert_eq!(issuer.counts(), (0, 0));
}

#[test]
fn odd_lifetimes_are_taken_for_the_documented_hour() {
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
fn a_wait_dropped_at_each_of_its_awaits_leaves_the_next_one_whole() {
    let mut awaits = 0;
    loop {
        let bench = Bench::new();
        let issuer = Issuer::on(&bench, secs(20));
        let client = client!(killb, bench, login());
        let ended = {
            let mut dropped = std::pin::pin!(std::future::IntoFuture::into_future(client.wait(batch("b"))));
            let mut left = awaits;
            bench.clock.run(std::future::poll_fn(|context| {
                if left == 0 {
                    return std::task::Poll::Ready(false);
                }
                left -= 1;
                dropped.as_mut().poll(context).map(|end| end.is_ok())
            }))
        };
        let report = bench.clock.run(client.wait(batch("b"))).unwrap();
        assert_eq!(report.outcome(), Some(Outcome::Succeeded), "dropped at await {awaits}");
        // A login that was cut off is made again; nothing else is sent but looks.
        assert!(issuer.counts().0 <= 2 && issuer.counts().1 == 0, "dropped at await {awaits}: {:?}", issuer.counts());
        let harmless = |sent: &CapturedRequest| sent.method == "GET" || sent.url.path().ends_with("/login");
        assert!(bench.connector.sent().iter().all(harmless), "dropped at await {awaits}");
        if ended {
            break;
        }
        awaits += 1;
    }
    assert!(awaits > 5, "in a login, in looks and between them: {awaits}");
}
