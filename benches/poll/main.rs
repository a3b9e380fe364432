//! What a poll and a streamed row cost, as ratios against a named baseline in the same run.
//!
//! `cargo bench --bench poll` prints a table and exits non-zero when a goal is missed. Bodies are made of one documented example row.
//! `cargo bench --bench poll -- scale` waits for 10,000 and 100,000 batches at once and reports what each costs.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures")]

mod bodies;
mod scale;
mod server;

use std::time::Instant;

use allocation_counter::measure;
use bulkrail::killb::raw::types::BulkJob;
use bulkrail::test_util::{VirtualClock, halves};
use bulkrail::{Batch, Provider, killb};

use bodies::{Job, JobWire};

/// One line of the table.
struct Goal {
    what: &'static str,
    baseline: &'static str,
    measured: f64,
    at_most: f64,
    unit: &'static str,
}

fn main() {
    // `cargo test --benches` runs this too, and wants a quick answer.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("run with `cargo bench --bench poll`");
        return;
    }
    if std::env::args().any(|argument| argument == "scale") {
        return scale::report();
    }
    let goals =
        [lean_cpu(), drift_cpu(), lean_memory(), small_wall(), small_allocations(), stream_memory(), stream_speed()];
    println!("{:<62} {:>10} {:>10}   against", "", "measured", "goal");
    for goal in &goals {
        let verdict = if goal.measured <= goal.at_most { " " } else { "!" };
        println!(
            "{verdict} {:<60} {:>8.3}{:<2} {:>8.2}{:<2}   {}",
            goal.what, goal.measured, goal.unit, goal.at_most, goal.unit, goal.baseline
        );
    }
    if goals.iter().any(|goal| goal.measured > goal.at_most) {
        std::process::exit(1);
    }
}

fn client(job: Job) -> killb::Client {
    let credentials = killb::Credentials::access_token("t");
    let clock = VirtualClock::new().clock();
    killb::Client::builder().credentials(credentials).clock(clock).connector(JobWire(job)).build().expect("a client")
}

fn batch() -> Batch {
    Batch::new(killb::PROVIDER, "e8d74b2f-86df-43b0-a9d9-72055a6b0432").expect("an id")
}

fn poll(client: &killb::Client, batch: &Batch) {
    let snapshot = VirtualClock::new().run(client.poll(batch)).expect("a snapshot");
    assert!(snapshot.progress.total.is_some());
}

/// What time one takes of the other's: the median ratio of `runs` pairs, each going first every other time, so that the machine's moods
/// hit both.
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
                let took = timed(&mut one);
                took / timed(&mut other)
            } else {
                let took = timed(&mut other);
                timed(&mut one) / took
            }
        })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios[runs / 2]
}

fn lean_cpu() -> Goal {
    let job = Job::of(5_000);
    let body = job.bytes();
    let (client, batch) = (client(job), batch());
    let measured =
        paired(41, || poll(&client, &batch), || drop(serde_json::from_slice::<BulkJob>(&body).expect("a job")));
    Goal {
        what: "CPU of a poll with 5,000 rows in its body",
        baseline: "generated typed decode of the same body",
        measured,
        at_most: 0.35,
        unit: "x",
    }
}

fn drift_cpu() -> Goal {
    const TIMES: u32 = 200;
    let job = Job::of(50);
    let body = job.bytes();
    let typed = || (0..TIMES).for_each(|_| drop(serde_json::from_slice::<BulkJob>(&body).expect("a job")));
    let read = paired(101, || (0..TIMES).for_each(|_| assert!(halves::read(&body))), typed);
    let both = paired(101, || (0..TIMES).for_each(|_| assert!(halves::read_and_compare(&body))), typed);
    Goal {
        what: "CPU of comparing a poll with 50 rows with the spec",
        baseline: "generated typed decode of the same body",
        measured: (both - read).max(0.0),
        at_most: 0.05,
        unit: "x",
    }
}

fn lean_memory() -> Goal {
    let peak = |rows| {
        let (client, batch) = (client(Job::of(rows)), batch());
        poll(&client, &batch);
        measure(|| poll(&client, &batch)).bytes_max as f64
    };
    Goal {
        what: "peak memory of a poll with 500,000 rows",
        baseline: "the same with 5,000 rows",
        measured: peak(500_000) / peak(5_000),
        at_most: 1.05,
        unit: "x",
    }
}

/// Both polls over loopback, in turn, so that the machine's moods hit both.
fn small_wall() -> Goal {
    let ratios = server::in_turn(15, 2_000);
    let (least, measured, most) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
    println!("wall time of a small poll over loopback, in {} set-ups: {least:.2} to {most:.2}", ratios.len());
    Goal {
        what: "wall time of a small poll over loopback",
        baseline: "hand-written reqwest + serde",
        measured,
        at_most: 1.05,
        unit: "x",
    }
}

fn small_allocations() -> Goal {
    let (ours, theirs) = server::allocations(200);
    Goal {
        what: "allocations of a small poll over loopback",
        baseline: "hand-written reqwest + serde",
        measured: ours as f64 / theirs as f64,
        at_most: 1.25,
        unit: "x",
    }
}

fn stream(rows: u64) -> u64 {
    let (client, batch) = (client(Job::of(rows)), batch());
    VirtualClock::new().run(async {
        let mut rows = client.rows(&batch).await.expect("rows");
        let mut seen = 0;
        while let Some(row) = rows.next().await {
            std::hint::black_box(row.expect("a row"));
            seen += 1;
        }
        seen
    })
}

fn stream_memory() -> Goal {
    let peak = measure(|| assert_eq!(stream(1_000_000), 1_000_000)).bytes_max;
    Goal {
        what: "peak memory of streaming 1,000,000 rows",
        baseline: "the empty process",
        measured: peak as f64 / 1024.0 / 1024.0,
        at_most: 64.0,
        unit: "MB",
    }
}

fn stream_speed() -> Goal {
    const ROWS: u64 = 50_000;
    let body = Job::of(ROWS).bytes();
    let collected = || {
        let job: BulkJob = serde_json::from_slice(&body).expect("a job");
        assert_eq!(job.results.len() as u64, ROWS);
    };
    let measured = paired(21, || assert_eq!(stream(ROWS), ROWS), collected);
    Goal {
        what: "time of streaming rows",
        baseline: "decoding them into a Vec with serde_json (goal: 1/0.8)",
        measured,
        at_most: 1.25,
        unit: "x",
    }
}
