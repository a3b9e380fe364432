//! `bulkrail sandbox`: the four providers on loopback.

use std::fmt::Write;

use bulkrail_sandbox::Sandbox;

use crate::args::SandboxArgs;
use crate::failure::Failure;
use crate::people::People;
use crate::values::quoted;
use crate::{exit, output, signals};

pub(crate) async fn run(args: SandboxArgs, people: People) -> Result<u8, Failure> {
    let stop = signals::stop().map_err(|error| Failure::machine("signals cannot be received", &error))?;
    let sandbox = Sandbox::builder()
        .port(args.port)
        .seed(args.seed)
        .speed(args.speed)
        .faults(args.faults)
        .start()
        .await
        .map_err(|error| Failure::machine(&deaf(args.port), &error))?;
    output::last(output::text(&exports(&sandbox)))?;
    people.tell(&format!(
        "The sandbox answers on 127.0.0.1:{} (seed {}, speed {}, faults {}). Paste the lines above into another shell; Ctrl-C ends it.",
        sandbox.port(),
        args.seed,
        args.speed,
        args.faults,
    ));
    stop.await;
    sandbox.shutdown().await;
    Ok(exit::SUCCESS)
}

/// That it cannot listen, and what to do about it.
fn deaf(port: u16) -> String {
    let other = if port == 0 { "" } else { " (without --port it takes one that is free)" };
    format!("the sandbox cannot listen on port {port}{other}")
}

/// Base URLs and credentials, for a shell to read. The credentials are no secret: they open nothing but this sandbox.
fn exports(sandbox: &Sandbox) -> String {
    let mut lines = String::new();
    for provider in Sandbox::PROVIDERS {
        let variable = format!("{}_BASE_URL", provider.to_ascii_uppercase());
        let url = sandbox.base_url(provider).unwrap_or_default();
        let credentials = sandbox.credentials(provider).iter().copied();
        for (name, value) in std::iter::once((variable.as_str(), url.as_str())).chain(credentials) {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "export {name}={}", quoted(value));
        }
    }
    lines
}
