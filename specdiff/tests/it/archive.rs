//! The pages that are kept beside the specs: what a spec has and no page says, what explains nothing, and
//! what lies around.

use std::fs;
use std::path::{Path, PathBuf};

use bulkrail_codegen::Spec;
use bulkrail_specdiff::{Explained, Page, Saved, strays};

use crate::support::{PAGES, edited, explained, spec, text};

pub(crate) type Edits<'a> = &'a [(&'a str, &'a str)];

/// The pages of `provider` under the names that they have, one of them edited.
pub(crate) fn pages(provider: &str, changed: &str, edits: Edits<'_>) -> Vec<(PathBuf, Page)> {
    let own = PAGES.iter().filter(|(other, ..)| *other == provider);
    let read = own.map(|(_, page, _)| {
        let text = edited(&text(page), if *page == changed { edits } else { &[] });
        let file = PathBuf::from(format!("specs/pages/{page}.txt"));
        let page = Page::parse(&file, &text).unwrap_or_else(|error| panic!("{error}"));
        (file, page)
    });
    read.collect()
}

/// The spec of `provider` with the edits, each of which replaces the first place.
#[track_caller]
fn changed_spec(provider: &str, edits: Edits<'_>) -> Spec {
    let file = format!("{}/../specs/{provider}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(file).expect("a spec");
    let text = edits.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "not in the spec: {from}");
        text.replacen(from, to, 1)
    });
    Spec::parse(format!("specs/{provider}.yaml"), &text).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn lint(saved: &Saved, spec: &Spec) -> Vec<String> {
    saved.lint(spec).iter().map(ToString::to_string).collect()
}

/// With these edits of the spec there is this one finding.
#[track_caller]
fn spec_trips(provider: &str, edits: Edits<'_>, pointer: &str, what: &str) {
    let spec = changed_spec(provider, edits);
    let found = lint(&Saved::new(pages(provider, "", &[]), explained()), &spec);
    let [finding] = &found[..] else { panic!("{found:#?}") };
    let line = spec.line(pointer).expect("a line");
    let start = format!("specs/{provider}.yaml:{line}: {pointer}: ");
    assert!(finding.starts_with(&start) && finding.contains(what), "{start}{what}: {finding}");
}

#[test]
fn the_pages_that_are_kept_are_what_the_specs_say() {
    let mut kept = 0;
    for provider in ["killb", "reap", "cdq", "localpayment"] {
        let spec = spec(provider);
        let saved = Saved::beside(&spec.file).expect("pages are kept");
        assert_eq!(lint(&saved, &spec), [""; 0]);
        // They are there, and are read: without their explanations most of them differ.
        kept += pages(provider, "", &[]).len();
    }
    assert_eq!(kept, 5);
    assert_eq!(strays(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs"))), []);
}

#[test]
fn what_no_page_says_is_invented() {
    let status = "/components/schemas/BatchStatus";
    let head = "      description: How far a batch is.\n";
    let required = format!("{head}      required: [totalRecords]\n");
    let reason = "`required: totalRecords` has the evidence `seed`, but specs/pages/reap/batch-status.txt does not say so; take it out";
    spec_trips("reap", &[(head, &required)], &format!("{status}/required/0"), reason);
    // The page shows it in an example; a field of the objects in a list.
    let row = "    BulkRowResult:\n";
    let required = format!("{row}      required: [status]\n");
    spec_trips(
        "killb",
        &[(row, &required)],
        "/components/schemas/BulkRowResult/required/0",
        "`required: status` has the evidence `seed`",
    );
    let list = "          description: Rows in the uploaded file.\n";
    spec_trips(
        "reap",
        &[(list, "          nullable: true\n")],
        &format!("{status}/properties/totalRecords/nullable"),
        "`nullable` has",
    );
    let comment = "          description: Localpayment's id for the batch; a UUID in the sample of a finished one.\n";
    let uri = format!("{comment}          format: uri\n");
    spec_trips(
        "localpayment",
        &[(comment, &uri)],
        "/components/schemas/Batch/properties/internalId/format",
        "`format: uri` has",
    );
    let uuid = format!("{comment}          format: uuid\n");
    let shown = changed_spec("localpayment", &[(comment, &uuid)]);
    assert_eq!(lint(&Saved::new(pages("localpayment", "", &[]), explained()), &shown), [""; 0]);
}

/// A body that may be one of many requires what all of them require; each of them is looked at all the same.
#[test]
fn one_kind_of_many_cannot_require_more() {
    let pix = "          enum:\n            - PIX\n";
    let head = "      type: object\n      required:\n        - type\n        - data\n      properties:\n        type:\n          type: string\n";
    let more = head.replace("        - data\n", "        - data\n        - userId\n");
    spec_trips(
        "killb",
        &[(&format!("{head}{pix}"), &format!("{more}{pix}"))],
        "/components/schemas/CreateAccountPix/required/2",
        "`required: userId`",
    );
}

/// What the page denies, or does not have, differs; it is not said once more that it is invented.
#[test]
fn one_finding_for_one_mistake() {
    let optional = "          required: false\n          description: The id from the answer that started the job.";
    let at = "/paths/~1bankaccounts~1jobs/get/parameters/0";
    spec_trips("cdq", &[(optional, &optional.replace("false", "true"))], at, "is optional on the page");
    let renamed = pages("killb", "killb/bulk-status", &[("processedRows", "doneRows")]);
    let found = lint(&Saved::new(renamed, explained()), &spec("killb"));
    assert_eq!(found.len(), 2, "one came, one went: {found:#?}");
}

#[test]
fn a_parameter_that_no_page_requires() {
    let spec = "openapi: 3.0.3\npaths:\n  /jobs:\n    get:\n      operationId: get_jobs\n      x-evidence: seed\n      parameters:\n        \
                - {name: kind, in: query, required: true, schema: {type: string}}\n      responses:\n        '200':\n          content: \
                {application/json: {schema: {type: object, properties: {id: {type: string}}}}}\n";
    // A table without a column for it.
    let page = "GET https://api.example.com/jobs\nQuery Parameters\nName\nType\nDescription\nkind\nString\nWhich.\nResponse\n\
                Body Parameters\nParameter\nType\nDescription\nid\nString\nThe id.\n";
    let page = Page::parse("pages/tiny/jobs.txt", page).unwrap_or_else(|error| panic!("{error}"));
    let saved = Saved::new(vec![(PathBuf::from("pages/tiny/jobs.txt"), page)], Explained::default());
    let found = |text: &str| lint(&saved, &Spec::parse("tiny.yaml", text).unwrap_or_else(|error| panic!("{error}")));
    let [finding] = &found(spec)[..] else { panic!("{:#?}", found(spec)) };
    assert!(
        finding.starts_with("tiny.yaml:8: /paths/~1jobs/get/parameters/0/required: `required` has the evidence `seed`")
    );
    assert_eq!(found(&spec.replace("required: true, ", "")), [""; 0]);
}

#[test]
fn another_page_may_say_it() {
    // What another page says, which is not kept, is not held against these.
    let row = "    BulkRowResult:\n";
    let spec = changed_spec("killb", &[(row, &format!("{row}      required: [status]\n"))]);
    let at = "/components/schemas/BulkRowResult";
    for (evidence, sources, findings) in [
        ("page", vec!["https://docs.killb.com/guides/bulk"], 0),
        ("page", vec!["https://docs.killb.com/api-reference/account/get-bulk-upload-job-status"], 1),
        ("seed", vec!["https://docs.killb.com/guides/bulk"], 1),
        ("sdk", vec!["https://docs.killb.com/api-reference/account/get-bulk-upload-job-status"], 0),
    ] {
        let mut spec = spec.clone();
        let schema = spec.document.pointer_mut(at).expect("there");
        schema["properties"]["status"]["x-evidence"] = evidence.into();
        schema["properties"]["status"]["x-source"] = sources.into();
        let found = lint(&Saved::new(pages("killb", "", &[]), explained()), &spec);
        assert_eq!(found.len(), findings, "{evidence}: {found:#?}");
    }
}

const ENTRY: &str = "- provider: cdq\n  form: redocly\n  operation: get_job\n  pointer: /components/schemas/Job/properties/user\n  \
                     change: type\n  to: integer\n  reason: Because.\n";

fn kept_explanations() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/accepted-differences.yaml"))
        .expect("explanations")
}

#[test]
fn an_explanation_that_explains_nothing() {
    let outcome = |entry: &str| {
        let text = kept_explanations() + entry;
        let explained =
            Explained::parse("specs/accepted-differences.yaml", &text).unwrap_or_else(|error| panic!("{error}"));
        lint(&Saved::new(pages("cdq", "", &[]), explained), &spec("cdq"))
    };
    let line = kept_explanations().lines().count() + 1;
    let finding = format!(
        "specs/accepted-differences.yaml:{line}: /4: no saved page has this difference; take the entry out, or save the page that it is about"
    );
    // The difference is gone; or there is no page of that form, or of that operation, any more.
    for (from, to) in [("redocly", "redocly"), ("redocly", "openapi"), ("get_job", "start_confirmation")] {
        assert_eq!(outcome(&ENTRY.replace(from, to)), [finding.as_str()], "{to}");
    }
    assert_eq!(outcome(&ENTRY.replace("provider: cdq", "provider: reap")), [""; 0], "of another provider");
}

#[test]
fn a_difference_without_its_explanation() {
    let found = lint(&Saved::new(pages("cdq", "", &[]), Explained::default()), &spec("cdq"));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().all(|finding| finding.contains("is integer on the page")), "{found:#?}");
}

#[test]
fn a_page_that_is_not_kept_or_cannot_be_read() {
    let directory = Directory::new();
    let file = directory.0.join("cdq.yaml");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/cdq.yaml"), &file).expect("a copy");
    let spec = Spec::load(&file).unwrap_or_else(|error| panic!("{error}"));
    assert!(Saved::beside(&file).is_none(), "no pages are kept here");

    fs::create_dir_all(directory.0.join("pages/cdq")).expect("a directory");
    let found = |name: &str, text: &str| {
        let page = directory.0.join("pages/cdq").join(name);
        fs::write(&page, text).expect("a page");
        let found = lint(&Saved::beside(&file).expect("pages"), &spec);
        fs::remove_file(page).expect("our own file");
        found
    };
    let none = lint(&Saved::beside(&file).expect("pages"), &spec);
    let [missing] = &none[..] else { panic!("{none:#?}") };
    assert!(
        missing.contains("get/x-evidence: `seed` needs its page among the saved ones; save it to pages/cdq"),
        "{missing}"
    );
    assert_eq!(found(".hidden", "nothing"), none);
    let garbage = found("job.txt", "nothing");
    assert!(garbage.len() == 1 && garbage[0].contains("job.txt: is in no known form"), "{garbage:#?}");
    let other =
        found("job.txt", "# Other Endpoint: GET /other ## Response 200 fields (application/json): - `id` (string) It.");
    assert!(
        other.iter().any(|finding| finding.contains("the page describes GET /other; the spec has no such operation")),
        "{other:#?}"
    );
    assert!(other.contains(missing), "{other:#?}");

    fs::write(directory.0.join("accepted-differences.yaml"), "- provider: cdq\n").expect("explanations");
    let broken = lint(&Saved::beside(&file).expect("pages"), &spec);
    assert!(
        broken.len() == 1 && broken[0].contains("accepted-differences.yaml:1: /0: needs `form`, a text"),
        "{broken:#?}"
    );
}

#[test]
fn a_part_of_a_page_that_cannot_be_read() {
    let broken = pages("localpayment", "localpayment/batch-status", &[("\"code\": \"200\",", "\"code\": \"200\"")]);
    let found = lint(&Saved::new(broken, explained()), &spec("localpayment"));
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert!(
        finding.starts_with("specs/pages/localpayment/batch-status.txt:") && finding.ends_with("; save the page again"),
        "{finding}"
    );
}

#[test]
fn what_belongs_to_no_spec() {
    let directory = Directory::new();
    assert_eq!(strays(&directory.0), []);
    fs::write(directory.0.join("cdq.yaml"), "openapi: 3.0.3\n").expect("a spec");
    for name in ["cdq", "other"] {
        fs::create_dir_all(directory.0.join("pages").join(name)).expect("a directory");
    }
    fs::write(directory.0.join("pages/page.txt"), "").expect("a page");
    fs::write(directory.0.join("accepted-differences.yaml"), format!("{ENTRY}{}", ENTRY.replace("cdq", "raep")))
        .expect("explanations");
    let found: Vec<String> = strays(&directory.0).iter().map(ToString::to_string).collect();
    let [folder, file, entry] = &found[..] else { panic!("{found:#?}") };
    assert!(folder.ends_with("pages/other: there is no spec other.yaml to hold against these pages"), "{folder}");
    assert!(file.ends_with("pages/page.txt: is held against no spec; move it to pages/NAME"), "{file}");
    assert!(
        entry.ends_with("accepted-differences.yaml:8: /1: there is no spec of this provider; correct its name"),
        "{entry}"
    );
}

/// A directory of the test's own.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("bulkrail-saved-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
