//! The examples of a spec, as the library for specs finds them.

pub(crate) use bulkrail_specdiff::examples::{Example, examples};
