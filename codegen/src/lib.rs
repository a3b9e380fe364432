//! Generates the raw Rust client of a provider from a hand-written OpenAPI file, in four steps:
//!
//! 1. [`Spec::load`] reads the YAML and remembers on which line each value stands.
//! 2. [`lint`] checks the rules of the project (`specs/README.md`). The crate `bulkrail-specdiff` checks examples and
//!    pages, too, which the build does not need.
//! 3. [`lower`] rewrites what the generator does not support, or would make brittle.
//! 4. `generate` (feature `generate`) hands the result to progenitor, takes personal data out of `Debug`, and connects
//!    the client to `bulkrail-core`.
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
