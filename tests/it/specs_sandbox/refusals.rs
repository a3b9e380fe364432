//! What any provider answers when it is asked too often, or is down.

use bulkrail_sandbox::Faults;

use crate::bench::{Bench, operations, text};
use crate::call::Call;

/// Calls every operation of a provider with nothing in the request; each answer must have this status.
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
async fn a_rate_limit_is_told_as_documented() {
    for room in ["killb", "localpayment"] {
        let mut bench = Bench::new(room, Faults::RateLimit).await;
        let base = bench.sandbox.base_url(room).expect("a provider");
        for _ in 0..20 {
            bench.http.get(&base).send().await.expect("an answer");
        }
        all_answer(&mut bench, 429).await;
    }
}

#[tokio::test]
async fn an_outage_is_told_as_documented() {
    for (room, operation, parameter) in [
        ("killb", "get_bulk_status", "jobId"),
        ("reap", "get_batch_status", "batchId"),
        ("cdq", "get_job", "jobId"),
        ("localpayment", "get_batch", "externalId"),
    ] {
        let mut bench = Bench::new(room, Faults::Outage).await;
        bench.advance(3_000);
        let call = Call::to(operation).with(parameter, "x");
        match bench.operation(operation).2["responses"].get("503").is_some() {
            true => drop(bench.expect(503, call).await),
            // No page of the provider has it: any body will do.
            false => assert_eq!(bench.request(call).send().await.expect("an answer").status(), 503),
        }
    }
}
