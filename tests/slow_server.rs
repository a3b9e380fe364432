//! Every time limit against a real server that is slow, over real sockets, at scaled-down limits.
//!
//! A binary of its own: these are the tests of time that sleep.
#![cfg(feature = "reap")]
#![expect(clippy::disallowed_methods, reason = "real time is what is tested")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bulkrail::{Batch, Error, ErrorKind, Limits, Provider, State, SubmitOptions, reap};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Scaled down a hundred times.
const LIMITS: Limits = Limits::new()
    .with_connect_timeout(ms(100))
    .with_request_timeout(ms(1500))
    .with_upload_timeout(ms(4000))
    .with_download_timeout(ms(3000))
    .with_read_timeout(ms(300));

const STATUS: &str = r#"{"batchId":"b-1","status":"in_progress","totalRecords":5000}"#;

/// A client of a server that handles each connection by `serve`.
async fn client<F>(limits: Limits, serve: impl Fn(TcpStream) -> F + Send + 'static) -> reap::Client
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    client_at("http", limits, serve).await
}

/// The same over HTTP or HTTPS.
async fn client_at<F>(scheme: &str, limits: Limits, serve: impl Fn(TcpStream) -> F + Send + 'static) -> reap::Client
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let address = listen(serve).await;
    reap::Client::builder()
        .credentials(reap::Credentials::api_key("key"))
        .base_url(format!("{scheme}://{address}"))
        .limits(limits)
        .build()
        .unwrap()
}

/// Handles each connection to the address that it returns by `serve`.
async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> std::net::SocketAddr
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Reads the head of a request; returns its content length and the bytes of its body that came with it.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<(usize, usize)> {
    let mut head = Vec::new();
    loop {
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await?;
        head.extend_from_slice(&buffer[..read]);
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            return Ok((length.unwrap_or(0), head.len() - end - 4));
        }
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn head_of(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
}

async fn timed_poll(client: &reap::Client) -> (Result<State, Error>, Duration) {
    let started = Instant::now();
    let batch = Batch::new(reap::PROVIDER, "b-1").unwrap();
    let polled = client.poll(&batch).await.map(|snapshot| snapshot.state);
    (polled, started.elapsed())
}

fn csv(rows: usize) -> String {
    let mut csv = "externalId,shareToken\n".to_owned();
    for row in 0..rows {
        csv.push_str(&format!("ent_{row},{}\n", "t".repeat(1900)));
    }
    csv
}

#[tokio::test]
async fn slow_upload_takes_as_long_as_the_upload_timeout_allows() {
    let client = client(LIMITS, |mut stream| async move {
        let (length, mut read) = read_head(&mut stream).await?;
        let mut buffer = vec![0; 128 * 1024];
        while read < length {
            read += stream.read(&mut buffer).await?;
            sleep(ms(15)).await;
        }
        let answer = r#"{"batchId":"b-1"}"#;
        stream.write_all((head_of(answer.len()) + answer).as_bytes()).await
    })
    .await;
    let started = Instant::now();
    let batch = client.upload(csv(5000), Some("key")).await.unwrap();
    assert_eq!(batch.id(), "b-1");
    assert!(started.elapsed() > LIMITS.read_timeout * 2, "the upload was slow: {:?}", started.elapsed());
}

#[tokio::test]
async fn upload_to_a_server_that_does_not_read_ends_at_the_upload_timeout() {
    let client = client(LIMITS.with_upload_timeout(ms(500)), |mut stream| async move {
        read_head(&mut stream).await?;
        sleep(ms(60_000)).await;
        Ok(())
    })
    .await;
    // Checking the file takes seconds of a busy machine.
    let submission = reap::Submission::from_csv(csv(5000), &SubmitOptions::default().key("key")).await.unwrap();
    let started = Instant::now();
    let error = client.submit(&submission).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    // Three attempts under the key, 2 s and 4 s apart.
    assert!((ms(7500)..ms(9500)).contains(&started.elapsed()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn slow_first_byte_is_waited_for_until_the_request_timeout() {
    let patient = client(LIMITS, |mut stream| async move {
        read_head(&mut stream).await?;
        sleep(ms(800)).await;
        stream.write_all((head_of(STATUS.len()) + STATUS).as_bytes()).await
    })
    .await;
    let (polled, elapsed) = timed_poll(&patient).await;
    assert_eq!(polled.unwrap(), State::Running);
    assert!(elapsed > LIMITS.read_timeout * 2, "{elapsed:?}");
    let silent = client(LIMITS, |mut stream| async move {
        read_head(&mut stream).await?;
        sleep(ms(60_000)).await;
        Ok(())
    })
    .await;
    let (polled, elapsed) = timed_poll(&silent).await;
    assert_eq!(polled.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!((ms(1400)..ms(2200)).contains(&elapsed), "{elapsed:?}");
}

#[tokio::test]
async fn slow_body_is_read_while_chunks_keep_arriving() {
    let client = client(LIMITS, |mut stream| async move {
        read_head(&mut stream).await?;
        stream.write_all(head_of(STATUS.len()).as_bytes()).await?;
        for chunk in STATUS.as_bytes().chunks(10) {
            sleep(ms(120)).await;
            stream.write_all(chunk).await?;
        }
        Ok(())
    })
    .await;
    let (polled, elapsed) = timed_poll(&client).await;
    assert_eq!(polled.unwrap(), State::Running);
    assert!(elapsed > LIMITS.read_timeout * 2, "{elapsed:?}");
}

#[tokio::test]
async fn stalled_body_ends_at_the_read_timeout() {
    let client = client(LIMITS, |mut stream| async move {
        read_head(&mut stream).await?;
        stream.write_all((head_of(STATUS.len()) + &STATUS[..20]).as_bytes()).await?;
        sleep(ms(60_000)).await;
        Ok(())
    })
    .await;
    let (polled, elapsed) = timed_poll(&client).await;
    assert_eq!(polled.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!((ms(280)..ms(900)).contains(&elapsed), "{elapsed:?}");
}

#[tokio::test]
async fn head_that_stalls_or_trickles_ends_at_the_request_timeout() {
    let stalled = client(LIMITS, |mut stream| async move {
        read_head(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-").await?;
        sleep(ms(60_000)).await;
        Ok(())
    })
    .await;
    // Each byte comes within the read timeout.
    let trickling = client(LIMITS, |mut stream| async move {
        read_head(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nx-padding: ").await?;
        loop {
            sleep(ms(100)).await;
            stream.write_all(b"x").await?;
        }
    })
    .await;
    let (stalled, trickling) = tokio::join!(timed_poll(&stalled), timed_poll(&trickling));
    for (polled, elapsed) in [stalled, trickling] {
        assert_eq!(polled.unwrap_err().kind(), ErrorKind::Unavailable);
        assert!((ms(1400)..ms(2200)).contains(&elapsed), "{elapsed:?}");
    }
}

#[tokio::test]
async fn poll_whose_body_trickles_for_ever_ends_at_the_request_timeout() {
    let client = client(LIMITS, |mut stream| async move {
        read_head(&mut stream).await?;
        stream.write_all((head_of(1_000_000) + "{").as_bytes()).await?;
        loop {
            sleep(ms(100)).await;
            stream.write_all(b" ").await?;
        }
    })
    .await;
    let (polled, elapsed) = timed_poll(&client).await;
    assert_eq!(polled.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!((ms(1400)..ms(2200)).contains(&elapsed), "{elapsed:?}");
}

/// A status response of KillB has all rows, which take as long as a download.
#[cfg(feature = "killb")]
#[tokio::test]
async fn poll_with_rows_begins_within_the_request_timeout_and_ends_within_the_download_timeout() {
    use bulkrail::killb;

    const STATUS: &str = r#"{"jobId":"j-1","status":"PROCESSING","totalRows":50000}"#;

    async fn polled<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> (Result<State, Error>, Duration)
    where
        F: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let client = killb::Client::builder()
            .credentials(killb::Credentials::access_token("token"))
            .base_url(format!("http://{}", listen(serve).await))
            .limits(LIMITS)
            .build()
            .unwrap();
        let started = Instant::now();
        let polled = client.poll(&Batch::new(killb::PROVIDER, "j-1").unwrap()).await;
        (polled.map(|snapshot| snapshot.state), started.elapsed())
    }
    let slow = polled(|mut stream| async move {
        read_head(&mut stream).await?;
        stream.write_all(head_of(STATUS.len() + 20).as_bytes()).await?;
        for _ in 0..20 {
            sleep(ms(100)).await;
            stream.write_all(b" ").await?;
        }
        stream.write_all(STATUS.as_bytes()).await
    });
    let silent = polled(|mut stream| async move {
        read_head(&mut stream).await?;
        sleep(ms(60_000)).await;
        Ok(())
    });
    let stalled = polled(|mut stream| async move {
        read_head(&mut stream).await?;
        stream.write_all((head_of(STATUS.len()) + &STATUS[..20]).as_bytes()).await?;
        sleep(ms(60_000)).await;
        Ok(())
    });
    let trickling = polled(|mut stream| async move {
        read_head(&mut stream).await?;
        stream.write_all((head_of(1_000_000) + "{").as_bytes()).await?;
        loop {
            sleep(ms(100)).await;
            stream.write_all(b" ").await?;
        }
    });
    let (slow, silent, stalled, trickling) = tokio::join!(slow, silent, stalled, trickling);
    assert_eq!(slow.0.unwrap(), State::Running);
    assert!(slow.1 > LIMITS.request_timeout, "{:?}", slow.1);
    for ((polled, elapsed), expected) in [(silent, 1500), (stalled, 300), (trickling, 3000)] {
        assert_eq!(polled.unwrap_err().kind(), ErrorKind::Unavailable);
        assert!((ms(expected - 100)..ms(expected + 700)).contains(&elapsed), "{expected}: {elapsed:?}");
    }
}

#[tokio::test]
async fn dead_kept_alive_connection_costs_one_poll_and_no_submit() {
    let connections = Arc::new(AtomicUsize::new(0));
    let opened = Arc::clone(&connections);
    let client = client(LIMITS, move |mut stream| {
        let number = opened.fetch_add(1, Ordering::Relaxed);
        async move {
            loop {
                let (length, mut read) = read_head(&mut stream).await?;
                while read < length {
                    read += stream.read(&mut [0; 1024]).await?;
                }
                let answer = if length == 0 { STATUS } else { r#"{"batchId":"b-1"}"# };
                stream.write_all((head_of(answer.len()) + answer).as_bytes()).await?;
                if number == 0 {
                    // The peer has gone without a word: the connection stays open, and nothing comes any more.
                    sleep(ms(60_000)).await;
                }
            }
        }
    })
    .await;
    let opened = || connections.load(Ordering::Relaxed);
    assert_eq!(timed_poll(&client).await.0.unwrap(), State::Running);
    // A submit has a connection of its own: on the dead one, its outcome would be unknown.
    assert_eq!(client.upload(csv(1), None).await.unwrap().id(), "b-1");
    assert_eq!(opened(), 2);
    let (polled, elapsed) = timed_poll(&client).await;
    assert_eq!(polled.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!((ms(1400)..ms(2200)).contains(&elapsed), "{elapsed:?}");
    let (polled, elapsed) = timed_poll(&client).await;
    assert_eq!(polled.unwrap(), State::Running);
    assert!(elapsed < ms(1000), "{elapsed:?}");
    assert_eq!(opened(), 3);
}

#[tokio::test]
async fn tls_handshake_that_stalls_ends_at_the_connect_timeout_and_nothing_was_sent() {
    // Silence, and the start of a server's first record: 22 is a handshake, of 100 bytes.
    for answer in [&[][..], &[22, 3, 3, 0, 100, 2, 0, 0]] {
        let client = client_at("https", LIMITS, move |mut stream| async move {
            let _ = stream.read(&mut [0; 1024]).await?;
            stream.write_all(answer).await?;
            sleep(ms(60_000)).await;
            Ok(())
        })
        .await;
        let (polled, elapsed) = timed_poll(&client).await;
        let error = polled.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("was not made in time"), "{error}");
        assert!((ms(90)..ms(700)).contains(&elapsed), "{elapsed:?}");
        // The connect timeout passes four times, with 1, 2 and 4 s between: the batch does not exist for certain.
        let submitted = client.upload(csv(1), None).await;
        assert_eq!(submitted.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}
