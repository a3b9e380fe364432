use bytes::{Bytes, BytesMut};

/// One file as a multipart form with the single part `file`, which is how all four providers take one.
///
/// Made by hand because the generated calls take a raw body, and because a body of known length carries `Content-Length`, which CDQ
/// requires.
pub(crate) struct FilePart {
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

impl FilePart {
    pub(crate) fn new(file_name: &str, mime: &str, content: &[u8]) -> Self {
        // Random, so that no content can hold it.
        let form = reqwest::multipart::Form::new();
        let boundary = form.boundary();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\nContent-Type: {mime}\r\n\r\n",
            quoted(file_name)
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let mut body = BytesMut::with_capacity(head.len() + content.len() + tail.len());
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(tail.as_bytes());
        Self { content_type: format!("multipart/form-data; boundary={boundary}"), body: body.freeze() }
    }
}

/// A file name that cannot end its header.
fn quoted(file_name: &str) -> String {
    file_name.chars().map(|c| if c.is_control() || matches!(c, '"' | '\\') { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_break_out_of_its_header() {
        let part = FilePart::new("a\"\r\nX-Evil: 1\r\n.csv", "text/csv", b"content");
        let text = String::from_utf8(part.body.to_vec()).unwrap();
        assert!(text.contains("filename=\"a___X-Evil: 1__.csv\""), "{text}");
        assert!(text.contains("\r\n\r\ncontent\r\n--"), "{text}");
    }
}
