//! Readers of documentation pages, one module for each format.

mod blocks;
pub(crate) mod budget;
pub(crate) mod document;
pub(crate) mod evidence;
pub(crate) mod example_values;
mod field_list;
mod gitbook;
pub(crate) mod load;
mod markdown;
mod mintlify;
pub(crate) mod model;
pub(crate) mod names;
pub(crate) mod openapi;
pub(crate) mod paths;
mod readme;
mod redocly;
mod run_on;
mod schema;
mod union;
pub(crate) mod values;
