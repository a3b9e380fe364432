//! A saved documentation page against the spec that is maintained from it.
//!
//! [`Page::load`] reads a page in any of the forms that the providers publish ([`Form`]) into one small model: operations, their
//! parameters, and the fields of their bodies. [`diff`] reads the spec into the same model and compares, for the operations that the
//! page names and in the points that its form can express: a rendered table without a column for it says nothing about what is
//! required, so nothing is concluded from its silence. Contradictions that are known and settled are in one reviewed file
//! ([`Explained`]).
//!
//! ```
//! use bulkrail_codegen::Spec;
//! use bulkrail_specdiff::{Class, Explained, Page, diff};
//!
//! let spec = "openapi: 3.0.3\npaths:\n  /jobs:\n    get:\n      operationId: get_job\n      responses:\n        '200':\n          \
//!             content: {application/json: {schema: {type: object, properties: {id: {type: string}}}}}\n";
//! let page = "# Job Endpoint: GET /jobs ## Response 200 fields (application/json): - `id` (integer) The job.";
//! let spec = Spec::parse("specs/tiny.yaml", spec)?;
//! let report = diff(&spec, &Page::parse("job.md", page)?, &Explained::default())?;
//! assert_eq!(report.differences[0].class, Class::Breaking);
//! assert_eq!(report.differences[0].what, "`id` in the 200 answer is integer on the page, string in the spec");
//! # Ok::<(), bulkrail_codegen::Error>(())
//! ```
//!
//! # Why no library for the comparison
//!
//! `drift` (Oxide) is the one maintained Rust crate for it, and it is good at its own task: two whole OpenAPI 3.0 documents of one
//! service, forward and backward compatible on the wire. Here, five of the six forms are no OpenAPI document at all, a page holds
//! one operation out of many and says less than the spec (to `drift`, what is not said was removed), 3.1 must be read too, and the
//! question is not the wire but the Rust types: a response field that loses its required mark is `Option<T>` instead of `T`.
//! What would be left for it is the walk over two schemas, and that has to be written for the other forms anyway.
//! `oasdiff` and `openapi-diff` need Go and Java.

mod archive;
mod check;
mod diff;
pub mod examples;
mod pages;

pub use archive::{Saved, strays};
pub use check::check;
pub use diff::accepted::Explained;
pub use diff::difference::{Change, Class, Difference};
pub use diff::report::{Report, diff};
pub use pages::load::MAX_PAGE_BYTES;
pub use pages::model::{Field, Form, Kind, Operation, Page, Says, Unread};
