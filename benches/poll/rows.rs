//! Rows: how fast they are skipped in a status body, and how fast they are streamed.

use std::hint::black_box;
use std::time::Instant;

use bulkrail_core::json::ArrayElider;
use serde::de::IgnoredAny;

use crate::bodies::RunningBody;
use crate::{Goal, Measurement};

/// Number of bytes of a body that arrive at once at best, over TLS.
const CHUNK: usize = 64 * 1024;

/// Skips the rows of a body of 7 MB, beside copying it and beside serde_json, which checks them too.
pub(crate) fn skip_speed() -> Measurement {
    const ROWS: u64 = 5_000;
    let body = RunningBody::new(ROWS).to_bytes();
    let mut copy = vec![0; body.len()];
    let [measured, copied, ignored] = gigabytes_a_second(
        &body,
        [
            &mut || {
                let mut elider = ArrayElider::default();
                body.chunks(CHUNK).for_each(|chunk| elider.push(chunk));
                assert!(elider.elided().ends_with(b"T00:38:08.439Z\"}") && elider.elided().len() < 1_000);
            },
            &mut || copy.copy_from_slice(black_box(&body)),
            &mut || assert!(serde_json::from_slice::<IgnoredAny>(&body).is_ok()),
        ],
    );
    println!("skipping rows beside: memcpy {copied:.1} GB/s, serde_json IgnoredAny {ignored:.1} GB/s");
    Measurement {
        name: "skipping rows in a status body of 7 MB",
        baseline: "memcpy and serde_json IgnoredAny: above",
        measured,
        goal: Goal::AtLeast(8.0),
        unit: "GB/s",
    }
}

/// Returns the median speed of each of `works` on `body`, of 51 runs in turn.
fn gigabytes_a_second<const N: usize>(body: &[u8], mut works: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut speeds = [(); N].map(|()| Vec::new());
    for _ in 0..51 {
        for (work, speeds) in works.iter_mut().zip(&mut speeds) {
            let began = Instant::now();
            work();
            speeds.push(body.len() as f64 / began.elapsed().as_secs_f64() / 1e9);
        }
    }
    speeds.map(|mut speeds| {
        speeds.sort_unstable_by(f64::total_cmp);
        speeds[speeds.len() / 2]
    })
}
