//! HTTP/2 connections that die or are shut down: a wait recovers, and a submit knows what was processed.

use std::future::pending;
use std::io;
use std::time::Duration;

use bulkrail::time::Clock;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_rustls::server::TlsStream;

use crate::connecting::wait;
use crate::server::{
    ENHANCE_YOUR_CALM, Http2, INTERNAL_ERROR, Listener, Log, NO_ERROR, OTHER_CODES, REFUSED_STREAM, RUNNING, STATUS,
};
use crate::support::{TempFile, bulkrail, finish, finish_within};
use crate::tls::Authority;

type Connection = Http2<TlsStream<TcpStream>>;

/// Starts an HTTP/2 server over TLS that serves each connection by `serve`.
async fn start<F>(
    authority: &Authority,
    serve: impl Fn(Connection, usize, Log) -> F + Copy + Send + Sync + 'static,
) -> (Listener, String)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let serve = move |stream, number, log| async move { serve(Http2::accept(stream).await?, number, log).await };
    Listener::start_tls(authority, "h2", serve).await
}

fn note(log: &Log, line: &str) {
    log.lock().unwrap().push(line.to_owned());
}

/// Returns a submit of one row to `provider`.
fn submit(provider: &str, file: &TempFile, url: &str, authority: &Authority) -> Command {
    let mut command = bulkrail(["submit", provider, file.path(), "--json", "--base-url", url]);
    command.env("SSL_CERT_FILE", authority.path());
    command
}

/// Returns a submit to a provider without keys.
fn start_job(url: &str, authority: &Authority) -> Command {
    let mut command = bulkrail(["submit", "cdq", "--storage-id", "s-1", "--json", "--base-url", url]);
    command.env("SSL_CERT_FILE", authority.path());
    command
}

fn reap_file(name: &str) -> TempFile {
    TempFile::new(name, "externalId,shareToken\nf208a887-9fa6-4447-a52b-c1d6e089536f,token\n")
}

#[tokio::test]
async fn wait_leaves_a_silent_http2_connection_and_ends_on_another() {
    let authority = Authority::new("silent");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        loop {
            let stream = connection.request().await?;
            note(&log, &format!("{number}"));
            if number > 0 {
                connection.respond(stream, STATUS).await?;
            } else if stream == 1 {
                connection.respond(stream, RUNNING).await?;
            } else {
                // Neither reads nor writes any more, and does not close the connection either.
                pending().await
            }
        }
    })
    .await;
    let clock = Clock::system();
    let started = clock.now();
    let run = finish(wait(&url, &authority)).await;
    assert_eq!((run.code, &run.document()["outcome"]), (0, &json!("succeeded")), "{run:?}");
    assert_eq!(server.log(), ["0", "0", "1"]);
    // Over HTTP/1.1 it takes the request timeout, 30 s.
    let elapsed = clock.now() - started;
    assert!(elapsed < Duration::from_secs(28), "{elapsed:?}");
}

#[tokio::test]
async fn wait_leaves_an_http2_connection_that_answers_pings_only_and_ends_on_another() {
    let authority = Authority::new("pings");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        loop {
            let stream = connection.request().await?;
            note(&log, &format!("{number}"));
            match (number, stream) {
                (0, 1) => connection.respond(stream, RUNNING).await?,
                // The next call answers pings, as a load balancer does whose backend hangs.
                (0, _) => {}
                _ => connection.respond(stream, STATUS).await?,
            }
        }
    })
    .await;
    // The request timeout is 30 s, as it is over HTTP/1.1.
    let run = finish_within(wait(&url, &authority), Duration::from_secs(55)).await;
    assert_eq!((run.code, &run.document()["outcome"]), (0, &json!("succeeded")), "{run:?}");
    assert_eq!(server.log(), ["0", "0", "1"]);
}

#[tokio::test]
async fn submit_without_a_key_is_repeated_when_http2_says_that_nothing_was_processed() {
    let authority = Authority::new("unprocessed");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        loop {
            let stream = connection.request().await?;
            match number {
                0 => {
                    note(&log, "refused");
                    connection.refuse(stream).await?;
                    connection.go_away(0).await?;
                }
                1 => {
                    note(&log, "went away");
                    connection.go_away(0).await?;
                    return pending().await;
                }
                _ => {
                    note(&log, "processed");
                    connection.respond(stream, r#"{"id":"job-1","status":"CREATED"}"#).await?;
                }
            }
        }
    })
    .await;
    let run = finish(start_job(&url, &authority)).await;
    assert_eq!((run.code, &run.document()["id"]), (0, &json!("job-1")), "{run:?}");
    assert_eq!(server.log(), ["refused", "went away", "processed"]);
}

#[tokio::test]
async fn submit_without_a_key_is_not_repeated_when_http2_does_not_say_what_was_processed() {
    let authority = Authority::new("ambiguous");
    let (server, url) = start(&authority, |mut connection, _, log| async move {
        let stream = connection.request().await?;
        note(&log, "received");
        if log.lock().unwrap().len() == 1 {
            connection.reset(stream, INTERNAL_ERROR).await?;
            return pending().await;
        }
        // The last stream that was processed is this one; its response never comes.
        connection.go_away(stream).await
    })
    .await;
    for received in 1..=2 {
        let run = finish(start_job(&url, &authority)).await;
        assert_eq!((run.code, &run.error()["error"]["kind"]), (9, &json!("outcome_unknown")), "{run:?}");
        assert_eq!(server.log().len(), received);
    }
}

#[tokio::test]
async fn upload_uses_a_new_connection_and_succeeds_after_one_was_refused() {
    let authority = Authority::new("upload");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        loop {
            let stream = connection.request().await?;
            if number == 0 {
                note(&log, "refused");
                connection.refuse(stream).await?;
            } else {
                note(&log, "uploaded");
                connection.respond(stream, r#"{"batchId":"b-1"}"#).await?;
            }
        }
    })
    .await;
    let run = finish(submit("reap", &reap_file("upload.csv"), &url, &authority)).await;
    assert_eq!((run.code, &run.document()["id"]), (0, &json!("b-1")), "{run:?}");
    assert_eq!(server.log(), ["refused", "uploaded"]);
}

#[tokio::test]
async fn submit_without_a_key_is_sent_once_whatever_the_code_of_a_reset_but_refused_stream() {
    let authority = Authority::new("resets");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        let stream = connection.request().await?;
        note(&log, "received");
        connection.reset(stream, OTHER_CODES[number]).await?;
        pending().await
    })
    .await;
    for (index, code) in OTHER_CODES.into_iter().enumerate() {
        let run = finish(start_job(&url, &authority)).await;
        assert_eq!((run.code, &run.error()["error"]["kind"]), (9, &json!("outcome_unknown")), "{code}: {run:?}");
        assert_eq!(server.log().len(), index + 1, "{code}");
    }
}

#[tokio::test]
async fn wait_outlasts_a_reset_of_each_code() {
    let authority = Authority::new("poll-resets");
    let (server, url) = start(&authority, |mut connection, _, log| async move {
        loop {
            let stream = connection.request().await?;
            let number = log.lock().unwrap().len();
            note(&log, "poll");
            // Every second poll succeeds: a wait polls less often after several faults.
            match (number / 2, number % 2) {
                (index, 0) if index < OTHER_CODES.len() => connection.reset(stream, OTHER_CODES[index]).await?,
                (index, 0) if index == OTHER_CODES.len() => connection.refuse(stream).await?,
                (index, _) if index <= OTHER_CODES.len() => connection.respond(stream, RUNNING).await?,
                _ => connection.respond(stream, STATUS).await?,
            }
        }
    })
    .await;
    let run = finish(wait(&url, &authority)).await;
    assert_eq!((run.code, &run.document()["outcome"]), (0, &json!("succeeded")), "{run:?}");
    let polls = 2 * (OTHER_CODES.len() + 1) + 1;
    assert_eq!((&run.document()["polls"], server.log().len()), (&json!(polls), polls));
}

#[tokio::test]
async fn submit_without_a_key_is_repeated_after_a_goaway_of_any_code_below_its_stream() {
    let authority = Authority::new("goaway-codes");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        let stream = connection.request().await?;
        note(&log, "received");
        let code = [NO_ERROR, INTERNAL_ERROR, ENHANCE_YOUR_CALM].get(number).copied();
        match code {
            Some(code) => connection.go_away_with(0, code).await?,
            None => connection.respond(stream, r#"{"id":"job-1","status":"CREATED"}"#).await?,
        }
        pending().await
    })
    .await;
    let run = finish(start_job(&url, &authority)).await;
    assert_eq!((run.code, &run.document()["id"]), (0, &json!("job-1")), "{run:?}");
    assert_eq!(server.log().len(), 4);
}

/// A response that has begun is one of a request that was processed, whatever the server says afterwards.
#[tokio::test]
async fn submit_without_a_key_is_sent_once_when_the_server_disowns_it_in_the_middle_of_the_response() {
    const PART: &str = r#"{"id":"job-1","#;
    let authority = Authority::new("disowned");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        let stream = connection.request().await?;
        note(&log, "received");
        connection.begin(stream, PART).await?;
        match number {
            0 => connection.go_away(0).await?,
            1 => connection.go_away_with(0, ENHANCE_YOUR_CALM).await?,
            2 => connection.reset(stream, REFUSED_STREAM).await?,
            // The connection closes.
            _ => return Ok(()),
        }
        pending().await
    })
    .await;
    for received in 1..=4 {
        let run = finish(start_job(&url, &authority)).await;
        assert_eq!((run.code, &run.error()["error"]["kind"]), (9, &json!("outcome_unknown")), "{received}: {run:?}");
        assert_eq!(server.log().len(), received);
    }
}

#[tokio::test]
async fn wait_polls_on_another_connection_after_a_goaway_in_the_middle_of_a_response() {
    let authority = Authority::new("goaway-poll");
    let (server, url) = start(&authority, |mut connection, number, log| async move {
        loop {
            let stream = connection.request().await?;
            note(&log, &format!("{number}"));
            match (number, stream) {
                (0, 1) => connection.respond(stream, RUNNING).await?,
                (0, _) => {
                    connection.begin(stream, &STATUS[..20]).await?;
                    connection.go_away(1).await?;
                    return pending().await;
                }
                _ => connection.respond(stream, STATUS).await?,
            }
        }
    })
    .await;
    let run = finish(wait(&url, &authority)).await;
    assert_eq!((run.code, &run.document()["outcome"]), (0, &json!("succeeded")), "{run:?}");
    assert_eq!(server.log(), ["0", "0", "1"]);
}
