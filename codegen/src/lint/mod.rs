//! Rules for specs, as `specs/README.md` states them.

mod bodies;
mod constraints;
mod conventions;
mod discriminators;
mod evidence;
mod form;
mod keywords;
mod linter;
pub(crate) mod names;
mod parameters;
mod references;
mod rust_name;
mod security;
mod servers;
mod structure;
mod union_order;
mod unions;

pub use linter::{lint, lint_with};
