//! The command as its users meet it: processes, their output, their exit codes.

mod demo;
mod documented;
mod endings;
mod files;
mod fixtures;
mod history;
mod lost;
mod many;
mod resume;
mod rows;
mod run;
mod sandbox;
mod schema;
mod secrets;
mod server;
mod specs;
mod support;
mod usage;
