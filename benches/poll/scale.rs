//! Many waits at once, on virtual time: what each costs in memory, and how many looks a second of CPU time does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bulkrail::poll::WaitSet;
use bulkrail::test_util::{PROVIDER, VirtualClock, finished, running};
use bulkrail::time::Clock;
use bulkrail::{Batch, Error, Provider, ProviderId, Snapshot};

/// Batches that last ten minutes and show their progress.
struct Reconciliation {
    clock: VirtualClock,
    looks: AtomicU64,
}

const LASTS: Duration = Duration::from_secs(600);

impl Provider for Reconciliation {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, _batch: &Batch) -> Result<Snapshot, Error> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.elapsed();
        if now >= LASTS { Ok(finished(1000, 0)) } else { Ok(running(now.as_secs() * 1000 / LASTS.as_secs(), 1000)) }
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }
}

pub(crate) fn report() {
    println!(
        "{:>9} {:>15} {:>15} {:>9} {:>22}",
        "batches", "bytes a wait", "peak, MB", "looks", "looks a second of CPU"
    );
    for batches in [1_000, 10_000, 100_000_usize] {
        let clock = VirtualClock::new();
        let account = Reconciliation { clock: clock.clone(), looks: AtomicU64::new(0) };
        let mut took = Duration::ZERO;
        let mut held = 0;
        let memory = allocation_counter::measure(|| {
            let mut fleet = WaitSet::new(&account).requests_per_second(batches as f64 / 20.0).deadline(LASTS * 10);
            held = allocation_counter::measure(|| {
                for number in 0..batches {
                    fleet.add(Batch::new(PROVIDER, format!("b-{number}")).expect("an id")).expect("of this provider");
                }
            })
            .bytes_current;
            let began = Instant::now();
            while let Some((_, end)) = clock.run(fleet.next()) {
                end.expect("an end");
            }
            took = began.elapsed();
        });
        let looks = account.looks.load(Ordering::Relaxed);
        println!(
            "{batches:>9} {:>15} {:>15.1} {looks:>9} {:>22.0}",
            held.max(0) as usize / batches,
            memory.bytes_max as f64 / 1024.0 / 1024.0,
            looks as f64 / took.as_secs_f64()
        );
    }
}
