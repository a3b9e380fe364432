//! TCP proxy in front of the sandbox that delays responses, as a network does. What a client has
//! sent arrives, also when the client is killed.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail_sandbox::Sandbox;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::support::at;

/// Listens on loopback until dropped.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    delay_ms: Range<u64>,
    /// Bytes that clients have sent, and bytes of responses.
    sent: Mutex<String>,
    received: Mutex<String>,
    connections: AtomicUsize,
}

impl Proxy {
    /// Delays each chunk of a response by a random time.
    pub(crate) async fn start(sandbox: &Sandbox, delay_ms: Range<u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (shared, upstream) = (Arc::new(Shared { delay_ms, ..Shared::default() }), sandbox.port());
        let accepted = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                accepted.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&accepted);
                tokio::spawn(async move {
                    let _ = forward(client, upstream, &shared).await;
                    shared.connections.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, shared, task }
    }

    /// Returns the base URL of `provider` behind the proxy.
    pub(crate) fn base_url(&self, sandbox: &Sandbox, provider: &str) -> String {
        let url = sandbox.base_url(provider).unwrap();
        url.replace(&format!(":{}/", sandbox.port()), &format!(":{}/", self.port))
    }

    /// Returns the command with the sandbox's credentials, at the addresses of the proxy.
    pub(crate) fn at<'a>(&self, sandbox: &Sandbox, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = at(sandbox, args);
        for provider in Sandbox::PROVIDERS {
            let variable = format!("{}_BASE_URL", provider.to_ascii_uppercase());
            command.env(variable, self.base_url(sandbox, provider));
        }
        command
    }

    /// Returns once every connection is closed.
    pub(crate) async fn idle(&self) {
        while self.shared.connections.load(Ordering::SeqCst) > 0 {
            Clock::system().sleep(Duration::from_millis(2)).await;
        }
    }

    /// Returns whether a client has sent `text`.
    pub(crate) fn has_sent(&self, text: &str) -> bool {
        self.shared.sent.lock().unwrap().contains(text)
    }

    /// Returns whether a response had `text`.
    pub(crate) fn has_received(&self, text: &str) -> bool {
        self.shared.received.lock().unwrap().contains(text)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(client: TcpStream, upstream: u16, shared: &Shared) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", upstream)).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let read = from_client.read(&mut bytes).await.unwrap_or(0);
            if read == 0 {
                break;
            }
            shared.sent.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            if to_server.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
        // The server goes on with what it got.
        Clock::system().sleep(Duration::from_millis(30)).await;
    };
    let responses = async {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let read = from_server.read(&mut bytes).await.unwrap_or(0);
            if read == 0 {
                break;
            }
            shared.received.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            Clock::system().sleep(Duration::from_millis(random(&shared.delay_ms))).await;
            let _ = to_client.write_all(&bytes[..read]).await;
        }
    };
    tokio::select! {
        () = requests => {}
        () = responses => {}
    }
    Ok(())
}

/// Returns a random number in `range`.
pub(crate) fn random(range: &Range<u64>) -> u64 {
    let random = uuid::Uuid::new_v4().as_u64_pair().0 >> 16;
    range.start + random % (range.end - range.start).max(1)
}
