//! Lists that lost their line breaks: "... for this batch.status: Current processing ...".

use std::collections::BTreeSet;

use crate::pages::blocks::{is_name, pointer_of};

/// Names and descriptions of a run-on list of fields. What stands before a colon may be the end of the last sentence and a name;
/// the name is the longest end of it whose objects are known from the examples.
pub(crate) fn entries<'a>(text: &'a str, objects: &BTreeSet<&str>) -> Vec<(&'a str, &'a str)> {
    let mut found: Vec<(&str, usize, usize)> = Vec::new();
    for (at, _) in text.match_indices(": ") {
        let before = &text[..at];
        let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '[' | ']');
        let start = before.char_indices().rev().find(|(_, char)| !is_part(*char));
        let start = start.map_or(0, |(at, char)| at + char.len_utf8());
        // At most a bullet stands before the name.
        let starts_line = start < 8 && before[..start].trim_matches([' ', '-', '*', '`']).is_empty();
        let token = &before[start..];
        let dots = token.match_indices('.').map(|(dot, _)| dot + 1);
        let starts = starts_line.then_some(0).into_iter().chain(dots);
        let name = starts.map(|from| (start + from, &token[from..])).find(|(_, name)| {
            if !is_name(name) || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
                return false;
            }
            let around = name.rsplit_once('.').map(|(around, _)| pointer_of(around));
            around.is_none_or(|around| {
                objects.contains(around.as_str()) || objects.contains(format!("{around}/*").as_str())
            })
        });
        if let Some((from, name)) = name {
            found.push((name, from, at + 2));
        }
    }
    let ends: Vec<usize> = found.iter().skip(1).map(|(_, from, _)| *from).chain([text.len()]).collect();
    found.iter().zip(ends).map(|((name, _, from), end)| (*name, text.get(*from..end).unwrap_or_default())).collect()
}

/// Whether a description says that the field can be null.
pub(crate) fn mentions_null(description: &str) -> bool {
    description.split(|char: char| !char.is_ascii_alphanumeric()).any(|word| word == "null")
}

/// `pending (queued), in_progress (actively processing), or failed (critical error)`: words with an explanation each.
pub(crate) fn described_values(description: &str) -> Option<Vec<String>> {
    let (_, list) = description.split_once(" - ")?;
    let mut found = Vec::new();
    for part in list.split("),").flat_map(|part| part.split(") or ")) {
        let (word, _) = part.split_once(" (")?;
        let word = word.trim().trim_start_matches("or ").trim();
        found.push(Some(word).filter(|word| is_name(word))?.to_owned());
    }
    (found.len() > 1).then_some(found)
}

/// The words of a run-on list `pending: Batch is queuedin_progress: Batch is being processed`; `words` are those of the page.
pub(crate) fn listed_values(text: &str, words: &BTreeSet<&str>) -> Vec<String> {
    let tokens = text.match_indices(": ").filter_map(|(at, _)| {
        let before = &text[..at];
        let start = before
            .char_indices()
            .rev()
            .find(|(_, char)| !(char.is_ascii_alphanumeric() || *char == '_'))
            .map_or(0, |(at, char)| at + char.len_utf8());
        Some(&before[start..]).filter(|token| is_name(token)).map(|token| (start, token))
    });
    let tokens = tokens.map(|(start, token)| match start {
        0 => token.to_owned(),
        // The longest start that is a word of its own elsewhere on the page is the end of the sentence before.
        _ => (3..token.len())
            .rev()
            .filter(|at| token.len() - at > 2 && token.is_char_boundary(*at))
            .find(|at| words.contains(&token[..*at]))
            .map_or_else(|| token.to_owned(), |at| token[at..].trim_start_matches('_').to_owned()),
    });
    tokens.collect()
}
