//! What is noted of submissions, and `bulkrail list`.

use std::fs;
use std::path::{Path, PathBuf};

use bulkrail_durable::{Filter, RedbStore, Store};
use bulkrail_sandbox::Sandbox;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::fixtures::{accounts, import, people};
use crate::lost::BrokenServer;
use crate::schema::{check, schemas};
use crate::server::{Server, killb};
use crate::support::{QUICK, Run, TempFile, at, bulkrail, finish, state};

const ACCOUNT: [&str; 4] = ["--account-number", "484.484.00000011", "--country", "MEX"];

/// State directory of several commands.
pub(crate) struct State(pub(crate) PathBuf);

impl State {
    pub(crate) fn new() -> Self {
        let state = Self(state());
        fs::create_dir_all(state.0.join("bulkrail")).unwrap();
        state
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join("bulkrail").join(name)
    }

    /// Returns the file in which earlier versions kept what was submitted.
    pub(crate) fn notes(&self) -> PathBuf {
        self.file("submitted.jsonl")
    }

    /// Returns the records of the store.
    pub(crate) async fn records(&self) -> Vec<Value> {
        let store = RedbStore::read_only(self.file("bulkrail.redb")).await.unwrap();
        let page = store.page("bulkrail", Filter::All, None, 1_000).await.unwrap();
        page.iter().map(|entry| serde_json::from_str(&entry.document).unwrap()).collect()
    }

    pub(crate) async fn run(&self, mut command: Command) -> Run {
        command.env("XDG_STATE_HOME", &self.0);
        finish(command).await
    }

    /// Returns what is listed, which conforms to the schema.
    pub(crate) async fn list(&self, more: &[&str]) -> Vec<Value> {
        let list = self.run(bulkrail(["list", "--json"].iter().chain(more))).await;
        assert_eq!((list.code, list.stderr.as_str()), (0, ""));
        check(&schemas().await["list"], &list.document());
        list.document().as_array().unwrap().clone()
    }
}

pub(crate) async fn sandbox() -> Sandbox {
    Sandbox::builder().seed(7).speed(60.0).start().await.unwrap()
}

/// Returns the command at the end of an advice.
fn command(entry: &Value) -> &str {
    let advice = entry["advice"].as_str().unwrap();
    advice.split_once(": bulkrail ").unwrap_or_else(|| panic!("{advice}")).1
}

/// Runs a command line in a shell, with the sandbox's credentials.
async fn shell(state: &State, sandbox: &Sandbox, line: &str) -> Run {
    let binary = Path::new(env!("CARGO_BIN_EXE_bulkrail")).parent().unwrap();
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).env_clear().kill_on_drop(true);
    command.env("PATH", format!("{}:/usr/bin:/bin", binary.display()));
    for provider in Sandbox::PROVIDERS {
        command.envs(sandbox.credentials(provider).iter().copied());
    }
    state.run(command).await
}

#[tokio::test]
async fn list_shows_a_batch_from_its_submit_to_its_end() {
    let (state, sandbox) = (State::new(), sandbox().await);
    assert_eq!(state.list(&[]).await, [] as [Value; 0]);
    let file = TempFile::new("list-people.csv", people(3));
    let submitted = state.run(at(&sandbox, ["submit", "killb", file.path(), "--json"])).await;
    let batch = submitted.document();
    let [entry] = &state.list(&["--open"]).await[..] else { panic!() };
    assert_eq!((&entry["batch"], &entry["phase"], &entry["outcome"]), (&batch, &json!("open"), &Value::Null));
    assert_eq!((&entry["file"], &entry["provider_status"]), (&json!(file.path()), &Value::Null));
    assert!(entry["age_ms"].as_u64().unwrap() < 60_000);

    // The advice works as it is printed, at the base URL of the submit.
    let wait = format!("bulkrail {} --json --interval 20ms..100ms", command(entry));
    let waited = shell(&state, &sandbox, &wait).await;
    assert_eq!(waited.document()["batch"]["id"], batch["id"], "{waited:?}");
    let [entry] = &state.list(&[]).await[..] else { panic!() };
    assert_eq!((&entry["batch"], &entry["phase"]), (&batch, &json!("ended")));
    assert_eq!(entry["outcome"], waited.document()["outcome"]);
    assert_eq!(entry["provider_status"], waited.document()["provider_status"]);
    assert_eq!(state.list(&["--open"]).await, [] as [Value; 0]);

    let text = state.run(bulkrail(["list"])).await;
    let id = batch["id"].as_str().unwrap();
    let row = format!(" {}   killb      ended: ", &id[..8]);
    for part in [" batch      provider", &row, id, file.path()] {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    let nothing = state.run(bulkrail(["list", "--open"])).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, "nothing is listed\n"));
}

#[tokio::test]
async fn note_has_digest_and_size_of_the_file_and_is_settled_by_the_batch() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let file = TempFile::new("note-abc.csv", import(&["e-1".to_owned()]));
    let submitted = state.run(at(&sandbox, ["submit", "reap", file.path(), "--key", "k-1", "--json"])).await;
    let [record] = &state.records().await[..] else { panic!() };
    let note = &record["order"];
    assert_eq!((&note["provider"], &note["key"]), (&json!("reap"), &json!("k-1")));
    assert_eq!(note["environment"], submitted.document()["environment"]);
    let digest = Command::new("sha256sum").arg(file.path()).output().await;
    if let Ok(digest) = digest {
        let digest = String::from_utf8(digest.stdout).unwrap();
        assert_eq!(note["sha256"].as_str(), digest.split_whitespace().next());
    }
    assert_eq!(note["bytes"], fs::metadata(file.path()).unwrap().len());
    assert_eq!(record["phase"]["waiting"]["batch"], submitted.document());
    assert_eq!(mode(&state.file("bulkrail.redb")), 0o600);
    assert!(!state.file("bulkrail.redb.holder").exists() && !state.notes().exists());
}

#[tokio::test]
async fn lost_response_stays_submitting_with_true_advice() {
    let state = State::new();
    let server = BrokenServer::start("").await;
    let name = "it's $HOME.csv";
    let killb = TempFile::new("lost-note-people.csv", people(3));
    let reap = TempFile::new(name, import(&["e-1".to_owned()]));
    for args in [&["killb", killb.path()][..], &["reap", reap.path(), "--key", "k 1"]] {
        let args = ["submit", "--base-url", &server.url].into_iter().chain(args.iter().copied());
        assert_eq!(state.run(bulkrail(args)).await.code, 9);
    }
    let [first, second] = &state.list(&["--open"]).await[..] else { panic!() };
    for entry in [first, second] {
        assert_eq!((&entry["phase"], &entry["batch"]["id"]), (&json!("submitting"), &Value::Null));
        assert_eq!(entry["batch"]["environment"], server.url);
    }
    assert_eq!((&first["file"], &first["batch"]["key"]), (&json!(killb.path()), &Value::Null));
    let advice = first["advice"].as_str().unwrap();
    assert!(advice.contains("no key tells") && advice.contains("search for the rows of its file at killb"), "{advice}");
    let compare = format!(": bulkrail compare killb {} --user 'USER ID' --base-url {}", killb.path(), server.url);
    assert!(advice.ends_with(&compare), "{advice}");
    assert_eq!(second["batch"]["key"], "k 1");

    // The same file again, at a provider that answers: it may be there twice.
    let created = json!({"jobId": "b-2", "status": "PENDING"});
    let other = Server::always(201, created).await;
    let submit = ["submit", "killb", killb.path(), "--base-url", &other.url];
    assert_eq!(state.run(bulkrail(submit)).await.code, 0);
    // Another environment is another place.
    assert!(!state.list(&[]).await[0]["advice"].as_str().unwrap().contains("twice"));
}

#[tokio::test]
async fn batch_that_is_not_found_any_more_is_listed_so() {
    let state = State::new();
    let created = json!({"jobId": "b-2", "status": "PENDING"});
    let running = json!({"jobId": "b-2", "status": "PROCESSING", "totalRows": 3, "processedRows": 1,
        "successCount": 1, "errorCount": 0, "results": []});
    let server = Server::start([(201, created), (200, running), (404, json!({"message": "no"}))]).await;
    let file = TempFile::new("gone-people.csv", people(3));
    let command = |words: &[&str]| bulkrail(words.iter().copied().chain(["--base-url", &server.url]));
    assert_eq!(state.run(command(&["submit", "killb", file.path()])).await.code, 0);
    let gone = state.run(command(&["wait", "killb", "b-2", "--interval", "20ms..100ms"])).await;
    assert_eq!(gone.code, 7, "{gone:?}");
    let [entry] = &state.list(&[]).await[..] else { panic!() };
    assert_eq!(entry["phase"], "open", "{entry}");
    assert!(entry["advice"].as_str().unwrap().starts_with("it was not found when it was last polled; "), "{entry}");
}

#[tokio::test]
async fn unknown_note_without_a_key_stays_when_the_same_file_is_submitted_again() {
    let state = State::new();
    let created = json!({"jobId": "b-2", "status": "PENDING"});
    let server = Server::start([(502, json!({})), (201, created)]).await;
    let file = TempFile::new("twice-people.csv", people(3));
    let submit = || bulkrail(["submit", "killb", file.path(), "--base-url", &server.url]);
    assert_eq!(state.run(submit()).await.code, 9);
    assert_eq!(state.run(submit()).await.code, 0);
    let [unknown, open] = &state.list(&["--open"]).await[..] else { panic!() };
    assert_eq!(
        (&unknown["phase"], &open["phase"], &open["batch"]["id"]),
        (&json!("submitting"), &json!("open"), &json!("b-2"))
    );
    assert!(unknown["advice"].as_str().unwrap().contains("submitted again as b-2"), "{unknown}");
}

#[tokio::test]
async fn advice_about_an_unknown_submit_to_killb_compares_its_rows() {
    let sandbox = Sandbox::builder().seed(7).speed(600.0).start().await.unwrap();
    let (other, state) = (State::new(), State::new());
    let file = TempFile::new("it's a $file.csv", people(6));
    let url = sandbox.base_url("killb").unwrap();
    let note = json!({
        "note": "n-1", "provider": "killb", "environment": url.trim_end_matches("/killb"), "base_url": url,
        "file": file.path(), "bytes": 1, "sha256": "00", "begun_at": "2026-01-01T00:00:00Z",
    });
    fs::write(state.notes(), format!("{note}\n")).unwrap();
    let [entry] = &state.list(&["--open"]).await[..] else { panic!() };
    assert_eq!(entry["phase"], "submitting");
    let advised = format!("bulkrail {}", command(entry));
    let before = sandbox.stats("killb").requests;
    let as_printed = shell(&state, &sandbox, &advised).await;
    assert_eq!((as_printed.code, sandbox.stats("killb").requests), (2, before), "{as_printed:?}");
    assert!(as_printed.stderr.contains("the user id has a character"), "{as_printed:?}");

    let users: Vec<_> = (1..=6).map(|row| Sandbox::killb_user_id(&format!("p{row}@example.com"))).collect();
    let line = format!("{} --json", advised.replace("'USER ID'", &users.join(" --user ")));
    let compare = async || {
        let run = shell(&state, &sandbox, &line).await;
        assert_eq!(run.stderr, "", "{run:?}");
        check(&schemas().await["compare"], &run.document());
        (run.code, run.document())
    };
    let (code, nothing) = compare().await;
    assert_eq!((code, &nothing["existing"], &nothing["missing"]), (3, &json!(0), &json!(6)), "{nothing}");

    // The submit whose response was lost: another process has made it.
    let submitted = |rows: &str| rows.matches("succeeded").count();
    for accounts in 1..=2 {
        let args = ["submit", "killb", file.path(), "--json"];
        let batch = other.run(at(&sandbox, args)).await.document();
        let id = batch["id"].as_str().unwrap();
        let wait = ["wait", "killb", id, "--quiet"].into_iter().chain(QUICK);
        other.run(at(&sandbox, wait)).await;
        let rows = other.run(at(&sandbox, ["rows", "killb", id, "--format", "csv"])).await.stdout;
        let (code, compared) = compare().await;
        assert_eq!(compared["existing"], submitted(&rows), "{rows}");
        assert_eq!(compared["missing"], 6 - submitted(&rows));
        for row in compared["rows"].as_array().unwrap() {
            let account = row["accounts"][0]["id"].as_str();
            let is_there = account.is_none_or(|account| accounts == 2 || rows.contains(account));
            assert!(is_there && [0, accounts].contains(&row["accounts"].as_array().unwrap().len()), "{row}");
        }
        let is_complete = accounts == 1 && submitted(&rows) == 6;
        assert_eq!(code, if is_complete { 0 } else { 3 });
        assert_eq!(compared["duplicates"], if accounts == 2 { submitted(&rows) } else { 0 });
    }
    assert_eq!(sandbox.stats("killb").batches_created, 2, "comparing submits nothing");
}

#[tokio::test]
async fn retried_key_settles_the_notes_before_it() {
    let sandbox = sandbox().await;
    let file = TempFile::new("it's a $KEY.csv", import(&["e-1".to_owned()]));
    let note = |key: &str, number: usize, state: &State| {
        let url = sandbox.base_url("reap").unwrap();
        let origin = url.trim_end_matches("/reap");
        let note = json!({
            "note": format!("n-{key}-{number}"), "provider": "reap", "environment": origin, "base_url": url, "key": key,
            "file": file.path(), "bytes": 1, "sha256": "00", "begun_at": "2026-01-01T00:00:00Z",
        });
        let lines = fs::read_to_string(state.notes()).unwrap_or_default();
        fs::write(state.notes(), format!("{lines}{note}\n")).unwrap();
    };
    // The provider has the batch: a conflict says so, and does not tell its id.
    let (other, state) = (State::new(), State::new());
    assert_eq!(other.run(at(&sandbox, ["submit", "reap", file.path(), "--key", "k '1"])).await.code, 0);
    note("k '1", 1, &state);
    let [entry] = &state.list(&["--open"]).await[..] else { panic!() };
    assert_eq!(entry["phase"], "submitting");
    let again = shell(&state, &sandbox, &format!("bulkrail {}", command(entry))).await;
    assert!(again.stderr.contains("k '1"), "{again:?}");
    let [entry] = &state.list(&["--open"]).await[..] else { panic!() };
    assert_eq!(
        (&entry["phase"], &entry["batch"]["id"], &entry["batch"]["key"]),
        (&json!("open"), &Value::Null, &json!("k '1"))
    );
    assert!(entry["advice"].as_str().unwrap().contains("does not tell its id"), "{entry}");
    assert_eq!(sandbox.stats("reap").batches_created, 1);

    // Once its id is found out, the advice closes it.
    let id = other.list(&[]).await[0]["batch"]["id"].as_str().unwrap().to_owned();
    let advice = entry["advice"].as_str().unwrap();
    let line = advice.split_once(": echo ").unwrap().1.replace("\"ID\"", &format!("\"{id}\""));
    let waited = shell(&state, &sandbox, &format!("echo {line} --json --interval 20ms..100ms")).await;
    assert_eq!(waited.document()["batch"]["id"], id.as_str(), "{waited:?}");
    let [entry] = &state.list(&[]).await[..] else { panic!() };
    assert_eq!((&entry["phase"], &entry["batch"]["id"]), (&json!("ended"), &json!(id)));

    // The provider does not have it: the retry makes the batch, and settles all notes of the key.
    note("k-2", 1, &state);
    note("k-2", 2, &state);
    let open = state.list(&["--open"]).await;
    assert_eq!(open.len(), 2);
    let again = shell(&state, &sandbox, &format!("bulkrail {}", command(&open[0]))).await;
    assert_eq!(again.code, 0, "{again:?}");
    let [entry] = &state.list(&["--open"]).await[..] else { panic!() };
    assert_eq!((&entry["phase"], &entry["batch"]["key"]), (&json!("open"), &json!("k-2")));
    assert!(entry["batch"]["id"].is_string());
}

#[tokio::test]
async fn refused_submission_is_not_listed() {
    let state = State::new();
    let server = Server::always(400, json!({"message": "no"})).await;
    let file = TempFile::new("refused-people.csv", people(3));
    let refused = state.run(bulkrail(["submit", "killb", file.path(), "--base-url", &server.url])).await;
    assert_eq!(refused.code, 1);
    assert_eq!(state.records().await, [] as [Value; 0], "it was noted, and the note was removed");
    assert_eq!(state.list(&[]).await, [] as [Value; 0]);
}

#[tokio::test]
async fn wait_whose_deadline_passes_gave_up_until_the_end_is_seen() {
    let state = State::new();
    let created = json!({"jobId": "b-1", "status": "PENDING"});
    let server = Server::start([(201, created), (200, killb("PROCESSING", [3, 1, 1, 0]))]).await;
    let file = TempFile::new("gave-up.csv", people(3));
    let args = ["run", "killb", file.path(), "--json", "--deadline", "200ms", "--base-url", &server.url];
    assert_eq!(state.run(bulkrail(args.into_iter().chain(QUICK))).await.code, 5);
    let [entry] = &state.list(&["--open"]).await[..] else { panic!() };
    assert_eq!((&entry["phase"], &entry["provider_status"]), (&json!("gave_up"), &json!("PROCESSING")));
    assert_eq!(command(entry), format!("wait killb b-1 --base-url {}", server.url));
    let status = ["status", "killb", "b-1", "--json", "--base-url", &server.url];
    assert_eq!(state.run(bulkrail(status)).await.code, 0);
    assert_eq!(state.list(&["--open"]).await[0]["phase"], "open");
    server.respond_with(200, killb("FAILED", [3, 3, 0, 3]));
    assert_eq!(state.run(bulkrail(status)).await.code, 4);
    let [entry] = &state.list(&[]).await[..] else { panic!() };
    assert_eq!((&entry["phase"], &entry["outcome"]), (&json!("ended"), &json!("failed")));
    assert_eq!(command(entry), format!("rows killb b-1 --failed --base-url {}", server.url));
    // A batch that was not submitted from here is polled, and not listed.
    let other = ["status", "killb", "b-9", "--json", "--base-url", &server.url];
    assert_eq!(state.run(bulkrail(other)).await.code, 4);
    assert_eq!(state.list(&[]).await.len(), 1);
}

#[tokio::test]
async fn localpayment_note_has_the_id_and_is_waited_for() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let file = TempFile::new("lp-note.csv", accounts(10));
    let submit = ["submit", "localpayment", file.path(), "--key", "lp-1", "--json"].into_iter().chain(ACCOUNT);
    assert_eq!(state.run(at(&sandbox, submit)).await.code, 0);
    // As a kill before the response leaves it.
    let [record] = &state.records().await[..] else { panic!() };
    let mut note = record["order"].clone();
    note.as_object_mut().unwrap().remove("is_confirmed");
    note["note"] = json!("n-1");
    let state = State::new();
    fs::write(state.notes(), format!("{note}\n")).unwrap();
    let copy = TempFile::new("lp-note.jsonl", format!("{note}\n"));
    let [entry] = &state.list(&[]).await[..] else { panic!() };
    assert_eq!((&entry["phase"], &entry["batch"]["id"]), (&json!("submitting"), &json!("lp-1")));
    let wait = ["wait", "--json", "--batch", copy.path()];
    let waited = state.run(at(&sandbox, wait.into_iter().chain(QUICK))).await;
    assert_eq!(waited.document()["batch"]["id"], "lp-1", "{waited:?}");
    assert_eq!(state.list(&[]).await[0]["phase"], "ended");
}

/// Returns the lines that earlier versions wrote for a batch.
pub(crate) fn old_lines(note: &str, file: &str, batch: &Value) -> String {
    let mut begun = json!({
        "note": note, "file": file, "bytes": 1, "sha256": "00", "begun_at": batch["submitted_at"],
    });
    let mut settled = batch.clone();
    settled["note"] = json!(note);
    for field in ["provider", "environment", "key"] {
        begun[field] = batch[field].clone();
    }
    format!("{begun}\n{settled}\n")
}

#[tokio::test]
async fn torn_lines_are_skipped_and_never_glued_to_the_next() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let file = TempFile::new("torn-people.csv", people(3));
    let submit = async || State::new().run(at(&sandbox, ["submit", "killb", file.path(), "--json"])).await.document();
    let (first, second) = (submit().await, submit().await);
    // Torn in the middle of a line, as by a full disk or a kill, in bytes that are not UTF-8.
    let mut torn = old_lines("n-1", file.path(), &first).into_bytes();
    torn.extend_from_slice(b"{\"note\":\"x\",\"provider\":\"killb\",\"file\":\"/\xc3\n");
    torn.extend_from_slice(old_lines("n-2", file.path(), &second).as_bytes());
    fs::write(state.notes(), &torn).unwrap();

    let notes = state.notes();
    let wait = ["wait", "--batch", notes.to_str().unwrap(), "--json"];
    let waited = State::new().run(at(&sandbox, wait.into_iter().chain(QUICK))).await;
    assert!(waited.stderr.contains(": line 3 is not a document"), "{waited:?}");
    let ids: Vec<_> =
        waited.document().as_array().unwrap().iter().map(|result| result["batch"]["id"].clone()).collect();
    assert_eq!(ids, [first["id"].clone(), second["id"].clone()]);

    let list = state.run(bulkrail(["list", "--json"])).await;
    let warning = format!("warning: {}: line 3 is not a document; it is skipped\n", state.notes().display());
    assert_eq!((list.code, list.stderr.as_str()), (0, warning.as_str()));
    let ids: Vec<_> = list.document().as_array().unwrap().iter().map(|entry| entry["batch"]["id"].clone()).collect();
    assert_eq!(ids, [first["id"].clone(), second["id"].clone()]);
    // Once: the file was imported.
    assert_eq!(state.list(&[]).await.len(), 2);
    // A file of one's own is still refused as a whole.
    let own = TempFile::new("torn-own.jsonl", format!("{first}\n{{\"provider\":\"kil"));
    let refused = state.run(at(&sandbox, ["wait", "--batch", own.path()])).await;
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[tokio::test]
async fn processes_at_the_same_time_note_every_batch() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let file = TempFile::new("at-once.csv", people(3));
    let submit = async || state.run(at(&sandbox, ["submit", "killb", file.path(), "--json"])).await;
    let runs = tokio::join!(submit(), submit(), submit(), submit(), submit(), submit());
    let runs = [runs.0, runs.1, runs.2, runs.3, runs.4, runs.5];
    assert!(runs.iter().all(|run| (run.code, run.stderr.as_str()) == (0, "")), "{runs:?}");
    let mut ids = runs.map(|run| run.document()["id"].clone()).to_vec();
    let mut listed: Vec<_> = state.list(&["--open"]).await.iter().map(|entry| entry["batch"]["id"].clone()).collect();
    for ids in [&mut ids, &mut listed] {
        ids.sort_by_key(Value::to_string);
    }
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn full_disk_spoils_no_record_and_warns_also_with_json_and_quiet() {
    let (state, sandbox) = (State::new(), sandbox().await);
    let file = TempFile::new("full-people.csv", people(3));
    let submit = || at(&sandbox, ["submit", "killb", file.path(), "--json", "--quiet"]);
    let first = state.run(submit()).await.document();
    // Nothing can be written behind the first KiB.
    let limited = format!("trap '' XFSZ; ulimit -f 2; exec \"$0\" submit killb {} --json --quiet", file.path());
    let mut command = submit();
    let program = command.as_std().get_program().to_owned();
    let variables: Vec<_> =
        command.as_std().get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    command = Command::new("sh");
    command.arg("-c").arg(limited).arg(program).env_clear().kill_on_drop(true);
    command.envs(variables.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let full = state.run(command).await;
    assert_eq!(full.code, 0, "{full:?}");
    let warning = "warning: the submission is not recorded in ";
    assert!(full.stderr.starts_with(warning) && full.stderr.lines().count() == 1, "{full:?}");
    // Reading repairs the file.
    assert_eq!(state.list(&[]).await.len(), 1, "what was written was taken back");
    let third = state.run(submit()).await;
    assert_eq!((third.code, third.stderr.as_str()), (0, ""));
    let ids: Vec<_> = state.list(&[]).await.iter().map(|entry| entry["batch"]["id"].clone()).collect();
    assert_eq!(ids, [first["id"].clone(), third.document()["id"].clone()]);
}

#[tokio::test]
async fn lines_of_earlier_versions_remain_readable() {
    let state = State::new();
    let lines = [
        json!({"provider": "reap", "key": "k-1"}),
        json!({"provider": "reap", "id": "b-1", "key": "k-1", "submitted_at": "2026-01-01T00:00:00Z"}),
        json!({"provider": "reap", "key": "k-2"}),
        json!({"provider": "reap", "key": "k-2", "submitted": false}),
        json!({"provider": "reap", "key": "k-3"}),
        json!({"provider": "killb", "id": "b-2", "key": null, "submitted_at": null, "environment": "production"}),
        json!({"provider": "cdq", "id": "b-3", "key": null, "submitted_at": null, "environment": "sandbox"}),
    ];
    fs::write(state.notes(), lines.map(|line| format!("{line}\n")).concat()).unwrap();
    let listed = state.list(&[]).await;
    let shown: Vec<_> =
        listed.iter().map(|entry| [&entry["batch"]["id"], &entry["batch"]["key"], &entry["phase"]]).collect();
    let (open, null) = (json!("open"), Value::Null);
    let expected = [
        [&json!("b-1"), &json!("k-1"), &open],
        [&null, &json!("k-3"), &json!("submitting")],
        [&json!("b-2"), &null, &open],
        [&json!("b-3"), &null, &open],
    ];
    assert_eq!(shown, expected);
    assert!(listed[1]["advice"].as_str().unwrap().ends_with("makes no second batch (--key k-3)"), "{}", listed[1]);
    assert_eq!(command(&listed[2]), "wait killb b-2 --production");
    // A variable for another address does not mislead the command.
    let mut list = bulkrail(["list", "--json"]);
    list.env("CDQ_BASE_URL", "http://127.0.0.1:1");
    let list = state.run(list).await.document();
    assert_eq!(list[3]["advice"], "wait for its end: env -u CDQ_BASE_URL bulkrail wait cdq b-3");
}

#[tokio::test]
async fn table_fits_eighty_columns_but_for_commands_and_names() {
    let (state, sandbox) = (State::new(), sandbox().await);
    for name in ["wide-1", "wide-2"] {
        let file = TempFile::new(&format!("{name}.csv"), people(3));
        assert_eq!(state.run(at(&sandbox, ["submit", "killb", file.path()])).await.code, 0);
    }
    let server = BrokenServer::start("").await;
    let file = TempFile::new("wide-3.csv", people(3));
    assert_eq!(state.run(bulkrail(["submit", "killb", file.path(), "--base-url", &server.url])).await.code, 9);
    let list = state.run(bulkrail(["list"])).await;
    for line in list.stdout.lines().filter(|line| !line.contains("bulkrail") && !line.contains(".csv")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(list.stdout.contains("submitting") && list.stdout.contains(" file "), "{}", list.stdout);
}

fn mode(file: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn state_files_that_are_not_files_neither_hang_nor_fail_a_command() {
    let sandbox = sandbox().await;
    let file = TempFile::new("pipes-people.csv", people(3));
    for name in ["bulkrail.redb", "bulkrail.redb.holder", "submitted.jsonl", "history.json", "history.lock"] {
        for kind in ["pipe", "directory", "device"] {
            let state = State::new();
            match kind {
                "pipe" => {
                    assert!(std::process::Command::new("mkfifo").arg(state.file(name)).status().unwrap().success())
                }
                "directory" => fs::create_dir(state.file(name)).unwrap(),
                _ => std::os::unix::fs::symlink("/dev/full", state.file(name)).unwrap(),
            }
            let args = ["run", "killb", file.path(), "--json", "--quiet"];
            let run = state.run(at(&sandbox, args.into_iter().chain(QUICK))).await;
            assert!(run.document()["outcome"].is_string(), "{name} {kind}: {run:?}");
            if name == "bulkrail.redb" {
                assert!(run.stderr.starts_with("warning: the submission is not recorded in "), "{kind}: {run:?}");
                let list = state.run(bulkrail(["list"])).await;
                assert_eq!(list.code, 2, "{list:?}");
            } else if name == "submitted.jsonl" {
                let warning = format!("warning: {} is not imported: it is not a file\n", state.notes().display());
                assert_eq!(run.stderr, warning, "{kind}");
                let list = state.run(bulkrail(["list", "--json"])).await;
                assert_eq!((list.code, list.document().as_array().unwrap().len()), (0, 1), "{kind}");
            } else {
                assert_eq!(run.stderr, "", "{name} {kind}");
                assert_eq!(state.list(&[]).await.len(), 1, "{name} {kind}");
            }
        }
    }
    let state = State(state());
    fs::create_dir_all(&state.0).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(state.0.join("bulkrail")).status().unwrap().success());
    let run = state.run(at(&sandbox, ["submit", "killb", file.path(), "--json"])).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.starts_with("warning: the submission is not recorded in "), "{run:?}");
}

#[tokio::test]
async fn drift_report_is_private_and_a_file_that_exists_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;

    let server = Server::always(200, killb("COMPLETED", [9, 9, 9, 0])).await;
    let directory = State::new();
    let (new, old) = (directory.file("new.jsonl"), directory.file("old.jsonl"));
    fs::write(&old, "").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).unwrap();
    for (file, expected) in [(&new, 0o600), (&old, 0o644)] {
        let args = ["wait", "killb", "b-1", "--base-url", &server.url, "--drift-report", file.to_str().unwrap()];
        assert_eq!(finish(bulkrail(args)).await.code, 0);
        assert_eq!((mode(file), fs::metadata(file).unwrap().len() > 0), (expected, true));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn path_that_is_not_unicode_is_not_noted() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;

    let (state, sandbox) = (State::new(), sandbox().await);
    let file = state.file("x").with_file_name(OsStr::from_bytes(b"p\xff.csv"));
    fs::write(&file, people(3)).unwrap();
    let args = ["submit", "killb", "--base-url", &sandbox.base_url("killb").unwrap(), "--json"].map(OsString::from);
    let mut command = bulkrail(args.into_iter().chain([file.into_os_string()]));
    command.env_remove("KILLB_ACCESS_TOKEN").envs(sandbox.credentials("killb").iter().copied());
    let submitted = state.run(command).await;
    assert_eq!(submitted.code, 0, "{submitted:?}");
    let [entry] = &state.list(&[]).await[..] else { panic!() };
    assert_eq!((&entry["batch"]["id"], &entry["file"]), (&submitted.document()["id"], &Value::Null));
}
