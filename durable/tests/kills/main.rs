//! Kills real processes that submit and wait, and counts at the provider what became of their orders.
//!
//! `BULKRAIL_KILLS` is the number of kills (default: 40), `BULKRAIL_KILLS_SEED` the seed of their moments.

mod child;
mod disk;
mod lane;
mod orders;
mod proxy;
mod random;
mod relaxed;
mod stop;
mod table;

use bulkrail_sandbox::Sandbox;

use disk::SmallDisk;
use lane::{Lane, Plan};
use table::Counts;

/// 40 kills take 25 s; the goal of 300 is run by hand.
const KILLS: usize = 40;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {value}")))
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the counts are what the test is about")]
async fn kills_lose_no_order_and_make_none_twice() {
    let kills = number("BULKRAIL_KILLS").map_or(KILLS, |kills| usize::try_from(kills).unwrap());
    let seed = number("BULKRAIL_KILLS_SEED").unwrap_or(14);
    println!("{kills} kills, seed {seed}");
    let lanes: Vec<_> = Sandbox::PROVIDERS
        .into_iter()
        .enumerate()
        .map(|(number, provider)| {
            let share = kills / 4 + usize::from(number < kills % 4);
            let plan = Plan { kills: share, seed: seed + number as u64, is_blind: false, disk: None };
            tokio::spawn(async move { Lane::new(provider, plan).await.run().await })
        })
        .collect();
    let mut all = Vec::new();
    for lane in lanes {
        all.push(lane.await.unwrap());
    }
    println!("{}", table::table(&all));
    let total = Counts::total(&all);
    assert_eq!(total.kills, kills);
    assert_eq!((total.lost.len(), total.doubles.len(), total.wrong.len()), (0, 0, 0), "{total:?}");
    // Kills came inside submits, and after them.
    assert!(total.caught >= kills / 10 && total.ended >= kills, "{total:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_are_sent_again_blindly_are_doubled() {
    let plan = Plan { kills: 12, seed: 3, is_blind: true, disk: None };
    let counts = Lane::new("killb", plan).await.run().await;
    assert!(counts.lost.is_empty() && !counts.doubles.is_empty(), "the kill test cannot see doubles: {counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the counts are what the test is about")]
async fn kills_on_a_disk_that_runs_full_lose_no_order_and_make_none_twice() {
    let Some(disk) = SmallDisk::mount("kills-disk", 16) else { return };
    let kills = number("BULKRAIL_KILLS").map_or(KILLS, |kills| usize::try_from(kills).unwrap()) / 4;
    let plan = Plan { kills, seed: 77, is_blind: false, disk: Some(disk) };
    let counts = Lane::new("killb", plan).await.run().await;
    println!("{}", table::table(std::slice::from_ref(&counts)));
    assert_eq!((counts.lost.len(), counts.doubles.len(), counts.wrong.len()), (0, 0, 0), "{counts:?}");
    assert!(counts.ended >= kills, "{counts:?}");
}
