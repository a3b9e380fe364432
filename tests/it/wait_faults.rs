//! A wait survives every transient fault at any of its polls, and ends at once for a permanent
//! error.

use crate::common::{Bench, client, secs};
use bulkrail::http::ConnectorError;
use bulkrail::poll::{FINAL_POLL_GRACE, Step, WaitOptions, WaitState};
use bulkrail::reap::{Credentials, PROVIDER};
use bulkrail::test_util::{MockProvider, MockResponse, VirtualClock, finished, running, unavailable};
use bulkrail::{Batch, Error, ErrorKind, Outcome, Report};

fn running_response() -> MockResponse {
    MockResponse::json(200, r#"{"status":"in_progress","totalRecords":10,"processedRecords":5}"#)
}

fn finished_response() -> MockResponse {
    let body = r#"{"status":"completed","totalRecords":10,"processedRecords":10,"failedRecords":0,"summary":{"successfulRecords":10}}"#;
    MockResponse::json(200, body)
}

type Fault = (&'static str, fn() -> MockResponse);

/// Faults of a poll that mean nothing about the batch.
const TRANSIENT: &[Fault] = &[
    ("no connection", || MockResponse::error(ConnectorError::Connect)),
    ("connection refused", || MockResponse::error(ConnectorError::ConnectionRefused)),
    ("no connection in time", || MockResponse::error(ConnectorError::ConnectTimeout)),
    ("no network", || MockResponse::error(ConnectorError::NetworkUnreachable)),
    ("no name server", || MockResponse::error(ConnectorError::NameResolution)),
    ("broken handshake", || MockResponse::error(ConnectorError::TlsInterrupted)),
    ("not processed", || MockResponse::error(ConnectorError::NotProcessed)),
    ("timeout", || MockResponse::error(ConnectorError::Timeout)),
    ("connection reset", || MockResponse::error(ConnectorError::ConnectionReset)),
    ("bad compression", || MockResponse::error(ConnectorError::InvalidBody)),
    ("body breaks off", || MockResponse::json(200, r#"{"status":"comp"#).reset_after_body()),
    ("body cut short", || MockResponse::json(200, r#"{"status":"comp"#)),
    ("a page instead of JSON", || MockResponse::new(200, "<html>maintenance</html>")),
    ("another batch", || {
        MockResponse::json(200, r#"{"batchId":"b-2","status":"completed","totalRecords":0,"processedRecords":0}"#)
    }),
    ("nothing at all", || MockResponse::new(200, "")),
    ("another JSON type", || MockResponse::json(200, "[]")),
    ("408", || MockResponse::json(408, "{}")),
    ("425", || MockResponse::json(425, "{}")),
    ("429", || MockResponse::json(429, "{}").header("retry-after", "3")),
    ("429 with garbage", || MockResponse::json(429, "{}").header("retry-after", "whenever")),
    ("500", || MockResponse::json(500, r#"{"code":"0601001400","message":"oops"}"#)),
    ("502 page", || MockResponse::new(502, "<html>Bad Gateway</html>")),
    ("503", || MockResponse::json(503, "{}").header("retry-after", "Thu, 01 Jan 2026 00:00:05 GMT")),
    ("504", || MockResponse::new(504, "")),
    ("520", || MockResponse::new(520, "")),
];

const PERMANENT: &[(&str, fn() -> MockResponse, ErrorKind)] = &[
    ("400", || MockResponse::json(400, "{}"), ErrorKind::InvalidRequest),
    ("401", || MockResponse::json(401, "{}"), ErrorKind::Authentication),
    ("403", || MockResponse::json(403, "{}"), ErrorKind::Permission),
    ("404", || MockResponse::json(404, "{}"), ErrorKind::NotFound),
    ("410", || MockResponse::json(410, "{}"), ErrorKind::NotFound),
    ("302", || MockResponse::new(302, "").header("location", "https://elsewhere.example"), ErrorKind::UnsafeRedirect),
    ("409", || MockResponse::json(409, "{}"), ErrorKind::Conflict),
    ("expired", || MockResponse::error(ConnectorError::CertificateExpired), ErrorKind::Unavailable),
    ("not valid yet", || MockResponse::error(ConnectorError::CertificateNotYetValid), ErrorKind::Unavailable),
    ("other host", || MockResponse::error(ConnectorError::CertificateOfOtherHost), ErrorKind::Unavailable),
    ("unknown authority", || MockResponse::error(ConnectorError::UnknownAuthority), ErrorKind::Unavailable),
    ("invalid certificate", || MockResponse::error(ConnectorError::InvalidCertificate), ErrorKind::Unavailable),
    ("proxy credentials", || MockResponse::error(ConnectorError::ProxyAuthentication), ErrorKind::Authentication),
    ("too large", || MockResponse::json(200, "{}").header("content-length", "99999999999"), ErrorKind::TooLarge),
];

/// Waits with a client whose polls get `responses`, one after the other.
fn wait_on(responses: impl IntoIterator<Item = MockResponse>) -> (Result<Report, Error>, Bench) {
    let bench = Bench::new();
    let client = client!(reap, bench, Credentials::api_key("k"));
    responses.into_iter().for_each(|response| bench.connector.push(response));
    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    let end = bench.clock.run(client.wait(batch).interval(secs(1)..=secs(10)).deadline(secs(1800)));
    (end, bench)
}

#[test]
fn wait_survives_every_transient_fault_at_any_poll() {
    let polls = |fault: Option<fn() -> MockResponse>, at: usize, times: usize| {
        let good = (0..4).map(|_| running_response()).chain([finished_response()]);
        let mut responses: Vec<_> = good.collect();
        for _ in 0..times {
            responses.extend(fault.map(|fault| fault()));
            let last = responses.len() - 1;
            responses[at..=last].rotate_right(1);
        }
        responses
    };
    for (name, fault) in TRANSIENT {
        for (place, at, times) in [("first", 0, 1), ("middle", 2, 1), ("last", 4, 1), ("five in a row", 2, 5)] {
            let (end, bench) = wait_on(polls(Some(*fault), at, times));
            let report = end.unwrap_or_else(|error| panic!("{name}, {place}: {error}"));
            assert_eq!(report.outcome(), Some(Outcome::Succeeded), "{name}, {place}");
            assert_eq!(report.polls as usize, 5 + times, "{name}, {place}");
            assert!(bench.clock.elapsed() < secs(120), "{name}, {place}: {:?}", bench.clock.elapsed());
        }
    }
}

#[test]
fn wait_ends_at_once_for_every_permanent_response() {
    for (name, fault, kind) in PERMANENT {
        for good in [0, 3] {
            let responses = (0..good).map(|_| running_response()).chain([fault(), finished_response()]);
            let (end, bench) = wait_on(responses);
            let error = end.unwrap_err();
            assert_eq!(error.kind(), *kind, "{name}");
            assert_eq!(error.batch().map(Batch::id), Some("b-1"), "{name}");
            assert_eq!((error.polls() as usize, bench.connector.requests().len()), (good + 1, good + 1), "{name}");
            assert_eq!(error.last_snapshot().is_some(), good > 0, "{name}");
            assert_eq!(error.elapsed(), bench.clock.elapsed(), "{name}");
        }
    }
}

#[test]
fn wait_takes_an_address_that_worked_before_for_right() {
    let faults =
        [ConnectorError::UnknownHost, ConnectorError::Tls, ConnectorError::ProxyConnect, ConnectorError::ProxyRefused];
    for fault in faults {
        let (end, bench) = wait_on([MockResponse::error(fault), finished_response()]);
        let error = end.unwrap_err();
        assert_eq!((error.kind(), error.polls()), (ErrorKind::Unavailable, 1), "{fault}: it was never reached");
        assert!(!error.is_resumable() && bench.clock.elapsed() <= secs(1), "{fault}: {:?}", bench.clock.elapsed());

        let (end, _) = wait_on([running_response(), MockResponse::error(fault), finished_response()]);
        assert_eq!(end.unwrap().outcome(), Some(Outcome::Succeeded), "{fault}: an outage after the first poll");

        let bench = Bench::new();
        let client = client!(reap, bench, Credentials::api_key("k"));
        [MockResponse::error(fault), finished_response()].into_iter().for_each(|next| bench.connector.push(next));
        let submitted = Batch::new(PROVIDER, "b-1").unwrap().with_submitted_at(VirtualClock::BEGINNING);
        let end = bench.clock.run(client.wait(submitted).interval(secs(1)..=secs(10)));
        assert_eq!(end.unwrap().outcome(), Some(Outcome::Succeeded), "{fault}: submitted a moment ago");
    }
}

#[test]
fn wait_that_only_sees_another_batch_ends_unreachable_and_names_it() {
    let bench = Bench::new();
    let client = client!(reap, bench, Credentials::api_key("k"));
    bench.connector.respond_with(|_| MockResponse::json(200, r#"{"batchId":"b-2","status":"completed"}"#));
    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    let error = bench.clock.run(client.wait(batch).failure_budget(secs(60))).unwrap_err();
    assert_eq!((error.kind(), error.last_snapshot()), (ErrorKind::Unreachable, None));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("about another batch: b-1 was asked for, and b-2 came (HTTP 200)"), "{cause}");
}

#[test]
fn wait_through_an_outage_of_a_minute_lags_by_one_interval_at_most() {
    let waited = |outage: bool| {
        let clock = VirtualClock::new();
        let minute = |n: u64| secs(60 * n);
        let mut script = MockProvider::by_time(&clock);
        for n in 0..10 {
            script =
                script.from(minute(n), move || if outage && n == 5 { Err(unavailable()) } else { Ok(running(n, 10)) });
        }
        let script = script.from(minute(10), || Ok(finished(10, 0)));
        let wait = bulkrail::wait(&script, script.submitted("b")).interval(secs(1)..=secs(30)).deadline(secs(3600));
        assert_eq!(clock.run(wait).unwrap().outcome(), Some(Outcome::Succeeded));
        clock.elapsed()
    };
    let (with, without) = (waited(true), waited(false));
    assert!(with <= without.max(secs(600)) + secs(30), "{with:?} with the outage, {without:?} without");
}

#[test]
fn wait_ends_unreachable_when_the_provider_stays_away() {
    let clock = VirtualClock::new();
    let script =
        MockProvider::by_time(&clock).from(secs(0), || Ok(running(1, 10))).from(secs(60), || Err(unavailable()));
    let wait = bulkrail::wait(&script, script.batch("b")).interval(secs(1)..=secs(20)).failure_budget(secs(600));
    let error = clock.run(wait).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.last_snapshot().unwrap().progress.processed, Some(1));
    let waited = clock.elapsed();
    assert!((secs(600)..secs(720)).contains(&waited), "{waited:?}");
    let source = std::error::Error::source(&error).unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(source.kind(), ErrorKind::Unavailable, "the last fault is the source");
}

#[test]
fn wait_deadline_tells_running_from_unreachable() {
    let wait = |script: &MockProvider, clock: &VirtualClock| {
        let error = clock.run(bulkrail::wait(script, script.batch("b")).deadline(secs(120))).unwrap_err();
        assert_eq!(clock.elapsed(), secs(120), "the last poll is at the deadline");
        error
    };
    let clock = VirtualClock::new();
    let script = MockProvider::by_time(&clock).from(secs(0), || Ok(running(7, 10)));
    let error = wait(&script, &clock);
    assert_eq!((error.kind(), error.is_timeout(), error.is_resumable()), (ErrorKind::Deadline, true, true));
    assert_eq!(error.last_snapshot().unwrap().progress.processed, Some(7));

    let clock = VirtualClock::new();
    let script = MockProvider::by_time(&clock).from(secs(0), || Err(unavailable()));
    assert_eq!(wait(&script, &clock).kind(), ErrorKind::Unreachable);

    let clock = VirtualClock::new();
    let script =
        MockProvider::by_time(&clock).from(secs(0), || Ok(running(7, 10))).from(secs(119), || Err(unavailable()));
    assert_eq!(
        wait(&script, &clock).kind(),
        ErrorKind::Deadline,
        "one failed poll at the end does not hide that it was running"
    );

    let clock = VirtualClock::new();
    let script =
        MockProvider::by_time(&clock).from(secs(0), || Ok(running(7, 10))).from(secs(30), || Err(unavailable()));
    assert_eq!(wait(&script, &clock).kind(), ErrorKind::Unreachable, "90 s without a successful poll are unreachable");

    let clock = VirtualClock::new();
    let script =
        MockProvider::by_time(&clock).from(secs(0), || Ok(running(7, 10))).from(secs(115), || Ok(finished(10, 0)));
    let report = clock.run(bulkrail::wait(&script, script.batch("b")).deadline(secs(120))).unwrap();
    assert_eq!(report.outcome(), Some(Outcome::Succeeded), "the last poll sees the end");
}

#[test]
fn wait_tolerates_not_found_only_after_our_own_submit() {
    let not_found = || Err(Error::new(ErrorKind::NotFound, "not there").with_http_status(404));
    let script = |clock: &VirtualClock| {
        MockProvider::by_time(clock).from(secs(0), not_found).from(secs(20), || Ok(finished(1, 0)))
    };

    let clock = VirtualClock::new();
    let provider = script(&clock);
    let report = clock.run(bulkrail::wait(&provider, provider.submitted("b"))).unwrap();
    assert_eq!(report.outcome(), Some(Outcome::Succeeded));

    let clock = VirtualClock::new();
    let provider = script(&clock);
    let error = clock.run(bulkrail::wait(&provider, provider.batch("b"))).unwrap_err();
    assert_eq!((error.kind(), error.polls()), (ErrorKind::NotFound, 1), "a batch that is known by its id alone");

    let clock = VirtualClock::new();
    let provider = script(&clock);
    let old = provider.batch("b").with_submitted_at("2025-12-31T23:50:00Z".parse::<jiff::Timestamp>().unwrap());
    let error = clock.run(bulkrail::wait(&provider, old)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "a batch that was submitted ten minutes ago");

    let clock = VirtualClock::new();
    let provider = MockProvider::by_time(&clock).from(secs(0), not_found);
    let error = clock.run(bulkrail::wait(&provider, provider.submitted("b"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "a batch that stays invisible for a minute");
    assert!((secs(60)..secs(100)).contains(&clock.elapsed()), "{:?}", clock.elapsed());

    let clock = VirtualClock::new();
    let provider = MockProvider::in_order(&clock).then(|| Ok(running(1, 2))).then(not_found);
    let error = clock.run(bulkrail::wait(&provider, provider.submitted("b"))).unwrap_err();
    assert_eq!((error.kind(), error.polls()), (ErrorKind::NotFound, 2), "a batch that was visible before");
}

#[test]
fn wait_cuts_off_a_poll_that_never_ends() {
    let clock = VirtualClock::new();
    let script = MockProvider::by_time(&clock).poll_takes(secs(100_000));
    let error = clock.run(bulkrail::wait(&script, script.batch("b")).deadline(secs(300))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(clock.elapsed() <= secs(300) + FINAL_POLL_GRACE, "{:?}", clock.elapsed());
}

#[test]
fn wait_without_deadline_lasts_as_long_as_the_provider_responds() {
    let clock = VirtualClock::new();
    let days = secs(3 * 24 * 3600);
    let script = MockProvider::by_time(&clock).from(secs(0), || Ok(running(1, 2))).from(days, || Ok(finished(2, 0)));
    clock.run(bulkrail::wait(&script, script.batch("b")).without_deadline()).unwrap();
    assert!(clock.elapsed() >= days);
}

#[test]
fn wait_obeys_retry_after_up_to_the_deadline() {
    let clock = VirtualClock::new();
    let script = MockProvider::in_order(&clock)
        .then(|| Err(unavailable().with_retry_after(secs(50))))
        .then(|| Ok(running(1, 2).with_retry_after(Some(secs(40)))))
        .then(|| Ok(finished(2, 0)));
    clock.run(bulkrail::wait(&script, script.batch("b")).interval(secs(1)..=secs(2))).unwrap();
    assert!((secs(90)..secs(100)).contains(&clock.elapsed()), "{:?}", clock.elapsed());

    let clock = VirtualClock::new();
    let script = MockProvider::in_order(&clock).then(|| Err(unavailable().with_retry_after(secs(1_000_000_000))));
    let error = clock.run(bulkrail::wait(&script, script.batch("b")).deadline(secs(600))).unwrap_err();
    assert_eq!((error.kind(), clock.elapsed()), (ErrorKind::Unreachable, secs(600)));
}

#[test]
fn wait_that_is_stopped_keeps_batch_and_last_snapshot() {
    let clock = VirtualClock::new();
    let script = MockProvider::by_time(&clock).from(secs(0), || Ok(running(3, 10)));
    let stop = clock.clock().sleep(secs(100));
    let error = clock.run(bulkrail::wait(&script, script.batch("b")).stop_when(stop)).unwrap_err();
    assert_eq!((error.kind(), clock.elapsed()), (ErrorKind::Interrupted, secs(100)));
    assert_eq!(error.batch().map(Batch::id), Some("b"));
    assert_eq!(error.last_snapshot().unwrap().progress.processed, Some(3));
}

#[test]
fn poll_stream_returns_a_report_before_the_next_sleep() {
    let clock = VirtualClock::new();
    let script =
        MockProvider::by_time(&clock).from(secs(0), || Ok(running(1, 2))).from(secs(30), || Ok(finished(2, 0)));
    let mut snapshots = bulkrail::wait(&script, script.batch("b")).into_stream();
    let first = clock.run(snapshots.next()).unwrap().unwrap();
    assert_eq!(first.polls, 1);
    assert_eq!(clock.elapsed(), first.elapsed, "the first report comes before the next sleep");
    assert!(clock.elapsed() <= secs(1), "{:?}", clock.elapsed());
    let mut last = first;
    while let Some(report) = clock.run(snapshots.next()) {
        last = report.unwrap();
    }
    assert_eq!(last.outcome(), Some(Outcome::Succeeded));
    assert!(clock.run(snapshots.next()).is_none(), "the stream is over after the end");
}

#[test]
fn wait_delays_the_first_poll_after_a_submit_as_the_provider_asks() {
    let bench = Bench::new();
    let client = client!(reap, bench, Credentials::api_key("k"));
    let submitted = Batch::new(PROVIDER, "b").unwrap().with_submitted_at(VirtualClock::BEGINNING);
    bench.connector.push(finished_response());
    bench.clock.run(client.wait(submitted.clone())).unwrap();
    assert!(
        (secs(60)..=secs(120)).contains(&bench.clock.elapsed()),
        "Reap: 1 to 2 minutes, {:?}",
        bench.clock.elapsed()
    );

    // The same batch, resumed later: the delay has passed already.
    let before = bench.clock.elapsed();
    bench.connector.push(finished_response());
    bench.clock.run(client.wait(submitted)).unwrap();
    assert!(bench.clock.elapsed() - before <= secs(1), "{:?}", bench.clock.elapsed() - before);
}

/// Returns the step that ends a wait whose state is written as JSON and read after every poll.
fn last_step_through_json(bench: &Bench, client: &bulkrail::reap::Client, batch: Batch) -> Step {
    let now = || bench.clock.clock().wall();
    let mut state = WaitState::new(batch, &WaitOptions::new(client), now());
    loop {
        bench.clock.run(bench.clock.clock().sleep(state.due_in(now())));
        let step = bench.clock.run(state.poll(client));
        if !matches!(step, Step::Again { .. }) {
            return step;
        }
        state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
    }
}

#[test]
fn wait_state_through_json_ends_as_the_wait_after_each_transient_fault() {
    for (name, fault) in TRANSIENT {
        let course = |through_json: bool| {
            let bench = Bench::new();
            let client = client!(reap, bench, Credentials::api_key("k"));
            [running_response(), fault(), MockResponse::new(403, "")].into_iter().for_each(|r| bench.connector.push(r));
            let batch = Batch::new(PROVIDER, "b-1").unwrap().with_submitted_at(bench.clock.clock().wall());
            let error = if through_json {
                let step = last_step_through_json(&bench, &client, batch);
                let Step::GaveUp(error) = step else { panic!("{name}: {step:?}") };
                error
            } else {
                bench.clock.run(client.wait(batch)).unwrap_err()
            };
            let source = std::error::Error::source(&error).map(ToString::to_string);
            (error.document(), source, bench.clock.elapsed())
        };
        let (plain, stored) = (course(false), course(true));
        assert_eq!((plain.0.polls, plain.1.is_some()), (3, true), "{name}");
        assert_eq!(stored, plain, "{name}");
    }
}

#[test]
fn wait_state_of_another_environment_sends_nothing() {
    let bench = Bench::new();
    let client = client!(reap, bench, Credentials::api_key("k"));
    let batch = Batch::new(PROVIDER, "b-1").unwrap().with_environment("production");
    let step = last_step_through_json(&bench, &client, batch);
    let Step::GaveUp(error) = step else { panic!("{step:?}") };
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(bench.connector.requests().is_empty());
}
