//! Names of spans, events and fields are fixed, and values of responses are not traced.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use crate::common::{Bench, client, secs};
use bulkrail::reap::{Credentials, PROVIDER};
use bulkrail::test_util::MockResponse;
use bulkrail::{Batch, Error, ErrorKind, Report};
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Locked by a test with a subscriber: which events are enabled is state of the process.
static TURN: Mutex<()> = Mutex::new(());

/// Writes each span and event as a line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

struct Values<'a>(&'a mut String);

impl Visit for Values<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() != "message" {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }
}

impl Lines {
    fn line(&self, metadata: &tracing::Metadata<'_>, name: &str, record: impl FnOnce(&mut Values<'_>)) {
        if !metadata.target().starts_with("bulkrail") {
            return;
        }
        let mut lines = self.0.lock().unwrap();
        write!(lines, "{} {} {name}", metadata.level(), metadata.target()).unwrap();
        record(&mut Values(&mut lines));
        lines.push('\n');
    }
}

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &tracing::span::Attributes<'_>, _: &tracing::span::Id, _: Context<'_, S>) {
        let metadata = attributes.metadata();
        self.line(metadata, metadata.name(), |values| attributes.record(values));
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.line(event.metadata(), &message.0, |values| event.record(values));
    }
}

/// Runs `run` with a subscriber. Returns its result and the traced lines.
///
/// Whether an event is enabled is cached for the process. A test on another thread may register an
/// event just before the subscriber comes, and so leave it disabled: the cache is rebuilt after a
/// first run.
fn traced<T>(mut run: impl FnMut() -> T) -> (String, T) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = Lines::default();
    let result = tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.clone()), || {
        run();
        tracing::callsite::rebuild_interest_cache();
        lines.0.lock().unwrap().clear();
        run()
    });
    let lines = lines.0.lock().unwrap().clone();
    (lines, result)
}

/// Waits for a batch whose polls get `responses`. Returns the end and the time that it took.
/// Returns the end of a wait, and the times of its polls.
fn wait_for(responses: &[MockResponse]) -> (Result<Report, Error>, Vec<u128>) {
    let bench = Bench::new();
    responses.iter().for_each(|response| bench.connector.push(response.clone()));
    let client = client!(reap, bench, Credentials::api_key("CANARY-KEY"));
    let mut times = Vec::new();
    let wait = client.wait(Batch::new(PROVIDER, "b-1").unwrap()).interval(secs(1)..=secs(1));
    let end = bench.clock.run(wait.on_poll(|poll| times.push(poll.elapsed.as_millis())));
    (end, times)
}

#[test]
fn wait_traces_fixed_names_of_spans_events_and_fields() {
    let running = r#"{"status":"in_progress","totalRecords":10,"processedRecords":4,"eta":7}"#;
    let done = r#"{"status":"completed","totalRecords":10,"processedRecords":10,"failedRecords":1,"summary":{"successfulRecords":9}}"#;
    let responses = [MockResponse::json(200, running), MockResponse::new(502, "<html>"), MockResponse::json(200, done)];
    let (lines, (end, times)) = traced(|| wait_for(&responses));
    end.unwrap();
    let [first, second, elapsed] = times[..] else { panic!("{times:?}") };
    assert_eq!(second - first, 1000);
    let golden = format!(
        "DEBUG bulkrail::wait wait bulkrail.provider=\"reap\" bulkrail.batch.id=\"b-1\"\n\
         DEBUG bulkrail::http request bulkrail.provider=\"reap\" bulkrail.operation=\"get_batch_status\" http.request.method=\"GET\" http.response.status_code=200 bulkrail.duration_ms=0\n\
         DEBUG bulkrail::wait poll bulkrail.poll=1 bulkrail.elapsed_ms={first} bulkrail.duration_ms=0 bulkrail.state=\"running\" bulkrail.rows.processed=4 bulkrail.rows.total=10\n\
         WARN bulkrail::drift the response differs from the spec bulkrail.drift.pointer=\"/eta\" bulkrail.drift.kind=\"unknown_field\" bulkrail.drift.expected=\"no such field\"\n\
         DEBUG bulkrail::http request bulkrail.provider=\"reap\" bulkrail.operation=\"get_batch_status\" http.request.method=\"GET\" http.response.status_code=502 bulkrail.duration_ms=0\n\
         DEBUG bulkrail::wait poll bulkrail.poll=2 bulkrail.elapsed_ms={second} bulkrail.duration_ms=0 error.type=\"unavailable\" http.response.status_code=502\n\
         DEBUG bulkrail::http request bulkrail.provider=\"reap\" bulkrail.operation=\"get_batch_status\" http.request.method=\"GET\" http.response.status_code=200 bulkrail.duration_ms=0\n\
         DEBUG bulkrail::wait poll bulkrail.poll=3 bulkrail.elapsed_ms={elapsed} bulkrail.duration_ms=0 bulkrail.state=\"finished\" bulkrail.rows.processed=10 bulkrail.rows.total=10\n\
         INFO bulkrail::wait end bulkrail.polls=3 bulkrail.elapsed_ms={elapsed} bulkrail.outcome=\"partial\"\n"
    );
    assert_eq!(lines, golden);
}

#[test]
fn submit_traces_drift_of_its_response() {
    let (lines, batch) = traced(|| {
        let bench = Bench::new();
        let client = client!(reap, bench, Credentials::api_key("CANARY-KEY"));
        let response = r#"{"batchId":"b-1","totalRecords":"CANARY","expires":"CANARY"}"#;
        bench.connector.push(MockResponse::json(201, response));
        bench.clock.run(client.upload("externalId,shareToken\na,b\n", None))
    });
    assert_eq!(batch.unwrap().id(), "b-1");
    for (pointer, kind) in [("/totalRecords", "type_mismatch"), ("/expires", "unknown_field")] {
        let event = format!("bulkrail.drift.pointer=\"{pointer}\" bulkrail.drift.kind=\"{kind}\"");
        assert!(lines.contains(&event), "{lines}");
    }
    assert!(!lines.contains("CANARY"), "{lines}");
}

#[test]
fn traces_hold_no_value_of_responses_or_credentials() {
    let canary = r#"{"status":"CANARY","newField":"CANARY","totalRecords":"CANARY","processedRecords":1,"summary":{"errors":["CANARY"]}}"#;
    let responses = [
        MockResponse::json(200, canary).header("x-request-id", "CANARY").header("location", "CANARY"),
        MockResponse::new(502, "<html>CANARY</html>"),
        MockResponse::json(403, r#"{"code":"CANARY","message":"CANARY","parameter":"CANARY"}"#),
    ];
    let (lines, (end, _)) = traced(|| wait_for(&responses));
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Permission);
    assert!(lines.contains("poll") && !lines.contains("CANARY"), "{lines}");
}

#[test]
fn on_poll_is_called_after_every_poll() {
    let bench = Bench::new();
    let client = client!(reap, bench, Credentials::api_key("k"));
    bench.connector.push(MockResponse::new(500, ""));
    bench.connector.push(MockResponse::json(200, r#"{"status":"failed"}"#));
    let mut seen = Vec::new();
    let wait = client
        .wait(Batch::new(PROVIDER, "b").unwrap())
        .on_poll(|event| seen.push((event.poll, event.result.is_ok(), event.batch.id().to_owned())));
    bench.clock.run(wait).unwrap();
    assert_eq!(seen, [(1, false, "b".to_owned()), (2, true, "b".to_owned())]);
}
