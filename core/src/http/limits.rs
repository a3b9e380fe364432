use std::time::Duration;

/// What one request may cost. Every field has a documented default; change those that do not fit.
///
/// ```
/// use std::time::Duration;
/// let mut limits = bulkrail::Limits::default();
/// limits.request = Duration::from_secs(10);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Until a connection stands; [`Limits::CONNECT`].
    pub connect: Duration,
    /// A whole small call, from the first byte out to the last byte in; [`Limits::REQUEST`].
    pub request: Duration,
    /// A whole upload; [`Limits::UPLOAD`].
    pub upload: Duration,
    /// A whole answer that passes through (a status with its rows); [`Limits::DOWNLOAD`].
    pub download: Duration,
    /// Between two pieces of an answer; [`Limits::STALL`].
    pub stall: Duration,
    /// Bytes of an answer that are held in memory (of streamed rows: one row at a time), counted after decompression; [`Limits::BODY`].
    pub body: usize,
    /// Bytes of an answer that passes through (polls, streamed rows), counted after decompression; [`Limits::STREAM`].
    pub stream: u64,
}

impl Limits {
    /// 10 s: a handshake across the world takes well under 2 s; five times that forgives a lost packet or two.
    pub const CONNECT: Duration = Duration::from_secs(10);
    /// 30 s: a status answer is small, but a large batch may take the provider seconds to count.
    pub const REQUEST: Duration = Duration::from_secs(30);
    /// 5 min: 10 MB (Reap's limit) at 300 kbit/s.
    pub const UPLOAD: Duration = Duration::from_secs(300);
    /// 5 min: a status answer with 500,000 rows (680 MB) at 20 Mbit/s takes that long; a small one takes what it takes.
    pub const DOWNLOAD: Duration = Duration::from_secs(300);
    /// 20 s: a provider that sends nothing for so long in the middle of an answer has lost us.
    pub const STALL: Duration = Duration::from_secs(20);
    /// 128 MiB: about twice a KillB status body with 50,000 rows (68 MB).
    pub const BODY: usize = 128 * 1024 * 1024;
    /// 4 GiB: about three million KillB rows. They pass through, so this guards the line, not the memory.
    pub const STREAM: u64 = 4 * 1024 * 1024 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Self::CONNECT,
            request: Self::REQUEST,
            upload: Self::UPLOAD,
            download: Self::DOWNLOAD,
            stall: Self::STALL,
            body: Self::BODY,
            stream: Self::STREAM,
        }
    }
}
