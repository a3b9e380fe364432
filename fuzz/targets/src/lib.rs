//! Fuzz targets: one function each, which takes any bytes and panics where a property does not hold.
//!
//! The programs of `fuzz_targets/` call them with libFuzzer, the test `fuzz` without it. `README.md` says how.

mod csv;
mod http;
mod json;
mod spec;
mod text;
mod wait;
mod workbook;

pub use csv::csv_validator;
pub use http::{provider_polls, retry_after};
pub use json::{array_elider, json_array_reader, status_fields};
pub use spec::{page_gitbook, page_markdown, page_mintlify, page_openapi, page_readme, page_redocly, spec_loader};
pub use text::sanitising;
pub use wait::{duration_history, wait_state};
pub use workbook::{workbook_archive, workbook_of_csv, workbook_parts};

/// Fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name, also of the program in `fuzz_targets/` and of the directory in `corpus/`.
    pub name: &'static str,
    /// Panics where a property does not hold.
    pub run: fn(&[u8]),
    /// Executions of the test `fuzz` by default: two to five seconds of CPU time each, in a build that is not optimised.
    pub executions: u64,
    /// Name of the dictionary in `dictionaries/`.
    pub dictionary: &'static str,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "array_elider", run: array_elider, executions: 30_000, dictionary: "json" },
    Target { name: "json_array_reader", run: json_array_reader, executions: 12_500, dictionary: "json" },
    Target { name: "status_fields", run: status_fields, executions: 15_000, dictionary: "json" },
    Target { name: "provider_polls", run: provider_polls, executions: 750, dictionary: "json" },
    Target { name: "sanitising", run: sanitising, executions: 20_000, dictionary: "text" },
    Target { name: "csv_validator", run: csv_validator, executions: 6_000, dictionary: "csv" },
    Target { name: "workbook_archive", run: workbook_archive, executions: 5_000, dictionary: "workbook" },
    Target { name: "workbook_parts", run: workbook_parts, executions: 6_000, dictionary: "workbook" },
    Target { name: "workbook_of_csv", run: workbook_of_csv, executions: 3_000, dictionary: "csv" },
    Target { name: "retry_after", run: retry_after, executions: 6_000, dictionary: "headers" },
    Target { name: "spec_loader", run: spec_loader, executions: 1_250, dictionary: "spec" },
    Target { name: "page_openapi", run: page_openapi, executions: 750, dictionary: "spec" },
    Target { name: "page_markdown", run: page_markdown, executions: 750, dictionary: "spec" },
    Target { name: "page_mintlify", run: page_mintlify, executions: 200, dictionary: "page" },
    Target { name: "page_readme", run: page_readme, executions: 750, dictionary: "page" },
    Target { name: "page_gitbook", run: page_gitbook, executions: 750, dictionary: "page" },
    Target { name: "page_redocly", run: page_redocly, executions: 750, dictionary: "page" },
    Target { name: "wait_state", run: wait_state, executions: 20_000, dictionary: "wait" },
    Target { name: "duration_history", run: duration_history, executions: 20_000, dictionary: "wait" },
];

/// Largest input of a target, 256 KiB: larger ones take time and find nothing else.
pub const MAX_INPUT_BYTES: usize = 256 * 1024;

/// Cuts `data` into chunks whose sizes follow from its last byte, from 1 byte to some hundred.
fn chunks(data: &[u8]) -> Vec<&[u8]> {
    let mut random = u32::from(data.last().copied().unwrap_or_default()) + 1;
    let mut chunks = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = match random >> 30 {
            0 => 1,
            1 => 1 + (random >> 20 & 0x7),
            2 => 1 + (random >> 20 & 0x3f),
            _ => 1 + (random >> 20 & 0x1ff),
        };
        let (chunk, after) = rest.split_at(rest.len().min(size as usize));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

/// Runs `read` and panics where it has more than `max` bytes in memory at once.
#[track_caller]
fn within<T>(max: usize, read: impl FnOnce() -> T) -> T {
    let mut result = None;
    let used = allocation_counter::measure(|| result = Some(read()));
    assert!(used.bytes_max <= max as u64, "{} bytes in memory at once, of at most {max}", used.bytes_max);
    result.expect("it was run")
}

/// Panics unless `message` is one short line that a terminal can show.
#[track_caller]
fn check_message(message: &str) {
    assert!(!message.trim().is_empty(), "an empty message");
    assert!(message.chars().count() <= 4_000, "a message of {} bytes", message.len());
    let is_shown = |c: char| !c.is_control();
    assert!(message.chars().all(is_shown), "a message with a control character: {message:?}");
}
