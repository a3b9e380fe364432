//! Waits, wait sets and rows as streams, with the combinators of `futures`.

use bulkrail::test_util::{MockProvider, VirtualClock, finished, running};
use bulkrail::{ErrorKind, Outcome, WaitSet, wait};
use futures_util::StreamExt;
use futures_util::stream::{FusedStream, select_all};

use crate::common::secs;

fn ends_after(clock: &VirtualClock, time: u64) -> MockProvider {
    MockProvider::by_time(clock).from(secs(0), || Ok(running(1, 2))).from(secs(time), || Ok(finished(2, 0)))
}

#[test]
fn poll_stream_yields_every_report_and_is_fused() {
    let clock = VirtualClock::new();
    let provider = ends_after(&clock, 30);
    let mut stream = wait(&provider, provider.batch("b")).into_stream();
    assert!(!stream.is_terminated());
    assert_eq!(stream.state().map(|state| state.batch().id()), Some("b"));
    let reports: Vec<_> = clock.run(stream.by_ref().collect());
    let polls: Vec<_> = reports.iter().map(|report| report.as_ref().unwrap().polls).collect();
    assert!(polls.len() > 2 && polls.iter().copied().eq(1..=polls.len() as u32), "{polls:?}");
    let terminal: Vec<_> = reports.iter().map(|report| report.as_ref().unwrap().snapshot.is_terminal()).collect();
    assert_eq!(terminal.iter().position(|terminal| *terminal), Some(terminal.len() - 1), "only the last one");
    assert!(stream.is_terminated() && stream.state().is_none());
    assert!(clock.run(StreamExt::next(&mut stream)).is_none());
}

#[test]
fn poll_stream_ends_after_its_error() {
    let clock = VirtualClock::new();
    let provider = ends_after(&clock, 10_000);
    let stream = wait(&provider, provider.batch("b")).deadline(secs(20)).into_stream();
    let mut reports: Vec<_> = clock.run(stream.collect());
    let error = reports.pop().unwrap().unwrap_err();
    assert_eq!((error.kind(), clock.elapsed()), (ErrorKind::Deadline, secs(20)));
    assert!(!reports.is_empty() && reports.iter().all(Result::is_ok));
}

#[test]
fn poll_streams_of_several_batches_can_be_merged() {
    let clock = VirtualClock::new();
    let providers = [40, 10, 25].map(|time| ends_after(&clock, time));
    let streams = ["a", "b", "c"]
        .iter()
        .zip(&providers)
        .map(|(id, provider)| Box::pin(wait(provider, provider.batch(id)).interval(secs(1)..=secs(2)).into_stream()));
    let mut ended = Vec::new();
    let mut merged = select_all(streams);
    while let Some(report) = clock.run(merged.next()) {
        let report = report.unwrap();
        if report.snapshot.is_terminal() {
            ended.push((report.batch.id().to_owned(), clock.elapsed().as_secs()));
        }
    }
    let ids: Vec<_> = ended.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["b", "c", "a"], "{ended:?}");
    assert!(ended.iter().zip([10, 25, 40]).all(|((_, at), end)| (end..end + 5).contains(at)), "{ended:?}");
}

#[test]
fn wait_set_yields_each_batch_with_its_end_once() {
    let clock = VirtualClock::new();
    let provider = ends_after(&clock, 30);
    let mut set = WaitSet::new(&provider);
    for id in ["a", "b", "c"] {
        set.add(provider.batch(id)).unwrap();
    }
    let mut ends: Vec<_> = clock.run(set.collect());
    ends.sort_by(|(one, _), (two, _)| one.id().cmp(two.id()));
    let ids: Vec<_> = ends.iter().map(|(batch, _)| batch.id()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    for (batch, end) in &ends {
        let report = end.as_ref().unwrap();
        assert_eq!((&report.batch, report.outcome()), (batch, Some(Outcome::Succeeded)));
    }
}

#[cfg(feature = "killb")]
mod rows {
    use bulkrail::killb::{Client, Credentials, PROVIDER};
    use bulkrail::test_util::MockResponse;
    use bulkrail::{Batch, RowOutcome};
    use futures_util::TryStreamExt;

    use super::*;
    use crate::common::{Bench, client};

    const ROW: &str = r#"{"rowNumber":1,"status":"SUCCESS","originalRowData":{"externalId":"r-1"}}"#;

    fn killb(bench: &Bench) -> Client {
        client!(killb, bench, Credentials::access_token("t"))
    }

    fn batch() -> Batch {
        Batch::new(PROVIDER, "b").unwrap()
    }

    #[test]
    fn rows_yield_each_row_in_order() {
        let bench = Bench::new();
        let rows: Vec<_> = (1..=3).map(|row| ROW.replace("r-1", &format!("r-{row}"))).collect();
        let body = format!(r#"{{"status":"COMPLETED","results":[{}],"totalRows":3}}"#, rows.join(","));
        bench.connector.push(MockResponse::json(200, body));
        let mut rows = bench.clock.run(killb(&bench).rows(&batch())).unwrap();
        assert_eq!(rows.snapshot().unwrap_err().kind(), ErrorKind::Decode, "rows are left to be read");
        let read: Vec<_> = bench.clock.run(rows.by_ref().map_ok(|row| row.row()).try_collect()).unwrap();
        let read: Vec<_> = read.iter().map(|row| (row.reference.as_deref().unwrap(), row.outcome)).collect();
        assert_eq!(read, ["r-1", "r-2", "r-3"].map(|reference| (reference, RowOutcome::Succeeded)));
        assert_eq!(rows.snapshot().unwrap().progress.total, Some(3));
    }

    #[test]
    fn rows_of_a_response_that_breaks_off_end_with_an_error() {
        let bench = Bench::new();
        let start = format!(r#"{{"status":"COMPLETED","results":[{ROW},"#);
        bench.connector.push(MockResponse::json(200, start).reset_after_body());
        let rows = bench.clock.run(killb(&bench).rows(&batch())).unwrap();
        let rows: Vec<_> = bench.clock.run(rows.collect());
        assert_eq!(rows.len(), 2, "the row, then the error, then the end");
        assert_eq!(rows[0].as_ref().unwrap().row().reference.as_deref(), Some("r-1"));
        let error = rows[1].as_ref().unwrap_err();
        assert_eq!((error.kind(), error.batch().map(Batch::id)), (ErrorKind::Unavailable, Some("b")));
    }
}
