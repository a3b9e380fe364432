//! KillB's status response has all rows: polls of a large batch take minutes, and a wait sees its end.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bulkrail::http::{ConnectorFuture, HttpConnector};
use bulkrail::killb::{Client, Credentials, PROVIDER};
use bulkrail::poll::{FINAL_POLL_GRACE, Step, WaitOptions, WaitState};
use bulkrail::test_util::VirtualClock;
use bulkrail::{Batch, ErrorKind, Limits, Outcome, Provider, WaitSet};
use futures_util::{StreamExt, stream};

use crate::common::secs;

/// Server whose responses have a chunk with a row every 10 s. Each element is the number of rows of a response; `None`
/// for one that does not begin. The last one is repeated.
#[derive(Clone)]
struct SlowRows {
    clock: VirtualClock,
    responses: Arc<[Option<u64>]>,
    requests: Arc<AtomicUsize>,
}

impl SlowRows {
    fn new(responses: &[Option<u64>]) -> Self {
        Self { clock: VirtualClock::new(), responses: responses.into(), requests: Arc::default() }
    }

    fn client(&self, limits: Limits) -> Client {
        let client = Client::builder().credentials(Credentials::access_token("token-12345"));
        client.connector(self.clone()).clock(self.clock.clock()).limits(limits).build().unwrap()
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl HttpConnector for SlowRows {
    fn send(&self, _request: reqwest::Request) -> ConnectorFuture<'_> {
        let index = self.requests.fetch_add(1, Ordering::Relaxed);
        let rows = self.responses[index.min(self.responses.len() - 1)];
        let clock = self.clock.clock();
        Box::pin(async move {
            let Some(rows) = rows else { std::future::pending().await };
            let head = format!(
                r#"{{"jobId":"j-1","status":"COMPLETED","totalRows":{rows},"processedRows":{rows},"successCount":{rows},"errorCount":0,"results":["#
            );
            let row = |row| {
                let comma = if row == 0 { "" } else { "," };
                format!(r#"{comma}{{"rowNumber":{},"status":"SUCCESS","accountId":"a"}}"#, row + 2)
            };
            let rows: Vec<_> = (0..rows).map(row).collect();
            let chunks = std::iter::once(head).chain(rows).chain(std::iter::once("]}".to_owned()));
            let body = stream::iter(chunks).then(move |chunk| {
                let sleep = clock.sleep(secs(10));
                async move {
                    sleep.await;
                    Ok::<_, Infallible>(chunk)
                }
            });
            Ok(http::Response::new(reqwest::Body::wrap_stream(body)).into())
        })
    }
}

fn batch() -> Batch {
    Batch::new(PROVIDER, "j-1").unwrap()
}

#[test]
fn wait_sees_the_end_of_a_batch_whose_rows_take_minutes() {
    // Each of the two responses takes 280 s, within the download timeout of 300 s.
    let server = SlowRows::new(&[Some(26)]);
    let report = server.clock.run(server.client(Limits::default()).wait(batch())).unwrap();
    assert_eq!((report.polls, report.outcome(), server.requests()), (1, Some(Outcome::Succeeded), 2));

    let server = SlowRows::new(&[Some(26)]);
    let mut set = WaitSet::new(server.client(Limits::default()));
    set.add(batch()).unwrap();
    let (_, end) = server.clock.run(set.next()).unwrap();
    assert_eq!((end.unwrap().polls, server.requests()), (1, 2));
}

#[test]
fn time_of_a_poll_follows_the_limits_of_the_client_also_in_a_stored_wait() {
    let limits = Limits::default().with_download_timeout(secs(900));
    let server = SlowRows::new(&[Some(80)]);
    let client = server.client(limits);
    assert_eq!(client.polling_defaults().poll_timeout, secs(2 * 900 + 30));
    // It was stored by a client of other limits.
    let now = server.clock.clock().wall();
    let state = WaitState::new(batch(), &WaitOptions::new(&server.client(Limits::default())).without_deadline(), now);
    let mut state: WaitState = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
    assert_eq!(state.time_limit(now), secs(2 * 300 + 30));
    let Step::Ended(report) = server.clock.run(state.poll(&client)) else { panic!("it has not ended") };
    assert_eq!((report.polls, report.outcome()), (1, Some(Outcome::Succeeded)));
    assert_eq!(server.clock.elapsed(), secs(2 * 820));
}

#[test]
fn response_that_does_not_begin_is_noticed_within_the_request_timeout() {
    // Of either request.
    for (responses, cut_off) in [(&[None, Some(0)][..], 30), (&[Some(0), None, Some(0)], 20 + 30)] {
        let server = SlowRows::new(responses);
        let durations = Mutex::new(Vec::new());
        let client = server.client(Limits::default());
        let wait = client.wait(batch()).on_poll(|poll| durations.lock().unwrap().push(poll.duration));
        assert_eq!(server.clock.run(wait.into_future()).unwrap().polls, 2);
        assert_eq!(durations.into_inner().unwrap(), [secs(cut_off), secs(40)]);
    }
}

#[test]
fn stop_and_deadline_end_a_wait_within_a_poll_that_takes_minutes() {
    let server = SlowRows::new(&[Some(26)]);
    let clock = server.clock.clock();
    let client = server.client(Limits::default());
    let error = server.clock.run(client.wait(batch()).stop_when(clock.sleep(secs(100)))).unwrap_err();
    assert_eq!((error.kind(), server.clock.elapsed()), (ErrorKind::Interrupted, secs(100)));
    let error = server.clock.run(client.wait(batch()).deadline(secs(60))).unwrap_err();
    assert_eq!((error.kind(), error.elapsed()), (ErrorKind::Unreachable, secs(60) + FINAL_POLL_GRACE));
}
