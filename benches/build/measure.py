#!/usr/bin/env python3
"""Measures the CPU time that a clean dev build of a small consumer of bulkrail takes.

Each build has a package and a target directory of its own, which are temporary. Its CPU time is user
and system time of cargo and of all its children. The baseline is a package for a client written by
hand. The packages are downloaded before the first measurement; nothing else is cached.

    benches/build/measure.py             the table, the least of two runs of each build
    benches/build/measure.py --runs 3    the least of three runs
    benches/build/measure.py --units     also what each crate takes, most first; the wrapper that
                                         measures it adds some CPU time to each crate

Needs Python 3.8 and cargo. Exits with 1 when a goal is missed, which `!` marks.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The variable that makes this script the compiler wrapper of a build with `--units`.
UNITS = "BULKRAIL_BUILD_UNITS"

# What a hand-written client of one provider declares: the transport features are those of
# bulkrail's own reqwest (compression, HTTP/2, TLS by rustls, JSON, multipart uploads, streamed
# bodies). No tracing, CSV or timestamps: a client may do without.
BASELINE = """
reqwest = { version = "0.13", default-features = false, features = [
    "gzip", "http2", "json", "multipart", "query", "rustls", "stream",
] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }
"""

TOKIO = 'tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }'


def bulkrail(features):
    listed = ", ".join(f'"{feature}"' for feature in features)
    path = json.dumps(str(ROOT))
    return f"bulkrail = {{ path = {path}, default-features = false, features = [{listed}] }}\n{TOKIO}\n"


BASELINE_MAIN = """
#[derive(serde::Deserialize)]
struct Batch {
    status: String,
}

#[tokio::main]
async fn main() -> Result<(), reqwest::Error> {
    let response = reqwest::Client::new().get("https://api.example.com/batches/1").send().await?;
    let batch: Batch = response.json().await?;
    println!("{}", batch.status);
    Ok(())
}
"""

BULKRAIL_MAIN = """
use bulkrail::reap::{Client, Credentials};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder().credentials(Credentials::from_env()?).build()?;
    let batch = client.upload("", None).await?;
    println!("{:?}", client.wait(batch).await?.outcome());
    Ok(())
}
"""

# Every feature but the second provider of cryptography.
ALL = [
    "cdq", "generate", "killb", "localpayment", "reap", "rustls-aws-lc-rs", "schema", "test-util", "xlsx",
]

# Name, dependencies, source, goal against the baseline.
BUILDS = [
    ("reqwest, serde and tokio alone", BASELINE, BASELINE_MAIN, None),
    ("one provider", bulkrail(["reap", "rustls-aws-lc-rs"]), BULKRAIL_MAIN, 1.12),
    ("one provider, with generate", bulkrail(["reap", "rustls-aws-lc-rs", "generate"]), BULKRAIL_MAIN, 1.35),
    ("one provider, TLS with ring", bulkrail(["reap", "rustls-ring"]), BULKRAIL_MAIN, None),
    ("all features", bulkrail(ALL), BULKRAIL_MAIN, None),
]


def write_package(directory, dependencies, source):
    (directory / "src").mkdir()
    (directory / "src/main.rs").write_text(source)
    (directory / "Cargo.toml").write_text(
        '[package]\nname = "consumer"\nversion = "0.0.0"\nedition = "2024"\n\n'
        f"[dependencies]\n{dependencies}\n[workspace]\n"
    )
    # The versions that bulkrail is tested with. Cargo drops what the package does not need.
    shutil.copy(ROOT / "Cargo.lock", directory / "Cargo.lock")


def cargo(directory, *arguments, units=None):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_PROFILE_")}
    for name in ("RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"):
        environment.pop(name, None)
    environment["CARGO_INCREMENTAL"] = "0"
    environment["CARGO_TARGET_DIR"] = str(directory / "target")
    if units:
        environment["RUSTC_WRAPPER"] = str(pathlib.Path(__file__).resolve())
        environment[UNITS] = str(units)
    subprocess.run(["cargo", *arguments], cwd=directory, env=environment, check=True)


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(dependencies, source, units):
    """Returns CPU seconds, the number of crates, and CPU seconds by crate."""
    with tempfile.TemporaryDirectory(prefix="bulkrail-build-") as name:
        directory = pathlib.Path(name)
        write_package(directory, dependencies, source)
        cargo(directory, "fetch", "--quiet")
        log = directory / "units" if units else None
        before = cpu_seconds()
        cargo(directory, "build", "--quiet", "--offline", units=log)
        seconds = cpu_seconds() - before
        crates = len(list((directory / "target/debug/deps").glob("*.d")))
        by_crate = {}
        for line in log.read_text().splitlines() if log else []:
            crate, unit_seconds = line.rsplit(" ", 1)
            by_crate[crate] = by_crate.get(crate, 0.0) + float(unit_seconds)
        return seconds, crates, by_crate


def compile_one(arguments):
    """Runs the compiler as cargo's wrapper, and notes what it took."""
    status = subprocess.run(arguments, close_fds=False).returncode
    name = "-"
    if "--crate-name" in arguments:
        name = arguments[arguments.index("--crate-name") + 1]
    if name.startswith("build_script"):
        name = f"{os.environ.get('CARGO_PKG_NAME')} (build script)"
    with open(os.environ[UNITS], "a", encoding="utf-8") as log:
        log.write(f"{name} {cpu_seconds():.3f}\n")
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2, help="runs of each build; the least counts (default: 2)")
    parser.add_argument("--units", action="store_true", help="print what each crate takes")
    parser.add_argument("--only", help="builds whose name contains this, and the baseline")
    options = parser.parse_args()
    chosen = [build for build in BUILDS if options.only is None or options.only in build[0] or build is BUILDS[0]]
    least = {}
    for _ in range(options.runs):
        for name, dependencies, source, _ in chosen:
            started = time.monotonic()
            result = measure(dependencies, source, options.units)
            print(f"{result[0]:7.1f} s of CPU, {time.monotonic() - started:6.1f} s  {name}", file=sys.stderr, flush=True)
            if name not in least or result[0] < least[name][0]:
                least[name] = result
    base = least.get(BUILDS[0][0], (0,))[0]
    missed = False
    print(f"{'':2}{'clean dev build':<42}{'CPU s':>8}{'crates':>8}{'ratio':>8}{'goal':>8}")
    for name, _, _, goal in chosen:
        seconds, crates, _ = least[name]
        ratio = seconds / base if base else 0.0
        is_missed = goal is not None and ratio > goal
        missed = missed or is_missed
        goal = "-" if goal is None else f"{goal:.2f}"
        print(f"{'! ' if is_missed else '  '}{name:<42}{seconds:8.1f}{crates:8}{ratio:8.2f}{goal:>8}")
    if options.units:
        for name, *_ in chosen:
            seconds, _, by_crate = least[name]
            print(f"\n{name}")
            for crate, taken in sorted(by_crate.items(), key=lambda entry: -entry[1]):
                print(f"{taken:8.2f}  {crate}")
            print(f"{seconds - sum(by_crate.values()):8.2f}  cargo and build scripts run")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(compile_one(sys.argv[1:]) if UNITS in os.environ else main())
