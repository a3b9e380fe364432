//! Generates the raw client of each provider from `specs/`; everything else is in `bulkrail-codegen`.

fn main() {
    bulkrail_codegen::run_build_script(&["killb", "reap", "cdq", "localpayment"]);
}
