//! The command as its users meet it: processes, their output, their exit codes.

mod demo;
mod documented;
mod endings;
mod resume;
mod sandbox;
mod schema;
mod secrets;
mod server;
mod support;
mod usage;
