//! Errors of typed decoding: which field does not fit, and why, without the content of the body.

use std::fmt::{self, Write};
use std::ops::Range;

use crate::error::{Error, ErrorKind};
use crate::model::identifier_or_length;

/// Returns the decode error of `body`: with the pointer and position of `error`, without what it quotes from the body.
///
/// Names of fields that do not have the form of a name are replaced by their length.
pub(crate) fn decode_error(error: &serde_json::Error, body: &[u8]) -> Error {
    use serde_json::error::Category;
    let reason = match error.classify() {
        Category::Eof => "the response breaks off".to_owned(),
        Category::Data => mismatch(error, body),
        Category::Syntax | Category::Io => "the response is not JSON".to_owned(),
    };
    Error::new(ErrorKind::Decode, format!("{reason} (line {}, column {})", error.line(), error.column()))
}

/// Returns the reason of an error about a value that is JSON, but not what the Rust type expects.
fn mismatch(error: &serde_json::Error, body: &[u8]) -> String {
    let text = error.to_string();
    // What follows is a text of the Rust type; before it, the error may quote the body.
    let expected = text.rsplit_once(", expected ").map(|(_, expected)| without_position(expected));
    let place = Place::at(body, offset(body, error.line(), error.column()));
    let field = Field(&place.pointer);
    match (expected, place.found) {
        // An array has the wrong length for a struct, whose fields it would have by position.
        (Some(expected), Some(found)) if text.starts_with("invalid type: ") || is_array_for(expected, &text) => {
            format!("{field} is {found}, where the spec has {}", in_words(expected))
        }
        (Some(_), Some(_)) if text.starts_with("invalid value: ") => {
            format!("{field} has a value that the spec does not allow")
        }
        (Some(_), Some(_)) if text.starts_with("unknown variant ") => {
            format!("{field} has a word that the spec does not have")
        }
        (None, Some(_)) if let Some(name) = text.strip_prefix("missing field `") => {
            // The name is one of the Rust type.
            let name = name.split('`').next().unwrap_or_default();
            format!("{} is missing, and the spec requires it", Field(&format!("{}/{name}", place.pointer)))
        }
        (None, Some(found))
            if let Some(union) = text.strip_prefix("data did not match any variant of untagged enum ") =>
        {
            let union = without_position(union);
            match found {
                // The error has the position after the value, or after the object around it.
                "an object" | "an array" => format!("{field}, or a value in it, does not fit `{union}` of the spec"),
                found => format!("{field} is {found}, where the spec has `{union}`"),
            }
        }
        _ => format!("{field}, or a value in it, does not fit the spec"),
    }
}

fn is_array_for(expected: &str, text: &str) -> bool {
    text.starts_with("invalid length ") && expected.starts_with("struct ")
}

/// The field at a pointer, in words.
struct Field<'a>(&'a str);

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => f.write_str("the response"),
            pointer => write!(f, "{pointer} of the response"),
        }
    }
}

/// Returns `text` without the position that `serde_json` adds.
fn without_position(text: &str) -> &str {
    text.rsplit_once(" at line ").map_or(text, |(text, _)| text)
}

/// Returns the words of OpenAPI for the type that a decoder of serde expects.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" => "an integer",
        "f32" | "f64" | "a JSON number" => "a number",
        "a borrowed string" => "a string",
        "a sequence" => "an array",
        "a map" => "an object",
        expected if expected.starts_with("struct ") => "an object",
        expected => expected,
    }
}

/// Returns the index of the byte at a position of `serde_json`: lines from 1, columns in bytes.
fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let breaks = body.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1);
    let start = std::iter::once(0).chain(breaks).nth(line.saturating_sub(1));
    start.unwrap_or(body.len()).saturating_add(column).min(body.len())
}

/// The value that a decoder had read, or was about to read, when it failed.
struct Place {
    pointer: String,
    /// Type of the value; `None` where only the array or object around it is known.
    found: Option<&'static str>,
}

impl Place {
    /// Returns the value of `body` that ends at `offset` or before the blanks there, or the array or object that starts
    /// there.
    fn at(body: &[u8], offset: usize) -> Self {
        let mut levels = Vec::new();
        let mut ended = None;
        let mut index = 0;
        let is_before = |index: usize, byte: &u8| index < offset || (index == offset && b"{[".contains(byte));
        while let Some(byte) = body.get(index).filter(|byte| is_before(index, byte)) {
            let start = index;
            index += 1;
            let found = match byte {
                b'{' | b'[' => {
                    let (level, found) =
                        if *byte == b'{' { (Level::Name(None), "an object") } else { (Level::Item(0), "an array") };
                    if start == offset {
                        return Self { pointer: pointer(&levels, body), found: Some(found) };
                    }
                    levels.push(level);
                    ended = None;
                    continue;
                }
                b'}' | b']' => {
                    levels.pop();
                    if *byte == b'}' { "an object" } else { "an array" }
                }
                b',' => {
                    match levels.last_mut() {
                        Some(Level::Item(number)) => *number += 1,
                        Some(Level::Name(name)) => *name = None,
                        None => {}
                    }
                    ended = None;
                    continue;
                }
                b'"' => {
                    index = string_end(body, index);
                    if let Some(Level::Name(name @ None)) = levels.last_mut() {
                        *name = Some(start..index);
                        continue;
                    }
                    "a string"
                }
                byte if byte.is_ascii_whitespace() => continue,
                b':' => continue,
                byte => {
                    let is_inside = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(*byte);
                    index += body[index..].iter().take_while(is_inside).count();
                    match byte {
                        b't' | b'f' => "a boolean",
                        b'n' => "null",
                        _ => "a number",
                    }
                }
            };
            ended = Some(found);
        }
        Self { pointer: pointer(&levels, body), found: ended }
    }
}

/// One level of the path to a value.
enum Level {
    /// Name of the field in an object, with its quotation marks; `None` before it is read.
    Name(Option<Range<usize>>),
    /// Number of the item in an array.
    Item(usize),
}

fn pointer(levels: &[Level], body: &[u8]) -> String {
    levels.iter().fold(String::new(), |mut pointer, level| {
        let written = match level {
            Level::Name(Some(name)) => {
                let name: String = serde_json::from_slice(&body[name.clone()]).unwrap_or_default();
                write!(pointer, "/{}", identifier_or_length(&name))
            }
            Level::Item(number) => write!(pointer, "/{number}"),
            Level::Name(None) => Ok(()),
        };
        written.map_or_else(|_| String::new(), |()| pointer)
    })
}

/// Returns the index after the string whose text starts at `start`.
fn string_end(body: &[u8], start: usize) -> usize {
    let mut index = start;
    while let Some(byte) = body.get(index) {
        match byte {
            b'"' => return index + 1,
            b'\\' => index += 2,
            _ => index += 1,
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;

    #[expect(dead_code, reason = "only decoded")]
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Import {
        id: String,
        #[serde(default)]
        rows: Option<i64>,
        #[serde(default)]
        items: Vec<Item>,
        #[serde(default)]
        state: Option<State>,
    }

    #[expect(dead_code, reason = "only decoded")]
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Item {
        payee_id: String,
        #[serde(default)]
        size: Option<u8>,
        #[serde(default)]
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    enum Kind {
        A,
    }

    #[expect(dead_code, reason = "only decoded")]
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum State {
        Known(Kind),
        Unknown(String),
    }

    fn reason<T: DeserializeOwned + fmt::Debug>(body: &str) -> String {
        let error = serde_json::from_str::<T>(body).unwrap_err();
        let text = decode_error(&error, body.as_bytes()).to_string();
        assert!(!text.contains("CANARY"), "{text}");
        text.rsplit_once(" (line ").unwrap().0.to_owned()
    }

    #[test]
    fn decode_error_names_pointer_expected_and_found_type() {
        let table = [
            ("[]", "the response is an array, where the spec has an object"),
            ("\"CANARY\"", "the response is a string, where the spec has an object"),
            ("{\"id\":7}", "/id of the response is a number, where the spec has a string"),
            (
                "{\n  \"id\" : \"a\",\n  \"rows\" : \"CANARY, expected no string\"\n}",
                "/rows of the response is a string, where the spec has an integer",
            ),
            ("{\"id\":\"a\",\"rows\":{\"x\":1}}", "/rows of the response is an object, where the spec has an integer"),
            ("{\"id\":\"a\",\"rows\":1.5}", "/rows of the response is a number, where the spec has an integer"),
            ("{\"id\":\"a\",\"items\":{}}", "/items of the response is an object, where the spec has an array"),
            ("{\"id\":\"a\",\"items\":true}", "/items of the response is a boolean, where the spec has an array"),
            ("{\"id\":\"a\",\"items\":null}", "/items of the response is null, where the spec has an array"),
            (
                "{\"id\":\"a\",\"items\":[{\"payeeId\":\"\\\"]}\"},{\"payeeId\":[\"CANARY\"]}]}",
                "/items/1/payeeId of the response is an array, where the spec has a string",
            ),
            (
                "{\"CANARY @\":[1,{}],\"id\":\"a\",\"items\":[{\"payeeId\":\"b\"},{\"x\":[]}]}",
                "/items/1/payeeId of the response is missing, and the spec requires it",
            ),
            ("{}", "/id of the response is missing, and the spec requires it"),
            (
                "{\"id\":\"a\",\"items\":[{\"payeeId\":\"b\",\"size\":-5}]}",
                "/items/0/size of the response has a value that the spec does not allow",
            ),
            (
                "{\"id\":\"a\",\"items\":[{\"payeeId\":\"b\",\"kind\":\"CANARY\"}]}",
                "/items/0/kind of the response has a word that the spec does not have",
            ),
            (
                "{\"id\":\"a\",\"state\":7 ,\"rows\":1}",
                "/state of the response is a number, where the spec has `State`",
            ),
            ("{\"id\":\"a\",\"state\":7}", "the response, or a value in it, does not fit `State` of the spec"),
        ];
        for (body, expected) in table {
            assert_eq!(reason::<Import>(body), expected, "{body}");
        }
    }

    #[test]
    fn decode_error_does_not_show_names_that_may_be_personal() {
        type Names = std::collections::BTreeMap<String, u8>;
        assert_eq!(
            reason::<Names>("{\"CANARY@example.com\":\"x\"}"),
            "/(a text of 18 bytes) of the response is a string, where the spec has an integer"
        );
        assert_eq!(reason::<Names>("{\"a\":1"), "the response breaks off");
        assert_eq!(reason::<Names>("<CANARY>"), "the response is not JSON");
    }
}
