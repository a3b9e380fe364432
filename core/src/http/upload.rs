//! Uploads: one file, as the only part of a multipart form or as the whole body.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, ReadBuf};

use crate::error::{Error, ErrorKind};

/// 64 KiB are read from a file at a time.
const CHUNK: usize = 64 * 1024;

/// Content of an upload: bytes in memory, or a file that is read while it is sent.
#[derive(Clone)]
pub struct Upload(Source);

#[derive(Clone)]
enum Source {
    Bytes(Bytes),
    File(PathBuf),
}

impl Upload {
    /// Returns an upload of bytes in memory. They are not copied.
    #[must_use]
    pub fn from_bytes(content: impl Into<Bytes>) -> Self {
        Self(Source::Bytes(content.into()))
    }

    /// Returns an upload of the file at `path`.
    ///
    /// The file is checked and sent in chunks and never held in memory. It must not change in between, and is a regular
    /// file where a provider takes it as it is: a pipe can be read only once.
    #[must_use]
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// Returns what `inspect` makes of the content and its size. A file is read on a thread that may block.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file cannot be opened, and what `inspect` returns.
    ///
    /// # Panics
    ///
    /// Panics for a file outside of a tokio runtime.
    pub async fn inspect<T: Send + 'static>(
        &self,
        inspect: impl FnOnce(&mut dyn io::Read, u64) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        match &self.0 {
            Source::Bytes(bytes) => inspect(&mut bytes.as_ref(), bytes.len() as u64),
            Source::File(path) => {
                let path = path.clone();
                let inspected = tokio::task::spawn_blocking(move || {
                    let mut file = std::fs::File::open(path).map_err(unreadable)?;
                    let size = file.metadata().map_err(unreadable)?.len();
                    inspect(&mut file, size)
                });
                inspected.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Usage, "the file could not be checked")))
            }
        }
    }

    /// Returns the body of a multipart form whose only part `part` has the content, as a file of type `content_type`.
    ///
    /// ```
    /// # use bulkrail_core::http::Upload;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let body = Upload::from("id\na\n").into_form("data[file]", "rows.csv", "text/csv").await?;
    /// assert!(body.content_type().to_str()?.starts_with("multipart/form-data; boundary="));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file cannot be read, or is not a regular file.
    pub async fn into_form(self, part: &str, file_name: &str, content_type: &str) -> Result<UploadBody, Error> {
        // Random, so that the content cannot hold it.
        let form = reqwest::multipart::Form::new();
        let boundary = form.boundary();
        let (part, file_name) = (escaped_name(part), escaped_name(file_name));
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"{file_name}\"\r\nContent-Type: {content_type}\r\n\r\n",
        );
        let content_type = format!("multipart/form-data; boundary={boundary}");
        self.into_body(&content_type, head, format!("\r\n--{boundary}--\r\n")).await
    }

    /// Returns the content as the whole body of a request, as a file of type `content_type`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file cannot be read, or is not a regular file.
    pub async fn into_raw(self, content_type: &str) -> Result<UploadBody, Error> {
        self.into_body(content_type, String::new(), String::new()).await
    }

    async fn into_body(self, content_type: &str, head: String, tail: String) -> Result<UploadBody, Error> {
        let content_type = HeaderValue::try_from(content_type)
            .map_err(|_| Error::new(ErrorKind::Configuration, "the content type cannot be a header value"))?;
        let size = match &self.0 {
            Source::Bytes(bytes) => bytes.len() as u64,
            Source::File(path) => match tokio::fs::metadata(path).await.map_err(unreadable)? {
                file if file.is_file() => file.len(),
                // It was read when it was checked, and a pipe can be read only once.
                _ => return Err(Error::new(ErrorKind::Usage, "the upload is not a regular file; save it as one")),
            },
        };
        Ok(UploadBody { content_type, head: head.into(), size, content: self, tail: tail.into() })
    }
}

/// Returns the name of a part or file as a quoted string has it, escaped as browsers do.
fn escaped_name(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upload { .. }")
    }
}

impl From<Bytes> for Upload {
    fn from(content: Bytes) -> Self {
        Self::from_bytes(content)
    }
}

impl From<Vec<u8>> for Upload {
    fn from(content: Vec<u8>) -> Self {
        Self::from_bytes(content)
    }
}

impl From<String> for Upload {
    fn from(content: String) -> Self {
        Self::from_bytes(content)
    }
}

impl From<&[u8]> for Upload {
    fn from(content: &[u8]) -> Self {
        Self::from_bytes(content.to_vec())
    }
}

impl From<&str> for Upload {
    fn from(content: &str) -> Self {
        content.as_bytes().into()
    }
}

impl From<PathBuf> for Upload {
    fn from(path: PathBuf) -> Self {
        Self::from_path(path)
    }
}

impl From<&std::path::Path> for Upload {
    fn from(path: &std::path::Path) -> Self {
        Self::from_path(path)
    }
}

/// Body with one file, for the attempts of a submit. Made by [`Upload::into_form`] and [`Upload::into_raw`].
///
/// Written by hand because the generated methods take a raw body, and because a body of known size is sent with
/// `Content-Length`, which CDQ requires.
#[derive(Debug)]
pub struct UploadBody {
    content_type: HeaderValue,
    head: Bytes,
    size: u64,
    content: Upload,
    tail: Bytes,
}

impl UploadBody {
    /// Returns the value of the `Content-Type` header, in a form with its boundary.
    #[must_use]
    pub fn content_type(&self) -> HeaderValue {
        self.content_type.clone()
    }

    /// Returns the body for one attempt.
    #[must_use]
    pub fn body(&self) -> reqwest::Body {
        let content = match &self.content.0 {
            Source::Bytes(bytes) => Content::Bytes(bytes.clone()),
            Source::File(path) => Content::Unopened(path.clone()),
        };
        let left = self.head.len() as u64 + self.size + self.tail.len() as u64;
        reqwest::Body::wrap(Sending { head: self.head.clone(), content, tail: self.tail.clone(), left })
    }
}

struct Sending {
    head: Bytes,
    content: Content,
    tail: Bytes,
    left: u64,
}

enum Content {
    Bytes(Bytes),
    Unopened(PathBuf),
    Opening(Pin<Box<dyn Future<Output = io::Result<tokio::fs::File>> + Send + Sync>>),
    Open(tokio::fs::File),
    Done,
}

impl Sending {
    /// Returns the next chunk of the content; empty at its end.
    fn content(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        loop {
            match &mut self.content {
                Content::Bytes(bytes) => {
                    let bytes = std::mem::take(bytes);
                    self.content = Content::Done;
                    return Poll::Ready(Ok(bytes));
                }
                Content::Unopened(path) => {
                    let path = std::mem::take(path);
                    self.content = Content::Opening(Box::pin(tokio::fs::File::open(path)));
                }
                Content::Opening(opening) => {
                    self.content = Content::Open(ready!(opening.as_mut().poll(context))?);
                }
                Content::Open(file) => {
                    let mut space = BytesMut::zeroed(CHUNK);
                    let mut read = ReadBuf::new(&mut space);
                    ready!(Pin::new(file).poll_read(context, &mut read))?;
                    let filled = read.filled().len();
                    space.truncate(filled);
                    if filled == 0 {
                        self.content = Content::Done;
                    }
                    return Poll::Ready(Ok(space.freeze()));
                }
                Content::Done => return Poll::Ready(Ok(Bytes::new())),
            }
        }
    }
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut chunk = std::mem::take(&mut self.head);
        if chunk.is_empty() {
            chunk = ready!(self.content(context))?;
        }
        if chunk.is_empty() {
            chunk = std::mem::take(&mut self.tail);
        }
        if chunk.is_empty() {
            return Poll::Ready(None);
        }
        let Some(left) = self.left.checked_sub(chunk.len() as u64) else {
            return Poll::Ready(Some(Err(io::Error::other("the file grew while it was sent"))));
        };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::Usage, format!("the file cannot be read: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body::Body as _;

    use super::*;

    #[test]
    fn body_of_an_upload_announces_its_length() {
        let upload = Upload::from_bytes("123456789");
        assert_eq!(format!("{upload:?}"), "Upload { .. }");
        let mut raw = std::pin::pin!(upload.into_raw("text/csv"));
        let Poll::Ready(raw) = raw.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("bytes are there at once")
        };
        assert_eq!(raw.unwrap().body().size_hint().exact(), Some(9));
    }
}
