//! Measures what a poll and a streamed row cost, as ratios against a named baseline in the same
//! run.
//!
//! `cargo bench --bench poll` prints a table and exits non-zero when a goal is missed. Polls are
//! measured on bodies of running batches, made of one documented example row. The poll that finds
//! the batch finished has a row of its own: it sends a second request, because the rows overrule
//! the counts.
//!
//! `cargo bench --bench poll -- scale` waits for up to 100,000 batches at once and reports what
//! each costs. `-- independent` does so without a set: 100,000 waits on one client, over sockets. `-- files` prints the
//! rows about files only.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

mod bodies;
mod files;
mod independent;
mod rows;
mod scale;
mod server;

use std::time::Instant;

use allocation_counter::measure;
use bulkrail::http::HttpConnector;
use bulkrail::killb::raw::{SCHEMAS, types::BulkJob};
use bulkrail::test_util::VirtualClock;
use bulkrail::{Batch, Provider, killb};
use bulkrail_core::json::{ArrayElider, ResponseSchema, StatusFields};

use bodies::{FinishedBody, RunningBody};

/// One line of the table.
struct Measurement {
    name: &'static str,
    baseline: &'static str,
    measured: f64,
    goal: Goal,
    unit: &'static str,
}

enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// The figure is for information.
    None,
}

impl Measurement {
    fn is_missed(&self) -> bool {
        match self.goal {
            Goal::AtMost(goal) => self.measured > goal,
            Goal::AtLeast(goal) => self.measured < goal,
            Goal::None => false,
        }
    }
}

fn main() {
    // `cargo test --benches` runs this too, and has to be quick.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("run with `cargo bench --bench poll`");
        return;
    }
    if std::env::args().any(|argument| argument == "scale") {
        return scale::report();
    }
    if std::env::args().any(|argument| argument == "independent") {
        return independent::report();
    }
    if std::env::args().any(|argument| argument == "files") {
        return print(files::measurements());
    }
    let measurements = [
        poll_cpu(),
        final_poll_cpu(),
        compare_cpu(),
        poll_memory(),
        independent::memory(),
        small_poll_time(),
        small_poll_allocations(),
        rows::stream_memory(),
        rows::stream_time(),
        rows::stream_speed(),
        rows::skip_speed(),
    ];
    print(measurements.into_iter().chain(files::measurements()).collect());
}

/// Prints the table, and exits non-zero when a goal is missed.
fn print(measurements: Vec<Measurement>) {
    println!("{:<62} {:>10}   {:>10}   against", "", "measured", "goal");
    for measurement in &measurements {
        let Measurement { name, baseline, measured, goal, unit } = measurement;
        let mark = if measurement.is_missed() { "!" } else { " " };
        let goal = match goal {
            Goal::AtMost(goal) => format!("{goal:.2}{unit:<4}"),
            Goal::AtLeast(goal) => format!(">= {goal:.2}{unit:<4}"),
            Goal::None => "-   ".to_owned(),
        };
        println!("{mark} {name:<60} {measured:>8.3}{unit:<4} {goal:>12}   {baseline}");
    }
    if measurements.iter().any(Measurement::is_missed) {
        std::process::exit(1);
    }
}

fn client(connector: impl HttpConnector) -> killb::Client {
    let credentials = killb::Credentials::access_token("t");
    let clock = VirtualClock::new().clock();
    let builder = killb::Client::builder().credentials(credentials).clock(clock).connector(connector);
    builder.build().expect("a client")
}

fn batch() -> Batch {
    Batch::new(killb::PROVIDER, "e8d74b2f").expect("an id")
}

fn poll(client: &killb::Client, batch: &Batch) {
    let snapshot = VirtualClock::new().run(client.poll(batch)).expect("a snapshot");
    assert!(snapshot.progress.total.is_some());
}

/// Returns the median ratio of the times that two functions take, over `runs` pairs.
///
/// Each function goes first every other time, so that changes of the machine's speed affect both.
fn paired(runs: usize, mut one: impl FnMut(), mut other: impl FnMut()) -> f64 {
    fn timed(work: &mut impl FnMut()) -> f64 {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64()
    }
    one();
    other();
    let mut ratios: Vec<_> = (0..runs)
        .map(|run| {
            if run % 2 == 0 {
                let time = timed(&mut one);
                time / timed(&mut other)
            } else {
                let time = timed(&mut other);
                timed(&mut one) / time
            }
        })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios[runs / 2]
}

fn poll_cpu() -> Measurement {
    let body = RunningBody::new(5_000);
    let bytes = body.to_bytes();
    let (client, batch) = (client(body), batch());
    let measured =
        paired(41, || poll(&client, &batch), || drop(serde_json::from_slice::<BulkJob>(&bytes).expect("a job")));
    Measurement {
        name: "CPU of a poll with 5,000 rows in its body",
        baseline: "generated typed decode of the same body",
        measured,
        goal: Goal::AtMost(0.35),
        unit: "x",
    }
}

/// The poll that finds the batch finished: its second request reads and counts the rows.
fn final_poll_cpu() -> Measurement {
    const ROWS: u64 = 5_000;
    let body = FinishedBody::new(ROWS);
    let bytes = body.to_bytes();
    let (client, batch) = (client(body), batch());
    let poll = || {
        let snapshot = VirtualClock::new().run(client.poll(&batch)).expect("a snapshot");
        assert_eq!(snapshot.progress.succeeded, Some(ROWS));
    };
    let measured = paired(21, poll, || drop(serde_json::from_slice::<BulkJob>(&bytes).expect("a job")));
    Measurement {
        name: "CPU of the final poll (two requests) with 5,000 rows",
        baseline: "generated typed decode of the same body, once",
        measured,
        goal: Goal::None,
        unit: "x",
    }
}

fn compare_cpu() -> Measurement {
    const TIMES: u32 = 200;
    let bytes = RunningBody::new(50).to_bytes();
    let schema = ResponseSchema::new(SCHEMAS, "BulkJob");
    let read = |compare: bool| {
        let mut elider = ArrayElider::default();
        elider.push(&bytes);
        let mut fields = StatusFields::from_elided(elider.elided()).expect("a JSON object");
        if compare {
            fields.compare(&schema);
        }
        assert!(fields.text("/status").is_some());
    };
    let typed = || (0..TIMES).for_each(|_| drop(serde_json::from_slice::<BulkJob>(&bytes).expect("a job")));
    let without = paired(101, || (0..TIMES).for_each(|_| read(false)), typed);
    let with = paired(101, || (0..TIMES).for_each(|_| read(true)), typed);
    Measurement {
        name: "CPU of comparing a poll with 50 rows with the spec",
        baseline: "generated typed decode of the same body",
        measured: (with - without).max(0.0),
        goal: Goal::AtMost(0.05),
        unit: "x",
    }
}

fn poll_memory() -> Measurement {
    let peak = |rows| {
        let (client, batch) = (client(RunningBody::new(rows)), batch());
        poll(&client, &batch);
        measure(|| poll(&client, &batch)).bytes_max as f64
    };
    Measurement {
        name: "peak memory of a poll with 500,000 rows",
        baseline: "the same with 5,000 rows",
        measured: peak(500_000) / peak(5_000),
        goal: Goal::AtMost(1.05),
        unit: "x",
    }
}

fn small_poll_time() -> Measurement {
    let ratios = server::time_ratios(15, 2_000);
    let (least, measured, most) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
    println!("wall time of a small poll over loopback, in {} set-ups: {least:.2} to {most:.2}", ratios.len());
    Measurement {
        name: "wall time of a small poll over loopback",
        baseline: "hand-written reqwest + serde",
        measured,
        goal: Goal::AtMost(1.05),
        unit: "x",
    }
}

fn small_poll_allocations() -> Measurement {
    let (library, by_hand) = server::allocations(200);
    Measurement {
        name: "allocations of a small poll over loopback",
        baseline: "hand-written reqwest + serde",
        measured: library as f64 / by_hand as f64,
        goal: Goal::AtMost(1.25),
        unit: "x",
    }
}
