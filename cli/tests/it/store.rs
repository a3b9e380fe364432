//! The store of submissions: a process that has it open, and the import of the file of earlier versions.

use std::fs;
use std::time::Duration;

use bulkrail::time::Clock;
use bulkrail_durable::RedbStore;
use serde_json::{Value, json};

use crate::fixtures::people;
use crate::notes::{State, old_lines, sandbox};
use crate::server::{Server, killb};
use crate::support::{QUICK, TempFile, at, bulkrail};

#[tokio::test]
async fn store_that_another_process_has_stops_a_submit_and_not_a_reader() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let file = TempFile::new("held.csv", people(3));
    let submit = |more: &'static [&'static str]| {
        at(&sandbox, ["submit", "killb", file.path()].into_iter().chain(more.iter().copied()))
    };
    let first = state.run(submit(&["--json"])).await.document();
    let created = sandbox.stats("killb").batches_created;
    let holder = RedbStore::open_as(state.file("bulkrail.redb"), "onboarding").await.unwrap();

    let clock = Clock::system();
    let started = clock.now();
    let (text, document) = tokio::join!(state.run(submit(&[])), state.run(submit(&["--json"])));
    let took = clock.now() - started;
    assert!((Duration::from_secs(10)..Duration::from_secs(20)).contains(&took), "{took:?} {text:?}");
    let name = format!("nothing was sent: process {} (onboarding, since 20", std::process::id());
    assert_eq!((text.code, text.stdout.as_str()), (2, ""), "{text:?}");
    assert!(text.stderr.contains(&name) && text.stderr.contains("\n  hint: "), "{text:?}");
    assert_eq!((document.code, document.stdout.as_str()), (2, ""), "{document:?}");
    assert_eq!(document.error()["error"]["kind"], "configuration");
    assert!(document.error()["error"]["message"].as_str().unwrap().contains(&name), "{document:?}");
    assert_eq!(sandbox.stats("killb").batches_created, created);

    // Reading commands work, and a wait only warns that its end is not recorded.
    let [entry] = &state.list(&[]).await[..] else { panic!() };
    assert_eq!((&entry["batch"], &entry["phase"]), (&first, &json!("open")));
    let batch = TempFile::new("held.json", first.to_string());
    let wait = ["wait", "--batch", batch.path(), "--json"].into_iter().chain(QUICK);
    let waited = state.run(at(&sandbox, wait)).await;
    assert_eq!(waited.document()["batch"], first, "{waited:?}");
    let warning = "warning: the state of the batch is not recorded in ";
    assert!(waited.stderr.starts_with(warning) && waited.stderr.lines().count() == 1, "{waited:?}");
    let rows = state.run(at(&sandbox, ["rows", "--batch", batch.path(), "--json"])).await;
    assert_eq!((rows.code, rows.document().as_array().unwrap().len()), (0, 3), "{rows:?}");

    drop(holder);
    let again = state.run(submit(&["--json"])).await;
    assert_eq!((again.code, again.stderr.as_str()), (0, ""));
    assert_eq!(state.list(&[]).await.len(), 2);
}

#[tokio::test]
async fn submit_waits_for_a_process_that_closes_the_store() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let file = TempFile::new("held-short.csv", people(3));
    let holder = RedbStore::open_as(state.file("bulkrail.redb"), "onboarding").await.unwrap();
    let submit = state.run(at(&sandbox, ["submit", "killb", file.path(), "--json"]));
    let release = async {
        Clock::system().sleep(Duration::from_millis(1_500)).await;
        let before = sandbox.stats("killb").batches_created;
        drop(holder);
        before
    };
    let (run, before) = tokio::join!(submit, release);
    assert_eq!((run.code, run.stderr.as_str(), before), (0, "", 0), "{run:?}");
    assert_eq!(state.list(&[]).await[0]["batch"], run.document());
}

fn batch(id: &str) -> Value {
    let (key, at) = (format!("k-{id}"), "2026-01-01T00:00:00Z");
    json!({"provider": "reap", "id": id, "key": key, "submitted_at": at, "environment": "sandbox"})
}

/// Returns the line of a submit that was begun.
fn unknown() -> Value {
    let at = "2026-01-02T00:00:00Z";
    json!({"note": "n-4", "provider": "killb", "environment": "sandbox", "file": "/people.csv", "begun_at": at})
}

fn ids(listed: &[Value]) -> Vec<&str> {
    listed.iter().map(|entry| entry["batch"]["id"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn import_reads_every_line_once_also_after_a_crash() {
    let state = State::new();
    let seen =
        json!({"batch": batch("b-2"), "state": "finished", "outcome": "partial", "provider_status": "completed"});
    let gave_up =
        json!({"batch": batch("b-3"), "state": "running", "provider_status": "in_progress", "error": "deadline"});
    let unknown = unknown();
    let error = "outcome_unknown";
    let lost = json!({"note": "n-4", "provider": "killb", "environment": "sandbox", "submitted": null, "error": error});
    let old_key = json!({"provider": "reap", "key": "k-5"});
    let text = [
        old_lines("n-1", "/one.csv", &batch("b-1")),
        old_lines("n-2", "/two.csv", &batch("b-2")),
        old_lines("n-3", "/three.csv", &batch("b-3")),
        format!("{seen}\n{gave_up}\n{unknown}\n{lost}\n{old_key}\n"),
    ]
    .concat();
    fs::write(state.notes(), &text).unwrap();
    let listed = state.list(&[]).await;
    let shown: Vec<_> =
        listed.iter().map(|entry| [&entry["phase"], &entry["provider_status"], &entry["file"]]).collect();
    let (null, submitting) = (Value::Null, json!("submitting"));
    let expected = [
        [&json!("open"), &null, &json!("/one.csv")],
        [&json!("ended"), &json!("completed"), &json!("/two.csv")],
        [&json!("gave_up"), &json!("in_progress"), &json!("/three.csv")],
        [&submitting, &null, &json!("/people.csv")],
        [&submitting, &null, &null],
    ];
    assert_eq!(shown, expected);
    assert_eq!((&listed[1]["outcome"], ids(&listed)), (&json!("partial"), vec!["b-1", "b-2", "b-3", "", ""]));
    let imported = state.file("submitted.jsonl.imported");
    assert!(!state.notes().exists());
    assert_eq!(fs::read_to_string(&imported).unwrap(), text);

    // A crash after the records were stored, and before the file was renamed.
    fs::rename(&imported, state.notes()).unwrap();
    let without_age = |listed: &[Value]| {
        let mut listed = listed.to_vec();
        listed.iter_mut().for_each(|entry| entry["age_ms"] = Value::Null);
        listed
    };
    assert_eq!(without_age(&state.list(&[]).await), without_age(&listed));
    assert!(imported.exists() && !state.notes().exists());

    // An earlier version was used again: its file is imported too, and none is replaced.
    fs::write(state.notes(), old_lines("n-6", "/six.csv", &batch("b-6"))).unwrap();
    assert_eq!(state.list(&[]).await.len(), 6);
    assert_eq!(fs::read_to_string(&imported).unwrap(), text);
    assert!(state.file("submitted.jsonl.imported-2").exists());
    let notes = state.notes();
    let gone = state.run(bulkrail(["wait", "--batch", notes.to_str().unwrap()])).await;
    assert_eq!(gone.code, 2, "{gone:?}");
    assert!(gone.stderr.contains("hint: its batches are in the store now: bulkrail resume"), "{gone:?}");
}

#[tokio::test]
async fn file_of_earlier_versions_is_listed_while_another_process_has_the_store() {
    let state = State::new();
    let holder = RedbStore::open_as(state.file("bulkrail.redb"), "onboarding").await.unwrap();
    fs::write(state.notes(), old_lines("n-1", "/one.csv", &batch("b-1"))).unwrap();
    assert_eq!(ids(&state.list(&[]).await), ["b-1"]);
    assert!(state.notes().exists());
    drop(holder);
    assert_eq!(ids(&state.list(&[]).await), ["b-1"]);
    assert!(!state.notes().exists());
}

#[tokio::test]
async fn wait_and_status_of_other_batches_make_no_store() {
    let state = State::new();
    let server = Server::always(200, killb("COMPLETED", [9, 9, 9, 0])).await;
    for command in ["status", "wait"] {
        let run = state.run(bulkrail([command, "killb", "b-1", "--json", "--base-url", &server.url])).await;
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    }
    assert!(!state.file("bulkrail.redb").exists());
}

#[tokio::test]
async fn forget_removes_what_is_named_and_nothing_else() {
    let state = State::new();
    let unknown = unknown();
    let lines =
        [old_lines("n-1", "/1.csv", &batch("b-1")), old_lines("n-2", "/2.csv", &batch("b-2")), unknown.to_string()];
    fs::write(state.notes(), lines.concat()).unwrap();
    let missing = state.run(bulkrail(["forget", "b-1", "b-9"])).await;
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(missing.stderr.contains("nothing is listed that has the name b-9"), "{missing:?}");
    assert_eq!(state.list(&[]).await.len(), 3);
    let forgotten = state.run(bulkrail(["forget", "k-b-1", "/people.csv"])).await;
    assert_eq!((forgotten.code, forgotten.stdout.as_str()), (0, "2 submissions are not listed any more\n"));
    assert_eq!(ids(&state.list(&[]).await), ["b-2"]);
}

#[tokio::test]
async fn forget_removes_several_submissions_of_one_name_with_all_only() {
    let state = State::new();
    let mut other = unknown();
    other["note"] = json!("n-5");
    fs::write(state.notes(), format!("{}\n{}\n", unknown(), other)).unwrap();
    let before = state.list(&[]).await.len();
    assert_eq!(before, 2);
    let refused = state.run(bulkrail(["forget", "/people.csv"])).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("2 submissions have the name /people.csv, and none was removed: "), "{refused:?}");
    assert_eq!(state.list(&[]).await.len(), before);
    let forgotten = state.run(bulkrail(["forget", "/people.csv", "--all"])).await;
    assert_eq!((forgotten.code, forgotten.stdout.as_str()), (0, "2 submissions are not listed any more\n"));
    assert!(state.list(&[]).await.is_empty());
}

#[tokio::test]
async fn submit_names_the_store_where_its_holder_is_not_known() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let file = TempFile::new("held-unknown.csv", people(3));
    let store = state.file("bulkrail.redb");
    let _holder = RedbStore::open_as(&store, "onboarding").await.unwrap();
    fs::remove_file(state.file("bulkrail.redb.holder")).unwrap();
    let run = state.run(at(&sandbox, ["submit", "killb", file.path()])).await;
    let expected = format!(
        "another process has the list of submissions, and nothing was sent: it is not known which ({} is open)\n",
        store.display()
    );
    assert!(run.code == 2 && run.stderr.contains(&expected), "{run:?}");
}

#[tokio::test]
async fn beginning_of_an_id_is_not_ambiguous_between_a_batch_and_itself() {
    let state = State::new();
    let of = |id: &str, key: &str| {
        let mut batch = batch(id);
        batch["key"] = json!(key);
        batch
    };
    // Two submits under other keys that became one batch, and another submit between them.
    let lines = [
        old_lines("n-1", "/1.csv", &of("abcd-1", "k-1")),
        old_lines("n-2", "/2.csv", &of("other-2", "k-2")),
        old_lines("n-3", "/3.csv", &of("abcd-1", "k-3")),
    ];
    fs::write(state.notes(), lines.concat()).unwrap();
    let server = Server::always(200, crate::server::reap("completed", [1, 1, 1, 0])).await;
    for id in ["abcd", "abcd-1"] {
        let args = ["status", "reap", id, "--any-environment", "--json", "--base-url", &server.url];
        let run = state.run(bulkrail(args)).await;
        assert_eq!((run.code, &run.document()["batch"]["id"]), (0, &json!("abcd-1")), "{run:?}");
    }
}
