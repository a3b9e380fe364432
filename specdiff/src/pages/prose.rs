//! Facts about an operation that only the prose of a rendered page states.

use crate::pages::blocks::{Block, Blocks};
use crate::pages::call::Call;
use crate::pages::model::Operation;
use crate::pages::paths;
use crate::pages::polling::Polling;

/// Adds the facts in the prose and the sample call of a page about one operation.
///
/// `text` is the text of `blocks`. `starts_list` is whether a line is the heading of a list of
/// fields; what follows it is about fields.
pub(crate) fn add(operation: &mut Operation, blocks: &Blocks<'_>, text: &str, starts_list: impl Fn(&str) -> bool) {
    let lines = || {
        blocks.blocks.iter().filter_map(|(number, block)| match block {
            Block::Line(line) => Some((*number, *line)),
            Block::Json(_) => None,
        })
    };
    operation.polling = Polling::from_lines(lines());
    if lines().take_while(|(_, line)| !starts_list(line)).any(|(_, line)| deprecates_operation(line)) {
        operation.deprecated = Some(true);
    }
    add_call(operation, Call::find(text, 0));
}

/// Adds a sample call: its authentication and media types are statements of their own.
pub(crate) fn add_call(operation: &mut Operation, call: Option<Call>) {
    let Some(call) = call else { return };
    operation.auth.push(call.auth());
    operation.request_types.extend(call.media_types("content-type"));
    if let Some(types) = call.media_types("accept") {
        operation.response_types.entry("2XX".to_owned()).or_insert(types);
    }
    operation.addresses.push((paths::with_scheme(&call.address), call.line));
    operation.call = Some(call);
}

/// Returns whether a line before the lists of fields says that the operation is deprecated.
fn deprecates_operation(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let is_badge = line.trim_matches(['*', '_', ':', '.', '!', ' ', '⚠', '>']).starts_with("deprecated");
    is_badge || (mentions_deprecation(&line) && line.contains("this "))
}

/// Returns whether a description says "deprecated" of its subject: neither "not deprecated" nor "the
/// deprecated field", which is about another one.
pub(crate) fn mentions_deprecation(description: &str) -> bool {
    let sentences = description.split(['.', ';', '!', '\n']);
    let mut words = sentences.map(|sentence| sentence.split(|char: char| !char.is_ascii_alphanumeric()));
    words.any(|words| {
        let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
        let is_other = |word: &String| matches!(word.as_str(), "not" | "never" | "non" | "longer" | "the");
        words.iter().enumerate().any(|(index, word)| {
            let before = index.checked_sub(1).map(|before| &words[before]);
            word == "deprecated" && !before.is_some_and(is_other)
        })
    })
}
