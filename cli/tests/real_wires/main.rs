//! The command over real TLS, HTTP/2, DNS and proxies, at its real limits.
//!
//! A binary of its own: some of these tests take half a minute, and none of them shares anything with the others.

mod connecting;
mod http1;
mod http2;
mod proxy;
mod server;
#[path = "../it/support.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod support;
mod tls;
