//! The look at a description before it is read.

use saphyr_parser::{Event, Parser};

use super::budget::Refusal;

/// Reads `text` once without keeping anything, to refuse what would not stay bounded when it is kept.
pub(crate) fn check_size(text: &str, max_pointers: usize, max_depth: usize) -> Result<(), Refusal> {
    let mut total: usize = 0;
    // For each open collection: the length of its pointer, whether it is a mapping, and the length of the key it is at.
    let mut open: Vec<(usize, bool, Option<usize>)> = Vec::new();
    let refuse = |line: usize, reason: String| Err(Refusal::new(reason).at(Some(line), ""));
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => return refuse(error.marker().line(), format!("is not YAML: {}", error.info())),
        };
        let line = span.start.line();
        let grows = match &event {
            Event::Alias(_) => true,
            Event::Scalar(_, _, anchor, tag) => *anchor != 0 || tag.is_some(),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => *anchor != 0 || tag.is_some(),
            _ => false,
        };
        if grows {
            return refuse(
                line,
                "uses YAML anchors, aliases or tags; they can grow without bound and are not read".into(),
            );
        }
        let parent = open.last().map_or(0, |(at, _, key)| at + 1 + key.unwrap_or(1));
        match event {
            Event::Scalar(text, ..) => match open.last_mut() {
                Some((_, true, key @ None)) => *key = Some(text.len()),
                Some((_, true, key)) => {
                    *key = None;
                    total += parent;
                }
                _ => total += parent,
            },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                open.push((parent, matches!(event, Event::MappingStart(..)), None));
                total += parent;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                if let Some((_, true, key)) = open.last_mut() {
                    *key = None;
                }
            }
            _ => {}
        }
        if open.len() > max_depth {
            return refuse(line, format!("is nested deeper than {max_depth} levels"));
        }
        if total > max_pointers {
            return refuse(line, "is nested too deep under names too long to be a description of an API".into());
        }
    }
    Ok(())
}
