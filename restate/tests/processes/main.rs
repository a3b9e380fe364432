//! Kills workers and servers, and counts what is lost and what is double.
//!
//! `.ci/restate` runs it, and brings the server. By hand, with the path of a server binary:
//!
//! ```text
//! RESTATE_SERVER=... cargo test -p bulkrail-restate --test processes -- [SCENARIO...] [--orders N]
//! ```
//!
//! | Scenario | Content |
//! |---|---|
//! | `quiet` | orders at four providers, three workers: polls per batch |
//! | `crashes` | the same; one worker is killed, the server is killed, one worker is frozen for 15 s |
//! | `claim` | orders at KillB, which has no key, while workers are killed: with the claim, and without it |
//! | `budget` | four workers on one account with a limit of 25 requests per second: with and without the account's budget |
#![expect(clippy::print_stdout, reason = "it prints what it has measured")]

mod balancer;
mod cluster;
mod limiter;
mod orders;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulkrail_core::time::Clock;
use bulkrail_sandbox::Sandbox;
use cluster::{Cluster, Settings};
use orders::Ends;

const PROVIDERS: [&str; 4] = ["killb", "reap", "cdq", "localpayment"];

/// Batches take 4 to 60 s.
const SLOW: f64 = 1.5;

/// Shortest and longest time between two polls of slow batches.
const SLOW_INTERVAL: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(8));

/// Batches take 2 to 30 s.
const SPEED: f64 = 3.0;

/// Shortest and longest time between two polls.
const INTERVAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));

/// Time after which an order that is not over counts as lost: batches take 30 s, and a busy machine a minute to start
/// the server again.
const LIMIT: Duration = Duration::from_secs(240);

/// Orders of each scenario, unless there is an argument.
const CRASHES: usize = 500;
const CLAIMS: usize = 200;
const BUDGETS: usize = 300;

/// Orders without a budget: four times of what the limit lets pass at once, to show that it is a limit.
const UNLIMITED: usize = 100;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if env::var_os(worker::ADDRESS).is_some() {
        tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
        runtime.block_on(worker::run());
        return ExitCode::SUCCESS;
    }
    let Some(binary) = env::var_os("RESTATE_SERVER").map(PathBuf::from) else {
        println!("skipped: RESTATE_SERVER is not set; `.ci/restate` brings a server");
        return ExitCode::SUCCESS;
    };
    let (mut scenarios, mut orders) = (Vec::new(), None);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--orders" => orders = arguments.next().and_then(|number| number.parse().ok()),
            "quiet" | "crashes" | "claim" | "budget" => scenarios.push(argument),
            _ => {
                println!("unknown argument {argument}");
                return ExitCode::FAILURE;
            }
        }
    }
    if scenarios.is_empty() {
        scenarios = ["quiet", "crashes", "claim", "budget"].map(str::to_owned).to_vec();
    }
    let directory = env::temp_dir().join(format!("bulkrail-restate-{}", std::process::id()));
    let mut failures = Vec::new();
    for scenario in &scenarios {
        let (clock, directory) = (Clock::system(), directory.join(scenario));
        let mut test = Test { binary: &binary, directory: &directory, failures: &mut failures };
        runtime.block_on(async {
            match scenario.as_str() {
                "quiet" => test.orders("quiet", orders.unwrap_or(CRASHES), false).await,
                "crashes" => test.orders("crashes", orders.unwrap_or(CRASHES), true).await,
                "claim" => test.claim(orders.unwrap_or(CLAIMS)).await,
                _ => test.budget(orders.unwrap_or(BUDGETS)).await,
            }
        });
        println!("{scenario}: {:.0} s", clock.now().as_secs_f64());
    }
    if failures.is_empty() {
        let _ = std::fs::remove_dir_all(&directory);
        println!("test result: ok. {} passed; 0 failed", scenarios.len());
        return ExitCode::SUCCESS;
    }
    failures.iter().for_each(|failure| println!("FAILED: {failure}"));
    println!("the logs are in {}", directory.display());
    ExitCode::FAILURE
}

struct Test<'a> {
    binary: &'a Path,
    directory: &'a Path,
    failures: &'a mut Vec<String>,
}

impl Test<'_> {
    fn check(&mut self, is_met: bool, expected: String) {
        if !is_met {
            self.failures.push(expected);
        }
    }

    /// Orders at all providers, beside the same orders with wait sets in this process.
    async fn orders(&mut self, name: &str, count: usize, with_crashes: bool) {
        let orders = orders::orders(&PROVIDERS, count.div_ceil(PROVIDERS.len())).await;
        let spread = Duration::from_secs_f64((orders.len() as f64 / 12.0).max(15.0));
        let sandbox = || Sandbox::builder().speed(SLOW).start();
        let (plain, sandbox) = (sandbox().await.expect("a free port"), sandbox().await.expect("a free port"));
        let url = |provider: &str| sandbox.base_url(provider).expect("a known provider");
        let settings = Settings { workers: 3, rate: 24.0, claim: true, delay: Duration::ZERO };
        let mut cluster = Cluster::start(self.binary, self.directory, settings, &sandbox, url).await;
        let options = orders::options(&sandbox, SLOW_INTERVAL);
        let running = orders::run(cluster.ingress(), orders.clone(), &options, spread, spread + LIMIT);
        let crashes = async {
            if !with_crashes {
                return "none killed".to_owned();
            }
            let clock = Clock::system();
            clock.sleep(spread / 4).await;
            cluster.kill_worker(0, Duration::from_secs(2)).await;
            clock.sleep(spread / 6).await;
            let away = cluster.kill_server(self.binary, Duration::from_secs(1)).await.as_secs_f64();
            clock.sleep(spread / 6).await;
            cluster.freeze_worker(1, Duration::from_secs(15)).await;
            format!("one killed, the server killed (away for {away:.1} s), one worker frozen for 15 s")
        };
        let in_process = orders::in_process(&plain, orders.clone(), SLOW_INTERVAL, spread);
        let (ends, crashes, _) = tokio::join!(running, crashes, in_process);

        let [plain, restate] = [&plain, &sandbox].map(|sandbox| polls(sandbox) / orders.len() as f64);
        let (lost, difference) = (ends.lost.len(), restate / plain - 1.0);
        let (_, doubles) = doubles(&sandbox, &PROVIDERS, &ends, &cluster.sent());
        println!(
            "{name}: {} orders at 4 providers, 3 workers, {crashes}: {} ended, gave up {:?}, {lost} lost, \
             {doubles} double",
            orders.len(),
            ends.ended(),
            ends.gave_up,
        );
        println!(
            "{name}: {restate:.2} polls per batch, {plain:.2} with wait sets in one process meanwhile ({:+.1} %)",
            difference * 100.0
        );
        self.check(lost == 0, format!("0 lost: {:?} ...", &ends.lost[..lost.min(5)]));
        self.check(doubles == 0, "0 double".to_owned());
        // While a server is away, its batches are not polled.
        let least = if with_crashes { -1.0 } else { -0.1 };
        self.check((least..=0.1).contains(&difference), "polls per batch within 10 % of wait sets".to_owned());
        let every = PROVIDERS.iter().all(|provider| ends.ended.get(provider).is_some_and(|ended| !ended.is_empty()));
        self.check(every, "batches of every provider end".to_owned());
        cluster.stop().await;
    }

    async fn claim(&mut self, count: usize) {
        for claim in [true, false] {
            let orders = orders::orders(&["killb"], count).await;
            let sandbox = Sandbox::builder().speed(SPEED).start().await.expect("a free port");
            let url = |provider: &str| sandbox.base_url(provider).expect("a known provider");
            let settings = Settings { workers: 3, rate: 24.0, claim, delay: Duration::from_millis(600) };
            let directory = self.directory.join(if claim { "with" } else { "without" });
            let mut cluster = Cluster::start(self.binary, &directory, settings, &sandbox, url).await;
            let options = orders::options(&sandbox, INTERVAL);
            let spread = Duration::from_secs_f64(count as f64 / 10.0);
            let running = orders::run(cluster.ingress(), orders, &options, spread, spread + LIMIT);
            let crashes = async {
                let clock = Clock::system();
                let mut kills = 0;
                while clock.now() < spread {
                    clock.sleep(Duration::from_millis(700)).await;
                    cluster.kill_worker(kills % 3, Duration::from_millis(300)).await;
                    kills += 1;
                }
                kills
            };
            let (ends, kills) = tokio::join!(running, crashes);
            let lost = ends.lost.len();
            let (least, most) = doubles(&sandbox, &["killb"], &ends, &cluster.sent());
            let doubles = if claim { most } else { least };
            let created = sandbox.stats("killb").batches_created;
            println!(
                "claim: {count} orders at KillB, {kills} kills of workers, {} the claim: {created} batches, {} ended, \
                 gave up {:?}, {lost} lost, {doubles} double",
                if claim { "with" } else { "without" },
                ends.ended(),
                ends.gave_up,
            );
            self.check(lost == 0, format!("0 lost: {:?} ...", &ends.lost[..lost.min(5)]));
            if claim {
                self.check(doubles == 0, "0 double with the claim".to_owned());
                self.check(!ends.gave_up.is_empty(), "a kill within a submit".to_owned());
            } else {
                self.check(doubles > 0, "doubles without the claim".to_owned());
            }
            cluster.stop().await;
        }
    }

    async fn budget(&mut self, count: usize) {
        for rate in [24.0, 10_000.0] {
            let count = if rate > 24.0 { UNLIMITED } else { count };
            let orders = orders::orders(&["reap"], count).await;
            let sandbox = Sandbox::builder().speed(SPEED).start().await.expect("a free port");
            let (limiter, limited) = limiter::start(format!("http://127.0.0.1:{}", sandbox.port())).await;
            let url = |provider: &str| format!("{limited}/{provider}");
            let settings = Settings { workers: 4, rate, claim: true, delay: Duration::ZERO };
            let directory = self.directory.join(rate.to_string());
            let cluster = Cluster::start(self.binary, &directory, settings, &sandbox, url).await;
            let interval = (Duration::from_millis(500), Duration::from_secs(2));
            let (clock, options) = (Clock::system(), orders::options(&sandbox, interval));
            let spread = Duration::from_secs(1);
            let ends = orders::run(cluster.ingress(), orders, &options, spread, LIMIT).await;
            let (requests, refused) =
                (limiter.requests.load(Ordering::Relaxed), limiter.refused.load(Ordering::Relaxed));
            println!(
                "budget: {count} orders at once, 4 workers, limit of 25 requests per second, account with {rate}: \
                 {requests} requests in {:.0} s, {refused} refused, {} ended, gave up {:?}, {} lost",
                clock.now().as_secs_f64(),
                ends.ended(),
                ends.gave_up,
                ends.lost.len(),
            );
            let lost = ends.lost.len();
            self.check(lost == 0, format!("0 lost: {:?} ...", &ends.lost[..lost.min(5)]));
            if rate > 24.0 {
                self.check(refused > 0, "refusals without a budget".to_owned());
            } else {
                self.check(refused == 0, "0 refusals of our own making".to_owned());
            }
            cluster.stop().await;
        }
    }
}

fn polls(sandbox: &Sandbox) -> f64 {
    PROVIDERS.iter().map(|provider| sandbox.stats(provider).polls).sum::<u64>() as f64
}

/// Returns the number of batches that exist twice: at least, and at most.
///
/// At least those that no order has ended with, beyond the orders that gave up. At most also each repeated sending of
/// an order, where the provider has no key.
fn doubles(sandbox: &Sandbox, providers: &[&'static str], ends: &Ends, sent: &[String]) -> (usize, usize) {
    let mut times = BTreeMap::<&str, usize>::new();
    sent.iter().for_each(|line| *times.entry(line).or_default() += 1);
    let (mut least, mut most) = (ends.shared, ends.shared);
    for provider in providers {
        let created = usize::try_from(sandbox.stats(provider).batches_created).unwrap_or(usize::MAX);
        let ended = ends.ended.get(provider).map_or(0, BTreeSet::len);
        let beyond = created.saturating_sub(ended + ends.gave_up(provider));
        let repeated = times.iter().filter(|(line, _)| line.starts_with(provider)).map(|(_, times)| times - 1).sum();
        least += beyond;
        most += if matches!(*provider, "killb" | "cdq") { beyond.max(repeated) } else { beyond };
    }
    (least, most)
}
