//! From a hand-written OpenAPI file to a raw Rust client, in four steps:
//!
//! 1. [`Spec::load`] reads the YAML and remembers on which line each value stands.
//! 2. [`lint`] holds it against the project's own rules (`specs/README.md`); the crate `bulkrail-specdiff` also against its
//!    examples and the pages that it was written from, which the build can do without.
//! 3. [`lower`] rewrites what the generator cannot take, or would make brittle.
//! 4. `generate` (feature `generate`) hands the result to progenitor, takes personal data out of `Debug`, and lets the library
//!    have answers undecoded.
//!
//! The library's build script is a few lines over `run_build_script`, which does all four for each spec.
//!
//! ```
//! let spec = bulkrail_codegen::Spec::parse("tiny.yaml", "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\n")?;
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
