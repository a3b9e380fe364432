//! `bulkrail specs`.

use std::path::{Path, PathBuf};

use bulkrail_codegen::Spec;
use bulkrail_sandbox::{Faults, Sandbox};
use serde_json::{Value, json};

use crate::fixtures::people;
use crate::support::{QUICK, TempFile, at, bulkrail, finish, run};

const PROVIDERS: [&str; 4] = ["killb", "reap", "cdq", "localpayment"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn spec(provider: &str) -> PathBuf {
    root().join(format!("specs/{provider}.yaml"))
}

#[tokio::test]
async fn specs_lint_accepts_maintained_specs() {
    let mut lint = bulkrail(["specs", "lint"]);
    lint.current_dir(root());
    let lint = finish(lint).await;
    assert_eq!((lint.code, lint.stdout.as_str(), lint.stderr.as_str()), (0, "", ""));
}

#[tokio::test]
async fn specs_lint_prints_file_and_line_of_error() {
    let text = std::fs::read_to_string(spec("reap")).unwrap();
    let broken = text.replacen("operationId: get_entity", "operationId: getEntity", 1);
    let line = 1 + broken.lines().position(|line| line.contains("getEntity")).unwrap();
    let file = TempFile::new("broken.yaml", &broken);
    let lint = run(["specs", "lint", file.path()]).await;
    assert_eq!((lint.code, lint.stderr.as_str()), (3, ""), "{lint:?}");
    // The operation begins on the line before its id.
    assert!(lint.stdout.starts_with(&format!("{}:{}: /paths/", file.path(), line - 1)), "{lint:?} {line}");
    assert!(lint.stdout.contains("getEntity") && lint.stdout.lines().count() == 1, "{lint:?}");

    let file = TempFile::new("no.yaml", "a: 1\nb: [");
    let lint = run(["specs", "lint", file.path()]).await;
    assert_eq!(lint.code, 3, "{lint:?}");
    assert!(lint.stdout.starts_with(&format!("{}:", file.path())), "{lint:?}");
}

/// Returns a temporary directory with a copy of `specs`.
fn copied(name: &str) -> PathBuf {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
            if from.is_dir() { copy(&from, &to) } else { std::fs::write(to, std::fs::read(from).unwrap()).unwrap() }
        }
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    copy(&root().join("specs"), &directory.join("specs"));
    directory
}

#[tokio::test]
async fn specs_lint_checks_examples_pages_and_accepted_differences() {
    let directory = copied("lint");
    let edit = |file: &str, from: &str, to: &str| {
        let file = directory.join("specs").join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(file, text.replacen(from, to, 1)).unwrap();
    };
    let lint = async |args: &[&str]| {
        let mut lint = bulkrail(["specs", "lint"].iter().chain(args).copied());
        lint.current_dir(&directory);
        let lint = finish(lint).await;
        assert_eq!(lint.stderr, "", "{lint:?}");
        (lint.code, lint.stdout)
    };
    assert_eq!(lint(&[]).await, (0, String::new()));

    edit("cdq.yaml", "example: '2025-08-29T09:46:42Z'", "example: 2025");
    edit("pages/reap/batch-status.txt", "failedRecords", "rejectedRecords");
    edit("pages/reap/batch-status.txt", "failedRecords", "rejectedRecords");
    edit("accepted-differences.yaml", "- provider: localpayment", "- provider: localpaiment");
    let (code, errors) = lint(&[]).await;
    assert_eq!(code, 3);
    for part in [
        "/components/schemas/Job/properties/createdAt/example: does not match its schema: 2025 is not of type",
        "specs/reap.yaml:",
        "/components/schemas/BatchStatus/properties/rejectedRecords: `rejectedRecords` in the 200 response is new",
        "(specs/pages/reap/batch-status.txt:",
        "specs/accepted-differences.yaml:36: /3: this provider does not have a spec",
        "specs/localpayment.yaml:",
    ] {
        assert!(errors.contains(part), "{part}\n{errors}");
    }
    // A single spec is compared with its own pages.
    let (code, one) = lint(&["specs/reap.yaml"]).await;
    assert_eq!(code, 3);
    assert!(one.lines().all(|line| line.starts_with("specs/reap.yaml:")) && !one.is_empty(), "{one}");
    assert_eq!(lint(&["specs/killb.yaml"]).await, (0, String::new()));

    // The error concerns several specs and is printed once.
    std::fs::write(directory.join("specs/accepted-differences.yaml"), "- provider: reap\n").unwrap();
    let (_, errors) = lint(&[]).await;
    assert_eq!(
        errors.matches("specs/accepted-differences.yaml:1: /0: needs `format`, a string").count(),
        1,
        "{errors}"
    );
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn specs_lint_needs_no_page_archive() {
    let directory = copied("own");
    std::fs::remove_dir_all(directory.join("specs/pages")).unwrap();
    let mut own = bulkrail(["specs", "lint"]);
    own.current_dir(&directory);
    let own = finish(own).await;
    assert_eq!((own.code, own.stdout.as_str(), own.stderr.as_str()), (0, "", ""));
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn specs_commands_exit_2_for_missing_files() {
    let mut nowhere = bulkrail(["specs", "lint"]);
    nowhere.current_dir(env!("CARGO_TARGET_TMPDIR"));
    let page = TempFile::new("page.json", "{}");
    for command in [
        nowhere,
        bulkrail(["specs", "lint", "no-such-file.yaml"]),
        bulkrail(["specs", "lint", env!("CARGO_TARGET_TMPDIR")]),
        bulkrail(["specs", "suggest", "no-such-file.jsonl"]),
        bulkrail(["specs", "suggest", page.path()]),
        bulkrail(["specs", "diff", "reap", "no-such-page.md"]),
    ] {
        let run = finish(command).await;
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.starts_with("error: "), "{run:?}");
    }
}

#[tokio::test]
async fn specs_diff_finds_nothing_between_spec_and_itself() {
    for provider in PROVIDERS {
        let document = Spec::load(spec(provider)).unwrap().document;
        let page = TempFile::new(&format!("{provider}-page.json"), document.to_string());
        let diff = run(["specs", "diff", provider, page.path()]).await;
        assert_eq!((diff.code, diff.stderr.as_str()), (0, ""), "{diff:?}");
        let diff = run(["specs", "diff", provider, page.path(), "--json"]).await;
        let found = diff.document();
        assert_eq!((diff.code, &found["unaccepted"]), (0, &json!(0)), "{diff:?}");
        assert!(!found["compared"].as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn specs_diff_prints_pointer_of_edited_field() {
    let mut document = Spec::load(spec("reap")).unwrap().document;
    let at = "/components/schemas/BatchStatus/properties/totalRecords";
    document.pointer_mut(at).unwrap()["type"] = json!("string");
    document.pointer_mut(at).unwrap().as_object_mut().unwrap().remove("example");
    let page = TempFile::new("edited.json", document.to_string());
    let own = spec("reap");
    let other = TempFile::new("spec-elsewhere.yaml", std::fs::read_to_string(&own).unwrap());
    let accepted = root().join("specs/accepted-differences.yaml");
    let built_in: &[&str] = &[];
    for options in [built_in, &["--spec", other.path(), "--accepted", accepted.to_str().unwrap()]] {
        let args = ["specs", "diff", "reap", page.path()].into_iter().chain(options.iter().copied());
        let text = run(args.clone()).await;
        assert_eq!((text.code, text.stderr.as_str()), (3, ""), "{text:?}");
        assert!(text.stdout.starts_with(&format!("breaking\n  {at}: ")), "{}", text.stdout);
        let json = run(args.chain(["--json"])).await;
        assert_eq!(json.code, 3);
        let found = json.document();
        let of_class = |difference: &&Value| difference["pointer"] == at && difference["class"] == "breaking";
        let difference = found["differences"].as_array().unwrap().iter().find(of_class).unwrap();
        assert_eq!(difference["change"], "type");
        assert!(difference["line"].is_u64());
    }
}

#[tokio::test]
async fn specs_diff_reports_moved_operation_as_breaking() {
    let mut document = Spec::load(spec("cdq")).unwrap().document;
    let paths = document["paths"].as_object_mut().unwrap();
    let job = paths.remove("/bankaccounts/jobs").unwrap();
    paths.insert("/v3/bankaccounts/jobs".to_owned(), job);
    let page = TempFile::new("moved.json", document.to_string());
    let text = run(["specs", "diff", "cdq", page.path()]).await;
    assert_eq!((text.code, text.stderr.as_str()), (3, ""), "{text:?}");
    let line =
        "breaking\n  /paths/~1bankaccounts~1jobs/get: get_job moved: it is GET /v3/bankaccounts/jobs on the page";
    assert!(text.stdout.starts_with(line), "{}", text.stdout);
    let json = run(["specs", "diff", "cdq", page.path(), "--json"]).await;
    let found = json.document();
    assert_eq!((json.code, &found["unaccepted"], &found["not_on_page"]), (3, &json!(1), &json!([])));
    let difference = &found["differences"][0];
    assert_eq!((&difference["class"], &difference["change"]), (&json!("breaking"), &json!("operation-moved")));
}

#[tokio::test]
async fn specs_diff_refuses_text_that_is_not_a_page() {
    for garbage in ["", "KEY=value\n", "<html><body>", "{\"openapi\":", "\0\u{1}"] {
        let page = TempFile::new("garbage-page.txt", garbage);
        let diff = run(["specs", "diff", "killb", page.path()]).await;
        assert_eq!((diff.code, diff.stdout.as_str()), (2, ""), "{garbage:?}: {diff:?}");
        assert_eq!(diff.stderr.lines().count(), 1);
        let diff = run(["specs", "diff", "killb", page.path(), "--json"]).await;
        assert_eq!((diff.code, &diff.error()["error"]["kind"]), (2, &json!("usage")));
    }
}

#[tokio::test]
async fn specs_suggest_proposes_patch_from_drift_reports() {
    let sandbox = Sandbox::builder().speed(20.0).faults(Faults::Drift).start().await.unwrap();
    let rows = TempFile::new("drift-people.csv", people(20));
    let report = TempFile::new("drift.jsonl", "");
    let options = ["--drift-report", report.path(), "--json"];
    let args = ["run", "killb", rows.path()].into_iter().chain(QUICK).chain(options);
    let first = finish(at(&sandbox, args)).await;
    assert!(first.document()["outcome"].is_string(), "{first:?}");
    let submitted = finish(at(&sandbox, ["submit", "killb", rows.path(), "--json"])).await;
    let batch = TempFile::new("drift-batch.json", submitted.stdout.as_str());
    let cdq = finish(at(&sandbox, ["submit", "cdq", "--storage-id", "s", "--json"])).await;
    let many = TempFile::new("drift-batches.jsonl", format!("{}{}", submitted.stdout, cdq.stdout));
    for file in [&batch, &many] {
        let args = ["wait", "--batch", file.path()].into_iter().chain(QUICK).chain(options);
        finish(at(&sandbox, args)).await;
    }

    let text = std::fs::read_to_string(report.path()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses = lines.iter().filter(|line| line["operation"] == "status");
    assert_eq!(statuses.clone().count(), 4, "{text}");
    let first_lines: Vec<_> = lines.iter().take_while(|line| line["operation"] != "rows").collect();
    assert_eq!(first_lines.iter().map(|line| &line["operation"]).collect::<Vec<_>>(), ["submit", "status"]);
    assert_eq!(first_lines[1]["responses"], first.document()["polls"]);
    // The document of the run has the drift of all its lines.
    let pointers = |drift: &Value| -> std::collections::BTreeSet<String> {
        drift.as_array().unwrap().iter().map(|drift| drift["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let reported = lines[..3].iter().flat_map(|line| pointers(&line["drift"])).collect();
    assert_eq!(pointers(&first.document()["drift"]), reported);
    assert!(!text.contains("example.com") && !text.contains(submitted.document()["id"].as_str().unwrap()));

    let suggested = run(["specs", "suggest", report.path()]).await;
    assert_eq!((suggested.code, suggested.stderr.as_str()), (0, ""));
    let answers: u64 =
        statuses.filter(|line| line["provider"] == "killb").filter_map(|line| line["responses"].as_u64()).sum();
    let patch = &suggested.stdout;
    for part in [
        format!("# specs/killb.yaml, status: 3 batches, {answers} responses\n"),
        format!("# unknown_field at /addedLater: seen in {answers} of {answers} responses\n"),
        "/properties\n  add:\n    addedLater:\n      type: string\n".to_owned(),
        "# specs/cdq.yaml, status: 1 batches".to_owned(),
    ] {
        assert!(patch.contains(&part), "{part}\n{patch}");
    }
    // It is YAML, and every place in it is in the spec.
    let entries = Spec::parse("patch.yaml", patch).unwrap().document;
    let specs = PROVIDERS.map(|provider| Spec::load(spec(provider)).unwrap().document);
    for entry in entries.as_array().unwrap() {
        let at = entry["pointer"].as_str().unwrap();
        assert!(specs.iter().any(|spec| spec.pointer(at).is_some()), "{at}");
    }
}

#[tokio::test]
async fn specs_show_prints_the_built_in_spec_byte_for_byte() {
    for (provider, text) in [("killb", bulkrail::specs::KILLB), ("cdq", bulkrail::specs::CDQ)] {
        let shown = run(["specs", "show", provider]).await;
        assert_eq!((shown.code, shown.stdout.as_str(), shown.stderr.as_str()), (0, text, ""));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn specs_commands_exit_2_for_what_is_not_a_regular_file() {
    let pipe = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-specs-pipe", std::process::id()));
    let _ = std::fs::remove_file(&pipe);
    assert!(tokio::process::Command::new("mkfifo").arg(&pipe).status().await.unwrap().success());
    for file in [env!("CARGO_TARGET_TMPDIR"), "/dev/zero", pipe.to_str().unwrap()] {
        for command in [&["lint"][..], &["diff", "reap"], &["suggest"]] {
            let run = run(["specs"].iter().chain(command).copied().chain([file])).await;
            assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{command:?} {run:?}");
            let reason =
                if file == env!("CARGO_TARGET_TMPDIR") { "it is a directory" } else { "it is not a regular file" };
            assert!(run.stderr.contains(&format!("{file} cannot be read: {reason}")), "{command:?} {run:?}");
        }
    }
    std::fs::remove_file(pipe).unwrap();
}

#[tokio::test]
async fn specs_suggest_refuses_a_line_that_does_not_end() {
    let report = TempFile::new("endless.jsonl", vec![b' '; 5 << 20]);
    let run = run(["specs", "suggest", report.path()]).await;
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
    assert!(run.stderr.contains("is longer than 4194304 bytes"), "{run:?}");
}
