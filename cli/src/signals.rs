//! Signals that stop a command: Ctrl-C, and SIGTERM on Unix.

use std::io;

use crate::error::CliError;

/// Returns a future that completes once the command is asked to stop. Signals count from now on,
/// polled or not.
pub(crate) fn stop() -> Result<impl Future<Output = ()> + Send + 'static, CliError> {
    listen().map_err(|error| CliError::io("signals cannot be received", &error))
}

#[cfg(unix)]
fn listen() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn listen() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
