//! Generates the raw Rust client of a provider from a hand-written OpenAPI file, in four steps:
//!
//! 1. [`Spec::load`] reads the YAML and remembers on which line each value stands.
//! 2. [`lint`] checks the rules of the project (`specs/README.md`). The crate `bulkrail-specdiff` checks examples and
//!    pages, too, which the build does not need.
//! 3. [`lower`] rewrites what the generator does not support, or would make brittle.
//! 4. `generate` (feature `generate`) hands the result to progenitor, takes personal data out of `Debug`, and connects
//!    the client to `bulkrail-core`.
//!
//! In a build script of your own, `Builder` (feature `generate`) does all four for a spec of yours. The build script of
//! `bulkrail` is one call of `run_build_script`.
//!
//! ```
//! use bulkrail_codegen::Spec;
//!
//! let text = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\n";
//! let spec = Spec::parse("tiny.yaml", text)?;
//! assert_eq!(spec.document["openapi"], "3.0.3");
//! assert_eq!(spec.line("/info/title"), Some(2));
//! # Ok::<(), bulkrail_codegen::Error>(())
//! ```

#[cfg(feature = "generate")]
mod build_script;
#[cfg(feature = "generate")]
mod builder;
#[cfg(feature = "generate")]
mod collisions;
pub mod document;
mod error;
#[cfg(feature = "generate")]
mod generate;
pub mod input;
mod lint;
mod load;
#[cfg(feature = "generate")]
mod locate;
mod lower;
#[cfg(feature = "generate")]
mod paths;
pub mod pointer;
#[cfg(feature = "generate")]
mod redact;
mod rules;
#[cfg(feature = "generate")]
mod surface;

#[cfg(feature = "generate")]
pub use build_script::run_build_script;
#[cfg(feature = "generate")]
pub use builder::Builder;
pub use error::Error;
#[cfg(feature = "generate")]
pub use generate::generate;
pub use lint::{lint, lint_with};
pub use load::Spec;
pub use lower::lower;
pub use rules::Rules;
#[cfg(feature = "generate")]
pub use surface::surface;
