//! Names of spans, events and fields are fixed, and values of responses are not traced.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::common::{Bench, client};
use bulkrail::reap::{Credentials, PROVIDER};
use bulkrail::test_util::MockResponse;
use bulkrail::{Batch, ErrorKind};
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Held by a test with a subscriber: which events are enabled is state of the process.
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

fn traced(bench: &Bench, id: &str) -> (String, Result<bulkrail::Report, bulkrail::Error>) {
    let lines = Lines::default();
    let client = client!(reap, bench, Credentials::api_key("CANARY-KEY"));
    let end = tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.clone()), || {
        bench.clock.run(
            client.wait(Batch::new(PROVIDER, id).unwrap()).interval(Duration::from_secs(1)..=Duration::from_secs(1)),
        )
    });
    let lines = lines.0.lock().unwrap().clone();
    (lines, end)
}

#[test]
fn wait_traces_fixed_names_of_spans_events_and_fields() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bench = Bench::new();
    bench
        .connector
        .push(MockResponse::json(200, r#"{"status":"in_progress","totalRecords":10,"processedRecords":4,"eta":7}"#));
    bench.connector.push(MockResponse::new(502, "<html>"));
    let done = r#"{"status":"completed","totalRecords":10,"processedRecords":10,"failedRecords":1,"summary":{"successfulRecords":9}}"#;
    bench.connector.push(MockResponse::json(200, done));
    let (lines, end) = traced(&bench, "b-1");
    end.unwrap();
    let elapsed: u128 = bench.clock.elapsed().as_millis();
    let golden = format!(
        "DEBUG bulkrail::wait wait bulkrail.provider=\"reap\" bulkrail.batch.id=\"b-1\"\n\
         DEBUG bulkrail::http request bulkrail.provider=\"reap\" bulkrail.operation=\"get_batch_status\" http.request.method=\"GET\" http.response.status_code=200 bulkrail.duration_ms=0\n\
         DEBUG bulkrail::wait poll bulkrail.poll=1 bulkrail.elapsed_ms=0 bulkrail.duration_ms=0 bulkrail.state=\"running\" bulkrail.rows.processed=4 bulkrail.rows.total=10\n\
         WARN bulkrail::drift the response differs from the spec bulkrail.drift.pointer=\"/eta\" bulkrail.drift.kind=\"unknown_field\" bulkrail.drift.expected=\"no such field\"\n\
         DEBUG bulkrail::http request bulkrail.provider=\"reap\" bulkrail.operation=\"get_batch_status\" http.request.method=\"GET\" http.response.status_code=502 bulkrail.duration_ms=0\n\
         DEBUG bulkrail::wait poll bulkrail.poll=2 bulkrail.elapsed_ms=1000 bulkrail.duration_ms=0 error.type=\"unavailable\" http.response.status_code=502\n\
         DEBUG bulkrail::http request bulkrail.provider=\"reap\" bulkrail.operation=\"get_batch_status\" http.request.method=\"GET\" http.response.status_code=200 bulkrail.duration_ms=0\n\
         DEBUG bulkrail::wait poll bulkrail.poll=3 bulkrail.elapsed_ms={elapsed} bulkrail.duration_ms=0 bulkrail.state=\"finished\" bulkrail.rows.processed=10 bulkrail.rows.total=10\n\
         INFO bulkrail::wait end bulkrail.polls=3 bulkrail.elapsed_ms={elapsed} bulkrail.outcome=\"partial\"\n"
    );
    assert_eq!(lines, golden);
}

#[test]
fn submit_traces_drift_of_its_response() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bench = Bench::new();
    let lines = Lines::default();
    let client = client!(reap, bench, Credentials::api_key("CANARY-KEY"));
    bench.connector.push(MockResponse::json(201, r#"{"batchId":"b-1","totalRecords":"CANARY","expires":"CANARY"}"#));
    let batch = tracing::subscriber::with_default(tracing_subscriber::registry().with(lines.clone()), || {
        bench.clock.run(client.upload("externalId,shareToken\na,b\n", None))
    });
    assert_eq!(batch.unwrap().id(), "b-1");
    let lines = lines.0.lock().unwrap().clone();
    for (pointer, kind) in [("/totalRecords", "type_mismatch"), ("/expires", "unknown_field")] {
        let event = format!("bulkrail.drift.pointer=\"{pointer}\" bulkrail.drift.kind=\"{kind}\"");
        assert!(lines.contains(&event), "{lines}");
    }
    assert!(!lines.contains("CANARY"), "{lines}");
}

#[test]
fn traces_hold_no_value_of_responses_or_credentials() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bench = Bench::new();
    let canary = r#"{"status":"CANARY","newField":"CANARY","totalRecords":"CANARY","processedRecords":1,"summary":{"errors":["CANARY"]}}"#;
    bench.connector.push(MockResponse::json(200, canary).header("x-request-id", "CANARY").header("location", "CANARY"));
    bench.connector.push(MockResponse::new(502, "<html>CANARY</html>"));
    bench.connector.push(MockResponse::json(403, r#"{"code":"CANARY","message":"CANARY","parameter":"CANARY"}"#));
    let (lines, end) = traced(&bench, "b-1");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Permission);
    assert!(lines.contains("poll") && !lines.contains("CANARY"), "{lines}");
}

#[test]
fn on_poll_is_called_after_every_poll() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
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
