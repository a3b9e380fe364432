//! Texts that are built to fill the memory or to keep the reader busy: refused in one short line, or read, within bounds.

use std::fs;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bulkrail_codegen::{Error, Spec};

/// Far more than the sum of what a document may keep and what reading it takes on the way; far less than what the texts ask for.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Far more than any of them takes without optimisation on a busy machine; far less than for ever.
const LONGEST: Duration = Duration::from_secs(60);

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "how long it really takes is what is asked")]
fn within_bounds<T>(read: impl FnOnce() -> T) -> T {
    let (start, mut result) = (Instant::now(), None);
    let used = measure(|| result = Some(read()));
    assert!(start.elapsed() < LONGEST, "took {:?}", start.elapsed());
    assert!(used.bytes_max < MOST_BYTES, "{} bytes at once", used.bytes_max);
    result.expect("measured")
}

/// What is said about a text that is refused: one line that people can read.
#[track_caller]
fn refused(text: &str) -> String {
    let error = within_bounds(|| Spec::parse("hostile.yaml", text)).expect_err("refused");
    short(&error)
}

#[track_caller]
fn short(error: &Error) -> String {
    let message = error.to_string();
    assert!(message.lines().count() == 1 && message.len() < 1000, "{} bytes", message.len());
    message
}

/// As much of `unit` as a spec may have after `start`.
fn full(start: &str, unit: &str) -> String {
    format!("{start}{}", unit.repeat((4 * 1024 * 1024 - start.len()) / unit.len()))
}

#[test]
fn long_names_far_down() {
    let name = "n".repeat(40_000);
    let wide = format!("{}[{}]{}", format!("{{{name}: ").repeat(90), "1,".repeat(200_000), "}".repeat(90));
    assert!(refused(&wide).contains("takes more memory than a description of an API"), "{}", refused(&wide));
    // Signs that a pointer writes as two.
    let name = "~".repeat(40_000);
    let deep = format!("{}1{}", format!("{{{name}: ").repeat(95), "}".repeat(95));
    assert!(refused(&deep).contains("takes more memory"));
    let deeper = format!("{}1{}", "{nnnnnnnnnnnnnnnnnnnn: ".repeat(99), "}".repeat(99));
    assert!(refused(&deeper).contains("is nested deeper than 96 levels"));
}

#[test]
fn a_long_list_of_almost_nothing() {
    for (start, unit) in [("", "- \n"), ("[", "1,"), ("a: [", "[],"), ("", "- {}\n"), ("[", "~,")] {
        assert!(refused(&full(start, unit)).contains("too many values"), "{unit}");
    }
}

#[test]
fn bombs_and_depths() {
    let mut bomb = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let below = format!("*l{}", level - 1);
        bomb += &format!("l{level}: &l{level} [{}]\n", [below.as_str(); 10].join(", "));
    }
    assert_eq!(refused(&bomb), "hostile.yaml:1: /l0: anchors are not read, they can grow without bound; use $ref");
    for unit in ["[", "- ", "{a: ", "? ", "!t ", "&a ", "- - ? "] {
        refused(&full("", unit));
    }
}

#[test]
fn large_texts_are_read_or_refused() {
    for (start, unit) in [
        ("a: |\n", "  text\n"),
        ("a: ", "text "),
        ("a: \"", "\\n"),
        ("a: '", "''"),
        ("", "# comment\n"),
        ("", "\n"),
        ("", "%"),
        ("", "---\n"),
        ("a", "a"),
        ("? ", "a"),
        ("", "{}"),
        ("a: 1\n", "a: 1\n"),
    ] {
        if let Err(error) = within_bounds(|| Spec::parse("hostile.yaml", &full(start, unit))) {
            short(&error);
        }
    }
}

#[test]
fn files_without_end() {
    let file = std::env::temp_dir().join(format!("bulkrail-codegen-hostile-{}.yaml", std::process::id()));
    fs::File::create(&file).expect("a file").set_len(50 * 1024 * 1024).expect("room");
    let large = within_bounds(|| Spec::load(&file)).expect_err("refused").to_string();
    fs::remove_file(&file).expect("our own file");
    assert!(large.contains("is larger than 4194304 bytes; no spec has that much"), "{large}");
    let text = "a: 1\n".repeat(900_000);
    assert!(refused(&text).contains("is larger than 4194304 bytes"));
    #[cfg(unix)]
    assert!(within_bounds(|| Spec::load("/dev/zero")).expect_err("refused").reason.contains("it is not a plain file"));
}

/// Nobody will ever write to it.
#[cfg(unix)]
#[test]
fn a_pipe() {
    let file = std::env::temp_dir().join(format!("bulkrail-codegen-pipe-{}.yaml", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&file).status().expect("mkfifo");
    assert!(made.success());
    let (send, said) = std::sync::mpsc::channel();
    let pipe = file.clone();
    std::thread::spawn(move || send.send(Spec::load(pipe).expect_err("refused").to_string()));
    let said = said.recv_timeout(LONGEST);
    fs::remove_file(&file).expect("our own file");
    let said = said.expect("does not wait");
    assert!(said.ends_with("cannot be read: it is not a plain file; save it as one"), "{said}");
}
