//! Responses of any provider to too many requests and during an outage.

use bulkrail_sandbox::Faults;

use super::bench::{Bench, operations, text};
use super::call::Call;

/// Calls every operation with an empty request; each response must have this status.
async fn all_answer(bench: &mut Bench, status: u16) {
    let names: Vec<String> = operations(&bench.document)
        .map(|(.., operation)| text(operation, "operationId"))
        .filter(|id| bench.operation(id).2["responses"].get(status.to_string()).is_some())
        .collect();
    assert!(!names.is_empty());
    for name in names {
        bench.expect(status, Call::to(&name)).await;
    }
}

#[tokio::test]
async fn sandbox_rate_limit_responses_fit_the_spec() {
    for provider in ["killb", "localpayment"] {
        let mut bench = Bench::new(provider, Faults::RateLimit).await;
        let base = bench.sandbox.base_url(provider).expect("a provider");
        for _ in 0..20 {
            bench.http.get(&base).send().await.expect("a response");
        }
        all_answer(&mut bench, 429).await;
    }
}

#[tokio::test]
async fn sandbox_outage_responses_fit_the_spec() {
    for (provider, operation, parameter) in [
        ("killb", "get_bulk_status", "jobId"),
        ("reap", "get_batch_status", "batchId"),
        ("cdq", "get_job", "jobId"),
        ("localpayment", "get_batch", "externalId"),
    ] {
        let mut bench = Bench::new(provider, Faults::Outage).await;
        bench.advance(3_000);
        let call = Call::to(operation).with(parameter, "x");
        match bench.operation(operation).2["responses"].get("503").is_some() {
            true => drop(bench.expect(503, call).await),
            // Not documented by the provider, so any body will do.
            false => assert_eq!(bench.request(call).send().await.expect("a response").status(), 503),
        }
    }
}
