//! Shows the traces of a wait: which targets there are, and how to choose among them.
//!
//! ```text
//! cargo run --example tracing_setup
//! ```
//!
//! | Target | Level | Events |
//! |---|---|---|
//! | `bulkrail::wait` | debug, info | each poll (debug), and the end of each wait (info) |
//! | `bulkrail::http` | debug | each request: operation, status, duration |
//! | `bulkrail::drift` | warn | each new difference between a response and the spec |
//!
//! Bodies, credentials and personal data are never traced.
//!
//! It runs in virtual time, so that a wait of half an hour takes a millisecond.
#![expect(clippy::print_stdout, reason = "an example prints what it does")]

use std::time::Duration;

use bulkrail::test_util::{MockProvider, VirtualClock, finished, running, unavailable};
use bulkrail::{Error, Report};
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

/// Returns a subscriber that writes lines of text to `writer`.
fn subscriber(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) -> impl Subscriber + Send + Sync {
    let targets = Targets::new()
        .with_default(Level::INFO) // other crates
        .with_target("bulkrail::wait", Level::DEBUG) // INFO in production: one line for each batch
        .with_target("bulkrail::http", Level::INFO) // DEBUG to see each request
        .with_target("bulkrail::drift", Level::WARN);
    registry().with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer)).with(targets)
}

/// Waits for a batch that takes half an hour, with an outage of two minutes.
fn wait_in_virtual_time() -> Result<Report, Error> {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let clock = VirtualClock::new();
    let provider = MockProvider::by_time(&clock)
        .from(minutes(0), || Ok(running(100, 1_000)))
        .from(minutes(10), || Err(unavailable()))
        .from(minutes(12), || Ok(running(400, 1_000)))
        .from(minutes(30), || Ok(finished(990, 10)));
    clock.run(bulkrail::wait(&provider, provider.submitted("batch-7")))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing::subscriber::set_global_default(subscriber(std::io::stdout))?;
    let report = wait_in_virtual_time()?;
    println!("{} polls, outcome {:?}", report.polls, report.outcome());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn subscriber_writes_each_poll_and_the_end() {
        let lines = Lines::default();
        let writer = lines.clone();
        let report = tracing::subscriber::with_default(super::subscriber(move || writer.clone()), || {
            super::wait_in_virtual_time().unwrap()
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches(": poll").count(), report.polls as usize, "{text}");
        assert!(
            text.contains("bulkrail.batch.id=\"batch-7\"") && text.contains("error.type=\"unavailable\""),
            "{text}"
        );
        assert!(text.lines().last().unwrap().contains("bulkrail.outcome=\"partial\""), "{text}");
    }
}
