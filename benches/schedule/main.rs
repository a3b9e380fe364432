//! Measures how many requests the schedule takes and how late it notices an end, beside what others
//! do. In virtual time, from seeds: the figures are the same on every machine.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

mod account;
mod anchor;
mod curve;
mod fixture;
mod goals;
mod job;
mod optimum;
mod pictures;
mod plane;
mod report;
mod results;
mod rng;
mod simulation;
mod stats;
mod svg;
mod workload;

use std::process::ExitCode;

const USAGE: &str = "\
cargo bench --bench schedule -- goals             measures the goals; fails if one is missed (three minutes)
cargo bench --bench schedule -- goals all         the same, with every cell of every goal
cargo bench --bench schedule -- fixture FILE.csv  durations of your own: columns size, duration_s, progress (exact, percent, none)
cargo bench --bench schedule -- report            one line of JSON for every workload, policy and seed
cargo bench --bench schedule -- pictures          draws docs/schedule/*.svg";

fn main() -> ExitCode {
    // cargo adds `--bench`, and a test run may add more.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["goals", ref more @ ..] if goals::run(more.contains(&"all")) => Ok(()),
        ["goals", ..] => Err("a goal is missed".to_owned()),
        ["report", ..] => {
            report::run();
            Ok(())
        }
        ["fixture", file, ..] => fixture::run(file),
        ["pictures", ..] => pictures::run(),
        ["fixture"] => Err(format!("fixture needs a file\n\n{USAGE}")),
        _ => {
            println!("{USAGE}");
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
