//! Many waits at once, on virtual time: memory per wait, and polls per second of CPU time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bulkrail::poll::{WaitOptions, WaitSet, WaitState};
use bulkrail::test_util::{PROVIDER, VirtualClock, finished, running, unavailable};
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
    resume();
}

/// Resumes 10,000 waits from their documents. Exits non-zero if that takes 2 s or 64 MB.
fn resume() {
    const BATCHES: usize = 10_000;
    let clock = VirtualClock::new();
    let provider = TenMinutes { clock: clock.clone(), polls: AtomicU64::new(0) };
    let begin = VirtualClock::BEGINNING;
    let stored: Vec<String> = (0..BATCHES)
        .map(|number| {
            let batch = Batch::new(PROVIDER, format!("b-{number}")).expect("an id").with_submitted_at(begin);
            let mut state = WaitState::new(batch, &WaitOptions::new(&provider), begin);
            // Many polls with progress, and a failed one: about the largest documents there are.
            for poll in 1..60 {
                let _ = state.observe(begin + poll * Duration::from_millis(9_700), Ok(running(u64::from(poll), 97)));
            }
            let _ = state.observe(begin + Duration::from_secs(590), Err(unavailable()));
            serde_json::to_string(&state).expect("a document")
        })
        .collect();
    clock.advance(Duration::from_secs(600));
    let mut elapsed = Duration::ZERO;
    let memory = allocation_counter::measure(|| {
        let began = Instant::now();
        let mut set = WaitSet::new(&provider);
        for document in &stored {
            set.resume(serde_json::from_str(document).expect("a state")).expect("of this provider");
        }
        elapsed = began.elapsed();
        assert_eq!(set.progress().batches, BATCHES);
    });
    let (bytes, peak) = (stored.iter().map(String::len).sum::<usize>(), memory.bytes_max as f64 / 1024.0 / 1024.0);
    println!(
        "resumed {BATCHES} waits of {} bytes each in {:.3} s and {peak:.1} MB (goal: 2 s, 64 MB)",
        bytes / BATCHES,
        elapsed.as_secs_f64()
    );
    if elapsed >= Duration::from_secs(2) || peak >= 64.0 {
        std::process::exit(1);
    }
}
