//! CDQ.

use std::collections::BTreeSet;

use bulkrail_sandbox::Faults;
use serde_json::json;

use super::bench::{Bench, note, text};
use super::call::Call;

#[tokio::test]
async fn cdq_sandbox_responses_fit_the_spec() {
    let mut bench = Bench::new("cdq", Faults::None).await;
    let file = "International Account ID,International Bank ID,Country Code,National Bank ID,National Account ID\n\
                CH8800781619278412000,,CH,,\n";
    bench.expect(200, Call::to("upload_bank_accounts").file(file)).await;
    bench.expect(400, Call::to("upload_bank_accounts").file("a,b\n")).await;
    bench.expect(401, Call::to("upload_bank_accounts").file(file).anonymous()).await;

    let storage = json!({"storageId": "72d6900fce6b326088f5d9d91049e3e6"});
    bench.expect(400, Call::to("start_confirmation").json(json!({}))).await;
    bench.expect(401, Call::to("start_confirmation").json(storage.clone()).by("nonsense")).await;
    bench.expect(406, Call::to("start_confirmation").json(storage.clone()).accepting("text/html")).await;
    bench.expect(400, Call::to("get_job")).await;
    bench.expect(401, Call::to("get_job").with("jobId", "x").anonymous()).await;
    bench.expect(404, Call::to("get_job").with("jobId", "x")).await;
    bench.expect(406, Call::to("get_job").with("jobId", "x").accepting("text/html")).await;
    let mut bodies = bench.shown("start_confirmation");
    bodies.push(storage);
    for body in bodies {
        let job = bench.expect(201, Call::to("start_confirmation").json(body)).await;
        let (id, mut words) = (text(&job, "id"), Vec::new());
        while words.last().is_none_or(|word| word != "FINISHED") {
            let job = bench.expect(200, Call::to("get_job").with("jobId", &id)).await;
            note(&mut words, &job, "/status");
            bench.advance(1_000);
        }
        assert_eq!(words, ["CREATED", "SCHEDULED", "RUNNING", "FINISHED"]);
    }

    let mut accounts = bench.shown("confirm_bank_account");
    accounts.extend(
        (0..60).map(|number| json!({"bankAccount": {"internationalBankAccountIdentifier": format!("CH{number}")}})),
    );
    let mut kinds = BTreeSet::new();
    for account in accounts {
        let response = bench.expect(200, Call::to("confirm_bank_account").json(account)).await;
        kinds.insert(["trustScore", "associatedFraudCases"].map(|field| response.get(field).is_some()));
    }
    assert_eq!(kinds.len(), 3, "trusted, a fraud case, unknown");
    bench.expect(400, Call::to("confirm_bank_account").json(json!({"bankAccount": {}}))).await;
    bench.expect(401, Call::to("confirm_bank_account").json(json!({})).anonymous()).await;
    bench.nothing_is_left_but(&[
        // It takes any storage and knows of no permissions.
        "start_confirmation 404",
    ]);
}
