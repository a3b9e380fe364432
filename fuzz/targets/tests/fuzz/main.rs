//! Runs the fuzz targets without libFuzzer: over the seed corpus, and over mutations of it.
//!
//! ```text
//! cargo test --workspace --test fuzz                                  all targets
//! cargo test --workspace --test fuzz -- run TARGET [SEED] [COUNT]     one target, with other mutations or more of them
//! cargo test --workspace --test fuzz -- replay TARGET FILE            one input
//! cargo test --workspace --test fuzz -- seeds                         writes the seed corpus anew
//! ```
//!
//! Each target runs in a process of its own: one that overflows its stack, uses too much memory or does not end is a failure
//! of that target.

mod mutate;
mod seeds;

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

use bulkrail_fuzz::{MAX_INPUT_BYTES, TARGETS, Target};
use mutate::Random;

/// Seed of the mutations by default. Each run is the same, so that a change is what makes a target fail.
const SEED: u64 = 1;

/// 20 s for one execution: the slowest takes a tenth of a second.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// 2 GiB of address space for the process of a target, where there is a shell that can limit it.
const MEMORY_LIMIT_KIB: u64 = 2 * 1024 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("not a number: {text}"));
    match arguments[..] {
        [] => all(),
        ["seeds"] => {
            seeds::write(&corpus()).expect("a corpus that can be written");
            ExitCode::SUCCESS
        }
        ["replay", name, file] => {
            (target(name).run)(&fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}")));
            ExitCode::SUCCESS
        }
        ["run", name] => run(target(name), SEED, target(name).executions),
        ["run", name, seed] => run(target(name), number(seed), target(name).executions),
        ["run", name, seed, count] => run(target(name), number(seed), number(count)),
        ["child", name, seed, count, progress] => child(target(name), number(seed), number(count), progress.as_ref()),
        _ => panic!("unknown arguments; see the top of {}", file!()),
    }
}

fn target(name: &str) -> &'static Target {
    let known = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("{name} is not one of {}", known()))
}

/// Runs all targets, as many at once as there are processors.
fn all() -> ExitCode {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(target) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if run(target, SEED, target.executions) != ExitCode::SUCCESS {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    say(&format!("{} targets passed, {failed} failed", TARGETS.len() - failed));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a target in another process, and says how it went.
#[expect(clippy::disallowed_methods, reason = "the time of another process")]
fn run(target: &Target, seed: u64, count: u64) -> ExitCode {
    let directory = work_directory();
    let progress = directory.join(format!("{}.progress", target.name));
    fs::write(&progress, u64::MAX.to_le_bytes()).expect("a file");
    let log = directory.join(format!("{}.log", target.name));
    let started = Instant::now();
    let program = env::current_exe().expect("this program");
    let [seed_text, count_text] = [seed, count].map(|number| number.to_string());
    let mut command = Command::new(if cfg!(unix) { "sh".as_ref() } else { program.as_os_str() });
    if cfg!(unix) {
        command.args(["-c", &format!("ulimit -v {MEMORY_LIMIT_KIB}; exec \"$0\" \"$@\"")]).arg(&program);
    }
    let mut child = command
        .args(["child", target.name, &seed_text, &count_text])
        .arg(&progress)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).expect("a file"))
        .spawn()
        .expect("a process");
    let execution = || fs::read(&progress).ok()?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let (mut last, mut since) = (None, Instant::now());
    let status = loop {
        if let Some(status) = child.try_wait().expect("a process") {
            break Some(status);
        }
        thread::sleep(Duration::from_millis(50));
        if execution() != last {
            (last, since) = (execution(), Instant::now());
        } else if since.elapsed() > TIME_LIMIT {
            child.kill().and_then(|()| child.wait()).expect("a process");
            break None;
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    if status.is_some_and(|status| status.success()) {
        say(&format!("{:18} {count:>8} executions in {seconds:5.1} s", target.name));
        return ExitCode::SUCCESS;
    }
    let corpus = Corpus::read(target);
    let execution = execution().unwrap_or(u64::MAX);
    let input = corpus.input(target, seed, execution);
    let file = directory.join(format!("failed-{}-{seed}-{execution}", target.name));
    fs::write(&file, input).expect("a file");
    let how = match status {
        None => format!("did not end within {} s", TIME_LIMIT.as_secs()),
        Some(status) => format!("{status}"),
    };
    let log = fs::read_to_string(&log).unwrap_or_default();
    let start: String = log.chars().take(4_000).collect();
    say(&format!(
        "FAILED: {}, seed {seed}, execution {execution} ({how})\n{start}\nThe input is in {}. To run it again:\n    \
         cargo test --workspace --test fuzz -- replay {} {}",
        target.name,
        file.display(),
        target.name,
        file.display(),
    ));
    ExitCode::FAILURE
}

/// Runs a target in this process, up to the first failure. The number of the execution is in the file `progress` while it
/// runs.
fn child(target: &Target, seed: u64, count: u64, progress: &Path) -> ExitCode {
    let corpus = Corpus::read(target);
    let mut progress = File::options().write(true).open(progress).expect("a file");
    for execution in 0..corpus.seeds.len() as u64 + count {
        progress.rewind().and_then(|()| progress.write_all(&execution.to_le_bytes())).expect("a file");
        let input = corpus.input(target, seed, execution);
        if panic::catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Seeds and words of a target.
struct Corpus {
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Corpus {
    fn read(target: &Target) -> Self {
        let directory = corpus().join(target.name);
        let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        let mut files: Vec<_> = entries.map(|entry| entry.expect("a directory").path()).collect();
        files.sort();
        let seeds: Vec<_> = files.iter().map(|file| fs::read(file).expect("a seed")).collect();
        assert!(!seeds.is_empty(), "{} has no seeds", directory.display());
        let dictionary = fuzz().join(format!("dictionaries/{}.dict", target.dictionary));
        let words = mutate::words(&fs::read_to_string(dictionary).expect("a dictionary"));
        Self { seeds, words }
    }

    /// Returns the input of an execution: the seeds as they are, then mutations.
    fn input(&self, target: &Target, seed: u64, execution: u64) -> Vec<u8> {
        match self.seeds.get(usize::try_from(execution).unwrap_or(usize::MAX)) {
            Some(seed) => seed.clone(),
            None => {
                let mut random = Random::new(seed, target.name, execution);
                mutate::input(&mut random, &self.seeds, &self.words, MAX_INPUT_BYTES)
            }
        }
    }
}

/// Returns the directory `fuzz`.
fn fuzz() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a directory")
}

fn corpus() -> PathBuf {
    fuzz().join("corpus")
}

/// Returns the directory of logs and failing inputs, beside this program.
fn work_directory() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    fs::create_dir_all(&directory).expect("a directory");
    directory
}

#[expect(clippy::print_stdout, reason = "the result of the test")]
fn say(text: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock();
    println!("{text}");
}
