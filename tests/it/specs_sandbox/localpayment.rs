//! Localpayment.

use bulkrail_sandbox::Faults;
use serde_json::{Map, Value, json};

use super::bench::{Bench, note, text};
use super::call::Call;

/// A virtual account to be, as part of a batch or, with these fields beside it, alone.
fn virtual_account(id: &str, beside: &Value) -> Value {
    let mut account: Map<String, Value> = beside.as_object().expect("an object").clone();
    account.insert("externalId".to_owned(), id.into());
    let document = json!({"type": "RFC", "id": "EXTF900101NI1"});
    let beneficiary = json!({"type": "INDIVIDUAL", "name": "Ana", "lastName": "Doe", "document": document});
    account.insert("beneficiary".to_owned(), beneficiary);
    account.into()
}

fn batch_of(accounts: usize) -> Value {
    let accounts: Vec<Value> = (0..accounts).map(|n| virtual_account(&format!("item-{n}"), &json!({}))).collect();
    json!({"externalId": "batch-1", "accountNumber": "484.484.00000011", "country": "MEX", "accounts": accounts})
}

#[tokio::test]
async fn localpayment_sandbox_responses_fit_the_spec() {
    let mut bench = Bench::new("localpayment", Faults::None).await;
    bench.expect(401, Call::to("obtain_token").json(json!({"username": "a", "password": "b"}))).await;
    let tokens = bench.login("obtain_token", ["username", "password"], "access").await;
    let refresh = |token: &str| Call::to("refresh_token").json(json!({"refresh": token}));
    bench.expect(200, refresh(&text(&tokens, "refresh"))).await;
    bench.expect(401, refresh("nonsense")).await;

    bench.expect(400, Call::to("create_batch").json(batch_of(9))).await;
    bench.expect(401, Call::to("create_batch").json(batch_of(10)).anonymous()).await;
    bench.expect(201, Call::to("create_batch").json(batch_of(100))).await;
    bench.expect(400, Call::to("create_batch").json(batch_of(100))).await;
    bench.expect(401, Call::to("get_batch").with("externalId", "x").by("nonsense")).await;
    bench.expect(404, Call::to("get_batch").with("externalId", "x")).await;
    let (mut words, mut account_words) = (Vec::new(), Vec::new());
    while words.last().is_none_or(|word| word != "COMPLETED") {
        let batch = bench.expect(200, Call::to("get_batch").with("externalId", "batch-1")).await;
        note(&mut words, &batch, "/status/description");
        for number in 0..100 {
            let id = format!("item-{number}");
            let account = bench.expect(200, Call::to("get_virtual_account").with("externalId", &id)).await;
            note(&mut account_words, &account, "/status/description");
        }
        bench.advance(3_000);
    }
    assert_eq!(words, ["INPROGRESS", "COMPLETED"]);
    account_words.sort();
    assert_eq!(account_words, ["COMPLETED", "INPROGRESS", "REJECTED"]);

    let beside = json!({"accountNumber": "484.484.00000011", "country": "MEX", "currency": "MXN"});
    let create = || Call::to("create_virtual_account").json(virtual_account("single-1", &beside));
    bench.expect(401, create().anonymous()).await;
    bench.expect(201, create()).await;
    bench.expect(400, create()).await;
    bench.expect(400, Call::to("create_virtual_account").json(json!({}))).await;
    bench.expect(401, Call::to("get_virtual_account").with("externalId", "x").anonymous()).await;
    bench.expect(404, Call::to("get_virtual_account").with("externalId", "x")).await;

    let set = |to: &'static str| Call::to("set_activation").with("externalId", "single-1").with("status", to);
    bench.expect(400, set("disable")).await;
    bench.advance(3_000);
    let word = async |bench: &mut Bench| {
        let account = bench.expect(200, Call::to("get_virtual_account").with("externalId", "single-1")).await;
        (text(&account["status"], "code"), text(&account["status"], "description"))
    };
    let disabled = bench.expect(200, set("disable")).await;
    assert_eq!(disabled["status"]["description"], "DISABLED");
    assert_eq!(word(&mut bench).await, ("300".to_owned(), "DISABLED".to_owned()));
    bench.expect(400, set("disable")).await;
    bench.expect(200, set("enable")).await;
    assert_eq!(word(&mut bench).await, ("200".to_owned(), "COMPLETED".to_owned()));
    bench.expect(400, set("enable")).await;
    bench.expect(400, set("pause")).await;
    bench.expect(401, set("enable").anonymous()).await;
    bench.expect(404, Call::to("set_activation").with("externalId", "x").with("status", "enable")).await;
    bench.nothing_is_left_but(&[]);
}
