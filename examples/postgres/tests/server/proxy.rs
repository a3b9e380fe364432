//! A proxy between the store and the server that loses connections at chosen moments.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Moment at which the proxy loses the connection, once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The commit does not reach the server.
    BeforeCommit,
    /// The commit reaches the server; its response does not reach the store.
    AfterCommit,
    /// The commit reaches the server. Nothing comes back, and the connection stays open on both
    /// sides.
    FreezeAfterCommit,
    /// Nothing is passed on any more, and the connection stays open on both sides.
    Freeze,
}

/// Proxy on loopback.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    cut: Arc<Mutex<Option<Cut>>>,
}

impl Proxy {
    /// Starts a proxy to the server on this port.
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(Mutex::new(None));
        let cuts = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let cut = Arc::clone(&cuts);
                tokio::spawn(async move {
                    // The store sees the end.
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await {
                        let _lost = forward(client, server, &cut).await;
                    }
                });
            }
        });
        Self { port, cut }
    }

    /// Loses the next connection at that moment.
    pub(crate) fn cut(&self, cut: Cut) {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }

    /// Whether the connection was lost as asked for.
    pub(crate) fn has_cut(&self) -> bool {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, cut: &Mutex<Option<Cut>>) -> std::io::Result<()> {
    let (mut from_client, mut from_server) = (vec![0; 65536], vec![0; 65536]);
    let mut lost = None;
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let chunk = &from_client[..read?];
                if chunk.is_empty() {
                    return Ok(());
                }
                let is_commit = chunk.windows(7).any(|text| text == b"COMMIT\0");
                lost = lost.or_else(|| {
                    let mut cut = cut.lock().unwrap_or_else(PoisonError::into_inner);
                    cut.take_if(|cut| is_commit || *cut == Cut::Freeze)
                });
                match lost {
                    Some(Cut::BeforeCommit) => return Ok(()),
                    Some(Cut::Freeze) => std::future::pending().await,
                    _ => server.write_all(chunk).await?,
                }
            }
            read = server.read(&mut from_server) => {
                let chunk = &from_server[..read?];
                match lost {
                    _ if chunk.is_empty() => return Ok(()),
                    Some(Cut::AfterCommit) => return Ok(()),
                    Some(_) => std::future::pending().await,
                    None => client.write_all(chunk).await?,
                }
            }
        }
    }
}
