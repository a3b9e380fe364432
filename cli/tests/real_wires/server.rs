//! Listeners on loopback, and an HTTP/1.1 and HTTP/2 server that is written by hand: it can break off anywhere.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::server::TlsStream;

use crate::tls::Authority;

/// A response to every request for a status.
pub(crate) const STATUS: &str = r#"{"batchId":"b-1","status":"completed","totalRecords":1,"processedRecords":1,
    "failedRecords":0,"summary":{"successfulRecords":1,"errors":[]}}"#;

/// A response while a batch is processed.
pub(crate) const RUNNING: &str = r#"{"batchId":"b-1","status":"in_progress","totalRecords":1,"processedRecords":0}"#;

/// Accepts connections on a free port of loopback until dropped.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    log: Log,
    task: JoinHandle<()>,
}

/// What the connections of a listener saw, in order.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

impl Listener {
    /// Serves each connection by `serve`, which gets its number from 0 on.
    pub(crate) async fn start<F>(serve: impl Fn(TcpStream, usize, Log) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Log::default();
        let seen = Arc::clone(&log);
        let task = tokio::spawn(async move {
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                // What was written is sent at once: a reset would discard what waits for the client's ACK.
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(stream, number, Arc::clone(&seen)));
                number += 1;
            }
        });
        Self { address, log, task }
    }

    /// Starts a server for `localhost` over TLS, for one `protocol` of HTTP, and returns it with its URL.
    pub(crate) async fn start_tls<F>(
        authority: &Authority,
        protocol: &str,
        serve: impl Fn(TlsStream<TcpStream>, usize, Log) -> F + Copy + Send + Sync + 'static,
    ) -> (Self, String)
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let tls = authority.acceptor("localhost", &[protocol]);
        let server = Self::start(move |stream, number, log| {
            let tls = tls.clone();
            async move { serve(tls.accept(stream).await?, number, log).await }
        })
        .await;
        let url = format!("https://localhost:{}", server.address.port());
        (server, url)
    }

    /// Returns the lines that the connections have logged.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads the head of an HTTP/1.1 request.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// Reads the body that `head` announces, by its length or in chunks.
pub(crate) async fn read_body(stream: &mut (impl AsyncRead + Unpin), head: &str) -> io::Result<()> {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    if head.contains("transfer-encoding: chunked") {
        while !body.ends_with(b"0\r\n\r\n") {
            body.push(stream.read_u8().await?);
        }
    }
    Ok(())
}

/// Answers every request on an HTTP/1.1 connection with `body`.
pub(crate) async fn serve_http1(mut stream: impl AsyncRead + AsyncWrite + Unpin, body: &str) -> io::Result<()> {
    loop {
        read_head(&mut stream).await?;
        stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    }
}

/// Type of an HTTP/2 frame.
mod frame {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;
}

// Codes of `RST_STREAM` and `GOAWAY`: RFC 9113, section 7.
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// All codes but `REFUSED_STREAM`, and one that no standard has.
pub(crate) const OTHER_CODES: [u32; 14] =
    [NO_ERROR, 1, INTERNAL_ERROR, 3, 4, 5, 6, 8, 9, 10, ENHANCE_YOUR_CALM, 12, 13, 99];

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The server's side of an HTTP/2 connection.
pub(crate) struct Http2<S>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> Http2<S> {
    /// Reads the client's preface and sends empty settings.
    pub(crate) async fn accept(mut stream: S) -> io::Result<Self> {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await?;
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut connection = Self(stream);
        connection.write(frame::SETTINGS, 0, 0, &[]).await?;
        Ok(connection)
    }

    /// Returns the id of the next stream, once its request is complete. Answers settings and pings on the way.
    pub(crate) async fn request(&mut self) -> io::Result<u32> {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await?;
            let [a, b, c, kind, flags, id @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.0.read_exact(&mut payload).await?;
            match kind {
                frame::SETTINGS if flags & ACK == 0 => self.write(frame::SETTINGS, ACK, 0, &[]).await?,
                frame::PING if flags & ACK == 0 => self.write(frame::PING, ACK, 0, &payload).await?,
                frame::HEADERS | frame::DATA if flags & END_STREAM != 0 => return Ok(u32::from_be_bytes(id)),
                _ => {}
            }
        }
    }

    /// Responds to a request with status 200 and `body`.
    pub(crate) async fn respond(&mut self, stream: u32, body: &str) -> io::Result<()> {
        // Entry 8 of HPACK's static table is `:status: 200`.
        self.write(frame::HEADERS, END_HEADERS, stream, &[0x88]).await?;
        self.write(frame::DATA, END_STREAM, stream, body.as_bytes()).await
    }

    /// Sends the start of a response: status 200 and `part` of its body.
    pub(crate) async fn begin(&mut self, stream: u32, part: &str) -> io::Result<()> {
        self.write(frame::HEADERS, END_HEADERS, stream, &[0x88]).await?;
        self.write(frame::DATA, 0, stream, part.as_bytes()).await
    }

    /// Refuses a request before it is processed.
    pub(crate) async fn refuse(&mut self, stream: u32) -> io::Result<()> {
        self.reset(stream, REFUSED_STREAM).await
    }

    /// Ends a request. It may have been processed, unless `code` is `REFUSED_STREAM`.
    pub(crate) async fn reset(&mut self, stream: u32, code: u32) -> io::Result<()> {
        self.write(frame::RST_STREAM, 0, stream, &code.to_be_bytes()).await
    }

    /// Says that streams above `last` were not processed, and that no more are accepted.
    pub(crate) async fn go_away(&mut self, last: u32) -> io::Result<()> {
        self.go_away_with(last, NO_ERROR).await
    }

    /// Says the same, with the reason `code`.
    pub(crate) async fn go_away_with(&mut self, last: u32, code: u32) -> io::Result<()> {
        let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
        self.write(frame::GOAWAY, 0, 0, &payload).await
    }

    async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![a, b, c, kind, flags];
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        self.0.write_all(&bytes).await?;
        self.0.flush().await
    }
}
