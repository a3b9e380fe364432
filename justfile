# What CI runs.
ci:
    bash .ci/run

# All tests.
test:
    cargo test --workspace

# Format, then lint with warnings denied.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    .ci/retired-words

# The docs of the library and of its core, as docs.rs would show them.
doc:
    cargo doc -p bulkrail -p bulkrail-core --no-deps --all-features --open

# The demo: four batches in a sandbox.
demo:
    cargo run -p bulkrail-cli -- demo

# Report pages in a headless Chromium, and the picture of the README.
report:
    REPORT_SCREENSHOT=docs/report.png .ci/report

# Prints the word of `specs diff` about edits of the specs beside those of two programs from npm.
specs-diff-judge:
    .ci/specs-diff-judge

# Fuzzes one target with libFuzzer for some seconds (needs a nightly compiler, a C++ compiler and cargo-fuzz).
fuzz TARGET SECONDS="1200":
    fuzz/run {{TARGET}} {{SECONDS}}

# The fuzz targets over mutations of their seeds, without a fuzzer, as in CI.
fuzz-stable:
    .ci/fuzz

# The goals of schedule and cost.
bench:
    cargo bench --bench schedule -- goals
    cargo bench --bench poll --features xlsx

# The store in one file beside redb alone.
bench-store:
    cargo bench -p bulkrail-durable --bench store

# The store over PostgreSQL, against a server that the script starts.
postgres:
    .ci/postgres

# Real waits beside those of others, on the wall clock (compiles 300 crates, then takes four minutes).
bench-live:
    cd benches/live && cargo bench --bench live

# The CPU time of clean builds (some minutes of CPU time).
bench-build:
    benches/build/measure.py

# The packages as they would be published, each built from its archive (in a new directory: cargo reuses unpacked crates).
package:
    cargo package --workspace --exclude bulkrail-example-service --exclude bulkrail-example-postgres --exclude bulkrail-fuzz --target-dir "$(mktemp -d)"

# Licences and sources of all dependencies (needs cargo-deny).
deny:
    cargo deny check bans licenses sources

# Mutation tests of the modules that decide (hours of CPU time; needs cargo-mutants). docs/mutants.md says how to read them.
mutants *ARGS:
    cargo mutants --output target --package bulkrail-core --package bulkrail --package bulkrail-durable \
        --file 'core/src/poll/**/*.rs' --file 'core/src/schedule/**/*.rs' --file 'core/src/http/**/*.rs' \
        --file core/src/model/reconcile.rs --file core/src/model/row_counts.rs \
        --file durable/src/attempts.rs --file durable/src/record.rs \
        --file 'src/*/status.rs' --file 'src/*/errors.rs' --file 'src/*/client.rs' --file 'src/*/submission.rs' \
        --test-package bulkrail-core --test-package bulkrail --test-package bulkrail-durable \
        --minimum-test-timeout 120 {{ARGS}}
