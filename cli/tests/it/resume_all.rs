//! `bulkrail resume`: waits for what was submitted from here.

use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::fixtures::{accounts, import, people};
use crate::lost::BrokenServer;
use crate::notes::{State, sandbox};
use crate::proxy::random;
use crate::schema::{check, schemas};
use crate::server::{Server, killb};
use crate::support::{QUICK, Run, TempFile, at, bulkrail, signal};

const ACCOUNT: [&str; 4] = ["--account-number", "484.484.00000011", "--country", "MEX"];

async fn pause(milliseconds: u64) {
    Clock::system().sleep(Duration::from_millis(milliseconds)).await;
}

fn phases(listed: &[Value]) -> Vec<&str> {
    listed.iter().map(|entry| entry["phase"].as_str().unwrap()).collect()
}

/// Submits a batch to each provider.
async fn submit_four(state: &State, sandbox: &Sandbox, name: &str) -> Vec<Value> {
    let killb = TempFile::new(&format!("{name}-people.csv"), people(3));
    let reap = TempFile::new(&format!("{name}-import.csv"), import(&["e-1".to_owned()]));
    let localpayment = TempFile::new(&format!("{name}-accounts.csv"), accounts(10));
    let calls = [
        &["submit", "killb", killb.path()][..],
        &["submit", "reap", reap.path(), "--key", "k-1"],
        &["submit", "cdq", "--storage-id", "storage-1"],
        &["submit", "localpayment", localpayment.path(), ACCOUNT[0], ACCOUNT[1], ACCOUNT[2], ACCOUNT[3]],
    ];
    let mut batches = Vec::new();
    for call in calls {
        let submitted = state.run(at(sandbox, call.iter().copied().chain(["--json"]))).await;
        assert_eq!(submitted.code, 0, "{submitted:?}");
        batches.push(submitted.document());
    }
    batches
}

#[tokio::test]
async fn resume_waits_for_all_that_are_open_at_their_providers() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let batches = submit_four(&state, &sandbox, "all").await;
    // Their addresses are noted: variables for other addresses do not mislead it.
    let resume = |more: &[&'static str]| {
        let mut command = at(&sandbox, ["resume"].into_iter().chain(QUICK).chain(more.iter().copied()));
        for provider in Sandbox::PROVIDERS {
            command.env(format!("{}_BASE_URL", provider.to_ascii_uppercase()), "http://127.0.0.1:1");
        }
        command
    };
    let run = state.run(resume(&["--json"])).await;
    let documents = run.document();
    let documents = documents.as_array().unwrap();
    let schema = &schemas().await["result"];
    documents.iter().for_each(|document| check(schema, document));
    let ended: Vec<_> = documents.iter().map(|document| document["batch"].clone()).collect();
    assert_eq!(ended, batches, "{run:?}");
    let outcomes: Vec<_> = documents.iter().map(|document| document["outcome"].as_str().unwrap()).collect();
    let expected = if outcomes.contains(&"failed") || outcomes.contains(&"unknown") {
        4
    } else {
        i32::from(outcomes.contains(&"partial")) * 3
    };
    assert_eq!((run.code, run.stderr.as_str()), (expected, ""));
    assert_eq!(phases(&state.list(&[]).await), ["ended"; 4]);

    let nothing = state.run(resume(&[])).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, "nothing is open\n"));
    assert_eq!(state.run(resume(&["--json"])).await.document(), json!([]));
    // One that has ended is reported again when it is named, without a request.
    let polls = sandbox.stats("reap").polls;
    let named = state.run(resume(&["--json", "k-1"])).await;
    assert_eq!(named.document()[0], documents[1]);
    assert_eq!(sandbox.stats("reap").polls, polls);
    let missing = state.run(resume(&["no-such"])).await;
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(missing.stderr.contains("has the id or the key no-such"), "{missing:?}");
}

#[tokio::test]
async fn resume_without_credentials_of_one_provider_waits_for_the_others() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let batches = submit_four(&state, &sandbox, "credentials").await;
    let mut command = at(&sandbox, ["resume", "--json"].into_iter().chain(QUICK));
    command.env_remove("REAP_API_KEY");
    let run = state.run(command).await;
    assert_eq!(run.code, 2, "{run:?}");
    let documents = run.document();
    assert_eq!((&documents[1]["error"]["kind"], &documents[1]["batch"]), (&json!("configuration"), &batches[1]));
    assert!(documents[1]["error"]["message"].as_str().unwrap().contains("REAP_API_KEY"), "{documents}");
    assert_eq!(phases(&state.list(&[]).await), ["ended", "open", "ended", "ended"]);
}

#[tokio::test]
async fn second_resume_is_told_which_process_runs() {
    let state = State::new();
    let created = json!({"jobId": "b-1", "status": "PENDING"});
    let server = Server::start([(201, created), (200, killb("PROCESSING", [3, 1, 1, 0]))]).await;
    let file = TempFile::new("second-resume.csv", people(3));
    let submit = ["submit", "killb", file.path(), "--base-url", &server.url];
    assert_eq!(state.run(bulkrail(submit)).await.code, 0);
    let mut first = bulkrail(["resume", "--json"].into_iter().chain(QUICK));
    let first = first.env("XDG_STATE_HOME", &state.0).spawn().unwrap();
    while server.requests().len() < 3 {
        pause(5).await;
    }
    let second = state.run(bulkrail(["resume", "--json"])).await;
    assert_eq!((second.code, second.stdout.as_str()), (2, ""));
    let message = second.error()["error"]["message"].as_str().unwrap().to_owned();
    let name = format!("process {} (bulkrail resume, since 20", first.id().unwrap());
    assert!(message.contains(&name), "{message}");
    server.respond_with(200, killb("COMPLETED", [3, 3, 3, 0]));
    assert_eq!(Run::new(first.wait_with_output().await.unwrap()).code, 0);
    assert_eq!(phases(&state.list(&[]).await), ["ended"]);
    assert_eq!(state.run(bulkrail(["resume", "--json"])).await.document(), json!([]));
}

#[tokio::test]
async fn wait_of_a_killed_process_goes_on_with_its_polls_and_its_deadline() {
    let file = TempFile::new("killed-run.csv", people(3));
    for command in ["run", "wait"] {
        let state = State::new();
        let created = json!({"jobId": "b-1", "status": "PENDING"});
        let server = Server::start([(201, created), (200, killb("PROCESSING", [3, 1, 1, 0]))]).await;
        let url = ["--base-url", server.url.as_str()];
        let options = ["--interval", "400ms..400ms", "--deadline", "1h", "--json"];
        let mut child = if command == "run" {
            bulkrail(["run", "killb", file.path()].into_iter().chain(url).chain(options))
        } else {
            let submitted =
                state.run(bulkrail(["submit", "killb", file.path(), "--json"].into_iter().chain(url))).await;
            assert_eq!(submitted.code, 0, "{submitted:?}");
            bulkrail(["wait", "killb", "b-1"].into_iter().chain(url).chain(options))
        };
        let child = child.env("XDG_STATE_HOME", &state.0).spawn().unwrap();
        let polls = || server.requests().iter().filter(|line| line.starts_with("GET")).count();
        while polls() < 6 {
            pause(5).await;
        }
        signal(&child, "-KILL").await;
        child.wait_with_output().await.unwrap();
        let before = polls();
        let [entry] = &state.list(&[]).await[..] else { panic!() };
        assert_eq!((&entry["phase"], &entry["provider_status"]), (&json!("open"), &json!("PROCESSING")));
        let [record] = &state.records().await[..] else { panic!() };
        let wait = &record["phase"]["waiting"]["state"];
        assert_eq!(wait["deadline"]["secs"], 3_600, "{wait}");

        server.respond_with(200, killb("COMPLETED", [3, 3, 3, 0]));
        let resumed = state.run(bulkrail(["resume", "--json"])).await;
        assert_eq!(resumed.code, 0, "{resumed:?}");
        let ended = &resumed.document()[0];
        let counted = usize::try_from(ended["polls"].as_u64().unwrap()).unwrap();
        let made = polls() - before;
        // What was polled in the last second before the kill may not be stored.
        assert!((before - 4..=before).contains(&(counted - made)), "{command}: {counted}, {made} of {before}");
        assert_eq!(ended["batch"]["environment"], server.url.as_str());
    }
}

#[tokio::test]
async fn batch_whose_wait_gave_up_is_waited_for_only_when_asked() {
    let state = State::new();
    let created = json!({"jobId": "b-1", "status": "PENDING"});
    let server = Server::start([(201, created), (200, killb("PROCESSING", [3, 1, 1, 0]))]).await;
    let file = TempFile::new("gave-up-resume.csv", people(3));
    let args = ["run", "killb", file.path(), "--json", "--deadline", "200ms", "--base-url", &server.url];
    assert_eq!(state.run(bulkrail(args.into_iter().chain(QUICK))).await.code, 5);
    assert_eq!(phases(&state.list(&[]).await), ["gave_up"]);
    let asked = server.requests().len();
    let nothing = state.run(bulkrail(["resume"])).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, "nothing is open\n"));
    assert!(
        nothing.stderr.contains("1 batch is not waited for") && nothing.stderr.contains("--gave-up"),
        "{nothing:?}"
    );
    assert_eq!(server.requests().len(), asked);

    let again = ["resume", "--gave-up", "--deadline", "200ms"].into_iter().chain(QUICK);
    let again = state.run(bulkrail(again)).await;
    assert_eq!(again.code, 5, "{again:?}");
    assert!(again.stderr.ends_with("\nresume: bulkrail resume --gave-up\n"), "{again:?}");
    assert_eq!(phases(&state.list(&[]).await), ["gave_up"]);
    server.respond_with(200, killb("COMPLETED", [3, 3, 3, 0]));
    let named = state.run(bulkrail(["resume", "b-1", "--json"])).await;
    assert_eq!((named.code, &named.document()[0]["outcome"]), (0, &json!("succeeded")), "{named:?}");
    assert_eq!(phases(&state.list(&[]).await), ["ended"]);
}

#[tokio::test]
async fn resume_submits_nothing_and_looks_up_what_it_can() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let server = BrokenServer::start("").await;
    let killb = TempFile::new("unknown-people.csv", people(3));
    let reap = TempFile::new("unknown-import.csv", import(&["e-1".to_owned()]));
    for args in [&["killb", killb.path()][..], &["reap", reap.path(), "--key", "k-1"]] {
        let args = ["submit", "--base-url", &server.url].into_iter().chain(args.iter().copied());
        assert_eq!(state.run(bulkrail(args)).await.code, 9);
    }
    // Its response was lost, and the sandbox has it.
    let file = TempFile::new("unknown-accounts.csv", accounts(10));
    let submit = ["submit", "localpayment", file.path(), "--key", "lp-1", "--json"].into_iter().chain(ACCOUNT);
    let other = State::new();
    assert_eq!(other.run(at(&sandbox, submit)).await.code, 0);
    let mut note = other.records().await[0]["order"].clone();
    note.as_object_mut().unwrap().remove("is_confirmed");
    note["note"] = json!("n-1");
    std::fs::write(state.notes(), format!("{note}\n")).unwrap();

    let requests = server.requests().len();
    let created = sandbox.stats("localpayment").batches_created;
    let mut resume = bulkrail(["resume", "--json"].into_iter().chain(QUICK));
    resume.env_remove("LOCALPAYMENT_ACCESS_TOKEN").envs(sandbox.credentials("localpayment").iter().copied());
    let run = state.run(resume).await;
    assert_eq!(run.code, 9, "{run:?}");
    let documents = run.document();
    let schemas = schemas().await;
    let listed = state.list(&[]).await;
    for (document, entry) in documents.as_array().unwrap().iter().zip(&listed).take(2) {
        check(&schemas["error"], document);
        assert_eq!(document["error"]["kind"], "outcome_unknown");
        assert_eq!(document["error"]["hint"], entry["advice"], "{document}");
    }
    assert_eq!(documents[2]["batch"]["id"], "lp-1", "{documents}");
    assert!(documents[2]["outcome"].is_string(), "{documents}");
    assert_eq!(phases(&listed), ["submitting", "submitting", "ended"]);
    assert_eq!(server.requests().len(), requests);
    assert_eq!(sandbox.stats("localpayment").batches_created, created);
}

#[tokio::test]
async fn killed_resumes_lose_no_batch_and_no_record() {
    let (state, sandbox) = (State::new(), Sandbox::builder().seed(7).speed(10.0).start().await.unwrap());
    let mut batches = Vec::new();
    for number in 0..3 {
        let file = TempFile::new(&format!("killed-resume-{number}.csv"), people(3));
        let submitted = state.run(at(&sandbox, ["submit", "killb", file.path(), "--json"])).await;
        batches.push(submitted.document());
    }
    for kill in 0..20 {
        let mut resume = at(&sandbox, ["resume", "--interval", "20ms..50ms"]);
        let mut child = resume.env("XDG_STATE_HOME", &state.0).spawn().unwrap();
        tokio::select! {
            _ = child.wait() => break,
            () = pause(random(&(0..200))) => signal(&child, "-KILL").await,
        }
        child.wait_with_output().await.unwrap();
        assert_eq!(state.list(&[]).await.len(), 3, "after kill {kill}");
    }
    let run = state.run(at(&sandbox, ["resume", "--json"].into_iter().chain(QUICK))).await;
    assert!(run.code < 5, "{run:?}");
    let mut listed: Vec<_> = state.list(&[]).await.iter().map(|entry| entry["batch"].clone()).collect();
    let mut expected = batches;
    for batches in [&mut listed, &mut expected] {
        batches.sort_by_key(|batch| batch["id"].to_string());
    }
    assert_eq!(listed, expected);
    assert_eq!(phases(&state.list(&[]).await), ["ended"; 3]);
}

#[tokio::test]
async fn two_submissions_of_one_batch_are_waited_for_once_and_both_end() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let file = TempFile::new("twice-accounts.csv", accounts(10));
    let submit = ["submit", "localpayment", file.path(), "--key", "lp-1", "--json"].into_iter().chain(ACCOUNT);
    let other = State::new();
    assert_eq!(other.run(at(&sandbox, submit)).await.code, 0);
    // As two submits under one key leave it whose responses are lost.
    let mut note = other.records().await[0]["order"].clone();
    note.as_object_mut().unwrap().remove("is_confirmed");
    let notes = ["n-1", "n-2"].map(|name| {
        note["note"] = json!(name);
        format!("{note}\n")
    });
    std::fs::write(state.notes(), notes.concat()).unwrap();
    assert_eq!(phases(&state.list(&[]).await), ["submitting"; 2]);
    let drift = TempFile::new("twice.drift", "");
    let resume = ["resume", "--json", "--drift-report", drift.path()];
    let run = state.run(at(&sandbox, resume.into_iter().chain(QUICK))).await;
    assert!([0, 3, 4].contains(&run.code), "{run:?}");
    assert_eq!(run.stderr, "");
    let documents = run.document();
    let documents = documents.as_array().unwrap();
    assert_eq!(documents.len(), 2, "{run:?}");
    for document in documents {
        assert_eq!(document["batch"]["id"], "lp-1");
        assert!(document["outcome"].is_string(), "{document}");
    }
    assert_eq!(documents[0]["polls"], documents[1]["polls"]);
    assert_eq!(std::fs::read_to_string(drift.path()).unwrap().lines().count(), 1, "it is one wait");
    assert!(phases(&state.list(&["--open"]).await).is_empty());
}

#[tokio::test]
async fn interrupted_resume_counts_a_batch_of_two_submissions_once() {
    let state = State::new();
    let running = json!({
        "externalId": "1111111111-1", "internalId": "2222", "accountNumber": "484.484.00000011",
        "status": {"code": "100", "description": "INPROGRESS", "detail": "The batch is processing"},
    });
    let server = Server::always(200, running).await;
    let at = "2026-01-02T00:00:00Z";
    let note = |name: &str, key: &str| {
        json!({"note": name, "provider": "localpayment", "environment": server.url, "id": key, "key": key,
               "file": "/accounts.csv", "begun_at": at})
    };
    let notes = [note("n-1", "lp-1"), note("n-2", "lp-1"), note("n-3", "lp-2")].map(|note| format!("{note}\n"));
    std::fs::write(state.notes(), notes.concat()).unwrap();
    let mut resume = bulkrail(["resume", "--quiet"].into_iter().chain(QUICK));
    let child = resume.env("XDG_STATE_HOME", &state.0).spawn().unwrap();
    while server.requests().len() < 4 {
        pause(5).await;
    }
    signal(&child, "-INT").await;
    let run = Run::new(child.wait_with_output().await.unwrap());
    assert_eq!(run.code, 130, "{run:?}");
    let open: Vec<_> = run.lines().iter().map(|batch| batch["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(open, ["lp-1", "lp-2"], "{run:?}");
    assert!(run.stderr.contains("2 of 2 batches have not ended"), "{run:?}");
}
