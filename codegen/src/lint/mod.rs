//! Rules for specs, as `specs/README.md` states them.

mod constraints;
mod conventions;
mod discriminators;
mod evidence;
mod linter;
mod references;
mod structure;

pub use linter::lint;
