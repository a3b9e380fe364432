//! Why a connection is not made: certificate, DNS, port. Each has its own sentence, and a wait does not wait for what
//! waiting cannot change.

use rcgen::CertificateParams;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::server::{Listener, RUNNING, STATUS, serve_http1};
use crate::support::{QUICK, Run, bulkrail, finish};
use crate::tls::{Authority, expired, not_yet_valid, self_signed};

/// Returns a wait for a batch at `url` with the certificate of `authority`.
pub(crate) fn wait(url: &str, authority: &Authority) -> Command {
    let args = ["wait", "reap", "b-1", "--json", "--base-url", url];
    let mut command = bulkrail(args.into_iter().chain(QUICK));
    command.env("SSL_CERT_FILE", authority.path());
    command
}

/// Checks that a command ended at once with the error `message`, which no later attempt can mend.
pub(crate) fn assert_permanent(run: &Run, code: i32, message: &str) {
    let document = run.error();
    let error = &document["error"];
    assert!(error["message"].as_str().unwrap().contains(message), "{error}");
    assert_eq!((run.code, &error["retryable"]), (code, &json!(false)), "{error}");
    assert!(error["hint"].is_string(), "{error}");
    assert_eq!((&document["polls"], &document["batch"]["id"]), (&json!(1), &json!("b-1")), "{document}");
}

async fn wait_at_certificate(test: &str, host: &str, change: impl FnOnce(&mut CertificateParams)) -> Run {
    let authority = Authority::new(test);
    let tls = authority.acceptor_with(host, &["http/1.1"], change);
    let server = Listener::start(move |stream, _, _| {
        let tls = tls.clone();
        async move { serve_http1(tls.accept(stream).await?, STATUS).await }
    })
    .await;
    finish(wait(&format!("https://localhost:{}", server.address.port()), &authority)).await
}

#[tokio::test]
async fn wait_trusts_the_certificates_in_ssl_cert_file() {
    let run = wait_at_certificate("trusted", "localhost", |_| {}).await;
    assert_eq!((run.code, &run.document()["outcome"]), (0, &json!("succeeded")), "{run:?}");
}

#[tokio::test]
async fn wait_ends_at_once_for_an_expired_certificate() {
    let run = wait_at_certificate("expired", "localhost", expired).await;
    assert_permanent(&run, 8, "the certificate of the host has expired: localhost");
}

#[tokio::test]
async fn wait_ends_at_once_for_a_certificate_that_is_not_valid_yet() {
    let run = wait_at_certificate("future", "localhost", not_yet_valid).await;
    assert_permanent(&run, 8, "the certificate of the host is not valid yet: localhost");
}

#[tokio::test]
async fn wait_ends_at_once_for_a_certificate_of_another_host() {
    let run = wait_at_certificate("other-host", "elsewhere.example", |_| {}).await;
    assert_permanent(&run, 8, "the certificate is of another host: localhost");
}

#[tokio::test]
async fn wait_ends_at_once_for_an_unknown_authority() {
    for (signed_by, trusted) in [("unknown", "known"), ("same-name", "same-name")] {
        wait_at_unknown_authority(signed_by, trusted).await;
    }
}

async fn wait_at_unknown_authority(signed_by: &str, trusted: &str) {
    let tls = Authority::new(signed_by).acceptor("localhost", &["http/1.1"]);
    let other = Authority::new(trusted);
    let server = Listener::start(move |stream, _, _| {
        let tls = tls.clone();
        async move { serve_http1(tls.accept(stream).await?, STATUS).await }
    })
    .await;
    let run = finish(wait(&format!("https://localhost:{}", server.address.port()), &other)).await;
    assert_permanent(&run, 8, "the certificate of the host is of an unknown authority: localhost");
    assert!(run.error()["error"]["hint"].as_str().unwrap().contains("SSL_CERT_FILE"), "{run:?}");
}

#[tokio::test]
async fn self_signed_certificate_is_refused_unless_ssl_cert_file_names_it() {
    let (tls, file) = self_signed("self-signed", "localhost", &["http/1.1"]);
    let server = Listener::start(move |stream, _, _| {
        let tls = tls.clone();
        async move { serve_http1(tls.accept(stream).await?, STATUS).await }
    })
    .await;
    let url = format!("https://localhost:{}", server.address.port());
    let other = Authority::new("other");
    let run = finish(wait(&url, &other)).await;
    assert_permanent(&run, 8, "the certificate of the host is of an unknown authority: localhost");
    let mut trusting = wait(&url, &other);
    trusting.env("SSL_CERT_FILE", file.path());
    let run = finish(trusting).await;
    assert_eq!((run.code, &run.document()["outcome"]), (0, &json!("succeeded")), "{run:?}");
}

#[tokio::test]
async fn status_of_a_server_that_does_not_speak_tls_names_the_handshake() {
    let closing = Listener::start(|mut stream, _, _| async move { stream.read_u8().await.map(drop) }).await;
    let plain = Listener::start(|mut stream, _, _| async move {
        stream.read_u8().await?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await
    })
    .await;
    // It reads, and never responds.
    let silent = Listener::start(|stream, _, _| async move { serve_http1(stream, STATUS).await }).await;
    let not_in_time = "a connection to the provider was not made in time: 127.0.0.1";
    let table = [
        (closing.address, "the connection closed during the TLS handshake: 127.0.0.1", true),
        (plain.address, "the TLS handshake failed: 127.0.0.1", false),
        (silent.address, not_in_time, true),
    ];
    for (address, expected, retryable) in table {
        let url = format!("https://{address}");
        let authority = Authority::new("no-tls");
        let mut command = bulkrail(["status", "reap", "b-1", "--json", "--base-url", &url]);
        command.env("SSL_CERT_FILE", authority.path());
        let run = finish(command).await;
        let error = &run.error()["error"];
        assert_eq!((run.code, &error["kind"]), (8, &json!("unavailable")), "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(expected), "{message}");
        assert_eq!(error["retryable"], retryable, "{message}");
    }
}

#[tokio::test]
async fn wait_ends_at_once_for_an_unknown_host() {
    let authority = Authority::new("unknown-host");
    let url = "https://bulkrail.invalid";
    let mut command = bulkrail(["status", "reap", "b-1", "--json", "--base-url", url]);
    command.env("SSL_CERT_FILE", authority.path());
    let run = finish(command).await;
    let error = run.error()["error"].clone();
    assert_eq!((run.code, &error["kind"]), (8, &json!("unavailable")), "{error}");
    if error["message"].as_str().unwrap().contains("the host is unknown: bulkrail.invalid") {
        assert_permanent(&finish(wait(url, &authority)).await, 8, "the host is unknown: bulkrail.invalid");
    } else {
        // Without a name server it is not known that the name is unknown: a later attempt may help.
        assert_eq!(error["retryable"], true, "{error}");
    }
}

#[tokio::test]
async fn refused_connection_is_named_and_retried_until_the_deadline() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let args = ["wait", "reap", "b-1", "--json", "--deadline", "1s", "--base-url"];
    let run = finish(bulkrail(args.into_iter().chain([&*format!("http://{gone}")]).chain(QUICK))).await;
    let error = run.error();
    assert_eq!((run.code, &error["error"]["kind"]), (8, &json!("unreachable")), "{error}");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("the connection was refused: {gone}")), "{message}");
    assert!(error["polls"].as_u64() > Some(1), "{error}");
    let run = finish(bulkrail(["status", "reap", "b-1", "--json", "--base-url", &format!("http://{gone}")])).await;
    assert_eq!((run.code, &run.error()["error"]["retryable"]), (8, &json!(true)));
    assert_eq!(run.error()["error"]["hint"], "check host and port of the base URL, or try again later");
}

#[tokio::test]
async fn unusable_ca_files_are_a_configuration_error_that_names_the_variable() {
    for (variable, value) in [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent/folder")] {
        let mut command = bulkrail(["status", "reap", "b-1", "--json"]);
        command.env(variable, value);
        let run = finish(command).await;
        let error = &run.error()["error"];
        assert_eq!((run.code, &error["kind"]), (2, &json!("configuration")), "{error}");
        assert!(error["message"].as_str().unwrap().contains(variable), "{error}");
    }
}

#[tokio::test]
async fn certificates_of_ssl_cert_dir_are_trusted() {
    let authority = Authority::new("folder");
    let folder = std::path::Path::new(authority.path()).with_extension("d");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(authority.path(), folder.join("ca.pem")).unwrap();
    let tls = authority.acceptor("localhost", &["http/1.1"]);
    let server = Listener::start(move |stream, _, _| {
        let tls = tls.clone();
        async move { serve_http1(tls.accept(stream).await?, RUNNING).await }
    })
    .await;
    let url = format!("https://localhost:{}", server.address.port());
    let mut command = bulkrail(["status", "reap", "b-1", "--json", "--base-url", &url]);
    command.env("SSL_CERT_DIR", &folder);
    let run = finish(command).await;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((run.code, &run.document()["state"]), (0, &json!("running")), "{run:?}");
}

#[tokio::test]
async fn loopback_over_http_works_without_ca_certificates() {
    let server = Listener::start(|stream, _, _| async move { serve_http1(stream, RUNNING).await }).await;
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}", server.address.port());
        let mut command = bulkrail(["status", "reap", "b-1", "--json", "--base-url", &url]);
        command.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent");
        let run = finish(command).await;
        assert_eq!((run.code, &run.document()["state"]), (0, &json!("running")), "{run:?}");
    }
    let mut command = bulkrail(["demo", "--json", "--speed", "50"]);
    command.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent");
    let run = finish(command).await;
    assert_eq!(run.document().as_array().map(Vec::len), Some(4), "{run:?}");
    assert_ne!(run.document()[0]["outcome"], Value::Null);
}
