//! `--report`: the file, and that the other output stays as it is. `.ci/report` opens pages in a browser.

use std::path::PathBuf;

use bulkrail_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::fixtures::people;
use crate::notes::State;
use crate::server::{Server, killb, reap};
use crate::support::{QUICK, TempFile, at, bulkrail, finish, run};

/// Directory for a page, which is removed when dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn page(&self) -> String {
        self.0.join("report.html").to_str().unwrap().to_owned()
    }

    fn read(&self) -> String {
        std::fs::read_to_string(self.page()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn partial() -> Value {
    let mut job = killb("COMPLETED", [3, 3, 2, 1]);
    job["results"] = json!([
        {"rowNumber": 2, "status": "SUCCESS", "accountId": "a-1", "originalRowData": {"externalId": "ref-2"}},
        {"rowNumber": 3, "status": "ERROR", "error": "=1+1 <b>no</b>", "originalRowData": {"externalId": "ref-3"}},
        {"rowNumber": 4, "status": "SUCCESS", "accountId": "a-2", "originalRowData": {"externalId": "ref-4"}},
    ]);
    job
}

#[tokio::test]
async fn report_that_cannot_be_written_is_refused_before_anything_is_sent() {
    let server = Server::always(200, partial()).await;
    let directory = Directory::new();
    let missing = directory.0.join("missing/report.html");
    let file = TempFile::new("report-people.csv", "externalId,accountType\nref-2,PSE\n");
    for report in ["-", "", directory.0.to_str().unwrap(), missing.to_str().unwrap()] {
        for command in [&["wait", "killb", "b-1"][..], &["rows", "killb", "b-1"], &["run", "killb", file.path()]] {
            let run = run(command.iter().copied().chain(["--base-url", &server.url, "--report", report])).await;
            assert_eq!(run.code, 2, "{command:?} {report}: {}", run.stderr);
            let reasons = ["expected the name of a file", "it is a directory", "its directory does not exist"];
            assert!(reasons.iter().any(|reason| run.stderr.contains(reason)), "{}", run.stderr);
        }
    }
    let demo = run(["demo", "--report", missing.to_str().unwrap()]).await;
    assert_eq!(demo.code, 2, "{}", demo.stderr);
    assert_eq!(server.requests(), [] as [&str; 0]);
    assert!(directory.names().is_empty());
}

#[tokio::test]
async fn wait_report_has_the_rows_that_did_not_succeed_and_leaves_the_document_as_it_is() {
    let server = Server::start([(200, killb("PROCESSING", [3, 1, 1, 0])), (200, partial())]).await;
    let directory = Directory::new();
    let page = directory.page();
    let args = ["wait", "killb", "b-1", "--json", "--base-url", &server.url, "--report", &page];
    let run = run(args.into_iter().chain(QUICK)).await;
    assert_eq!((run.code, run.stderr.as_str()), (3, ""));
    let document = run.document();
    assert_eq!((&document["outcome"], document.get("rows")), (&json!("partial"), None));
    let page = directory.read();
    for part in [
        "<title>killb batch: partial – bulkrail</title>",
        "2 of 3 rows succeeded, 1 failed.",
        "ref-3",
        "=1+1 &lt;b&gt;no&lt;/b&gt;",
        r#"3,ref-3,failed,,\"'=1+1 \u003cb\u003eno\u003c/b\u003e\""#,
        "Correct the 1 row that failed",
        "Progress against time: 2 polls",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("ref-4"), "rows that succeeded are not on the page");
    assert_eq!(directory.names(), ["report.html"]);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(directory.page()).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn report_replaces_no_file_that_is_not_one() {
    let server = Server::always(200, killb("COMPLETED", [3, 3, 3, 0])).await;
    let file = TempFile::new("report-people.csv", people(3));
    for args in [
        &["run", "killb", file.path(), "--report", file.path()][..],
        &["wait", "killb", "b-1", "--report", file.path()],
        &["wait", "killb", "b-1", "--drift-report", file.path()],
    ] {
        let refused = run(args.iter().copied().chain(["--base-url", &server.url])).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
        assert!(refused.stderr.contains("cannot be written: it exists"), "{refused:?}");
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), people(3));
    }
    assert!(server.requests().is_empty(), "it is refused before anything is sent");
}

#[tokio::test]
async fn wait_report_is_written_after_a_deadline_and_after_an_error() {
    let running = killb("PROCESSING", [3, 1, 1, 0]);
    let ends = [
        (200, running, 5, ["end not seen", "1 of 3 rows were processed", "bulkrail wait killb b-1 --base-url"]),
        (401, json!({"message": "no"}), 6, ["end not seen", "Its state was not seen", "Then wait for the batch again"]),
    ];
    for (status, body, code, parts) in ends {
        let server = Server::always(status, body).await;
        let directory = Directory::new();
        std::fs::write(directory.page(), "<!DOCTYPE html><title>of yesterday – bulkrail</title>").unwrap();
        let page = directory.page();
        let args = ["wait", "killb", "b-1", "--deadline", "300ms", "--base-url", &server.url, "--report", &page];
        let run = run(args.into_iter().chain(QUICK)).await;
        assert_eq!(run.code, code, "{}", run.stderr);
        assert!(run.stderr.contains(&format!("report: {page}")), "{}", run.stderr);
        for part in parts {
            assert!(directory.read().contains(part), "{part}: {}", directory.read());
        }
    }
}

#[tokio::test]
async fn wait_report_of_several_batches_has_a_section_for_each() {
    let (killb, reap) =
        (Server::always(200, partial()).await, Server::always(200, reap("completed", [2, 2, 2, 0])).await);
    let directory = Directory::new();
    let lines = r#"{"provider":"reap","id":"r-1"} {"provider":"killb","id":"k-1"}"#;
    let file = TempFile::new("report-batches.jsonl", lines);
    let page = directory.page();
    let mut command = bulkrail(["wait", "--batch", file.path(), "--report", &page].into_iter().chain(QUICK));
    command.env("KILLB_BASE_URL", &killb.url).env("REAP_BASE_URL", &reap.url);
    let run = finish(command).await;
    assert_eq!(run.code, 3, "{}", run.stderr);
    let page = directory.read();
    assert!(page.contains("<title>2 batches: 1 succeeded, 1 partial – bulkrail</title>"), "{page}");
    let (reap, killb) = (page.find("id=\"batch-1\"").unwrap(), page.find("id=\"batch-2\"").unwrap());
    assert!(page[reap..killb].contains("All 2 rows succeeded.") && page[killb..].contains("ref-3"), "{page}");
}

#[tokio::test]
async fn rows_report_has_rows_and_no_progress_and_the_rows_are_printed_as_ever() {
    let server = Server::always(200, partial()).await;
    let directory = Directory::new();
    let page = directory.page();
    let args = ["rows", "killb", "b-1", "--format", "csv", "--base-url", &server.url];
    let plain = run(args).await;
    let with_page = run(args.into_iter().chain(["--report", &page])).await;
    assert_eq!((with_page.code, &with_page.stdout), (0, &plain.stdout));
    let page = directory.read();
    assert!(page.contains("ref-3") && !page.contains("Progress against time") && !page.contains("waited"), "{page}");
    let server = Server::always(404, json!({"message": "no"})).await;
    let args = ["rows", "killb", "b-1", "--base-url", &server.url, "--report", &directory.page()];
    assert_eq!(run(args).await.code, 7);
    assert!(directory.read().contains("killb batch: not found"), "{}", directory.read());
}

#[tokio::test]
async fn run_report_says_what_was_submitted_and_what_was_refused() {
    let sandbox = Sandbox::builder().speed(100.0).start().await.unwrap();
    let directory = Directory::new();
    let page = directory.page();
    let file = crate::fixtures::people(3);
    let file = TempFile::new("report-run.csv", file);
    let args = ["run", "killb", file.path(), "--report", &page];
    let run = finish(at(&sandbox, args.into_iter().chain(QUICK))).await;
    assert!([0, 3, 4].contains(&run.code), "{}", run.stderr);
    assert!(directory.read().contains("<title>killb batch: "), "{}", directory.read());
    assert!(directory.read().contains("<dt>submitted</dt>"));
    let mut command = at(&sandbox, args);
    command.env("KILLB_PASSWORD", "wrong");
    let refused = finish(command).await;
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    assert!(directory.read().contains("killb batch: submit failed"), "{}", directory.read());
    assert!(!directory.read().contains("wrong"));
}

/// Returns the commands of a page.
fn commands(page: &str) -> Vec<String> {
    let commands = page.split("<code tabindex=\"0\">").skip(1).map(|rest| rest.split("</code>").next().unwrap());
    let entities = [("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    commands.map(|text| entities.iter().fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c))).collect()
}

#[cfg(unix)]
#[tokio::test]
async fn command_of_a_page_writes_the_next_file_in_a_shell() {
    let server = Server::always(200, partial()).await;
    let directory = Directory::new();
    let people = directory.0.join("Ann's people.csv");
    std::fs::write(&people, "externalId,accountType\nref-2,PSE\nref-3,PSE\nref-4,PSE\n").unwrap();
    let page = directory.page();
    let args = ["rows", "killb", "b-1", "--submitted", people.to_str().unwrap(), "--report", &page];
    let run = run(args.into_iter().chain(["--base-url", &server.url])).await;
    assert_eq!(run.code, 0, "{run:?}");
    let [retry] = &commands(&directory.read())[..] else { panic!("{}", directory.read()) };
    assert!(retry.starts_with("bulkrail retry killb b-1 --submitted ") && retry.ends_with(&server.url), "{retry}");
    let mut shell = tokio::process::Command::new("sh");
    shell.arg("-c").arg(retry.replacen("bulkrail", env!("CARGO_BIN_EXE_bulkrail"), 1)).env_clear();
    shell.env("KILLB_ACCESS_TOKEN", "test-token").env("XDG_STATE_HOME", crate::support::state()).kill_on_drop(true);
    let retried = finish(shell).await;
    assert_eq!(retried.code, 0, "{retried:?}");
    let next = std::fs::read_to_string(directory.0.join("Ann's people-retry.csv")).unwrap();
    assert_eq!(next, "externalId,accountType\nref-3,PSE\n");
}

#[tokio::test]
async fn wait_report_reads_the_rows_with_the_file_of_the_list_while_it_is_unchanged() {
    let (state, directory) = (State::new(), Directory::new());
    let sandbox = Sandbox::builder().speed(100.0).seed(7).start().await.unwrap();
    let file = directory.0.join("accounts.csv");
    std::fs::write(&file, crate::fixtures::accounts(40)).unwrap();
    let account = ["--account-number", "484.484.00000011", "--country", "MEX", "--json"];
    let submit = ["submit", "localpayment", file.to_str().unwrap()];
    let batch = state.run(at(&sandbox, submit.into_iter().chain(account))).await.document();
    let id = batch["id"].as_str().unwrap();
    let page = directory.page();
    let wait = || at(&sandbox, ["wait", "localpayment", id, "--report", &page].into_iter().chain(QUICK));
    let first = state.run(wait()).await;
    assert_eq!(first.code, 3, "the seed leaves rows out: {first:?}");
    let path = file.to_str().unwrap();
    assert!(directory.read().contains("data-outcome=\"unaccounted\""), "{}", directory.read());
    let found = commands(&directory.read());
    assert!(
        found[0].contains(&format!("--submitted {path} --out ")) && found[0].contains("--unaccounted"),
        "{found:?}"
    );

    std::fs::write(&file, "externalId\nother\n").unwrap();
    assert_eq!(state.run(wait()).await.code, 3);
    let changed = directory.read();
    assert!(changed.contains(&format!("{path} is not as it was submitted.")), "{changed}");
    assert!(!changed.contains("data-outcome=") && commands(&changed)[0].starts_with("bulkrail rows localpayment"));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(state.run(wait()).await.code, 3);
    assert!(directory.read().contains("is not there any more."), "{}", directory.read());
    // From elsewhere, nothing is known of the file.
    let elsewhere = State::new().run(wait()).await;
    assert_eq!(elsewhere.code, 3, "{elsewhere:?}");
    assert!(directory.read().contains("The file that was submitted is not known here."), "{}", directory.read());
    assert!(directory.read().contains("--submitted FILE --out NEXT --unaccounted"), "{}", directory.read());
}

#[tokio::test]
async fn resume_report_has_a_section_for_each_batch_also_for_one_that_has_ended() {
    let (state, directory) = (State::new(), Directory::new());
    let job = |id: &str| {
        let mut job = partial();
        job["jobId"] = json!(id);
        job
    };
    let created = |id: &str| (201, json!({"jobId": id, "status": "PENDING"}));
    let server = Server::start([created("b-1"), (200, job("b-1"))]).await;
    let second = Server::start([created("b-2"), (200, job("b-2"))]).await;
    let file = TempFile::new("report-resume.csv", "externalId,accountType\nref-2,PSE\nref-3,PSE\nref-4,PSE\n");
    for server in [&server, &second] {
        let submit = ["submit", "killb", file.path(), "--base-url", &server.url];
        assert_eq!(state.run(bulkrail(submit)).await.code, 0);
    }
    let page = directory.page();
    let resume = |names: &[&'static str]| {
        bulkrail(["resume", "--report", &page].into_iter().chain(QUICK).chain(names.iter().copied()))
    };
    let all = state.run(resume(&[])).await;
    assert_eq!(all.code, 3, "{all:?}");
    assert!(all.stderr.contains(&format!("report: {page}")), "{all:?}");
    let html = directory.read();
    assert!(html.contains("<title>2 batches: 2 partial – bulkrail</title>"), "{html}");
    assert_eq!(html.matches("data-outcome=\"failed\"").count(), 2, "{html}");
    let found = commands(&html);
    assert!(found[0].contains(&server.url) && found[1].contains(&second.url), "each at its address: {found:?}");
    // It has ended: its rows are read.
    let named = state.run(resume(&["b-2"])).await;
    assert_eq!(named.code, 3, "{named:?}");
    let html = directory.read();
    assert!(html.contains("<title>killb batch: partial") && html.contains("ref-3"), "{html}");
    // A page that is there is not replaced by an empty one.
    let nothing = state.run(resume(&[])).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, "nothing is open\n"), "{nothing:?}");
    assert!(nothing.stderr.contains(&format!("{page} is not written: it would have no batch")), "{nothing:?}");
    assert_eq!(directory.read(), html);
    let missing = directory.0.join("missing/report.html");
    let refused = state.run(bulkrail(["resume", "--report", missing.to_str().unwrap()])).await;
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[tokio::test]
async fn drift_report_is_neither_a_file_of_the_command_nor_another_json_file() {
    let json = TempFile::new("drift-submitted.json", "{\"externalId\": \"b-1\",\n \"accounts\": []}\n");
    let batch = TempFile::new("drift-batch.json", r#"{"provider":"killb","id":"b-1"}"#);
    let (report, page) = (TempFile::new("drift-empty.jsonl", ""), format!("{}.html", batch.path()));
    let url = ["--base-url", "http://127.0.0.1:1"];
    for (args, drift, reason) in [
        (&["run", "localpayment", json.path()][..], json.path(), "it is also the file of FILE"),
        (&["wait", "killb", "b-1"], json.path(), "it exists and is not a drift report"),
        (&["wait", "--batch", batch.path()], batch.path(), "it is also the file of --batch"),
        (&["wait", "killb", "b-1", "--report", &page], &page, "it is also the file of --report"),
        (&["resume", "--report", report.path()], report.path(), "it is also the file of --report"),
    ] {
        let content = std::fs::read(drift).ok();
        let more = if args[0] == "resume" { &[][..] } else { &url[..] };
        let run = run(args.iter().chain(more).copied().chain(["--drift-report", drift])).await;
        assert!(run.code == 2 && run.stderr.contains(reason), "{args:?} {run:?}");
        assert_eq!(std::fs::read(drift).ok(), content, "{args:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn drift_report_that_is_a_pipe_is_refused_before_it_is_opened() {
    let pipe = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-drift-pipe", std::process::id()));
    let _ = std::fs::remove_file(&pipe);
    assert!(tokio::process::Command::new("mkfifo").arg(&pipe).status().await.unwrap().success());
    let args = ["wait", "killb", "b-1", "--base-url", "http://127.0.0.1:1", "--drift-report", pipe.to_str().unwrap()];
    let run = run(args).await;
    assert!(run.code == 2 && run.stderr.contains("it is not a regular file"), "{run:?}");
    std::fs::remove_file(pipe).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn report_may_have_a_name_that_is_not_unicode() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;

    let mut page = OsString::from(crate::support::state());
    std::fs::create_dir_all(&page).unwrap();
    page.push(OsStr::from_bytes(b"/r\xff.html"));
    let server = Server::always(200, killb("COMPLETED", [1, 1, 1, 0])).await;
    let args = ["wait", "killb", "b-1", "--base-url", &server.url, "--report"].map(OsString::from);
    let run = crate::support::finish(crate::support::bulkrail(args.into_iter().chain([page.clone()]))).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert!(std::path::Path::new(&page).exists());
}
