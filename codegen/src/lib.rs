//! Generates the raw Rust client of a provider from a hand-written OpenAPI file, in four steps:
//!
//! 1. [`Spec::load`] reads the YAML and remembers the line of each value.
//! 2. [`lint`] checks the rules of `specs/README.md`. Rules that need examples or saved pages are
//!    in the crate `bulkrail-specdiff`, which a build does without.
//! 3. [`lower`] rewrites what the generator does not support, or what would make the client
//!    brittle.
//! 4. `generate` (feature `generate`) runs progenitor on the result and redacts the `Debug` output
//!    of the types.
//!
//! `run_build_script` does all four for each spec. The build script of the library is one call of
//! it.
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

pub mod document;
mod error;
#[cfg(feature = "generate")]
mod generate;
#[cfg(feature = "generate")]
mod handover;
pub mod input;
mod lint;
mod load;
mod lower;
pub mod pointer;
#[cfg(feature = "generate")]
mod redact;
#[cfg(feature = "generate")]
mod surface;

pub use error::Error;
#[cfg(feature = "generate")]
pub use generate::{generate, run_build_script};
pub use lint::lint;
pub use load::Spec;
pub use lower::lower;
#[cfg(feature = "generate")]
pub use surface::surface;
