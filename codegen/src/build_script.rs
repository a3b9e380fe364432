//! The build script of `bulkrail`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::builder::{Builder, exit_with, say};
use crate::{Error, Rules};

/// Variable that names a directory with other specs than those of the package.
const SPECS_DIR: &str = "BULKRAIL_SPECS_DIR";

/// File beside the specs that is not one.
const ACCEPTED_DIFFERENCES: &str = "accepted-differences.yaml";

/// Runs as the build script of `bulkrail`: generates `NAME.rs` into `OUT_DIR` from
/// `specs/NAME.yaml` for each of `names` whose cargo feature is enabled. Packages of your own use
/// [`Builder`].
///
/// The specs are those of the directory in `BULKRAIL_SPECS_DIR` if it is set. The directory has one
/// for each provider whose feature is enabled. Variables for the compiler name the directory of the
/// generated files (`BULKRAIL_GENERATED`), and for each provider the spec (`BULKRAIL_SPEC_NAME`)
/// and its name in the documentation (`BULKRAIL_SPEC_NAME_TEXT`).
///
/// Exits with an error for cargo, one line for each, if a spec has errors, is not one of `names`,
/// or has no cargo feature in `Cargo.toml`.
///
/// # Panics
///
/// Panics outside of a build script.
pub fn run_build_script(names: &[&str]) {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    say(&format!("cargo::rerun-if-env-changed={SPECS_DIR}"));
    let chosen = env::var_os(SPECS_DIR).filter(|directory| !directory.is_empty()).map(PathBuf::from);
    let specs = Specs { root, chosen };
    let mut errors = specs.check_directory(names);
    say(&format!("cargo::rustc-env=BULKRAIL_GENERATED={}", out.display()));
    for name in names {
        let is_enabled = env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase())).is_some();
        let file = specs.file(name, is_enabled);
        if is_enabled {
            say(&format!("cargo::rerun-if-changed={}", file.display()));
            errors.extend(specs.generate(&file, &out).err().into_iter().flatten());
        }
        let variable = format!("BULKRAIL_SPEC_{}", name.to_uppercase());
        say(&format!("cargo::rustc-env={variable}={}", specs.root.join(&file).display()));
        say(&format!("cargo::rustc-env={variable}_TEXT={}", file.display()));
    }
    exit_with(errors);
}

/// Place of the specs.
struct Specs {
    /// Root of the package.
    root: PathBuf,
    /// Directory that the user of the package chose.
    chosen: Option<PathBuf>,
}

impl Specs {
    /// Returns the path of a spec: from the root of the package, or absolute in a chosen directory.
    fn file(&self, name: &str, is_enabled: bool) -> PathBuf {
        let file = format!("{name}.yaml");
        match &self.chosen {
            // The spec of a provider that is not compiled may be missing there.
            Some(directory) if is_enabled || directory.join(&file).exists() => directory.join(file),
            // Not joined, because errors and documentation have the path with `/` on every
            // platform.
            _ => format!("specs/{file}").into(),
        }
    }

    fn generate(&self, file: &Path, out: &Path) -> Result<(), Vec<Error>> {
        let hint = |mut error: Error| {
            if self.chosen.is_some() && !self.root.join(file).exists() {
                error.reason.push_str("; put a spec there, or unset BULKRAIL_SPECS_DIR");
            }
            error
        };
        let written = Builder::new(file).rules(Rules::Bulkrail).write(&self.root, out);
        written.map_err(|errors| errors.into_iter().map(hint).collect())
    }

    /// Returns an error for each spec that would be skipped, because it is not one of `names` or
    /// has no cargo feature.
    fn check_directory(&self, names: &[&str]) -> Vec<Error> {
        match &self.chosen {
            Some(directory) if !directory.is_absolute() => {
                // The working directory is that of this package, not that of the user.
                let reason = format!("{SPECS_DIR} must be an absolute path");
                vec![Error::new(directory, None, "", reason)]
            }
            Some(directory) => {
                let hint = "bulkrail has no provider of this name; generate its client in a build script of your own \
                            (bulkrail_codegen::Builder), or remove the file";
                unknown(directory, directory, names, hint)
            }
            None => {
                say("cargo::rerun-if-changed=specs");
                let hint = "is not in the list of build.rs; add it there, and a cargo feature";
                let mut errors = unknown(&self.root.join("specs"), Path::new("specs"), names, hint);
                let manifest = fs::read_to_string(self.root.join("Cargo.toml")).unwrap_or_default();
                let features = features(&manifest);
                let without = names.iter().filter(|name| !features.contains(**name));
                errors.extend(without.map(|name| {
                    let reason = format!("has no cargo feature; add `{name} = []` to `[features]` in Cargo.toml");
                    Error::new(Path::new(&format!("specs/{name}.yaml")), None, "", reason)
                }));
                errors
            }
        }
    }
}

/// Returns an error with `reason` for each spec in `directory`, which is `shown` in it, that is not
/// one of `names`.
fn unknown(directory: &Path, shown: &Path, names: &[&str], reason: &str) -> Vec<Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => return vec![Error::new(shown, None, "", format!("the specs cannot be read: {error}"))],
    };
    let files = entries.flatten().map(|entry| PathBuf::from(entry.file_name()));
    let is_spec = |file: &PathBuf| {
        let is_yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        is_yaml && !names.iter().any(|name| file.as_os_str() == format!("{name}.yaml").as_str())
    };
    // The order of a directory is not that of its names.
    let files: BTreeSet<PathBuf> =
        files.filter(is_spec).filter(|file| file.as_os_str() != ACCEPTED_DIFFERENCES).collect();
    files.iter().map(|file| Error::new(&shown.join(file), None, "", reason)).collect()
}

/// Returns the names in the section `[features]` of a manifest.
fn features(manifest: &str) -> BTreeSet<&str> {
    let lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[features]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.split_once('=')?.0.trim().trim_matches('"'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Temporary package, removed on drop.
    struct Package(PathBuf);

    impl Package {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let path = env::temp_dir().join(format!("bulkrail-build-script-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("specs")).unwrap();
            files.iter().for_each(|(file, text)| fs::write(path.join(file), text).unwrap());
            Self(path)
        }

        fn errors(&self, names: &[&str]) -> Vec<String> {
            let specs = Specs { root: self.0.clone(), chosen: None };
            specs.check_directory(names).iter().map(ToString::to_string).collect()
        }

        /// Returns the errors for the directory `specs` as a chosen one, relative to it.
        fn errors_chosen(&self, names: &[&str]) -> Vec<String> {
            let chosen = self.0.join("specs");
            let specs = Specs { root: self.0.join("elsewhere"), chosen: Some(chosen.clone()) };
            let mut errors = specs.check_directory(names);
            errors.extend(
                names
                    .iter()
                    .flat_map(|name| specs.generate(&specs.file(name, true), &self.0).err().unwrap_or_default()),
            );
            let prefix = format!("{}/", chosen.display());
            errors.iter().map(|error| error.to_string().replace(&prefix, "")).collect()
        }
    }

    impl Drop for Package {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const SPEC: &str = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\n";
    const MANIFEST: &str =
        "[package]\nname = 'a'\n\n[features]\ndefault = ['reap']\nreap = []\n\n[dependencies]\ncdq = '1'\n";

    #[test]
    fn spec_without_feature_is_an_error() {
        let files = [("Cargo.toml", MANIFEST), ("specs/reap.yaml", SPEC), ("specs/cdq.yaml", SPEC)];
        let package = Package::new("feature", &files);
        assert_eq!(
            package.errors(&["reap", "cdq"]),
            ["specs/cdq.yaml: has no cargo feature; add `cdq = []` to `[features]` in Cargo.toml"]
        );
    }

    #[test]
    fn spec_that_the_build_script_does_not_list_is_an_error() {
        let files = [
            ("Cargo.toml", MANIFEST),
            ("specs/reap.yaml", SPEC),
            ("specs/acme.yaml", SPEC),
            ("specs/zeta.yml", SPEC),
            ("specs/accepted-differences.yaml", ""),
        ];
        let package = Package::new("unlisted", &files);
        let hint = "is not in the list of build.rs; add it there, and a cargo feature";
        assert_eq!(package.errors(&["reap"]), [format!("specs/acme.yaml: {hint}"), format!("specs/zeta.yml: {hint}")]);
    }

    #[test]
    fn chosen_directory_has_a_spec_for_each_provider_and_no_other() {
        let package = Package::new("chosen", &[("specs/reap.yaml", SPEC), ("specs/acme.yaml", SPEC)]);
        let errors = package.errors_chosen(&["reap", "cdq"]);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[0].starts_with("acme.yaml: bulkrail has no provider of this name; "), "{errors:?}");
        assert!(errors[1].starts_with("cdq.yaml: cannot be read: "), "{errors:?}");
        assert!(errors[1].ends_with("; put a spec there, or unset BULKRAIL_SPECS_DIR"), "{errors:?}");
    }

    #[test]
    fn chosen_directory_is_checked_with_file_and_line() {
        let wrong = SPEC.replace("3.0.3", "3.0.2");
        let package = Package::new("wrong", &[("specs/reap.yaml", &wrong)]);
        assert_eq!(package.errors_chosen(&["reap"]), ["reap.yaml:1: /openapi: must be 3.0.3"]);
    }

    #[test]
    fn chosen_directory_is_absolute_and_exists() {
        let of = |directory: &str| {
            let specs = Specs { root: PathBuf::new(), chosen: Some(directory.into()) };
            specs.check_directory(&[]).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of("specs"), ["specs: BULKRAIL_SPECS_DIR must be an absolute path"]);
        let missing = env::temp_dir().join("bulkrail-build-script-missing");
        let errors = of(missing.to_str().unwrap());
        assert!(errors.len() == 1 && errors[0].contains(": the specs cannot be read: "), "{errors:?}");
    }

    #[test]
    fn spec_of_disabled_provider_may_be_missing_in_chosen_directory() {
        let package = Package::new("disabled", &[("specs/reap.yaml", SPEC)]);
        let chosen = package.0.join("specs");
        let specs = Specs { root: PathBuf::new(), chosen: Some(chosen.clone()) };
        assert_eq!(specs.file("reap", false), chosen.join("reap.yaml"));
        assert_eq!(specs.file("cdq", false), Path::new("specs/cdq.yaml"));
        assert_eq!(specs.file("cdq", true), chosen.join("cdq.yaml"));
    }
}
