//! What the library's own HTTP client does with a server that misbehaves: a raw TCP server on loopback, one behaviour a test.
//!
//! These are the only tests that wait for real: a stalled socket cannot be had on virtual time. The limits are set to fractions of a
//! second.
#![cfg(feature = "reap")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulkrail::reap::{Client, Credentials, PROVIDER};
use bulkrail::{Batch, Error, ErrorKind, Limits, Provider, Snapshot};

/// Serves every connection with `behave` after its request has been read; remembers the requests.
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
    let mut limits = Limits::default();
    limits.body = 10_000;
    limits.request = Duration::from_millis(600);
    limits.stall = Duration::from_millis(200);
    limits
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let (address, _) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").ok();
        while stream
            .write_all(b"400\r\n")
            .and_then(|()| stream.write_all(&[b' '; 0x400]))
            .and_then(|()| stream.write_all(b"\r\n"))
            .is_ok()
        {}
    });
    assert_eq!(look(address, small()).unwrap_err().kind(), ErrorKind::TooLarge);
}

#[test]
fn a_compressed_bomb_is_bounded_after_decompression() {
    let bomb = gzip(&vec![b' '; 50_000_000]);
    assert!(bomb.len() < 100_000);
    let (address, requests) = serve(move |stream| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len()).ok();
        stream.write_all(&bomb).ok();
    });
    let mut limits = small();
    limits.body = 1_000_000;
    limits.request = Duration::from_secs(20);
    assert_eq!(look(address, limits).unwrap_err().kind(), ErrorKind::TooLarge);
    assert!(requests.lock().unwrap()[0].contains("accept-encoding: gzip"));
}

#[test]
fn a_compressed_answer_is_read() {
    let body = gzip(br#"{"status":"pending"}"#);
    let (address, _) = serve(move |stream| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len()).ok();
        stream.write_all(&body).ok();
    });
    assert_eq!(look(address, Limits::default()).unwrap().provider_status, "pending");
}

#[test]
fn a_body_that_stalls_is_a_transient_fault() {
    let (address, _) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\"").ok();
        stream.read_exact(&mut [0; 1]).ok();
    });
    let error = look(address, small()).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Unavailable, true));
}

#[test]
fn a_server_that_never_answers_is_a_transient_fault() {
    let (address, _) = serve(|stream| {
        stream.read_exact(&mut [0; 1]).ok();
    });
    assert_eq!(look(address, small()).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn a_redirect_is_not_followed_and_the_key_stays() {
    let (elsewhere, stolen) = serve(|_| {});
    let (address, _) = serve(move |stream| {
        write!(
            stream,
            "HTTP/1.1 307 x\r\nlocation: http://localhost:{}/CANARY\r\ncontent-length: 0\r\n\r\n",
            elsewhere.port()
        )
        .ok();
    });
    let error = look(address, Limits::default()).unwrap_err();
    assert_eq!(
        (error.kind(), error.http_status(), error.is_transient()),
        (ErrorKind::UnsafeRedirect, Some(307), false)
    );
    assert!(stolen.lock().unwrap().is_empty());
}

#[test]
fn a_connection_that_breaks_off_is_a_transient_fault() {
    let (address, _) = serve(|_| {});
    assert_eq!(look(address, small()).unwrap_err().kind(), ErrorKind::Unavailable);
    let (address, _) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"st").ok();
    });
    assert_eq!(look(address, small()).unwrap_err().kind(), ErrorKind::Unavailable);
    let (address, _) = serve(|stream| {
        stream.write_all(b"SSH-2.0-OpenSSH_9.9 CANARY\r\n\r\n").ok();
    });
    assert_eq!(look(address, small()).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn nobody_listening_is_a_transient_fault_before_sending() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = look(address, small()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("no connection"), "{error}");
}

#[test]
fn a_request_is_what_the_docs_say_and_nothing_more() {
    let (address, requests) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").ok();
    });
    look(address, Limits::default()).unwrap();
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
