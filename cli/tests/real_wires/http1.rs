//! HTTP/1.1 connections over TLS that break off: in the middle of a response, between polls, and without TLS's own end.

use std::io;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::connecting::wait;
use crate::server::{Listener, Log, RUNNING, STATUS, read_body, read_head};
use crate::support::{TempFile, bulkrail, finish};
use crate::tls::Authority;

type Connection = TlsStream<TcpStream>;

const JOB: &str = r#"{"id":"job-1","status":"CREATED"}"#;

/// Starts an HTTP/1.1 server over TLS that serves each connection by `serve`.
async fn start<F>(
    authority: &Authority,
    serve: impl Fn(Connection, usize, Log) -> F + Copy + Send + Sync + 'static,
) -> (Listener, String)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    Listener::start_tls(authority, "http/1.1", serve).await
}

/// Reads a request, and logs its idempotency key.
async fn request(connection: &mut Connection, log: &Log) -> io::Result<()> {
    let head = read_head(connection).await?;
    read_body(connection, &head).await?;
    let key = head.lines().find_map(|line| line.strip_prefix("idempotency-key: "));
    log.lock().unwrap().push(key.unwrap_or_default().to_owned());
    Ok(())
}

/// Sends a head of status 200 that announces `length`, if any, and `body`.
async fn send(connection: &mut Connection, length: Option<usize>, body: &str) -> io::Result<()> {
    let length = length.map_or("connection: close".to_owned(), |length| format!("content-length: {length}"));
    connection.write_all(format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n{body}").as_bytes()).await?;
    connection.flush().await
}

/// Ends the connection as a crash or a middlebox does: with `RST`, and without `close_notify` of TLS.
fn abort(connection: Connection) -> io::Result<()> {
    connection.get_ref().0.set_zero_linger()
}

#[tokio::test]
async fn submit_without_a_key_is_sent_once_when_its_response_breaks_off() {
    let authority = Authority::new("cut");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        request(&mut connection, &log).await?;
        match number {
            // Nothing, in two ways to end the connection.
            0 => connection.shutdown().await,
            1 => abort(connection),
            // A part of the head.
            2 => connection.write_all(b"HTTP/1.1 200 O").await,
            // A part of the body, in two ways.
            3 => send(&mut connection, Some(JOB.len()), &JOB[..14]).await,
            4 => {
                send(&mut connection, Some(JOB.len()), &JOB[..14]).await?;
                abort(connection)
            }
            // A body that only the end of the connection ends, and TLS does not say that it ended: more may be missing.
            _ => send(&mut connection, None, JOB).await,
        }
    })
    .await;
    for received in 1..=6 {
        let mut command = bulkrail(["submit", "cdq", "--storage-id", "s-1", "--json", "--base-url", &url]);
        command.env("SSL_CERT_FILE", authority.path());
        let run = finish(command).await;
        assert_eq!((run.code, &run.error()["error"]["kind"]), (9, &json!("outcome_unknown")), "{received}: {run:?}");
        assert_eq!(server.log().len(), received);
    }
}

#[tokio::test]
async fn submit_with_a_key_gets_its_id_from_a_second_attempt_under_the_same_key() {
    let authority = Authority::new("cut-key");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        request(&mut connection, &log).await?;
        let body = r#"{"batchId":"b-1"}"#;
        let sent = if number == 0 { &body[..10] } else { body };
        send(&mut connection, Some(body.len()), sent).await
    })
    .await;
    let file = TempFile::new("cut-key.csv", "externalId,shareToken\nf208a887-9fa6-4447-a52b-c1d6e089536f,token\n");
    let mut command = bulkrail(["submit", "reap", file.path(), "--json", "--base-url", &url]);
    command.env("SSL_CERT_FILE", authority.path());
    let run = finish(command).await;
    assert_eq!((run.code, &run.document()["id"]), (0, &json!("b-1")), "{run:?}");
    let keys = server.log();
    assert_eq!(keys.len(), 2);
    assert!(!keys[0].is_empty() && keys[0] == keys[1], "{keys:?}");
}

#[tokio::test]
async fn complete_response_counts_although_tls_did_not_say_that_it_ended() {
    let authority = Authority::new("no-notify");
    let (server, url) = start(&authority, |mut connection, _, log| async move {
        request(&mut connection, &log).await?;
        send(&mut connection, Some(JOB.len()), JOB).await?;
        abort(connection)
    })
    .await;
    let mut command = bulkrail(["submit", "cdq", "--storage-id", "s-1", "--json", "--base-url", &url]);
    command.env("SSL_CERT_FILE", authority.path());
    let run = finish(command).await;
    assert_eq!((run.code, server.log().len()), (0, 1), "{run:?}");
    assert_eq!(run.document()["id"], "job-1");
}

#[tokio::test]
async fn wait_outlasts_connections_that_end_in_every_place() {
    let authority = Authority::new("wait-cut");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        request(&mut connection, &log).await?;
        match number {
            0 => {
                // Kept alive, and gone when the next poll comes.
                send(&mut connection, Some(RUNNING.len()), RUNNING).await?;
                abort(connection)
            }
            1 => {
                // As before, but the next poll is read.
                send(&mut connection, Some(RUNNING.len()), RUNNING).await?;
                request(&mut connection, &log).await
            }
            2 => connection.write_all(b"HTTP/1.1 200 O").await,
            3 => send(&mut connection, Some(STATUS.len()), &STATUS[..20]).await,
            // Its end is missing, as far as the client can know.
            4 => send(&mut connection, None, STATUS).await,
            _ => {
                send(&mut connection, Some(STATUS.len()), STATUS).await?;
                connection.shutdown().await
            }
        }
    })
    .await;
    let run = finish(wait(&url, &authority)).await;
    assert_eq!((run.code, &run.document()["outcome"]), (0, &json!("succeeded")), "{run:?}");
    // Five polls were cut off or refused, two saw it run, and one saw its end.
    assert_eq!(server.log().len(), 7);
}
