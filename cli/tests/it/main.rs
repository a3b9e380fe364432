//! Runs the command as a process, and checks its output and exit codes.

mod check;
mod compare;
#[cfg(target_os = "linux")]
mod completions;
mod demo;
mod documented;
mod endings;
mod files;
mod fixtures;
mod history;
#[cfg(unix)]
mod interrupts;
#[cfg(unix)]
mod kills;
mod lost;
mod many;
#[cfg(unix)]
mod notes;
mod outcomes;
#[cfg(unix)]
mod profiles;
#[cfg(unix)]
mod proxy;
mod report;
mod resume;
#[cfg(unix)]
mod resume_all;
mod retry;
mod rows;
mod run;
mod sandbox;
mod schema;
#[cfg(target_os = "linux")]
mod screens;
mod secrets;
mod server;
mod specs;
#[cfg(unix)]
mod store;
mod support;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod terminals;
mod texts;
mod usage;
