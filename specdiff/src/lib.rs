//! Compares OpenAPI specs with the documentation pages that they were written from.
//!
//! A provider changes its documentation without notice, and in formats that are not OpenAPI. This
//! crate finds out what changed and what it means for the generated Rust client:
//!
//! - [`Page::load`] parses a saved page in any of the formats of [`PageFormat`].
//! - [`diff`] compares it with the spec and classifies each [`Difference`] ([`Class`]). It covers the
//!   operations that the page describes and the facts that its format can express
//!   ([`Expressiveness`]).
//! - [`AcceptedDifferences`] are the known contradictions, reviewed and kept in one file.
//! - [`PageArchive`] are the pages kept beside a spec, which [`check`] compares together with all
//!   other rules.
//! - [`examples`] validates each example of a spec against its schema.
//! - [`suggest`] turns drift reports of live responses into a proposed patch.
//!
//! The command `bulkrail specs` prints the results. The build of a client does not need this crate.
//!
//! ```
//! use bulkrail_codegen::Spec;
//! use bulkrail_specdiff::{AcceptedDifferences, Class, Page, diff};
//!
//! let spec = "openapi: 3.0.3
//! paths:
//!   /jobs:
//!     get:
//!       operationId: get_job
//!       responses:
//!         '200':
//!           content:
//!             application/json: {schema: {type: object, properties: {id: {type: string}}}}
//! ";
//! let page = "# Job Endpoint: GET /jobs ## Response 200 fields (application/json): \
//!     - `id` (integer) The job.";
//! let spec = Spec::parse("specs/tiny.yaml", spec)?;
//! let report = diff(&spec, &Page::parse("job.md", page)?, &AcceptedDifferences::default())?;
//! assert_eq!(report.differences[0].class, Class::Breaking);
//! assert_eq!(
//!     report.differences[0].message,
//!     "`id` in the 200 response is integer on the page, string in the spec"
//! );
//! # Ok::<(), bulkrail_codegen::Error>(())
//! ```
//!
//! # Why the comparison is written here
//!
//! The maintained Rust crate for comparing OpenAPI documents is Oxide's `drift`. It compares two
//! whole OpenAPI 3.0 documents of one service for compatibility of requests and responses. This
//! crate has another task:
//!
//! - Five of the six page formats are not OpenAPI documents, and OpenAPI 3.1 must be read too.
//! - A page describes one operation of many and says less than the spec. `drift` takes what is left
//!   out as removed.
//! - The question is the effect on Rust types: an optional response field is `Option<T>` instead of
//!   `T`.
//!
//! `oasdiff` and `openapi-diff` need Go and Java.

mod archive;
mod check;
mod diff;
pub mod examples;
mod pages;
pub mod suggest;

pub use archive::{ACCEPTED_DIFFERENCES_FILE, PageArchive, orphans};
pub use check::{check, check_files, spec_files};
pub use diff::accepted::AcceptedDifferences;
pub use diff::difference::{Change, Class, Difference};
pub use diff::report::{DiffReport, diff, diff_for_provider};
pub use pages::load::MAX_PAGE_BYTES;
pub use pages::model::{Expressiveness, Field, Operation, Page, PageFormat, ParseWarning, SchemaType};
