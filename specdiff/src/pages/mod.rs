//! Readers of documentation pages, one module for each format.

pub(crate) mod auth;
mod blocks;
pub(crate) mod budget;
pub(crate) mod call;
pub(crate) mod document;
pub(crate) mod evidence;
pub(crate) mod example_values;
mod field_list;
mod gitbook;
pub(crate) mod limits;
pub(crate) mod load;
mod markdown;
mod mintlify;
pub(crate) mod model;
pub(crate) mod names;
pub(crate) mod openapi;
pub(crate) mod paths;
pub(crate) mod polling;
mod prose;
mod readme;
mod redocly;
mod run_on;
mod schema;
pub(crate) mod union;
pub(crate) mod values;
