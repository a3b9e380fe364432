//! Takes the request out of a generated method before it is sent.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::header::{CONTENT_TYPE, HeaderValue};
use progenitor_client::{Error as GeneratedError, ResponseValue};
use reqwest::Request;

use crate::error::{Error, ErrorKind};

/// A request that a generated method has built and that was not sent.
#[derive(Debug)]
pub struct PreparedRequest {
    pub(super) request: Request,
    pub(super) operation: &'static str,
}

impl PreparedRequest {
    /// Returns the same request with another `Content-Type` than the generated one.
    ///
    /// A multipart body needs it: the generator does not support multipart, and its boundary is random.
    #[must_use]
    pub fn with_content_type(mut self, content_type: HeaderValue) -> Self {
        self.request.headers_mut().insert(CONTENT_TYPE, content_type);
        self
    }

    /// Returns the same request with `body` as its JSON, in place of the generated body.
    ///
    /// For a body that the generated type of the spec cannot express, such as a new kind of a union.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when `body` cannot be written as JSON.
    pub fn with_json(mut self, body: &impl serde::Serialize) -> Result<Self, Error> {
        let json = serde_json::to_vec(body);
        let json = json.map_err(|_| Error::new(ErrorKind::Usage, "the request body cannot be written as JSON"))?;
        *self.request.body_mut() = Some(json.into());
        self.request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self)
    }
}

thread_local! {
    /// Whether [`capture`] waits for a request. A generated method builds its request and reaches the hook within one
    /// poll, on one thread, without I/O: so the request can be handed over here without a lock, and one client serves
    /// both captured and direct calls.
    static CAPTURING: Cell<bool> = const { Cell::new(false) };
    /// The request that the hook took.
    static CAPTURED: RefCell<Option<PreparedRequest>> = const { RefCell::new(None) };
}

/// Ends the capture when dropped, also by a panic.
struct Capturing;

impl Capturing {
    fn start() -> Self {
        CAPTURING.set(true);
        Self
    }
}

impl Drop for Capturing {
    fn drop(&mut self) {
        CAPTURING.set(false);
    }
}

/// Runs the generated method `call` just far enough to build its request, and returns the request unsent.
///
/// # Errors
///
/// [`ErrorKind::Usage`] when an argument cannot be part of a request; [`ErrorKind::Configuration`] when the request
/// cannot be built, or the method is not of a client generated for this crate.
pub fn capture<T, E>(
    call: impl Future<Output = Result<ResponseValue<T>, GeneratedError<E>>>,
) -> Result<PreparedRequest, Error> {
    let call = pin!(call);
    let capturing = Capturing::start();
    let result = call.poll(&mut Context::from_waker(Waker::noop()));
    drop(capturing);
    if let Some(request) = CAPTURED.take() {
        return Ok(request);
    }
    Err(match result {
        // The text names the malformed header or URL part together with its value; so it is not passed on.
        Poll::Ready(Err(GeneratedError::InvalidRequest(_))) => {
            Error::new(ErrorKind::Usage, "an argument cannot be part of a request")
        }
        Poll::Ready(Err(_)) => {
            Error::new(ErrorKind::Configuration, "the request could not be built; check the base URL")
        }
        Poll::Ready(Ok(_)) | Poll::Pending => {
            Error::new(ErrorKind::Configuration, "the generated client does not pass its requests to `capture`")
        }
    })
}

/// Called by the hook of a generated client: takes `request` if [`capture`] waits for it, and returns whether it did.
pub(super) fn take_request(request: &mut Request, operation: &'static str) -> bool {
    if !CAPTURING.replace(false) {
        return false;
    }
    let placeholder = Request::new(request.method().clone(), request.url().clone());
    let request = std::mem::replace(request, placeholder);
    CAPTURED.set(Some(PreparedRequest { request, operation }));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capture_of_a_call_that_passes_no_request_leaves_later_calls_alone() {
        let pending = std::future::pending::<Result<ResponseValue<()>, GeneratedError<()>>>();
        assert_eq!(capture(pending).unwrap_err().kind(), ErrorKind::Configuration);
        let mut request = Request::new(http::Method::GET, "https://api.example/ping".parse().unwrap());
        assert!(!take_request(&mut request, "ping"));
        assert_eq!(request.url().path(), "/ping");
    }
}
