use bulkrail_sandbox::{Sandbox, Stats};
use reqwest::Method;
use serde_json::json;

use crate::support::{Bench, send, try_send};

#[tokio::test]
async fn providers_are_found_by_name() {
    let bench = Bench::new().await;
    let sandbox = &bench.sandbox;
    for name in Sandbox::PROVIDERS {
        let url = format!("http://127.0.0.1:{}/{name}", sandbox.port());
        assert_eq!(sandbox.base_url(name), Some(url));
        let prefix = format!("{}_", name.to_uppercase());
        assert!(!sandbox.credentials(name).is_empty());
        assert!(sandbox.credentials(name).iter().all(|(key, _)| key.starts_with(&prefix)));
    }
    assert_eq!(sandbox.base_url("nobody"), None);
    assert!(sandbox.credentials("nobody").is_empty());
    assert_eq!(sandbox.stats("nobody"), Stats::default());
}

#[tokio::test]
async fn wrong_paths_and_methods_get_the_providers_own_error() {
    let bench = Bench::new().await;
    for (provider, pointer, status, value) in [
        ("killb", "/statusCode", 404, json!("404")),
        ("reap", "/code", 404, json!("9999999404")),
        ("cdq", "/error", 404, json!("NOT_FOUND")),
        ("localpayment", "/status/code", 404, json!("404")),
    ] {
        for path in ["", "/nowhere", "/api/nowhere/at/all"] {
            let answer = send(bench.bare(Method::GET, provider, path)).await;
            assert_eq!(answer.status, status, "{provider}{path}");
            assert_eq!(answer.json().pointer(pointer), Some(&value), "{provider}{path}");
        }
    }
    let wrong_method = send(bench.bare(Method::DELETE, "killb", "/api/v2/accounts")).await;
    assert_eq!(wrong_method.status, 405);
    assert_eq!(wrong_method.json()["statusCode"], "405");

    let port = bench.sandbox.port();
    let elsewhere = bench.http.get(format!("http://127.0.0.1:{port}/nobody/x"));
    assert_eq!(send(elsewhere).await.status, 404);
}

#[tokio::test]
async fn requests_are_counted_per_provider() {
    let bench = Bench::new().await;
    bench.get("reap", "/entity/kyc/import/batch/none").await;
    bench.get("reap", "/entity/none").await;
    let reap = bench.sandbox.stats("reap");
    assert_eq!((reap.requests, reap.polls, reap.rejected), (2, 1, 2));
    assert_eq!(bench.sandbox.stats("cdq"), Stats::default());
}

#[tokio::test]
async fn a_shut_down_sandbox_frees_its_port() {
    let bench = Bench::new().await;
    send(bench.bare(Method::GET, "reap", "/x")).await;
    let port = bench.sandbox.port();
    bench.sandbox.shutdown().await;
    let again = bench.http.get(format!("http://127.0.0.1:{port}/reap/x"));
    assert!(try_send(again).await.is_err());
    let second = Sandbox::builder().port(port).start().await.unwrap();
    assert_eq!(second.port(), port);
    drop(second);
}

#[tokio::test]
async fn a_speed_that_is_none_is_refused() {
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = Sandbox::builder().speed(speed).start().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}
