//! 200 processes that are killed at random moments: every batch that the provider has is listed, and
//! none exists twice.

use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail_sandbox::Sandbox;
use serde_json::Value;

use crate::fixtures::{BANK_ACCOUNTS, accounts, import, people};
use crate::proxy::{Proxy, random};
use crate::support::{QUICK, TempFile, finish, signal, state};

const LANES: usize = 4;
const KILLS_PER_LANE: usize = 50;

/// Counts of all kills.
#[derive(Debug, Default)]
struct Counts {
    kills: usize,
    /// Batches that the sandbox has.
    batches: u64,
    /// Submissions that are listed with the id of the batch, and those whose fate is not known.
    with_id: usize,
    submitting: usize,
    nothing: usize,
    /// Batches that are not listed, and batches that exist twice.
    lost: Vec<String>,
    doubles: Vec<String>,
}

/// A process that was killed.
struct Killed {
    provider: &'static str,
    file: TempFile,
    created: u64,
}

struct Lane {
    sandbox: Sandbox,
    proxy: Proxy,
    state: std::path::PathBuf,
}

impl Lane {
    fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> tokio::process::Command {
        let mut command = self.proxy.at(&self.sandbox, args);
        command.env("XDG_STATE_HOME", &self.state);
        command
    }

    fn submit(&self, provider: &str, file: &TempFile, number: usize) -> tokio::process::Command {
        let command = if number % 4 == 3 { "run" } else { "submit" };
        let mut args = vec![command, provider, file.path()];
        args.extend(if command == "run" { &QUICK[..] } else { &[] });
        args.extend(match provider {
            "cdq" => &["--storage-id", "s-1"][..],
            "localpayment" => &["--account-number", "484.484.00000011", "--country", "MEX"],
            _ => &[],
        });
        self.command(args)
    }

    async fn listed(&self) -> Vec<Value> {
        let list = finish(self.command(["list", "--json"])).await;
        assert_eq!(list.code, 0, "{list:?}");
        list.document().as_array().unwrap().clone()
    }

    /// Kills a submit of `file`, and returns how many batches the sandbox has got of it.
    async fn kill(&self, provider: &'static str, file: &TempFile, number: usize, within: Duration) -> u64 {
        let before = self.sandbox.stats(provider).batches_created;
        let mut child = self.submit(provider, file, number).spawn().unwrap();
        let moment = random(&(0..u64::try_from(within.as_micros()).unwrap()));
        tokio::select! {
            _ = child.wait() => {}
            () = Clock::system().sleep(Duration::from_micros(moment)) => {
                signal(&child, ["-HUP", "-INT", "-TERM"].get(number % 12).unwrap_or(&"-KILL")).await;
            }
        }
        child.wait_with_output().await.unwrap();
        self.proxy.idle().await;
        self.sandbox.stats(provider).batches_created - before
    }
}

fn file(provider: &str, name: &str) -> TempFile {
    let content = match provider {
        "killb" => people(2),
        "reap" => import(&["e-1".to_owned(), "e-2".to_owned()]),
        "cdq" => BANK_ACCOUNTS.to_owned(),
        _ => accounts(10),
    };
    TempFile::new(&format!("kill-{name}.csv"), content)
}

async fn lane(number: usize) -> Counts {
    let sandbox = Sandbox::builder().seed(7).speed(60.0).start().await.unwrap();
    let proxy = Proxy::start(&sandbox, 0..60).await;
    let lane = Lane { sandbox, proxy, state: state() };
    let mut counts = Counts::default();
    let mut killed: Vec<Killed> = Vec::new();
    // How long a submit takes on this machine: each of its moments is equally likely.
    let mut durations = Vec::new();
    for provider in Sandbox::PROVIDERS {
        let file = file(provider, &format!("{number}-{provider}"));
        let (clock, submit) = (Clock::system(), lane.submit(provider, &file, 0));
        let started = clock.now();
        assert_eq!(finish(submit).await.code, 0);
        durations.push(clock.now() - started);
    }
    for kill in 0..KILLS_PER_LANE {
        let provider = Sandbox::PROVIDERS[(kill + number) % 4];
        let file = file(provider, &format!("{number}-{kill}"));
        let within = durations[(kill + number) % 4].mul_f64(1.2);
        let created = lane.kill(provider, &file, kill, within).await;
        killed.push(Killed { provider, file, created });
    }
    check(&lane, &killed, &mut counts).await;
    counts
}

/// Compares the list with what the sandbox has.
async fn check(lane: &Lane, killed: &[Killed], counts: &mut Counts) {
    let listed = lane.listed().await;
    for Killed { provider, file, created } in killed {
        let name = format!("{provider} {}", file.path());
        let entries: Vec<_> = listed.iter().filter(|entry| entry["file"] == file.path()).collect();
        assert!(entries.len() <= 1, "{entries:?}");
        let entry = entries.first();
        let is_submitting = entry.is_some_and(|entry| entry["phase"] == "submitting");
        let id = entry.and_then(|entry| entry["batch"]["id"].as_str());
        counts.kills += 1;
        counts.batches += created;
        match entry {
            Some(_) if is_submitting => counts.submitting += 1,
            Some(_) => counts.with_id += 1,
            None => counts.nothing += 1,
        }
        let is_listed = is_submitting || id.is_some_and(|id| lane.proxy.has_received(id));
        match created {
            0 => assert!(entry.is_none() || is_submitting, "a batch that does not exist is listed: {entry:?}"),
            1 if is_listed => {}
            1 => counts.lost.push(name.clone()),
            _ => counts.doubles.push(name.clone()),
        }
        let (true, Some(entry)) = (is_submitting, entry) else { continue };
        match *provider {
            "reap" => {
                // Submitted again as the advice says, there is one batch, whatever became of the
                // first attempt.
                let before = lane.sandbox.stats("reap").batches_created;
                let key = entry["batch"]["key"].as_str().unwrap();
                let again = finish(lane.command(["submit", "reap", file.path(), "--key", key])).await;
                assert_eq!(again.code, i32::from(*created == 1), "{again:?}");
                if created + lane.sandbox.stats("reap").batches_created - before != 1 {
                    counts.doubles.push(name);
                }
            }
            "localpayment" => {
                // The id is ours: the provider says whether it exists.
                let status = finish(lane.command(["status", "localpayment", id.unwrap()])).await;
                assert_eq!(status.code == 7, *created == 0, "{status:?}");
            }
            _ => {}
        }
    }
    for entry in lane.listed().await {
        assert!(entry["batch"]["provider"] != "reap" || entry["phase"] != "submitting", "{entry}");
    }
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the counts are what the test is about")]
async fn two_hundred_kills_lose_no_batch_silently_and_make_none_twice() {
    let lanes: Vec<_> = (0..LANES).map(|number| tokio::spawn(lane(number))).collect();
    let mut total = Counts::default();
    for lane in lanes {
        let mut counts = lane.await.unwrap();
        total.kills += counts.kills;
        total.batches += counts.batches;
        total.with_id += counts.with_id;
        total.submitting += counts.submitting;
        total.nothing += counts.nothing;
        total.lost.append(&mut counts.lost);
        total.doubles.append(&mut counts.doubles);
    }
    println!("{total:?}");
    assert_eq!(total.kills, 200);
    assert!(total.lost.is_empty() && total.doubles.is_empty(), "{total:?}");
    // The kills came at all the moments that matter.
    assert!(total.batches > 20 && total.submitting > 10 && total.with_id > 10, "{total:?}");
}
