//! The default HTTP client with a server that misbehaves: a raw TCP server on loopback, one
//! behaviour per test.
//!
//! These tests wait in real time, because a stalled socket does not follow virtual time. Limits are
//! fractions of a second.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulkrail::reap::{Client, Credentials, PROVIDER};
use bulkrail::{Batch, Error, ErrorKind, Limits, Provider, Snapshot};

/// Serves every connection with `behave` after its request has been read. Returns the address and
/// the requests.
fn serve(behave: impl Fn(&mut TcpStream) + Send + 'static) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut chunk) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => request.extend_from_slice(&chunk[..read]),
                }
            }
            seen.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
            behave(&mut stream);
        }
    });
    (address, requests)
}

fn poll(address: SocketAddr, limits: Limits) -> Result<Snapshot, Error> {
    let client = Client::builder()
        .base_url(format!("http://{address}"))
        .credentials(Credentials::api_key("CANARY-KEY"))
        .limits(limits)
        .build()
        .unwrap();
    let batch = Batch::new(PROVIDER, "b-1").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let end = runtime.block_on(client.poll(&batch));
    if let Err(error) = &end {
        assert!(!format!("{error}{error:?}{error:#?}").contains("CANARY"), "{error:?}");
    }
    end
}

fn small() -> Limits {
    Limits::default()
        .with_max_buffered_bytes(10_000)
        .with_request_timeout(Duration::from_millis(600))
        .with_read_timeout(Duration::from_millis(200))
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn response_without_end_is_too_large() {
    let (address, _) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").ok();
        while stream
            .write_all(b"400\r\n")
            .and_then(|()| stream.write_all(&[b' '; 0x400]))
            .and_then(|()| stream.write_all(b"\r\n"))
            .is_ok()
        {}
    });
    assert_eq!(poll(address, small()).unwrap_err().kind(), ErrorKind::TooLarge);
}

#[test]
fn response_is_limited_after_decompression() {
    let bomb = gzip(&vec![b' '; 50_000_000]);
    assert!(bomb.len() < 100_000);
    let (address, requests) = serve(move |stream| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len()).ok();
        stream.write_all(&bomb).ok();
    });
    let limits = small().with_max_buffered_bytes(1_000_000).with_request_timeout(Duration::from_secs(20));
    assert_eq!(poll(address, limits).unwrap_err().kind(), ErrorKind::TooLarge);
    assert!(requests.lock().unwrap()[0].contains("accept-encoding: gzip"));
}

#[test]
fn compressed_response_is_read() {
    let body = gzip(br#"{"status":"pending"}"#);
    let (address, _) = serve(move |stream| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len()).ok();
        stream.write_all(&body).ok();
    });
    assert_eq!(poll(address, Limits::default()).unwrap().provider_status, "pending");
}

#[test]
fn body_that_stalls_is_a_transient_error() {
    let (address, _) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\"").ok();
        stream.read_exact(&mut [0; 1]).ok();
    });
    let error = poll(address, small()).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Unavailable, true));
}

#[test]
fn server_that_never_responds_is_a_transient_error() {
    let (address, _) = serve(|stream| {
        stream.read_exact(&mut [0; 1]).ok();
    });
    assert_eq!(poll(address, small()).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn redirect_is_not_followed_and_the_key_is_not_sent_there() {
    let (elsewhere, stolen) = serve(|_| {});
    let (address, _) = serve(move |stream| {
        write!(
            stream,
            "HTTP/1.1 307 x\r\nlocation: http://localhost:{}/CANARY\r\ncontent-length: 0\r\n\r\n",
            elsewhere.port()
        )
        .ok();
    });
    let error = poll(address, Limits::default()).unwrap_err();
    assert_eq!(
        (error.kind(), error.http_status(), error.is_transient()),
        (ErrorKind::UnsafeRedirect, Some(307), false)
    );
    assert!(stolen.lock().unwrap().is_empty());
}

#[test]
fn connection_that_breaks_off_is_a_transient_error() {
    let (address, _) = serve(|_| {});
    assert_eq!(poll(address, small()).unwrap_err().kind(), ErrorKind::Unavailable);
    let (address, _) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"st").ok();
    });
    assert_eq!(poll(address, small()).unwrap_err().kind(), ErrorKind::Unavailable);
    let (address, _) = serve(|stream| {
        stream.write_all(b"SSH-2.0-OpenSSH_9.9 CANARY\r\n\r\n").ok();
    });
    assert_eq!(poll(address, small()).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn refused_connection_is_a_transient_error_before_sending() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = poll(address, small()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&format!("the connection was refused: {address}")), "{error}");
    assert!(error.is_transient());
    assert!(error.is_nothing_sent());
}

#[test]
fn request_has_the_documented_headers_only() {
    let (address, requests) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").ok();
    });
    poll(address, Limits::default()).unwrap();
    let request = requests.lock().unwrap()[0].clone();
    let mut lines: Vec<_> = request.lines().take_while(|line| !line.is_empty()).collect();
    lines[1..].sort_unstable();
    let host = format!("host: {address}");
    let agent = format!("user-agent: bulkrail/{}", env!("CARGO_PKG_VERSION"));
    let expected = [
        "GET /entity/kyc/import/batch/b-1 HTTP/1.1",
        "accept-encoding: gzip",
        "accept: application/json",
        &host,
        &agent,
        "x-reap-api-key: CANARY-KEY",
    ];
    assert_eq!(lines, expected);
}
