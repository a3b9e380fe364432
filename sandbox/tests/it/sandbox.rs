use bulkrail_sandbox::{Sandbox, Stats};
use reqwest::Method;
use serde_json::json;

use crate::support::{TestSandbox, send, try_send};

#[tokio::test]
async fn accessors_return_values_by_provider_name() {
    let server = TestSandbox::new().await;
    let sandbox = &server.sandbox;
    for name in Sandbox::PROVIDERS {
        let url = format!("http://127.0.0.1:{}/{name}", sandbox.port());
        assert_eq!(sandbox.base_url(name), Some(url));
        let prefix = format!("{}_", name.to_uppercase());
        assert!(!sandbox.credentials(name).is_empty());
        assert!(sandbox.credentials(name).iter().all(|(key, _)| key.starts_with(&prefix)));
    }
    assert_eq!(sandbox.base_url("unknown"), None);
    assert!(sandbox.credentials("unknown").is_empty());
    assert_eq!(sandbox.stats("unknown"), Stats::default());
}

#[tokio::test]
async fn unknown_paths_and_methods_get_error_in_format_of_provider() {
    let server = TestSandbox::new().await;
    for (provider, pointer, status, value) in [
        ("killb", "/statusCode", 404, json!("404")),
        ("reap", "/code", 404, json!("9999999404")),
        ("cdq", "/error", 404, json!("NOT_FOUND")),
        ("localpayment", "/status/code", 404, json!("404")),
    ] {
        for path in ["", "/nowhere", "/api/nowhere/at/all"] {
            let response = send(server.unauthenticated(Method::GET, provider, path)).await;
            assert_eq!(response.status, status, "{provider}{path}");
            assert_eq!(response.json().pointer(pointer), Some(&value), "{provider}{path}");
        }
    }
    let wrong_method = send(server.unauthenticated(Method::DELETE, "killb", "/api/v2/accounts")).await;
    assert_eq!(wrong_method.status, 405);
    assert_eq!(wrong_method.json()["statusCode"], "405");

    let port = server.sandbox.port();
    let unknown = server.http.get(format!("http://127.0.0.1:{port}/unknown/x"));
    assert_eq!(send(unknown).await.status, 404);
}

#[tokio::test]
async fn stats_count_requests_per_provider() {
    let server = TestSandbox::new().await;
    server.get("reap", "/entity/kyc/import/batch/none").await;
    server.get("reap", "/entity/none").await;
    let reap = server.sandbox.stats("reap");
    assert_eq!((reap.requests, reap.polls, reap.rejected), (2, 1, 2));
    assert_eq!(server.sandbox.stats("cdq"), Stats::default());
}

#[tokio::test]
async fn shutdown_frees_port() {
    let server = TestSandbox::new().await;
    send(server.unauthenticated(Method::GET, "reap", "/x")).await;
    let port = server.sandbox.port();
    server.sandbox.shutdown().await;
    let request = server.http.get(format!("http://127.0.0.1:{port}/reap/x"));
    assert!(try_send(request).await.is_err());
    let second = Sandbox::builder().port(port).start().await.unwrap();
    assert_eq!(second.port(), port);
    drop(second);
}

#[tokio::test]
async fn start_rejects_speed_out_of_range() {
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e18, 1e-9] {
        let error = Sandbox::builder().speed(speed).start().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}
