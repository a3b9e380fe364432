//! Takes the request out of a generated method before it is sent.

use std::cell::Cell;
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
}

/// State of the thread-local slot while [`capture`] polls a generated method.
#[expect(clippy::large_enum_variant, reason = "one per thread; a box would be one more allocation per request")]
enum Slot {
    Closed,
    Open,
    Filled(PreparedRequest),
}

thread_local! {
    /// A generated method builds its request and reaches the hook within one poll, on one thread, without I/O: so
    /// the request can be handed over here without a lock, and one client serves both captured and direct calls.
    static SLOT: Cell<Slot> = const { Cell::new(Slot::Closed) };
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
    SLOT.set(Slot::Open);
    let result = call.poll(&mut Context::from_waker(Waker::noop()));
    match (SLOT.replace(Slot::Closed), result) {
        (Slot::Filled(request), _) => Ok(request),
        // The text names the malformed header or URL part together with its value; so it is not passed on.
        (_, Poll::Ready(Err(GeneratedError::InvalidRequest(_)))) => {
            Err(Error::new(ErrorKind::Usage, "an argument cannot be part of a request"))
        }
        (_, Poll::Ready(Err(_))) => {
            Err(Error::new(ErrorKind::Configuration, "the request could not be built; check the base URL"))
        }
        (_, Poll::Ready(Ok(_)) | Poll::Pending) => {
            Err(Error::new(ErrorKind::Configuration, "the generated client does not pass its requests to `capture`"))
        }
    }
}

/// Called by the hook of a generated client: takes `request` if [`capture`] waits for it, and returns whether it did.
pub(super) fn take_request(request: &mut Request, operation: &'static str) -> bool {
    match SLOT.replace(Slot::Closed) {
        Slot::Open => {
            let placeholder = Request::new(request.method().clone(), request.url().clone());
            let request = std::mem::replace(request, placeholder);
            SLOT.set(Slot::Filled(PreparedRequest { request, operation }));
            true
        }
        other => {
            SLOT.set(other);
            false
        }
    }
}
