use std::path::{Path, PathBuf};
use std::{env, fs};

use progenitor::{GenerationSettings, Generator, HooksMode};
use quote::quote;
use serde_json::{Value, json};

use crate::{Error, Spec, collisions, lint, locate, lower, redact};

/// Path of `bulkrail_core` in generated code.
const CORE: &str = "::bulkrail_core";

/// Returns the Rust source of the raw client of `spec`, ready to be included into a module.
///
/// Its requests are sent by `bulkrail_core::http::HttpClient`, or taken by `bulkrail_core::http::capture`. The including
/// crate depends on `bulkrail-core`, `progenitor-client`, `reqwest`, `serde` and `serde_json`.
///
/// # Errors
///
/// Returns an error if the spec uses OpenAPI in a way that cannot be turned into Rust, or if two of
/// its names become one in Rust. [`lint`](lint()) must have passed before: it reports each mistake
/// with its line. Errors of the generator itself are not passed on, they are about its own code.
pub fn generate(spec: &Spec) -> Result<String, Error> {
    let core: syn::Path = syn::parse_str(CORE).expect("a literal path");
    let mut settings = GenerationSettings::default();
    settings
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(#core::http::HttpClient))
        // Bodies that responses are compared with in tests and by callers.
        .with_derive("PartialEq")
        // A number stays as it arrived: 100 is not written back as 100.0.
        .with_conversion(number_schema(), "::serde_json::Number", [].into_iter());
    let mut document = lower(spec);
    if let Some(document) = document.as_object_mut() {
        document.entry("paths").or_insert_with(|| json!({}));
    }
    let parse = |document: &Value| {
        // The generator asserts where it finds something that it does not support.
        locate::attempt(|| {
            let api: openapiv3::OpenAPI = serde_json::from_value(document.clone()).ok()?;
            let tokens = Generator::new(&settings).generate_tokens(&api).ok()?;
            syn::parse2::<syn::File>(tokens).ok()
        })
    };
    let Some(mut file) = parse(&document) else {
        return Err(locate::error(spec, &document, |part| parse(part).is_none()));
    };
    redact::redact(&mut file);
    drop_version_header(&mut file);
    file.items.extend(hooks(&core));
    file.items.extend([servers(spec), schemas(spec)]);
    if let Some(error) = collisions::check(spec, &file).into_iter().next() {
        return Err(error);
    }
    Ok(prettyplease::unparse(&file))
}

/// Drops the header `api-version`, which the generator adds to every request: no provider documents it.
fn drop_version_header(file: &mut syn::File) {
    let header = quote!(::reqwest::header::HeaderName::from_static("api-version")).to_string();
    for item in &mut file.items {
        let syn::Item::Impl(client) = item else { continue };
        for item in &mut client.items {
            if let syn::ImplItem::Fn(method) = item {
                let statements = method.block.stmts.len();
                method.block.stmts.retain(|statement| !quote!(#statement).to_string().contains(&header));
                if method.block.stmts.len() < statements {
                    // The map of headers may stay empty.
                    method.attrs.push(syn::parse_quote!(#[allow(unused_mut)]));
                }
            }
        }
    }
}

/// Returns the implementation of the generated client's hooks.
fn hooks(core: &syn::Path) -> [syn::Item; 2] {
    [
        syn::parse_quote! {
            impl Client {
                /// Returns a client whose requests are sent by `http`.
                pub fn with_http(http: &#core::http::HttpClient) -> Self {
                    Self::new_with_client(http.base_url(), http.request_builder(), http.clone())
                }
            }
        },
        syn::parse_quote! {
            impl ClientHooks<#core::http::HttpClient> for Client {
                async fn pre<E>(&self, request: &mut reqwest::Request, info: &OperationInfo) -> Result<(), Error<E>> {
                    self.inner.before_send(request, info)
                }

                async fn post<E>(
                    &self,
                    result: &reqwest::Result<reqwest::Response>,
                    _: &OperationInfo,
                ) -> Result<(), Error<E>> {
                    self.inner.after_send(result)
                }

                async fn exec(
                    &self,
                    request: reqwest::Request,
                    info: &OperationInfo,
                ) -> reqwest::Result<reqwest::Response> {
                    self.inner.execute_direct(request, info).await
                }
            }
        },
    ]
}

/// Returns the servers of the spec, so that their addresses are in one place only.
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

/// Returns the component schemas of the spec, with which responses are compared.
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
    fn generated_requests_have_no_header_that_the_spec_does_not_have() {
        let operation = "{get: {operationId: read, description: d, x-source: 'https://example.com', x-evidence: page, responses: {'200': {description: d}}}}";
        let (said, written) = Directory::new("header").build(&GOOD.replace("{}", &format!("{{/a: {operation}}}")));
        assert_eq!(said, [""; 0]);
        let written = written.unwrap();
        assert!(written.contains("pub async fn read") && written.contains("HeaderMap"), "{written}");
        assert!(!written.contains("api-version"), "{written}");
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
        assert_eq!(said, ["specs/some.yaml:3: /paths/~1a: must be an object: a path"]);
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
