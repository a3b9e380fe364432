//! Uploads: one file as a multipart form with the single part `file`, which is how all four providers take one.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, ReadBuf};

use crate::{Error, ErrorKind};

/// Read from a file at a time.
const PIECE: usize = 64 * 1024;

/// What is uploaded: bytes in memory, or a file that is read while it is sent.
#[derive(Clone)]
pub struct Upload(Source);

#[derive(Clone)]
enum Source {
    Bytes(Bytes),
    File(PathBuf),
}

impl Upload {
    /// Bytes in memory; they are not copied.
    #[must_use]
    pub fn bytes(content: impl Into<Bytes>) -> Self {
        Self(Source::Bytes(content.into()))
    }

    /// A file. It is checked and sent piece by piece, never held in memory; it must not change meanwhile.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// A reader over the whole content, for checking it before anything is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file cannot be opened.
    pub(crate) fn reader(&self) -> Result<Box<dyn io::Read + Send + '_>, Error> {
        match &self.0 {
            Source::Bytes(bytes) => Ok(Box::new(bytes.as_ref())),
            Source::File(path) => Ok(Box::new(io::BufReader::new(std::fs::File::open(path).map_err(unreadable)?))),
        }
    }

    /// Bytes in all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the file is not there.
    pub(crate) fn size(&self) -> Result<u64, Error> {
        match &self.0 {
            Source::Bytes(bytes) => Ok(bytes.len() as u64),
            Source::File(path) => Ok(std::fs::metadata(path).map_err(unreadable)?.len()),
        }
    }

    /// As the part of a form.
    pub(crate) fn form(self, file_name: &str, mime: &str) -> Result<Form, Error> {
        // Random, so that no content can hold it.
        let form = reqwest::multipart::Form::new();
        let boundary = form.boundary();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\nContent-Type: {mime}\r\n\r\n",
        );
        Ok(Form {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            head: head.into(),
            size: self.size()?,
            content: self,
            tail: format!("\r\n--{boundary}--\r\n").into(),
        })
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upload { .. }")
    }
}

impl From<Vec<u8>> for Upload {
    fn from(content: Vec<u8>) -> Self {
        Self::bytes(content)
    }
}

impl From<String> for Upload {
    fn from(content: String) -> Self {
        Self::bytes(content)
    }
}

impl From<&[u8]> for Upload {
    fn from(content: &[u8]) -> Self {
        Self::bytes(content.to_vec())
    }
}

impl From<&str> for Upload {
    fn from(content: &str) -> Self {
        content.as_bytes().into()
    }
}

/// The multipart form with the file in it. Made by hand because the generated calls take a raw body, and because one of known size
/// carries `Content-Length`, which CDQ requires.
pub(crate) struct Form {
    pub(crate) content_type: String,
    head: Bytes,
    size: u64,
    content: Upload,
    tail: Bytes,
}

impl Form {
    /// The body for one try.
    pub(crate) fn body(&self) -> reqwest::Body {
        let content = match &self.content.0 {
            Source::Bytes(bytes) => Content::Bytes(bytes.clone()),
            Source::File(path) => Content::Unopened(path.clone()),
        };
        let left = self.head.len() as u64 + self.size + self.tail.len() as u64;
        reqwest::Body::wrap(FormBody { head: self.head.clone(), content, tail: self.tail.clone(), left })
    }
}

struct FormBody {
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

impl FormBody {
    /// The next piece of the content; empty at its end.
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
                    let mut space = BytesMut::zeroed(PIECE);
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

impl http_body::Body for FormBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut piece = std::mem::take(&mut self.head);
        if piece.is_empty() {
            piece = ready!(self.content(context))?;
        }
        if piece.is_empty() {
            piece = std::mem::take(&mut self.tail);
        }
        if piece.is_empty() {
            return Poll::Ready(None);
        }
        let Some(left) = self.left.checked_sub(piece.len() as u64) else {
            return Poll::Ready(Some(Err(io::Error::other("the file grew while it was sent"))));
        };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::Usage, format!("the file cannot be read: {}", error.kind()))
}
