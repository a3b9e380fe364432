//! `bulkrail sandbox`: runs the sandbox of the four providers on loopback.

use std::fmt::Write;
use std::io::{self, IsTerminal};

use bulkrail::{AnyClient, ProviderId};
use bulkrail_sandbox::Sandbox;

use crate::args::SandboxArgs;
use crate::error::CliError;
use crate::printer::Printer;
use crate::values::quoted;
use crate::{exit, output, signals};

pub(crate) async fn run(args: SandboxArgs, printer: Printer) -> Result<u8, CliError> {
    let stop = signals::stop()?;
    let sandbox = Sandbox::builder().port(args.port).seed(args.seed).speed(args.speed).faults(args.faults);
    let sandbox = sandbox.start().await.map_err(|error| {
        let error = CliError::io(&format!("the sandbox cannot listen on port {}", args.port), &error);
        if args.port == 0 { error } else { error.with_hint("without --port it takes a port that is free") }
    })?;
    output::last(output::text(&exports(&sandbox)))?;
    let next = if io::stdout().is_terminal() {
        "Paste the lines above into another shell."
    } else {
        "Read the lines that it printed in another shell (`. ./FILE`)."
    };
    printer.note(&format!(
        "The sandbox listens on 127.0.0.1:{} (seed {}, speed {}, faults {}). {next} Ctrl-C stops it.",
        sandbox.port(),
        args.seed,
        args.speed,
        args.faults,
    ));
    stop.await;
    sandbox.shutdown().await;
    Ok(exit::SUCCESS)
}

/// Returns base URLs and credentials as lines for a shell. The credentials are not secret: only
/// this sandbox takes them.
fn exports(sandbox: &Sandbox) -> String {
    let mut lines = String::new();
    for provider in Sandbox::PROVIDERS {
        let variable = AnyClient::base_url_variable(&ProviderId::from_static(provider));
        let url = sandbox.base_url(provider).unwrap_or_default();
        let credentials = sandbox.credentials(provider).iter().copied();
        for (name, value) in std::iter::once((variable.as_str(), url.as_str())).chain(credentials) {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "export {name}={}", quoted(value));
        }
    }
    lines
}
