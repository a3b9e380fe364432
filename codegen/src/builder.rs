use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::generate::{HTTP_LAYER, generate_for};
use crate::{Error, Rules, Spec, lint_with};

/// Generates the raw client of one spec, in the build script of any package.
///
/// The package needs two dependencies: `bulkrail-core`, and `bulkrail-codegen` with the feature
/// `generate` as a build-dependency. Its build script has this in `main`:
///
/// ```no_run
/// bulkrail_codegen::Builder::new("specs/acme.yaml").run();
/// ```
///
/// A module of the library includes the result:
///
/// ```ignore
/// pub mod raw {
///     include!(concat!(env!("OUT_DIR"), "/acme.rs"));
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use = "call `run` or `generate`"]
pub struct Builder {
    spec: PathBuf,
    rules: Rules,
    http_layer: String,
    name: Option<String>,
}

impl Builder {
    /// Returns a builder for the spec at `spec`, a path from the root of the package.
    pub fn new(spec: impl Into<PathBuf>) -> Self {
        Self { spec: spec.into(), rules: Rules::default(), http_layer: HTTP_LAYER.to_owned(), name: None }
    }

    /// Sets the rules that the spec is checked against. Default: [`Rules::OpenApi`].
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Sets the path of the HTTP layer, from `crate` or from a crate. Default:
    /// `::bulkrail_core::generated`.
    ///
    /// The HTTP layer is a module that re-exports the crates `progenitor_client`, `reqwest`,
    /// `serde` and `serde_json`. Its type `HttpClient` sends the requests. It is `Clone + Send +
    /// Sync` and has these methods:
    ///
    /// ```ignore
    /// fn base_url(&self) -> &str;
    /// fn request_builder(&self) -> reqwest::Client;
    /// fn before_send<E>(&self, request: &mut reqwest::Request, info: &OperationInfo) -> Result<(), Error<E>>;
    /// async fn execute_direct(&self, request: reqwest::Request, info: &OperationInfo)
    ///     -> reqwest::Result<reqwest::Response>;
    /// fn after_send<E>(&self, result: &reqwest::Result<reqwest::Response>) -> Result<(), Error<E>>;
    /// ```
    ///
    /// `OperationInfo` and `Error` are those of `progenitor_client`.
    pub fn http_layer(mut self, path: impl Into<String>) -> Self {
        self.http_layer = path.into();
        self
    }

    /// Sets the name of the generated file, `NAME.rs` in `OUT_DIR`. Default: that of the spec
    /// without its extension.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Returns the source of the raw client.
    ///
    /// # Errors
    ///
    /// Returns each error of the spec with file, line and pointer: it cannot be read, violates the
    /// rules, or cannot be turned into Rust.
    pub fn generate(&self) -> Result<String, Vec<Error>> {
        self.generate_from(&self.spec)
    }

    /// Reads the spec from `file`. Errors name it as it was given.
    fn generate_from(&self, file: &Path) -> Result<String, Vec<Error>> {
        let mut spec = Spec::load(file).map_err(|error| vec![Error { file: self.spec.clone(), ..error }])?;
        spec.file.clone_from(&self.spec);
        let errors = lint_with(&spec, self.rules);
        if !errors.is_empty() {
            return Err(errors);
        }
        generate_for(&spec, &self.http_layer).map_err(|error| vec![error])
    }

    /// Runs as a build script: writes the raw client into `OUT_DIR`. Cargo runs it again when the
    /// spec changes.
    ///
    /// Exits with an error for cargo if the spec has errors, with one line for each.
    ///
    /// # Panics
    ///
    /// Panics outside of a build script.
    pub fn run(&self) {
        let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        say(&format!("cargo::rerun-if-changed={}", self.spec.display()));
        exit_with(self.write(&root, &out).err().unwrap_or_default());
    }

    /// Writes the raw client of the spec in the package at `root` into the directory `out`.
    pub(crate) fn write(&self, root: &Path, out: &Path) -> Result<(), Vec<Error>> {
        let error = |reason: String| vec![Error::new(&self.spec, None, "", reason)];
        let stem = || self.spec.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = self.name.clone().or_else(stem).unwrap_or_default();
        if name.is_empty() || name.contains(['/', '\\']) {
            return Err(error(format!("`{name}` is not the name of a generated file; set another name")));
        }
        let source = self.generate_from(&root.join(&self.spec))?;
        let to = out.join(format!("{name}.rs"));
        fs::write(&to, source).map_err(|reason| error(format!("{}: {reason}", to.display())))
    }
}

/// Exits with the errors as messages for cargo, if there are some.
pub(crate) fn exit_with(errors: Vec<Error>) {
    for error in &errors {
        say(&format!("cargo::error={error}"));
    }
    if !errors.is_empty() {
        std::process::exit(1);
    }
}

#[expect(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
pub(crate) fn say(line: &str) {
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
            let said = builder("specs/some.yaml").write(&self.0, &self.0).err().unwrap_or_default();
            (said.iter().map(ToString::to_string).collect(), fs::read_to_string(self.0.join("some.rs")).ok())
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn builder(spec: &str) -> Builder {
        Builder::new(spec).rules(Rules::Bulkrail)
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
        let said = builder("specs/none.yaml").write(&directory.0, &directory.0).unwrap_err();
        assert!(said.len() == 1 && said[0].to_string().starts_with("specs/none.yaml: cannot be read: "), "{said:?}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let directory = Directory::new("unwritable");
        fs::write(directory.0.join("specs/some.yaml"), GOOD).unwrap();
        let said = builder("specs/some.yaml").write(&directory.0, &directory.0.join("none")).unwrap_err();
        assert!(said.len() == 1 && said[0].to_string().contains("none/some.rs"), "{said:?}");
    }

    #[test]
    fn a_generated_file_has_the_name_that_was_chosen() {
        let directory = Directory::new("named");
        fs::write(directory.0.join("specs/some.yaml"), GOOD).unwrap();
        builder("specs/some.yaml").name("other").write(&directory.0, &directory.0).unwrap();
        assert!(directory.0.join("other.rs").exists());
        let errors = builder("specs/some.yaml").name("../other").write(&directory.0, &directory.0).unwrap_err();
        assert!(errors[0].to_string().starts_with("specs/some.yaml: `../other` is not the name of a"), "{errors:?}");
    }

    #[test]
    fn generated_code_uses_the_http_layer_that_was_chosen() {
        let directory = Directory::new("layer");
        fs::write(directory.0.join("specs/some.yaml"), GOOD).unwrap();
        let source = |layer: &str| {
            builder("specs/some.yaml").http_layer(layer).generate_from(&directory.0.join("specs/some.yaml"))
        };
        assert!(source("crate::http").unwrap().contains("inner: crate::http::HttpClient"));
        let errors = source("super::http").unwrap_err();
        assert_eq!(
            errors[0].to_string(),
            "specs/some.yaml: `super::http` is not the path of an HTTP layer; write it from `crate` or from a crate"
        );
    }

    #[test]
    fn plain_openapi_needs_no_evidence_and_may_be_inline() {
        let text = "openapi: 3.0.1\ninfo: {title: t, version: '1'}\nservers: [{url: 'https://api.example.com/v1', description: production}]\npaths: {/jobs: {get: {operationId: getJob, \
                    responses: {'200': {description: d, content: {application/json: {schema: {type: object, \
                    properties: {state: {type: string, enum: [on, off]}}}}}}}}}}\n";
        let directory = Directory::new("plain");
        fs::write(directory.0.join("specs/some.yaml"), text).unwrap();
        Builder::new("specs/some.yaml").write(&directory.0, &directory.0).unwrap();
        let source = fs::read_to_string(directory.0.join("some.rs")).unwrap();
        assert!(source.contains("pub async fn get_job") && source.contains("pub enum GetJobResponseState"), "{source}");
        let errors = builder("specs/some.yaml").write(&directory.0, &directory.0).unwrap_err();
        assert!(errors.len() > 4 && errors.iter().all(|error| error.line.is_some()), "{errors:?}");
    }
}
