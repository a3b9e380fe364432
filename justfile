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

# The docs of the library, as docs.rs would show them.
doc:
    cargo doc -p bulkrail --no-deps --all-features --open

# The demo: four batches in a sandbox.
demo:
    cargo run -p bulkrail-cli -- demo

# Licences and advisories of everything we depend on (needs cargo-deny).
deny:
    cargo deny check bans licenses sources
