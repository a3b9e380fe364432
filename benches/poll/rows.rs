//! Rows: how fast they are skipped in a status body, and how fast they are streamed.

use std::hint::black_box;
use std::time::Instant;

use allocation_counter::measure;
use bulkrail::killb;
use bulkrail::killb::raw::types::{BulkJob, BulkRowResult};
use bulkrail::test_util::VirtualClock;
use bulkrail_core::json::{ArrayElider, JsonArrayReader, StatusFields};
use serde::de::IgnoredAny;

use crate::bodies::RunningBody;
use crate::{Goal, Measurement, batch, client, paired};

/// Number of bytes of a body that arrive at once at best, over TLS.
const CHUNK: usize = 64 * 1024;

/// Streams all rows of a batch, as a caller does, and returns their number.
fn stream(client: &killb::Client) -> u64 {
    let batch = batch();
    VirtualClock::new().run(async {
        let mut rows = client.rows(&batch).await.expect("rows");
        let mut count = 0;
        while let Some(row) = rows.next().await {
            black_box(row.expect("a row"));
            count += 1;
        }
        count
    })
}

pub(crate) fn stream_memory() -> Measurement {
    let peak = measure(|| assert_eq!(stream(&client(RunningBody::new(1_000_000))), 1_000_000)).bytes_max;
    Measurement {
        name: "peak memory of streaming 1,000,000 rows",
        baseline: "the empty process",
        measured: peak as f64 / 1024.0 / 1024.0,
        goal: Goal::AtMost(64.0),
        unit: "MB",
    }
}

pub(crate) fn stream_time() -> Measurement {
    const ROWS: u64 = 50_000;
    let body = RunningBody::new(ROWS);
    let (bytes, client) = (body.to_bytes(), client(body));
    let collected = || {
        let job: BulkJob = serde_json::from_slice(&bytes).expect("a job");
        assert_eq!(job.results.len() as u64, ROWS);
    };
    let measured = paired(21, || assert_eq!(stream(&client), ROWS), collected);
    Measurement {
        name: "time of streaming rows",
        baseline: "decoding them into a Vec with serde_json (goal: 1/0.8)",
        measured,
        goal: Goal::AtMost(1.25),
        unit: "x",
    }
}

/// Streams rows of 1.4 kB and 45 fields, beside decoding each from a slice that is in memory and has been cut out.
pub(crate) fn stream_speed() -> Measurement {
    const ROWS: u64 = 480;
    let body = RunningBody::new(ROWS);
    let mut items = Vec::new();
    JsonArrayReader::new("results").push(&body.to_bytes(), |item, _| items.push(item.to_vec()));
    let client = client(body);
    let decode = || {
        for item in &items {
            black_box(serde_json::from_slice::<BulkRowResult>(item).expect("a row"));
        }
    };
    let rows_a_second = |work: &mut dyn FnMut()| ROWS as f64 / fastest(301, work);
    let measured = rows_a_second(&mut || assert_eq!(stream(&client), ROWS));
    let decoded = rows_a_second(&mut || decode());
    println!("streaming rows beside: serde_json from slices {decoded:.0} rows/s, of which {:.2}", measured / decoded);
    Measurement {
        name: "streaming typed rows of 1.4 kB, compared with the spec",
        baseline: "serde_json from slices: above",
        measured: measured / 1000.0,
        goal: Goal::AtLeast(350.0),
        unit: "k/s",
    }
}

/// Skips the rows of a body of 7 MB, beside copying it and beside serde_json, which checks them too.
pub(crate) fn skip_speed() -> Measurement {
    const ROWS: u64 = 5_000;
    let body = RunningBody::new(ROWS).to_bytes();
    let escaped = String::from_utf8(body.clone()).expect("text").replace('\u{e1}', r"\u00e1");
    let short = format!(r#"{{"status":"DONE","rows":[{{}}{}]}}"#, r#",{"id":"a-1","state":"OK"}"#.repeat(250_000));
    let gigabytes_a_second = |body: &[u8], work: &mut dyn FnMut()| body.len() as f64 / fastest(101, work) / 1e9;
    let skip = |body: &[u8], rows: u64| {
        gigabytes_a_second(body, &mut || {
            let mut elider = ArrayElider::default();
            body.chunks(CHUNK).for_each(|chunk| elider.push(chunk));
            let fields = StatusFields::from_elided(elider.elided()).expect("an object");
            assert_eq!(fields.items("/results").or(fields.items("/rows")), Some(rows));
        })
    };
    let mut copy = vec![0; body.len()];
    println!(
        "skipping rows beside: memcpy {:.1} GB/s, serde_json IgnoredAny {:.1} GB/s; \
         rows with escapes {:.1} GB/s, rows of 25 bytes {:.1} GB/s",
        gigabytes_a_second(&body, &mut || copy.copy_from_slice(black_box(&body))),
        gigabytes_a_second(&body, &mut || assert!(serde_json::from_slice::<IgnoredAny>(&body).is_ok())),
        skip(escaped.as_bytes(), ROWS),
        skip(short.as_bytes(), 250_001),
    );
    Measurement {
        name: "skipping rows in a status body of 7 MB",
        baseline: "memcpy and serde_json IgnoredAny: above",
        measured: skip(&body, ROWS),
        goal: Goal::AtLeast(8.0),
        unit: "GB/s",
    }
}

/// Returns the time in seconds that `work` takes in the fastest of so many runs: other programs make a run slower, never
/// faster.
fn fastest(runs: usize, work: &mut dyn FnMut()) -> f64 {
    let run = |_| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64()
    };
    (0..runs).map(run).fold(f64::INFINITY, f64::min)
}
