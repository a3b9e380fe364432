//! Helpers of several modules.

pub(crate) mod specs;

use std::time::Duration;

use bulkrail::test_util::{MockConnector, VirtualClock};

/// Time and connector of one client.
pub(crate) struct Bench {
    pub(crate) clock: VirtualClock,
    pub(crate) connector: MockConnector,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { clock: VirtualClock::new(), connector: MockConnector::new() }
    }
}

/// Returns `bulkrail::$provider::Client` with `$credentials` on the clock and connector of
/// `$bench`.
macro_rules! client {
    ($provider:ident, $bench:expr, $credentials:expr) => {
        bulkrail::$provider::Client::builder()
            .credentials($credentials)
            .clock($bench.clock.clock())
            .connector($bench.connector.clone())
            .build()
            .unwrap()
    };
}

pub(crate) use client;

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Set in a process that [`in_own_process`] started, to the case that it runs.
const CASE: &str = "BULKRAIL_TEST_CASE";

/// Runs `check` in a process of its own: the test `test` alone, without the variables `without` and
/// with `with`.
///
/// The process runs the same test again, which gets here again; cases other than its own are
/// skipped there. For state of the process: a test cannot change the environment, and other tests
/// read files.
pub(crate) fn in_own_process(test: &str, case: &str, without: &[&str], with: &[(&str, &str)], check: impl FnOnce()) {
    if let Ok(running) = std::env::var(CASE) {
        if running == case {
            check();
            println_done(case);
        }
        return;
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    for variable in without {
        command.env_remove(variable);
    }
    command.args(["--exact", test, "--nocapture"]).env(CASE, case).envs(with.iter().copied());
    let output = command.output().unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    let shown = format!("{out}{err}");
    assert!(output.status.success(), "{case}:\n{shown}");
    assert!(shown.contains(&done(case)), "{case} was not checked: is {test} the name of the test?\n{shown}");
}

fn done(case: &str) -> String {
    format!("checked in its own process: {case}")
}

#[expect(clippy::print_stdout, reason = "the only way back to the process that started this one")]
fn println_done(case: &str) {
    println!("{}", done(case));
}
