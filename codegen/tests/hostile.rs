//! Texts that make `Spec::parse` work or use memory the most: read, or refused with one short line,
//! within bounds.

use std::fs;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bulkrail_codegen::{Error, Spec};

/// Limit on memory: far more than a document may keep and the parser needs, far less than the texts
/// ask for.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Limit on time: far more than any text takes without optimisation on a busy machine.
const MAX_TIME: Duration = Duration::from_secs(60);

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the test measures real time")]
fn within_bounds<T>(read: impl FnOnce() -> T) -> T {
    let (start, mut result) = (Instant::now(), None);
    let used = measure(|| result = Some(read()));
    assert!(start.elapsed() < MAX_TIME, "took {:?}", start.elapsed());
    assert!(used.bytes_max < MAX_BYTES, "{} bytes at once", used.bytes_max);
    result.expect("measured")
}

/// Returns the error about a text that is refused: one short line.
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

/// Returns `start` and as many repetitions of `unit` as a spec may have.
fn full(start: &str, unit: &str) -> String {
    format!("{start}{}", unit.repeat((4 * 1024 * 1024 - start.len()) / unit.len()))
}

#[test]
fn parse_refuses_long_keys_nested_deeply() {
    let name = "n".repeat(40_000);
    let wide = format!("{}[{}]{}", format!("{{{name}: ").repeat(90), "1,".repeat(200_000), "}".repeat(90));
    assert!(refused(&wide).contains("needs too much memory for an OpenAPI document"), "{}", refused(&wide));
    // A pointer escapes each of these characters with two.
    let name = "~".repeat(40_000);
    let deep = format!("{}1{}", format!("{{{name}: ").repeat(95), "}".repeat(95));
    assert!(refused(&deep).contains("needs too much memory"));
    let deeper = format!("{}1{}", "{nnnnnnnnnnnnnnnnnnnn: ".repeat(99), "}".repeat(99));
    assert!(refused(&deeper).contains("is nested deeper than 96 levels"));
}

#[test]
fn parse_refuses_long_list_of_empty_values() {
    for (start, unit) in [("", "- \n"), ("[", "1,"), ("a: [", "[],"), ("", "- {}\n"), ("[", "~,")] {
        assert!(refused(&full(start, unit)).contains("too many values"), "{unit}");
    }
}

#[test]
fn parse_refuses_alias_bombs_and_deep_nesting() {
    let mut bomb = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let below = format!("*l{}", level - 1);
        bomb += &format!("l{level}: &l{level} [{}]\n", [below.as_str(); 10].join(", "));
    }
    assert_eq!(
        refused(&bomb),
        "hostile.yaml:1: /l0: anchors are not supported, they can expand without limit; use $ref"
    );
    for unit in ["[", "- ", "{a: ", "? ", "!t ", "&a ", "- - ? "] {
        refused(&full("", unit));
    }
}

#[test]
fn parse_bounds_memory_and_time_for_large_texts() {
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
fn load_refuses_files_beyond_the_size_limit() {
    let file = std::env::temp_dir().join(format!("bulkrail-codegen-hostile-{}.yaml", std::process::id()));
    fs::File::create(&file).expect("a file").set_len(50 * 1024 * 1024).expect("disk space");
    let large = within_bounds(|| Spec::load(&file)).expect_err("refused").to_string();
    fs::remove_file(&file).expect("our own file");
    assert!(large.contains("is larger than 4194304 bytes; pass the spec"), "{large}");
    let text = "a: 1\n".repeat(900_000);
    assert!(refused(&text).contains("is larger than 4194304 bytes"));
    #[cfg(unix)]
    assert!(
        within_bounds(|| Spec::load("/dev/zero")).expect_err("refused").reason.contains("it is not a regular file")
    );
}

/// A pipe without a writer.
#[cfg(unix)]
#[test]
#[expect(clippy::disallowed_methods, reason = "the test measures real time")]
fn load_refuses_pipe_without_blocking() {
    let file = std::env::temp_dir().join(format!("bulkrail-codegen-pipe-{}.yaml", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&file).status().expect("mkfifo");
    assert!(made.success());
    let (send, receive) = std::sync::mpsc::channel();
    let pipe = file.clone();
    std::thread::spawn(move || send.send(Spec::load(pipe).expect_err("refused").to_string()));
    let message = receive.recv_timeout(MAX_TIME);
    fs::remove_file(&file).expect("our own file");
    let message = message.expect("does not block");
    assert!(message.ends_with("cannot be read: it is not a regular file; save it as one"), "{message}");
}
