//! `PageArchive`: pages beside the specs, statements without evidence, unused entries and orphans.

use std::fs;
use std::path::{Path, PathBuf};

use bulkrail_codegen::Spec;
use bulkrail_specdiff::{AcceptedDifferences, Page, PageArchive, orphans};

use crate::support::{PAGES, accepted, edited, spec, text};

pub(crate) type Edits<'a> = &'a [(&'a str, &'a str)];

/// Returns the pages of `provider` with their file names, the page `changed` with `edits`.
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

/// Returns the spec of `provider` with the first place of each edit replaced.
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

pub(crate) fn errors(archive: &PageArchive, spec: &Spec) -> Vec<String> {
    archive.check(spec).iter().map(ToString::to_string).collect()
}

/// Asserts that the edited spec has exactly this error.
#[track_caller]
fn assert_spec_error(provider: &str, edits: Edits<'_>, pointer: &str, what: &str) {
    let spec = changed_spec(provider, edits);
    let errors = errors(&PageArchive::new(pages(provider, "", &[]), accepted()), &spec);
    let [error] = &errors[..] else { panic!("{errors:#?}") };
    let line = spec.line(pointer).expect("a line");
    let start = format!("specs/{provider}.yaml:{line}: {pointer}: ");
    assert!(error.starts_with(&start) && error.contains(what), "{start}{what}: {error}");
}

#[test]
fn archive_check_accepts_maintained_specs() {
    let mut kept = 0;
    for provider in ["killb", "reap", "cdq", "localpayment"] {
        let spec = spec(provider);
        let archive = PageArchive::load_beside(&spec.file).expect("pages are kept");
        assert_eq!(errors(&archive, &spec), [""; 0]);
        // The archive is not empty, so the result means something.
        kept += pages(provider, "", &[]).len();
    }
    assert_eq!(kept, 5);
    assert_eq!(orphans(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs"))), []);
}

#[test]
fn archive_check_reports_statement_without_evidence() {
    let status = "/components/schemas/BatchStatus";
    let head = "      description: How far a batch is.\n";
    let required = format!("{head}      required: [totalRecords]\n");
    let reason = "`required: totalRecords` has the evidence `seed`, but specs/pages/reap/batch-status.txt does not say so; remove it";
    assert_spec_error("reap", &[(head, &required)], &format!("{status}/required/0"), reason);
    // The page shows the field only in an example, inside a list of objects.
    let row = "    BulkRowResult:\n";
    let required = format!("{row}      required: [status]\n");
    assert_spec_error(
        "killb",
        &[(row, &required)],
        "/components/schemas/BulkRowResult/required/0",
        "`required: status` has the evidence `seed`",
    );
    let list = "          description: Rows in the uploaded file.\n";
    assert_spec_error(
        "reap",
        &[(list, "          nullable: true\n")],
        &format!("{status}/properties/totalRecords/nullable"),
        "`nullable` has",
    );
    let comment = "          description: Localpayment's id for the batch; a UUID in the sample of a finished one.\n";
    let uri = format!("{comment}          format: uri\n");
    assert_spec_error(
        "localpayment",
        &[(comment, &uri)],
        "/components/schemas/Batch/properties/internalId/format",
        "`format: uri` has",
    );
    let uuid = format!("{comment}          format: uuid\n");
    let shown = changed_spec("localpayment", &[(comment, &uuid)]);
    assert_eq!(errors(&PageArchive::new(pages("localpayment", "", &[]), accepted()), &shown), [""; 0]);
}

/// A union requires what all its members require. Each member is checked all the same.
#[test]
fn archive_check_reports_required_field_of_one_union_member() {
    let pix = "          enum:\n            - PIX\n";
    let head = "      type: object\n      required:\n        - type\n        - data\n      properties:\n        type:\n          type: string\n";
    let more = head.replace("        - data\n", "        - data\n        - userId\n");
    assert_spec_error(
        "killb",
        &[(&format!("{head}{pix}"), &format!("{more}{pix}"))],
        "/components/schemas/CreateAccountPix/required/2",
        "`required: userId`",
    );
}

/// A contradiction is reported as a difference, and not as a statement without evidence as well.
#[test]
fn archive_check_reports_contradicted_statement_once() {
    let optional = "          required: false\n          description: The id from the answer that started the job.";
    let at = "/paths/~1bankaccounts~1jobs/get/parameters/0";
    assert_spec_error("cdq", &[(optional, &optional.replace("false", "true"))], at, "is optional on the page");
    let renamed = pages("killb", "killb/bulk-status", &[("processedRows", "doneRows")]);
    let errors = errors(&PageArchive::new(renamed, accepted()), &spec("killb"));
    assert_eq!(errors.len(), 2, "one field added, one removed: {errors:#?}");
}

#[test]
fn archive_check_reports_required_parameter_without_evidence() {
    let spec = "openapi: 3.0.3\npaths:\n  /jobs:\n    get:\n      operationId: get_jobs\n      x-evidence: seed\n      parameters:\n        \
                - {name: kind, in: query, required: true, schema: {type: string}}\n      responses:\n        '200':\n          content: \
                {application/json: {schema: {type: object, properties: {id: {type: string}}}}}\n";
    // The table has no column for `required`.
    let page = "GET https://api.example.com/jobs\nQuery Parameters\nName\nType\nDescription\nkind\nString\nWhich.\nResponse\n\
                Body Parameters\nParameter\nType\nDescription\nid\nString\nThe id.\n";
    let page = Page::parse("pages/tiny/jobs.txt", page).unwrap_or_else(|error| panic!("{error}"));
    let archive = PageArchive::new(vec![(PathBuf::from("pages/tiny/jobs.txt"), page)], AcceptedDifferences::default());
    let errors =
        |text: &str| errors(&archive, &Spec::parse("tiny.yaml", text).unwrap_or_else(|error| panic!("{error}")));
    let [error] = &errors(spec)[..] else { panic!("{:#?}", errors(spec)) };
    assert!(
        error.starts_with("tiny.yaml:8: /paths/~1jobs/get/parameters/0/required: `required` has the evidence `seed`")
    );
    assert_eq!(errors(&spec.replace("required: true, ", "")), [""; 0]);
}

#[test]
fn archive_check_skips_statements_from_other_pages() {
    // A statement from a page outside of the archive is not checked.
    let row = "    BulkRowResult:\n";
    let spec = changed_spec("killb", &[(row, &format!("{row}      required: [status]\n"))]);
    let at = "/components/schemas/BulkRowResult";
    for (evidence, sources, expected) in [
        ("page", vec!["https://docs.killb.com/guides/bulk"], 0),
        ("page", vec!["https://docs.killb.com/api-reference/account/get-bulk-upload-job-status"], 1),
        ("seed", vec!["https://docs.killb.com/guides/bulk"], 1),
        ("sdk", vec!["https://docs.killb.com/api-reference/account/get-bulk-upload-job-status"], 0),
    ] {
        let mut spec = spec.clone();
        let schema = spec.document.pointer_mut(at).expect("there");
        schema["properties"]["status"]["x-evidence"] = evidence.into();
        schema["properties"]["status"]["x-source"] = sources.into();
        let errors = errors(&PageArchive::new(pages("killb", "", &[]), accepted()), &spec);
        assert_eq!(errors.len(), expected, "{evidence}: {errors:#?}");
    }
}

const ENTRY: &str = "- provider: cdq\n  format: redocly\n  operation: get_job\n  pointer: /components/schemas/Job/properties/user\n  \
                     change: type\n  to: integer\n  reason: Because.\n";

fn accepted_text() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/accepted-differences.yaml"))
        .expect("accepted differences")
}

#[test]
fn archive_check_reports_unused_accepted_entry() {
    let outcome = |entry: &str| {
        let text = accepted_text() + entry;
        let explained = AcceptedDifferences::parse("specs/accepted-differences.yaml", &text)
            .unwrap_or_else(|error| panic!("{error}"));
        errors(&PageArchive::new(pages("cdq", "", &[]), explained), &spec("cdq"))
    };
    let line = accepted_text().lines().count() + 1;
    let error = format!(
        "specs/accepted-differences.yaml:{line}: /4: no page in the archive has this difference; remove the entry, or save the page that it is about"
    );
    // The difference is gone, or there is no page of that format or operation.
    for (from, to) in [("redocly", "redocly"), ("redocly", "openapi"), ("get_job", "start_confirmation")] {
        assert_eq!(outcome(&ENTRY.replace(from, to)), [error.as_str()], "{to}");
    }
    assert_eq!(outcome(&ENTRY.replace("provider: cdq", "provider: reap")), [""; 0], "entry of another provider");
}

#[test]
fn archive_check_reports_difference_that_is_not_accepted() {
    let errors = errors(&PageArchive::new(pages("cdq", "", &[]), AcceptedDifferences::default()), &spec("cdq"));
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert!(errors.iter().all(|error| error.contains("is integer on the page")), "{errors:#?}");
}

#[test]
fn archive_check_reports_missing_and_unreadable_pages() {
    let directory = Directory::new();
    let file = directory.0.join("cdq.yaml");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/cdq.yaml"), &file).expect("a copy");
    let spec = Spec::load(&file).unwrap_or_else(|error| panic!("{error}"));
    assert!(PageArchive::load_beside(&file).is_none(), "there is no archive yet");

    fs::create_dir_all(directory.0.join("pages/cdq")).expect("a directory");
    let errors_with_page = |name: &str, text: &str| {
        let page = directory.0.join("pages/cdq").join(name);
        fs::write(&page, text).expect("a page");
        let errors = errors(&PageArchive::load_beside(&file).expect("pages"), &spec);
        fs::remove_file(page).expect("our own file");
        errors
    };
    let none = errors(&PageArchive::load_beside(&file).expect("pages"), &spec);
    let [missing] = &none[..] else { panic!("{none:#?}") };
    assert!(
        missing.contains("get/x-evidence: `seed` needs its page in the archive; save it to pages/cdq"),
        "{missing}"
    );
    assert_eq!(errors_with_page(".hidden", "nothing"), none);
    let garbage = errors_with_page("job.txt", "nothing");
    assert!(garbage.len() == 1 && garbage[0].contains("job.txt: has an unknown format"), "{garbage:#?}");
    let other = errors_with_page(
        "job.txt",
        "# Other Endpoint: GET /other ## Response 200 fields (application/json): - `id` (string) It.",
    );
    assert!(
        other
            .iter()
            .any(|error| error.contains("the page describes GET /other; the spec does not have this operation")),
        "{other:#?}"
    );
    assert!(other.contains(missing), "{other:#?}");

    fs::write(directory.0.join("accepted-differences.yaml"), "- provider: cdq\n").expect("accepted differences");
    let broken = errors(&PageArchive::load_beside(&file).expect("pages"), &spec);
    assert!(
        broken.len() == 1 && broken[0].contains("accepted-differences.yaml:1: /0: needs `format`, a string"),
        "{broken:#?}"
    );
}

#[test]
fn archive_check_reports_parse_warning_of_page() {
    let broken = pages("localpayment", "localpayment/batch-status", &[("\"code\": \"200\",", "\"code\": \"200\"")]);
    let errors = errors(&PageArchive::new(broken, accepted()), &spec("localpayment"));
    let [error] = &errors[..] else { panic!("{errors:#?}") };
    assert!(
        error.starts_with("specs/pages/localpayment/batch-status.txt:") && error.ends_with("; save the page again"),
        "{error}"
    );
}

#[test]
fn orphans_reports_files_without_spec() {
    let directory = Directory::new();
    assert_eq!(orphans(&directory.0), []);
    fs::write(directory.0.join("cdq.yaml"), "openapi: 3.0.3\n").expect("a spec");
    for name in ["cdq", "other"] {
        fs::create_dir_all(directory.0.join("pages").join(name)).expect("a directory");
    }
    fs::write(directory.0.join("pages/page.txt"), "").expect("a page");
    fs::write(directory.0.join("accepted-differences.yaml"), format!("{ENTRY}{}", ENTRY.replace("cdq", "raep")))
        .expect("accepted differences");
    let errors: Vec<String> = orphans(&directory.0).iter().map(ToString::to_string).collect();
    let [folder, file, entry] = &errors[..] else { panic!("{errors:#?}") };
    assert!(folder.ends_with("pages/other: there is no spec other.yaml for these pages"), "{folder}");
    assert!(file.ends_with("pages/page.txt: does not belong to a spec; move it to pages/NAME"), "{file}");
    assert!(
        entry.ends_with("accepted-differences.yaml:8: /1: this provider does not have a spec; correct its name"),
        "{entry}"
    );
}

/// Temporary directory, removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("bulkrail-archive-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
