//! Many waits at once, on virtual time: memory per wait, and polls per second of CPU time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bulkrail::poll::WaitSet;
use bulkrail::test_util::{PROVIDER, VirtualClock, finished, running};
use bulkrail::time::Clock;
use bulkrail::{Batch, Error, Provider, ProviderId, Snapshot};

/// Provider of batches that take ten minutes and report their progress.
struct TenMinutes {
    clock: VirtualClock,
    polls: AtomicU64,
}

const DURATION: Duration = Duration::from_secs(600);

impl Provider for TenMinutes {
    fn id(&self) -> ProviderId {
        PROVIDER
    }

    async fn poll(&self, _batch: &Batch) -> Result<Snapshot, Error> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.elapsed();
        if now >= DURATION {
            return Ok(finished(1000, 0));
        }
        Ok(running(now.as_secs() * 1000 / DURATION.as_secs(), 1000))
    }

    fn clock(&self) -> Clock {
        self.clock.clock()
    }
}

pub(crate) fn report() {
    println!(
        "{:>9} {:>15} {:>15} {:>9} {:>22}",
        "batches", "bytes per wait", "peak, MB", "polls", "polls per CPU second"
    );
    for batches in [1_000, 10_000, 100_000_usize] {
        let clock = VirtualClock::new();
        let provider = TenMinutes { clock: clock.clone(), polls: AtomicU64::new(0) };
        let mut elapsed = Duration::ZERO;
        let mut bytes = 0;
        let memory = allocation_counter::measure(|| {
            let mut set = WaitSet::new(&provider).requests_per_second(batches as f64 / 20.0).deadline(DURATION * 10);
            bytes = allocation_counter::measure(|| {
                for number in 0..batches {
                    set.add(Batch::new(PROVIDER, format!("b-{number}")).expect("an id")).expect("of this provider");
                }
            })
            .bytes_current;
            let began = Instant::now();
            while let Some((_, end)) = clock.run(set.next()) {
                end.expect("an end");
            }
            elapsed = began.elapsed();
        });
        let polls = provider.polls.load(Ordering::Relaxed);
        println!(
            "{batches:>9} {:>15} {:>15.1} {polls:>9} {:>22.0}",
            bytes.max(0) as usize / batches,
            memory.bytes_max as f64 / 1024.0 / 1024.0,
            polls as f64 / elapsed.as_secs_f64()
        );
    }
}
