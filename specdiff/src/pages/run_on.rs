//! Parses lists whose line breaks were lost: "... for this batch.status: Current processing ...".

use std::collections::BTreeSet;

use crate::pages::names::{is_name, pointer_of};

/// Returns the names and descriptions of a run-on list of fields.
///
/// The word before a colon may be the end of the previous sentence and a name without a space
/// between. The name is its longest suffix whose enclosing objects are known from the examples.
pub(crate) fn entries<'a>(text: &'a str, objects: &BTreeSet<&str>) -> Vec<(&'a str, &'a str)> {
    let mut entries: Vec<(&str, usize, usize)> = Vec::new();
    for (colon, _) in text.match_indices(": ") {
        let before = &text[..colon];
        let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '[' | ']');
        let start = before.char_indices().rev().find(|(_, char)| !is_part(*char));
        let start = start.map_or(0, |(index, char)| index + char.len_utf8());
        // A name at the start of the text has at most a bullet before it.
        let starts_line = start < 8 && before[..start].trim_matches([' ', '-', '*', '`']).is_empty();
        let word = &before[start..];
        let after_dots = word.match_indices('.').map(|(dot, _)| dot + 1);
        let starts = starts_line.then_some(0).into_iter().chain(after_dots);
        let name = starts.map(|from| (start + from, &word[from..])).find(|(_, name)| {
            if !is_name(name) || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
                return false;
            }
            let parent = name.rsplit_once('.').map(|(parent, _)| pointer_of(parent));
            parent.is_none_or(|parent| {
                objects.contains(parent.as_str()) || objects.contains(format!("{parent}/*").as_str())
            })
        });
        if let Some((from, name)) = name {
            entries.push((name, from, colon + 2));
        }
    }
    let ends: Vec<usize> = entries.iter().skip(1).map(|(_, from, _)| *from).chain([text.len()]).collect();
    entries.iter().zip(ends).map(|((name, _, from), end)| (*name, text.get(*from..end).unwrap_or_default())).collect()
}

/// Returns whether a description mentions that the field can be null.
pub(crate) fn mentions_null(description: &str) -> bool {
    description.split(|char: char| !char.is_ascii_alphanumeric()).any(|word| word == "null")
}

/// Parses the values of a description such as
/// `pending (queued), in_progress (actively processing), or failed (critical error)`.
pub(crate) fn described_values(description: &str) -> Option<Vec<String>> {
    let (_, list) = description.split_once(" - ")?;
    let mut values = Vec::new();
    for part in list.split("),").flat_map(|part| part.split(") or ")) {
        let (word, _) = part.split_once(" (")?;
        let word = word.trim().trim_start_matches("or ").trim();
        values.push(Some(word).filter(|word| is_name(word))?.to_owned());
    }
    (values.len() > 1).then_some(values)
}

/// Parses the values of a run-on list such as `pending: Batch is queuedin_progress: Batch is being
/// processed`. `words` are all words of the page.
pub(crate) fn listed_values(text: &str, words: &BTreeSet<&str>) -> Vec<String> {
    let names = text.match_indices(": ").filter_map(|(colon, _)| {
        let before = &text[..colon];
        let start = before
            .char_indices()
            .rev()
            .find(|(_, char)| !(char.is_ascii_alphanumeric() || *char == '_'))
            .map_or(0, |(index, char)| index + char.len_utf8());
        Some(&before[start..]).filter(|name| is_name(name)).map(|name| (start, name))
    });
    let values = names.map(|(start, name)| match start {
        0 => name.to_owned(),
        // The longest prefix that is also a word elsewhere on the page ends the previous sentence.
        _ => (3..name.len())
            .rev()
            .filter(|end| name.len() - end > 2 && name.is_char_boundary(*end))
            .find(|end| words.contains(&name[..*end]))
            .map_or_else(|| name.to_owned(), |end| name[end..].trim_start_matches('_').to_owned()),
    });
    values.collect()
}
