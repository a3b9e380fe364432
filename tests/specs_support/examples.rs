//! The examples of a spec, as `bulkrail-specdiff` finds them.

pub(crate) use bulkrail_specdiff::examples::{Example, find_examples};
