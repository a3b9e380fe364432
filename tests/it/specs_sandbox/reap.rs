//! Reap.

use bulkrail_sandbox::Faults;
use serde_json::json;

use super::bench::{Bench, note, text};
use super::call::Call;

#[tokio::test]
async fn reap_sandbox_responses_fit_the_spec() {
    let mut bench = Bench::new("reap", Faults::None).await;
    let mut entities = Vec::new();
    for shown in bench.shown("create_entity") {
        entities.push(bench.expect(201, Call::to("create_entity").json(shown.clone())).await);
        bench.expect(409, Call::to("create_entity").json(shown)).await;
    }
    let modes = bench.document["components"]["schemas"]["VerificationMode"]["enum"].clone();
    for mode in modes.as_array().expect("modes") {
        let entity = json!({"externalId": mode, "type": "INDIVIDUAL", "verificationMode": mode});
        bench.expect(201, Call::to("create_entity").json(entity)).await;
    }
    bench.expect(400, Call::to("create_entity").json(json!({"type": "INDIVIDUAL"}))).await;
    bench.expect(400, Call::to("create_entity").json(json!({"externalId": "x", "type": "ROBOT"}))).await;
    bench.expect(400, Call::to("create_entity").json(json!({})).anonymous()).await;
    bench.expect(401, Call::to("create_entity").json(json!({})).by("nonsense")).await;
    bench.expect(400, Call::to("get_entity").with("entityId", "x").anonymous()).await;
    bench.expect(401, Call::to("get_entity").with("entityId", "x").by("nonsense")).await;
    bench.expect(404, Call::to("get_entity").with("entityId", "x")).await;

    let upload = |file: String| Call::to("upload_batch").with("X-Provider", "sumsub").file(file);
    let person = text(&entities[0], "externalId");
    let rows: String = (0..60).map(|row| format!("row-{row},token\n")).collect();
    let file = format!("externalId,shareToken\n{person},token\n{person},\n{rows}");
    bench.expect(400, Call::to("upload_batch").file(file.clone())).await;
    bench.expect(400, upload("externalId\nx\n".to_owned())).await;
    bench.expect(401, upload(file.clone()).anonymous()).await;
    bench.expect(401, upload(file.clone()).by("nonsense")).await;
    let accepted = bench.expect(201, upload(file.clone()).with("Idempotency-Key", "key-1")).await;
    bench.expect(409, upload(file).with("Idempotency-Key", "key-1")).await;

    bench.expect(401, Call::to("get_batch_status").with("batchId", "x").anonymous()).await;
    bench.expect(401, Call::to("get_batch_status").with("batchId", "x").by("nonsense")).await;
    bench.expect(404, Call::to("get_batch_status").with("batchId", "x")).await;
    let (id, entity_id) = (text(&accepted, "batchId"), text(&entities[0], "id"));
    let (mut words, mut requirement_words) = (Vec::new(), Vec::new());
    while words.last().is_none_or(|word| word != "completed") {
        let batch = bench.expect(200, Call::to("get_batch_status").with("batchId", &id)).await;
        note(&mut words, &batch, "/status");
        let entity = bench.expect(200, Call::to("get_entity").with("entityId", &entity_id)).await;
        for requirement in entity["submittedRequirements"].as_array().expect("requirements") {
            note(&mut requirement_words, requirement, "/status");
        }
        bench.advance(3_000);
    }
    assert_eq!(words, ["pending", "in_progress", "completed"]);
    requirement_words.sort();
    assert_eq!(requirement_words, ["APPROVED", "PENDING", "REJECTED"]);
    bench.nothing_is_left_but(&[]);
}
