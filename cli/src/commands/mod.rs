//! Subcommands, one module each.

pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod forget;
pub(crate) mod list;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod schema;
pub(crate) mod specs;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod wait;
