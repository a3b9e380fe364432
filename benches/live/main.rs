//! Measures lag and requests on the wall clock, beside the real crates of others.
//!
//! All libraries wait at the same time for the same jobs of 8 to 90 s, on one loopback server. 1 % of polls get a 502.
//! Nothing is scaled. Lag is the time from the end of a job to the return of the wait.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and this one measures by the system clock"
)]

mod azure;
#[path = "../schedule/curve.rs"]
#[expect(dead_code, reason = "shared with the benchmark of the schedule")]
mod curve;
mod google;
#[path = "../schedule/job.rs"]
#[expect(dead_code, reason = "shared with the benchmark of the schedule")]
mod job;
mod jobs;
mod measure;
mod ours;
mod peers;
mod picture;
#[path = "../schedule/plane.rs"]
mod plane;
#[path = "../schedule/rng.rs"]
mod rng;
mod server;
mod smithy;
#[path = "../schedule/svg.rs"]
mod svg;
#[path = "../schedule/workload.rs"]
#[expect(dead_code, reason = "shared with the benchmark of the schedule")]
mod workload;

use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use backon::ExponentialBuilder;
use bulkrail::DurationHistory;
use bulkrail::schedule::Schedule;

use crate::curve::quantile;
use crate::job::Job;
use crate::measure::{Figures, Results};
use crate::server::Server;

const USAGE: &str = "\
cargo bench --bench live             measures and prints; fails if a goal is missed (four minutes)
cargo bench --bench live -- picture  the same, and draws docs/schedule/live.svg";

/// 480 jobs for each library. They are the same ones.
const JOBS: usize = 480;
/// 256 jobs, as many as a history keeps.
const FIRST_COHORT: usize = 256;

/// 10 s in which independent waits begin.
const SPREAD: Duration = Duration::from_secs(10);
/// 1 min in which the batches of a set are added, as in goal N3 of the schedule.
const SET_SPREAD: Duration = Duration::from_secs(60);

/// Prices of a request in seconds of lag; the default is among them.
const PRICES: [f64; 3] = [0.5, Schedule::LAG_PER_REQUEST, 8.0];

/// Intervals of loops by hand in seconds. Of all intervals, 10 s has the least lag + 2 x requests here.
const FIXED: [f64; 5] = [3.0, 5.0, 10.0, 15.0, 30.0];

/// Lag of a schedule without progress and without history at most, as a share of that of a fixed interval: goal N1.
/// It cannot be better than the tuned interval, and may be 5 % worse.
const COLD_LIMIT: f64 = 1.05;
/// The same for waits that have progress or a history.
const LIMIT: f64 = 1.0;

/// 50 ms: a 99th percentile of the server's latency above it means that other programs disturbed the run. The mean lags
/// are 30 times as long and more.
const QUIET_LATENCY_MS: f64 = 50.0;

/// 5 min, after which a run has failed.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// Kind of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Another library.
    Peer,
    /// A loop by hand that goes on after errors, with the interval in seconds.
    Fixed(f64),
    Ours {
        progress: bool,
        learns: Learns,
        price: f64,
    },
}

/// Durations that a wait of ours uses.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Learns {
    Nothing,
    /// Those of an earlier cohort.
    Cohort,
    /// Those of its own set.
    Set,
}

impl Kind {
    /// Returns the largest ratio to a fixed interval that is not a failure.
    fn limit(self) -> Option<f64> {
        match self {
            Self::Ours { progress: false, learns: Learns::Nothing, .. } => Some(COLD_LIMIT),
            Self::Ours { .. } => Some(LIMIT),
            _ => None,
        }
    }
}

/// A row before and after its figures are known.
struct Row<T> {
    kind: Kind,
    library: String,
    settings: String,
    measured: T,
}

type Rows = Pin<Box<dyn Future<Output = Vec<Row<Results>>> + Send>>;

fn main() -> ExitCode {
    // cargo adds `--bench`, and a test run may add more.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let draws = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["picture"] => true,
        _ => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let began = Instant::now();
    let latencies = Mutex::new(Vec::new());
    let rows = runtime.block_on(async {
        let server = Server::start();
        tokio::select! {
            rows = tokio::time::timeout(TIME_LIMIT, measure(&server)) => rows.ok(),
            () = server.measure_latency(&latencies) => None,
        }
    });
    let Some(rows) = rows else {
        eprintln!("some waits did not end within {} s", TIME_LIMIT.as_secs());
        return ExitCode::FAILURE;
    };
    let mut latencies = latencies.into_inner().expect("latencies");
    print(&rows, began.elapsed(), &mut latencies);
    if draws && let Err(error) = picture::draw(&rows) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let missed: Vec<String> = rows.iter().flat_map(missed).collect();
    missed.iter().for_each(|missed| eprintln!("missed: {missed}"));
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs all libraries at the same time.
async fn measure(server: &Server) -> Vec<Row<Figures>> {
    let jobs: Arc<[Job]> = jobs::generate(1, JOBS).into();
    let mut all = others(server, &jobs);
    for progress in [false, true] {
        all.extend(single(server, &jobs, progress));
        all.push(with_history(server, &jobs, progress));
        all.push(set(server, &jobs, progress));
    }
    let tasks: Vec<_> = all.into_iter().map(tokio::spawn).collect();
    let mut rows = Vec::new();
    for task in tasks {
        rows.extend(task.await.expect("a library that does not panic"));
    }
    let rows = rows.into_iter().map(|Row { kind, library, settings, measured }| {
        let measured = measured.figures();
        Row { kind, library, settings, measured }
    });
    rows.collect()
}

/// Returns the name of a crate with its version in `Cargo.lock`.
fn versioned(name: &str) -> String {
    let mut lines = include_str!("Cargo.lock").lines();
    let is_name = |line: &str| line == format!("name = \"{name}\"");
    let version = lines.find(|line| is_name(line)).and_then(|_| lines.next());
    let version = version.and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    format!("{name} {}", version.unwrap_or_default())
}

/// Returns the row of `work`, once it is done.
fn row(kind: Kind, library: String, settings: &str, work: impl Future<Output = Results> + Send + 'static) -> Rows {
    let settings = settings.to_owned();
    Box::pin(async move { vec![Row { kind, library, settings, measured: work.await }] })
}

fn others(server: &Server, jobs: &Arc<[Job]>) -> Vec<Rows> {
    let site = |name: &str| server.add(name, jobs, true);
    let peer = |name: &str, settings: &str, work: Pin<Box<dyn Future<Output = Results> + Send>>| {
        row(Kind::Peer, versioned(name), settings, work)
    };
    let (google, azure, smithy) = (site("google"), site("azure"), site("smithy"));
    let (backon, backon_endless, tokio_retry2) = (site("backon"), site("backon-endless"), site("tokio-retry2"));
    let interval = site("interval");
    let endless = ExponentialBuilder::default().without_max_times();
    let mut all = vec![
        peer(
            "google-cloud-lro",
            "default: 1 s, doubling to 60 s; a 502 is permanent",
            Box::pin(async move { google::run(&google, SPREAD).await }),
        ),
        peer(
            "azure_core",
            "default: every 30 s; requests are retried",
            Box::pin(async move { azure::run(&azure, SPREAD).await }),
        ),
        peer(
            "aws-smithy-runtime",
            "waiter: 2 to 120 s, random; requests are retried",
            Box::pin(async move { smithy::run(&smithy, SPREAD).await }),
        ),
        peer(
            "backon",
            "default: 1 s, doubling to 60 s, 3 retries",
            Box::pin(async move { peers::backon(&backon, SPREAD, ExponentialBuilder::default()).await }),
        ),
        row(Kind::Peer, format!("{}, endless", versioned("backon")), "the same, without_max_times()", async move {
            peers::backon(&backon_endless, SPREAD, endless).await
        }),
        peer(
            "tokio-retry2",
            "its README: 10 to 100 ms, 3 retries",
            Box::pin(async move { peers::tokio_retry2(&tokio_retry2, SPREAD).await }),
        ),
        row(Kind::Peer, "loop by hand".to_owned(), "interval(5 s) and ?", async move {
            peers::interval_and_question_mark(&interval, SPREAD, Duration::from_secs(5)).await
        }),
    ];
    all.extend(FIXED.map(|seconds| {
        let site = site(&format!("fixed-{seconds}"));
        let settings = format!("every {seconds} s, goes on after errors");
        row(Kind::Fixed(seconds), "loop by hand".to_owned(), &settings, async move {
            peers::fixed(&site, SPREAD, Duration::from_secs_f64(seconds)).await
        })
    }));
    all
}

/// Returns the name of a row of ours.
fn ours(work: &str) -> String {
    format!("{} {work}", versioned("bulkrail"))
}

/// Returns the name of what a status request shows of a running job.
fn known(progress: bool) -> &'static str {
    if progress { "percent" } else { "no progress" }
}

fn single(server: &Server, jobs: &Arc<[Job]>, progress: bool) -> Vec<Rows> {
    let rows = PRICES.map(|price| {
        let site = server.add(&format!("wait-{progress}-{price}"), jobs, progress);
        let kind = Kind::Ours { progress, learns: Learns::Nothing, price };
        let settings = format!("{}, c = {price}", known(progress));
        row(kind, ours("wait"), &settings, async move { ours::single(&site, SPREAD, price, None).await })
    });
    rows.into()
}

/// A first cohort fills a history; then as many waits as without a history use it.
fn with_history(server: &Server, jobs: &Arc<[Job]>, progress: bool) -> Rows {
    let first: Arc<[Job]> = jobs::generate(2, FIRST_COHORT).into();
    let first = server.add(&format!("first-{progress}"), &first, progress);
    let sites = PRICES.map(|price| (price, server.add(&format!("history-{progress}-{price}"), jobs, progress)));
    Box::pin(async move {
        let history = DurationHistory::default();
        // All within a second: the time of the run is short.
        let first_spread = Duration::from_secs(1);
        let learned =
            ours::single(&first, first_spread, Schedule::LAG_PER_REQUEST, Some(history.clone())).await.figures();
        assert_eq!(learned.lost, 0, "{:?}", learned.error);
        let learned = history.export();
        let tasks = sites.map(|(price, site)| {
            let history = DurationHistory::default();
            history.import(&learned).expect("a history");
            let kind = Kind::Ours { progress, learns: Learns::Cohort, price };
            let settings = format!("{}, c = {price}, history of {FIRST_COHORT} jobs", known(progress));
            let work = async move { ours::single(&site, SPREAD, price, Some(history)).await };
            tokio::spawn(row(kind, ours("wait"), &settings, work))
        });
        let mut rows = Vec::new();
        for task in tasks {
            rows.extend(task.await.expect("waits that do not panic"));
        }
        rows
    })
}

fn set(server: &Server, jobs: &Arc<[Job]>, progress: bool) -> Rows {
    let site = server.add(&format!("set-{progress}"), jobs, progress);
    let kind = Kind::Ours { progress, learns: Learns::Set, price: Schedule::LAG_PER_REQUEST };
    let settings = format!("{}, c = {}, {} requests/s", known(progress), Schedule::LAG_PER_REQUEST, ours::SET_RATE);
    row(kind, ours("WaitSet"), &settings, async move { ours::set(&site, SET_SPREAD).await })
}

fn print(rows: &[Row<Figures>], took: Duration, latencies: &mut [f64]) {
    let (shortest, longest) = jobs::DURATIONS;
    println!(
        "{}: jobs of {shortest} to {longest} s, log-uniform; 1 % of polls get a 502\n",
        bulkrail::jiff::Timestamp::now().strftime("%Y-%m-%d")
    );
    println!(
        "{:26} {:50} {:>4} {:>4} {:>6} {:>6} {:>6} {:>8} {:>5} {:>9}",
        "", "", "", "", "lag, s", "", "", "requests", "cost", "lag vs"
    );
    println!(
        "{:26} {:50} {:>4} {:>4} {:>6} {:>6} {:>6} {:>8} {:>5} {:>9}",
        "library", "settings", "jobs", "lost", "mean", "median", "p95", "per job", "c=2", "fixed (1)"
    );
    let figure = |value: f64, digits: usize| if value.is_nan() { "-".to_owned() } else { format!("{value:.digits$}") };
    for row in rows {
        let Figures { jobs, lost, point, median, p95, against_fixed, .. } = &row.measured;
        println!(
            "{:26} {:50} {jobs:4} {lost:4} {:>6} {:>6} {:>6} {:>8} {:>5} {:>9}",
            row.library,
            row.settings,
            figure(point.lag, 1),
            figure(*median, 1),
            figure(*p95, 1),
            figure(point.requests, 1),
            figure(point.lag + Schedule::LAG_PER_REQUEST * point.requests, 1),
            figure(against_fixed.unwrap_or(f64::NAN), 2),
        );
    }
    println!(
        "\n(1) mean lag as a share of that of the fixed interval with as many requests, computed for the same jobs"
    );
    println!("    and faults. Lag and requests are those of the jobs that were not lost.");
    println!("\nFirst error of the rows that lost jobs:");
    for row in rows {
        if let Some(error) = &row.measured.error {
            // Without the URL, whose port is another one in every run.
            let error = error.split(" for url").next().unwrap_or_default();
            println!("  {} ({}): {}", row.library, row.settings, error.trim_end_matches([':', ' ']));
        }
    }
    let [median, p99, max] = [0.5, 0.99, 1.0].map(|share| quantile(latencies, share));
    println!("\nLatency of the server: median {median:.1} ms, p99 {p99:.1} ms, longest {max:.1} ms.");
    println!("The run took {} s.", took.as_secs());
    if p99 > QUIET_LATENCY_MS {
        println!("It was disturbed: the lag of every row contains such latencies.");
    }
}

/// Returns the goals that a row misses.
fn missed(row: &Row<Figures>) -> Vec<String> {
    let Some(limit) = row.kind.limit() else { return Vec::new() };
    let Figures { lost, against_fixed, .. } = &row.measured;
    let name = format!("{} ({})", row.library, row.settings);
    let mut missed = Vec::new();
    if *lost > 0 {
        missed.push(format!("{name} lost {lost} jobs"));
    }
    match against_fixed {
        Some(ratio) if *ratio <= limit => {}
        Some(ratio) => missed.push(format!("{name} has {ratio:.3} of the lag of a fixed interval, limit {limit}")),
        None => missed.push(format!("{name} takes more requests or fewer than every fixed interval")),
    }
    missed
}
