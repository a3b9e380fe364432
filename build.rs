//! Generates the raw client of each provider from `specs/`; everything else is in `bulkrail-codegen`. Without the feature
//! `generate` it names the clients in `specs/generated/`.

/// Providers, each with a spec and a cargo feature of the same name.
const PROVIDERS: [&str; 4] = ["killb", "reap", "cdq", "localpayment"];

#[cfg(feature = "generate")]
fn main() {
    bulkrail_codegen::run_build_script(&PROVIDERS);
}

#[cfg(not(feature = "generate"))]
fn main() {
    println!("cargo::rerun-if-env-changed=BULKRAIL_SPECS_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("BULKRAIL_SPECS_DIR").is_some_and(|directory| !directory.is_empty()) {
        println!(
            "cargo::error=BULKRAIL_SPECS_DIR is set, but the feature `generate` of bulkrail is off: enable it, or unset \
             the variable"
        );
        std::process::exit(1);
    }
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    println!("cargo::rustc-env=BULKRAIL_GENERATED={root}/specs/generated");
    for name in PROVIDERS {
        let variable = format!("BULKRAIL_SPEC_{}", name.to_uppercase());
        println!("cargo::rustc-env={variable}={root}/specs/{name}.yaml");
        println!("cargo::rustc-env={variable}_TEXT=specs/{name}.yaml");
    }
}
