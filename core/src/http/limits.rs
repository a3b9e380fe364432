use std::time::Duration;

/// Limits of the requests of a client: time, size, and polls in flight. Each has a documented default.
///
/// ```
/// use std::time::Duration;
/// use bulkrail_core::http::Limits;
///
/// let limits = Limits::default().with_request_timeout(Duration::from_secs(10));
/// assert_eq!(limits.upload_timeout, Limits::UPLOAD_TIMEOUT);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Time until a connection is made; default [`Limits::CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
    /// Time of a whole small call, from the first byte out to the last byte in, and time until a poll whose response has
    /// the rows begins; default [`Limits::REQUEST_TIMEOUT`].
    pub request_timeout: Duration,
    /// Time of a whole upload; default [`Limits::UPLOAD_TIMEOUT`].
    pub upload_timeout: Duration,
    /// Time of a whole response that is read in chunks (rows, and each of the two requests of a KillB poll); default
    /// [`Limits::DOWNLOAD_TIMEOUT`]. For larger batches, or slower connections, set a longer one.
    pub download_timeout: Duration,
    /// Time between two chunks of a response; default [`Limits::READ_TIMEOUT`].
    pub read_timeout: Duration,
    /// Time without a frame after which an HTTP/2 connection is pinged while a response is awaited, and time until the
    /// ping must be answered; default [`Limits::PING_TIMEOUT`]. A connection that does not answer is closed, and the
    /// next request uses a new one. Requests that change something always use a new connection, and are not pinged.
    pub ping_timeout: Duration,
    /// Bytes of a response that are held in memory (of streamed rows: one row), counted after decompression; default
    /// [`Limits::MAX_BUFFERED_BYTES`].
    pub max_buffered_bytes: usize,
    /// Bytes of a response that is read in chunks (polls, rows), counted after decompression; default
    /// [`Limits::MAX_STREAMED_BYTES`].
    pub max_streamed_bytes: u64,
    /// Polls in flight at once, of all waits, streams and wait sets of a client and its clones; default
    /// [`Limits::MAX_POLLS_IN_FLIGHT`]. 0 counts as 1. Further polls wait for their place; see
    /// [`PollLimit`](crate::PollLimit).
    pub max_polls_in_flight: usize,
}

impl Limits {
    /// 10 s: a handshake across the world takes well under 2 s; five times that forgives a lost packet or two.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// 30 s: a status response is small, but a large batch may take the provider seconds to count.
    pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
    /// 5 min: 10 MB (Reap's limit) at 300 kbit/s.
    pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);
    /// 5 min: a status response with 500,000 rows (680 MB) at 20 Mbit/s.
    pub const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(300);
    /// 20 s: a provider that sends nothing for so long in the middle of a response has lost the connection.
    pub const READ_TIMEOUT: Duration = Duration::from_secs(20);
    /// 10 s: twice that is well within the request timeout, so that a dead connection does not cost a second request.
    pub const PING_TIMEOUT: Duration = Duration::from_secs(10);
    /// 128 MiB: about twice a KillB status body with 50,000 rows (68 MB).
    pub const MAX_BUFFERED_BYTES: usize = 128 * 1024 * 1024;
    /// 4 GiB: about three million KillB rows. They are not held, so this limits the traffic, not the memory.
    pub const MAX_STREAMED_BYTES: u64 = 4 * 1024 * 1024 * 1024;
    /// 512, half of the 1,024 descriptors that a process usually may open: over HTTP/1.1 each poll has a connection of its
    /// own, and some more are on their way back to the pool (774 sockets at most with 100,000 waits on a busy machine). At
    /// 200 ms a poll it is 2,500 polls a second, more than providers allow.
    pub const MAX_POLLS_IN_FLIGHT: usize = 512;

    /// Returns the default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            connect_timeout: Self::CONNECT_TIMEOUT,
            request_timeout: Self::REQUEST_TIMEOUT,
            upload_timeout: Self::UPLOAD_TIMEOUT,
            download_timeout: Self::DOWNLOAD_TIMEOUT,
            read_timeout: Self::READ_TIMEOUT,
            ping_timeout: Self::PING_TIMEOUT,
            max_buffered_bytes: Self::MAX_BUFFERED_BYTES,
            max_streamed_bytes: Self::MAX_STREAMED_BYTES,
            max_polls_in_flight: Self::MAX_POLLS_IN_FLIGHT,
        }
    }

    /// Returns the same limits with another [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub const fn with_connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Returns the same limits with another [`request_timeout`](Self::request_timeout).
    #[must_use]
    pub const fn with_request_timeout(self, request_timeout: Duration) -> Self {
        Self { request_timeout, ..self }
    }

    /// Returns the same limits with another [`upload_timeout`](Self::upload_timeout).
    #[must_use]
    pub const fn with_upload_timeout(self, upload_timeout: Duration) -> Self {
        Self { upload_timeout, ..self }
    }

    /// Returns the same limits with another [`download_timeout`](Self::download_timeout).
    #[must_use]
    pub const fn with_download_timeout(self, download_timeout: Duration) -> Self {
        Self { download_timeout, ..self }
    }

    /// Returns the same limits with another [`read_timeout`](Self::read_timeout).
    #[must_use]
    pub const fn with_read_timeout(self, read_timeout: Duration) -> Self {
        Self { read_timeout, ..self }
    }

    /// Returns the same limits with another [`ping_timeout`](Self::ping_timeout).
    #[must_use]
    pub const fn with_ping_timeout(self, ping_timeout: Duration) -> Self {
        Self { ping_timeout, ..self }
    }

    /// Returns the same limits with another [`max_buffered_bytes`](Self::max_buffered_bytes).
    #[must_use]
    pub const fn with_max_buffered_bytes(self, max_buffered_bytes: usize) -> Self {
        Self { max_buffered_bytes, ..self }
    }

    /// Returns the same limits with another [`max_streamed_bytes`](Self::max_streamed_bytes).
    #[must_use]
    pub const fn with_max_streamed_bytes(self, max_streamed_bytes: u64) -> Self {
        Self { max_streamed_bytes, ..self }
    }

    /// Returns the same limits with another [`max_polls_in_flight`](Self::max_polls_in_flight).
    #[must_use]
    pub const fn with_max_polls_in_flight(self, max_polls_in_flight: usize) -> Self {
        Self { max_polls_in_flight, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_as_documented() {
        let second = Duration::from_secs(1);
        let documented = Limits {
            connect_timeout: 10 * second,
            request_timeout: 30 * second,
            upload_timeout: 300 * second,
            download_timeout: 300 * second,
            read_timeout: 20 * second,
            ping_timeout: 10 * second,
            max_buffered_bytes: 134_217_728,
            max_streamed_bytes: 4_294_967_296,
            max_polls_in_flight: 512,
        };
        assert_eq!(Limits::default(), documented);
    }

    #[test]
    fn each_setter_changes_its_limit_alone() {
        let (second, default) = (Duration::from_secs(1), Limits::default());
        let set = [
            (default.with_connect_timeout(second), Limits { connect_timeout: second, ..default }),
            (default.with_request_timeout(second), Limits { request_timeout: second, ..default }),
            (default.with_upload_timeout(second), Limits { upload_timeout: second, ..default }),
            (default.with_download_timeout(second), Limits { download_timeout: second, ..default }),
            (default.with_read_timeout(second), Limits { read_timeout: second, ..default }),
            (default.with_ping_timeout(second), Limits { ping_timeout: second, ..default }),
            (default.with_max_buffered_bytes(7), Limits { max_buffered_bytes: 7, ..default }),
            (default.with_max_streamed_bytes(7), Limits { max_streamed_bytes: 7, ..default }),
            (default.with_max_polls_in_flight(7), Limits { max_polls_in_flight: 7, ..default }),
        ];
        for (limits, expected) in set {
            assert_eq!(limits, expected);
            assert_ne!(limits, default);
        }
    }
}
