//! Long texts of a status body, such as a CSV, which are not copied to be read.

use std::cell::OnceCell;

use memchr::{memchr, memchr2};

/// 4 KiB: a shorter text is copied in less time than it takes to find.
const MIN_LEN: usize = 4 * 1024;

/// Text as it is written in JSON, with no other escapes than those of line breaks (`\n`, `\r`) and no other
/// characters than printable ASCII.
#[derive(Clone)]
pub(super) struct LongText<'a> {
    escaped: &'a str,
    text: OnceCell<String>,
}

impl<'a> LongText<'a> {
    pub(super) fn escaped(&self) -> &'a str {
        self.escaped
    }

    pub(super) fn text(&self) -> &str {
        self.text.get_or_init(|| self.escaped.replace("\\n", "\n").replace("\\r", "\r"))
    }
}

/// Body of which a long text was cut out.
pub(super) struct Cut<'a> {
    /// The body, with an empty text in the place of the long one.
    pub(super) rest: Vec<u8>,
    /// Key of the text in the outermost object.
    pub(super) key: &'a str,
    pub(super) text: LongText<'a>,
}

impl<'a> Cut<'a> {
    /// Cuts the first long text out of `body`, whose arrays are elided; `None` where it has none.
    ///
    /// The rest is JSON if and only if the body is.
    pub(super) fn new(body: &'a [u8]) -> Option<Self> {
        if body.len() < MIN_LEN {
            return None;
        }
        let (mut depth, mut key, mut is_value, mut position) = (0_u32, None, false, 0);
        loop {
            let quote = position + memchr(b'"', &body[position..])?;
            for byte in &body[position..quote] {
                match byte {
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.checked_sub(1)?,
                    _ => {}
                }
                is_value = if *byte == b':' { true } else { is_value && byte.is_ascii_whitespace() };
            }
            let start = quote + 1;
            let (end, has_lines_only) = string(body, start)?;
            let content = &body[start..end];
            if depth == 1 && !is_value {
                key = Some(content);
            } else if depth == 1 && has_lines_only && content.len() >= MIN_LEN && is_printable(content) {
                let key = std::str::from_utf8(key?).ok()?;
                let escaped = std::str::from_utf8(content).ok()?;
                let rest = [&body[..start], &body[end..]].concat();
                return Some(Self { rest, key, text: LongText { escaped, text: OnceCell::new() } });
            }
            is_value = false;
            position = end + 1;
        }
    }
}

/// Returns the end of the string that begins at `start`, and whether its only escapes are those of line breaks.
fn string(body: &[u8], start: usize) -> Option<(usize, bool)> {
    let (mut position, mut has_lines_only) = (start, true);
    loop {
        position += memchr2(b'"', b'\\', &body[position..])?;
        if body[position] == b'"' {
            return Some((position, has_lines_only));
        }
        has_lines_only &= matches!(body.get(position + 1), Some(b'n' | b'r'));
        position += 2;
        if position > body.len() {
            return None;
        }
    }
}

fn is_printable(text: &[u8]) -> bool {
    // Without an early exit, so that many bytes are tested at a time.
    text.iter().fold(true, |is_printable, byte| is_printable & matches!(byte, b' '..=b'~'))
}
