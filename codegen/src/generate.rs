use std::any::Any;
use std::path::{Path, PathBuf};
use std::{env, fs, panic};

use progenitor::{GenerationSettings, Generator, HooksMode};
use quote::quote;
use serde_json::{Value, json};

use crate::{Error, Spec, handover, lint, lower, redact};

/// Returns the Rust source of the raw client of `spec`, ready to be included into a module.
///
/// Every request of the client goes through `crate::transport::Transport`, which the module has to
/// name in an implementation of `progenitor_client::ClientHooks`. Where its `is_held` says so, the
/// answer is returned undecoded, as an unexpected response.
///
/// # Errors
///
/// Returns an error with the reason of the generator if it does not support the lowered spec.
pub fn generate(spec: &Spec) -> Result<String, Error> {
    let refused = |reason: String| spec.error("", format!("cannot be turned into Rust: {reason}"));
    let api: openapiv3::OpenAPI =
        serde_json::from_value(lower(spec)).map_err(|error| refused(format!("not OpenAPI 3.0: {error}")))?;
    let mut settings = GenerationSettings::default();
    settings
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(crate::transport::Transport))
        // A number encodes as it was decoded: 100 does not become 100.0.
        .with_conversion(number_schema(), "::serde_json::Number", [].into_iter());
    // The generator panics on unsupported input; the error must name the spec.
    let tokens = panic::catch_unwind(|| Generator::new(&settings).generate_tokens(&api))
        .map_err(|panic| refused(format!("the generator gave up on it: {}", said(&*panic))))?
        .map_err(|error| refused(error.to_string()))?;
    let mut file = syn::parse2(tokens).map_err(|error| refused(error.to_string()))?;
    redact::redact(&mut file);
    handover::hand_over(&mut file).map_err(|missed| {
        refused(format!("the generator writes {missed} operations in another way than it used to"))
    })?;
    file.items.extend([servers(spec), schemas(spec)]);
    Ok(prettyplease::unparse(&file))
}

/// Returns the addresses of the spec as a constant.
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

/// Returns the component schemas of the spec as a constant, for comparing live responses with them.
fn schemas(spec: &Spec) -> syn::Item {
    let mut schemas = spec.document.pointer("/components/schemas").cloned().unwrap_or_default();
    drop_prose(&mut schemas);
    let json = schemas.to_string();
    syn::parse_quote! {
        /// The component schemas of the spec as JSON, without descriptions and examples.
        pub const SCHEMAS: &str = #json;
    }
}

fn drop_prose(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // In `properties` these keys are field names, and the schema of a field is an object.
            let is_prose = |key: &str| matches!(key, "description" | "title" | "example") || key.starts_with("x-");
            map.retain(|key, value| value.is_object() || !is_prose(key));
            map.values_mut().for_each(drop_prose);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_prose),
        _ => {}
    }
}

/// Returns the message of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

fn number_schema() -> schemars::schema::SchemaObject {
    serde_json::from_value(json!({"type": "number"})).expect("a literal schema")
}

/// Runs as a build script: generates `NAME.rs` into `OUT_DIR` from `specs/NAME.yaml` for each of
/// `names` whose cargo feature is enabled.
///
/// Exits with an error for cargo if a spec has errors, with one line for each.
pub fn run_build_script(names: &[&str]) {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut failed = false;
    for name in names.iter().filter(|name| feature_is_on(name)) {
        let file = format!("specs/{name}.yaml");
        say(&format!("cargo::rerun-if-changed={file}"));
        for error in build_one(&root, &file, &out.join(format!("{name}.rs"))).err().into_iter().flatten() {
            failed = true;
            say(&format!("cargo::error={error}"));
        }
    }
    if failed {
        std::process::exit(1);
    }
}

fn build_one(root: &Path, file: &str, to: &Path) -> Result<(), Vec<Error>> {
    let mut spec = Spec::load(root.join(file)).map_err(|error| vec![Error { file: file.into(), ..error }])?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Temporary directory, removed on drop.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("bulkrail-codegen-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("specs")).unwrap();
            Self(path)
        }

        /// Returns the errors of the build script for a spec with this text, and the file it wrote.
        fn build(&self, text: &str) -> (Vec<String>, Option<String>) {
            fs::write(self.0.join("specs/some.yaml"), text).unwrap();
            let to = self.0.join("some.rs");
            let said = build_one(&self.0, "specs/some.yaml", &to).err().unwrap_or_default();
            (said.iter().map(ToString::to_string).collect(), fs::read_to_string(to).ok())
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const GOOD: &str = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\n";

    #[test]
    fn a_good_spec_becomes_a_file() {
        let (said, written) = Directory::new("good").build(GOOD);
        assert_eq!(said, [""; 0]);
        assert!(written.unwrap().contains("pub struct Client"));
    }

    #[test]
    fn a_bad_spec_becomes_lines_that_start_with_its_path_in_the_package() {
        let directory = Directory::new("bad");
        let (said, written) = directory.build("openapi: 3.0.3\ninfo: {title: t}\npaths: {}\nopenapi: 3.0.3\n");
        assert_eq!(said, ["specs/some.yaml:4: /openapi: duplicate key; keep one"]);
        assert_eq!(written, None);
        let (said, written) = directory.build("openapi: 3.0.2\ninfo: {title: t}\npaths: {}\n");
        assert_eq!(said, ["specs/some.yaml:1: /openapi: must be 3.0.3", "specs/some.yaml:2: /info: needs a `version`"]);
        assert_eq!(written, None);
        let (said, written) = directory.build(&GOOD.replace("{}", "{/a: 7}"));
        assert!(said.len() == 1 && said[0].starts_with("specs/some.yaml:1: cannot be turned into Rust: "), "{said:?}");
        assert_eq!(written, None);
    }

    #[test]
    fn a_missing_spec_is_named() {
        let directory = Directory::new("missing");
        let said = build_one(&directory.0, "specs/none.yaml", &directory.0.join("none.rs")).unwrap_err();
        assert!(said.len() == 1 && said[0].to_string().starts_with("specs/none.yaml: cannot be read: "), "{said:?}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let directory = Directory::new("unwritable");
        fs::write(directory.0.join("specs/some.yaml"), GOOD).unwrap();
        let said = build_one(&directory.0, "specs/some.yaml", &directory.0.join("none/some.rs")).unwrap_err();
        assert!(said.len() == 1 && said[0].to_string().contains("none/some.rs"), "{said:?}");
    }

    #[test]
    fn a_provider_that_is_not_asked_for_is_left_out() {
        assert!(!feature_is_on("no such provider"));
    }
}
