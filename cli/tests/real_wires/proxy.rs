//! The command behind a forward proxy.

use std::io;

use serde_json::json;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::connecting::assert_permanent;
use crate::server::{Listener, Log, STATUS, read_head, serve_http1};
use crate::support::{QUICK, bulkrail, finish};
use crate::tls::{Authority, expired};

/// Host of the provider. Only the proxy knows where it is.
const HOST: &str = "api.bulkrail.invalid";

fn wait(authority: &Authority, proxy: &str) -> Command {
    let url = format!("https://{HOST}");
    let mut command = bulkrail(["wait", "reap", "b-1", "--json", "--base-url", &url].into_iter().chain(QUICK));
    command.env("SSL_CERT_FILE", authority.path()).env("HTTPS_PROXY", proxy);
    command
}

/// Starts a proxy that connects every tunnel to `provider`.
async fn start_proxy(provider: std::net::SocketAddr) -> Listener {
    Listener::start(move |mut stream, _, log| async move {
        let head = read_head(&mut stream).await?;
        note(&log, &head);
        let mut upstream = TcpStream::connect(provider).await?;
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        copy_bidirectional(&mut stream, &mut upstream).await.map(drop)
    })
    .await
}

/// Starts a proxy that sends `response` to every request.
async fn start_refusing_proxy(response: &'static str) -> Listener {
    Listener::start(move |mut stream: TcpStream, _, log| async move {
        note(&log, &read_head(&mut stream).await?);
        stream.write_all(response.as_bytes()).await
    })
    .await
}

async fn start_provider(authority: &Authority, change: fn(&mut rcgen::CertificateParams)) -> Listener {
    let tls = authority.acceptor_with(HOST, &["http/1.1"], change);
    Listener::start(move |stream, _, _| {
        let tls = tls.clone();
        async move { serve_http1(tls.accept(stream).await?, STATUS).await }
    })
    .await
}

fn note(log: &Log, line: &str) {
    log.lock().unwrap().push(line.to_owned());
}

#[tokio::test]
async fn requests_go_through_the_proxy_of_each_variable_with_its_credentials() {
    let authority = Authority::new("tunnel");
    let provider = start_provider(&authority, |_| {}).await;
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let proxy = start_proxy(provider.address).await;
        let mut command = wait(&authority, "");
        command.env(variable, format!("http://user:pass@{}", proxy.address));
        let run = finish(command).await;
        assert_eq!((run.code, &run.document()["outcome"]), (0, &json!("succeeded")), "{variable}: {run:?}");
        let head = proxy.log()[0].to_ascii_lowercase();
        assert!(head.starts_with(&format!("connect {HOST}:443 ")), "{head}");
        assert!(head.contains("proxy-authorization: basic dxnlcjpwyxnz"), "{head}");
    }
}

#[tokio::test]
async fn wait_ends_at_once_when_the_proxy_asks_for_authentication() {
    let proxy = start_refusing_proxy("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n").await;
    let address = format!("http://user:CANARY@{}", proxy.address);
    let run = finish(wait(&Authority::new("407"), &address)).await;
    assert_permanent(&run, 6, &format!("the proxy asks for authentication: proxy {}, host {HOST}", proxy.address));
    assert!(!run.stderr.contains("CANARY"), "{}", run.stderr);
    assert_eq!(proxy.log().len(), 1);
    // Without TLS the request itself goes to the proxy.
    let url = format!("http://{HOST}");
    let mut command = bulkrail(["wait", "reap", "b-1", "--json", "--insecure-http", "--base-url", &url]);
    command.env("http_proxy", &address);
    let run = finish(command).await;
    assert_permanent(&run, 6, &format!("the proxy asks for authentication: proxy {}, host {HOST}", proxy.address));
    assert!(!run.stderr.contains("CANARY"), "{}", run.stderr);
}

#[tokio::test]
async fn wait_ends_at_once_when_the_proxy_refuses_the_host() {
    let proxy = start_refusing_proxy("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let run = finish(wait(&Authority::new("403"), &format!("http://{}", proxy.address))).await;
    let message = format!("the proxy refused to connect to the host: proxy {}, host {HOST}", proxy.address);
    assert_permanent(&run, 8, &message);
}

#[tokio::test]
async fn wait_ends_at_once_when_the_proxy_cannot_be_reached() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let authority = Authority::new("no-proxy");
    let run = finish(wait(&authority, &format!("http://user:CANARY@{gone}"))).await;
    assert_permanent(&run, 8, &format!("a connection to the proxy was not made: proxy {gone}, host {HOST}"));
    assert!(!run.stderr.contains("CANARY"), "{}", run.stderr);
    // Without TLS the request itself goes to the proxy.
    let url = format!("http://{HOST}");
    let args = ["wait", "reap", "b-1", "--json", "--insecure-http", "--base-url", &url];
    let mut command = bulkrail(args);
    command.env("HTTP_PROXY", format!("http://{gone}"));
    let run = finish(command).await;
    assert_permanent(&run, 8, &format!("a connection to the proxy was not made: proxy {gone}, host {HOST}"));
}

#[tokio::test]
async fn proxy_that_does_not_answer_is_named_after_the_connect_timeout() {
    let proxy = Listener::start(|mut stream: TcpStream, number, log| async move {
        note(&log, &read_head(&mut stream).await?);
        if number > 0 {
            // A tunnel whose other end is silent: the TLS handshake stalls.
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        }
        std::future::pending().await
    })
    .await;
    let address = format!("http://user:CANARY@{}", proxy.address);
    let status = || {
        let url = format!("https://{HOST}");
        let mut command = bulkrail(["status", "reap", "b-1", "--json", "--base-url", &url]);
        command.env("HTTPS_PROXY", &address);
        finish(command)
    };
    let (first, second) = tokio::join!(status(), status());
    for run in [first, second] {
        let error = run.error()["error"].clone();
        let identity = (run.code, &error["kind"], &error["retryable"]);
        assert_eq!(identity, (8, &json!("unavailable"), &json!(true)), "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("not made in time") && message.contains(&proxy.address.to_string()), "{message}");
        assert!(!run.stderr.contains("CANARY"), "{}", run.stderr);
    }
    assert_eq!(proxy.log().len(), 2);
}

#[tokio::test]
async fn fault_of_the_provider_behind_a_proxy_names_both() {
    let authority = Authority::new("expired-behind");
    let provider = start_provider(&authority, expired).await;
    let proxy = start_proxy(provider.address).await;
    let run = finish(wait(&authority, &format!("http://{}", proxy.address))).await;
    let through = format!("has expired: {HOST}, through the proxy {}", proxy.address);
    assert_permanent(&run, 8, &through);
}

#[tokio::test]
async fn wait_that_reached_the_provider_before_outlasts_an_outage_of_the_proxy() {
    let authority = Authority::new("proxy-outage");
    let tls = authority.acceptor(HOST, &["http/1.1"]);
    let proxy = Listener::start(move |mut stream: TcpStream, number, log| {
        let tls = tls.clone();
        async move {
            read_head(&mut stream).await?;
            note(&log, "connect");
            if number == 1 {
                return stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            let mut stream = tls.accept(stream).await?;
            read_head(&mut stream).await?;
            let body = if number == 0 { crate::server::RUNNING } else { STATUS };
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).await?;
            io::Result::Ok(())
        }
    })
    .await;
    let run = finish(wait(&authority, &format!("http://{}", proxy.address))).await;
    assert_eq!((run.code, &run.document()["outcome"]), (0, &json!("succeeded")), "{run:?}");
    assert_eq!((&run.document()["polls"], proxy.log().len()), (&json!(3), 3));
}

#[tokio::test]
async fn unusable_proxy_address_is_a_configuration_error_and_not_a_direct_connection() {
    let authority = Authority::new("unusable");
    for address in ["not a url", "socks5://user:CANARY@127.0.0.1:1", "http://user:CANARY@host:99999"] {
        let run = finish(wait(&authority, address)).await;
        let error = &run.error()["error"];
        assert_eq!((run.code, &error["kind"]), (2, &json!("configuration")), "{error}");
        assert!(error["message"].as_str().unwrap().contains("HTTPS_PROXY"), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("HTTPS_PROXY"), "{error}");
        assert!(!run.stderr.contains("CANARY"), "{}", run.stderr);
    }
}

#[tokio::test]
async fn hosts_in_no_proxy_and_loopback_are_reached_without_the_proxy() {
    let authority = Authority::new("direct");
    let server = Listener::start(|stream, _, _| async move { serve_http1(stream, STATUS).await }).await;
    let proxy = start_refusing_proxy("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("http://localhost:{}", server.address.port());
    let mut command = bulkrail(["status", "reap", "b-1", "--json", "--base-url", &url]);
    command.env("HTTP_PROXY", format!("http://{}", proxy.address));
    let run = finish(command).await;
    assert_eq!((run.code, &run.document()["state"]), (0, &json!("finished")), "{run:?}");
    for variable in ["NO_PROXY", "no_proxy"] {
        let mut command = wait(&authority, &format!("http://{}", proxy.address));
        command.env(variable, "bulkrail.invalid").args(["--deadline", "200ms"]);
        let run = finish(command).await;
        assert_eq!(run.code, 8);
        let message = run.error()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(HOST) && !message.contains("proxy"), "{message}");
    }
    assert_eq!(proxy.log(), [""; 0]);
}
