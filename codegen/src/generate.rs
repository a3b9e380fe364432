use std::path::{Path, PathBuf};
use std::{env, fs, panic};

use progenitor::{GenerationSettings, Generator, HooksMode};
use quote::quote;
use serde_json::json;

use crate::{Error, Spec, lint, lower, redact};

/// The Rust source of the raw client of `spec`, ready to be included into a module.
///
/// Every request of the client goes through `crate::transport::Transport`, which the module has to name in an implementation of
/// `progenitor_client::ClientHooks`.
///
/// # Errors
///
/// When the generator does not take the (lowered) spec; the reason is the generator's own.
pub fn generate(spec: &Spec) -> Result<String, Error> {
    let refused = |reason: String| spec.error("", format!("cannot be turned into Rust: {reason}"));
    let api: openapiv3::OpenAPI =
        serde_json::from_value(lower(spec)).map_err(|error| refused(format!("not OpenAPI 3.0: {error}")))?;
    let mut settings = GenerationSettings::default();
    settings
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(crate::transport::Transport))
        // What a page calls a number stays the number that came: 100 is not written back as 100.0.
        .with_conversion(number_schema(), "::serde_json::Number", [].into_iter());
    // The generator asserts where it finds what it does not support; that must name the spec too.
    let tokens = panic::catch_unwind(|| Generator::new(&settings).generate_tokens(&api))
        .map_err(|_| refused("the generator gave up on it (its own message is above)".to_owned()))?
        .map_err(|error| refused(error.to_string()))?;
    let mut file = syn::parse2(tokens).map_err(|error| refused(error.to_string()))?;
    redact::redact(&mut file);
    file.items.push(servers(spec));
    Ok(prettyplease::unparse(&file))
}

/// The addresses of the spec, so that they stand nowhere else.
fn servers(spec: &Spec) -> syn::Item {
    let servers = spec.document["servers"].as_array().into_iter().flatten().map(|server| {
        let (name, url) = (server["description"].as_str(), server["url"].as_str());
        let (name, url) = (name.unwrap_or_default(), url.unwrap_or_default());
        quote!((#name, #url))
    });
    syn::parse_quote! {
        /// Name and address of each server that the provider documents.
        pub const SERVERS: &[(&str, &str)] = &[#(#servers),*];
    }
}

fn number_schema() -> schemars::schema::SchemaObject {
    serde_json::from_value(json!({"type": "number"})).expect("a literal schema")
}

/// The whole build script: generates `NAME.rs` into `OUT_DIR` from `specs/NAME.yaml` for each of `names` whose cargo feature is on.
///
/// A spec with mistakes fails the build with one line for each, and nothing else.
pub fn run_build_script(names: &[&str]) {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut failed = false;
    for name in names.iter().filter(|name| feature_is_on(name)) {
        let file = format!("specs/{name}.yaml");
        say(&format!("cargo::rerun-if-changed={file}"));
        for error in build_one(&root, &file, &out.join(format!("{name}.rs")))
            .err()
            .into_iter()
            .flatten()
        {
            failed = true;
            say(&format!("cargo::error={error}"));
        }
    }
    if failed {
        std::process::exit(1);
    }
}

fn build_one(root: &Path, file: &str, to: &Path) -> Result<(), Vec<Error>> {
    let mut spec = Spec::load(root.join(file)).map_err(|error| {
        vec![Error {
            file: file.into(),
            ..error
        }]
    })?;
    spec.file = file.into();
    let found = lint(&spec);
    if !found.is_empty() {
        return Err(found);
    }
    let source = generate(&spec).map_err(|error| vec![error])?;
    fs::write(to, source).map_err(|error| vec![spec.error("", format!("{}: {error}", to.display()))])
}

fn feature_is_on(name: &str) -> bool {
    env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase())).is_some()
}

#[expect(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
fn say(line: &str) {
    println!("{line}");
}
