# What CI runs, or the named steps of it alone: `just ci killb report`. `just steps` lists them.
ci *STEPS:
    bash .ci/run {{STEPS}}

# The steps of CI, with their commands.
steps:
    @.ci/run --list

# All tests.
test:
    cargo test --workspace

# The tests with properties, which try many new random cases (`.ci/run` tries the same ones each time).
properties CASES="5000":
    PROPTEST_CASES={{CASES}} cargo test --no-fail-fast -p bulkrail-core -p bulkrail -p bulkrail-codegen -p bulkrail-specdiff

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

# Judges every request of the command and the library, and each response of the sandbox, by Prism and openapi-core.
requests-judge:
    .ci/requests-judge

# Judges the JSON that every command prints by Ajv, with the schemas of `bulkrail schema`, and by the fields scripts rely on.
documents-judge:
    .ci/documents-judge

# Judges the specs by openapi-spec-validator, Redocly and Spectral.
specs-judge:
    .ci/specs-judge

# Judges the sandbox by schemathesis with the specs (`just schemathesis 1000`: many cases of each operation and phase).
schemathesis *EXAMPLES:
    .ci/schemathesis {{EXAMPLES}}

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

# The packages as they would be published, each built from its archive.
package:
    .ci/package

# Licences, sources and advisories of all dependencies.
deny:
    .ci/deny

# Spelling.
typos *ARGS:
    .ci/typos {{ARGS}}

# The public workflow, judged by others.
workflows:
    .ci/workflows

# Combinations of the features of each library.
powerset:
    .ci/powerset

# Compares the public items with docs/api; `just public-api-bless` writes them.
public-api:
    .ci/public-api

# Writes the public items to docs/api: review the change.
public-api-bless:
    BULKRAIL_BLESS=1 .ci/public-api

# The packages outside of the workspace, and the guide for providers of one's own.
outsiders:
    .ci/run outsider persona guide specs-dir

# Workers and servers of Restate that are killed; `just restate full` with the counts of docs/durable.md.
restate *ARGS:
    .ci/restate {{ARGS}}

# The documentation as docs.rs would show it, with warnings denied.
doc-check:
    .ci/run doc

# Mutation tests of the modules that decide (hours of CPU time; needs cargo-mutants). docs/mutants.md says how to read them.
# First the core against its own unit tests, which are quick; then what they do not catch against all tests.
mutants *ARGS:
    -PROPTEST_CASES=64 cargo mutants --output target --iterate --package bulkrail-core \
        --file 'core/src/poll/**/*.rs' --file 'core/src/schedule/**/*.rs' --file 'core/src/http/**/*.rs' \
        --file 'core/src/model/reconcil*.rs' --file core/src/model/submitted_rows.rs --file core/src/model/row_counts.rs \
        --test-package bulkrail-core --minimum-test-timeout 60 {{ARGS}} -- --lib
    cargo mutants --output target --iterate --package bulkrail-core --package bulkrail --package bulkrail-durable \
        --file 'core/src/poll/**/*.rs' --file 'core/src/schedule/**/*.rs' --file 'core/src/http/**/*.rs' \
        --file 'core/src/model/reconcil*.rs' --file core/src/model/submitted_rows.rs --file core/src/model/row_counts.rs \
        --file durable/src/attempts.rs --file durable/src/record.rs \
        --file 'src/*/status.rs' --file 'src/*/errors.rs' --file 'src/*/client.rs' --file 'src/*/submission.rs' \
        --test-package bulkrail-core --test-package bulkrail --test-package bulkrail-durable \
        --minimum-test-timeout 120 {{ARGS}}
