//! Lets the examples run without a network and without credentials: a sandbox on loopback, and a
//! client for it.

use std::error::Error;

use bulkrail::reap;
use bulkrail::test_util::ScaledClock;
use bulkrail_sandbox::Sandbox;

/// Batches and waits run 60 times faster than in reality: a minute takes a second.
const SPEED: u32 = 60;

/// Starts a sandbox, and returns it with a client. The sandbox stops when it is dropped.
pub(crate) async fn sandbox() -> Result<(Sandbox, reap::Client), Box<dyn Error>> {
    let sandbox = Sandbox::builder().seed(7).speed(f64::from(SPEED)).start().await?;
    let (_, key) = sandbox.credentials("reap")[0];
    let client = reap::Client::builder()
        .base_url(sandbox.base_url("reap").ok_or("the sandbox does not have Reap")?)
        .credentials(reap::Credentials::api_key(key))
        .clock(ScaledClock::new(SPEED).clock())
        .build()?;
    Ok((sandbox, client))
}
