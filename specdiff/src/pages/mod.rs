//! Readers of documentation pages, one for each form.

pub(crate) mod blocks;
pub(crate) mod budget;
pub(crate) mod example_values;
pub(crate) mod gitbook;
pub(crate) mod load;
pub(crate) mod markdown;
pub(crate) mod mintlify;
pub(crate) mod model;
pub(crate) mod openapi;
pub(crate) mod paths;
pub(crate) mod readme;
pub(crate) mod redocly;
pub(crate) mod run_on;
pub(crate) mod schema;
pub(crate) mod union;
