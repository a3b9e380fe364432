//! Errors of connections: one class for each reason why a request has no response.

use std::error::Error as StdError;
use std::fmt;
use std::io;

#[cfg(feature = "__rustls")]
use rustls::{CertificateError, Error as TlsError};

use crate::error::{Error, ErrorKind};

/// Reason why a request has no response, or its body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectorError {
    /// A connection was not made, for a reason that is none of the following. Nothing of the request was sent.
    Connect,
    /// A connection was not made within [`Limits::connect_timeout`](super::Limits::connect_timeout).
    ConnectTimeout,
    /// The host refuses connections on the port.
    ConnectionRefused,
    /// There is no network route to the host.
    NetworkUnreachable,
    /// The name of the host is unknown.
    UnknownHost,
    /// The name of the host could not be resolved for now.
    NameResolution,
    /// The certificate has expired.
    CertificateExpired,
    /// The certificate is not valid yet.
    CertificateNotYetValid,
    /// The certificate is of another host.
    CertificateOfOtherHost,
    /// The certificate is not signed by an authority that this machine trusts.
    UnknownAuthority,
    /// The certificate is not acceptable for another reason.
    InvalidCertificate,
    /// The TLS handshake failed for another reason than the certificate: the port does not speak TLS, or not ours.
    Tls,
    /// The connection was closed during the TLS handshake.
    TlsInterrupted,
    /// A connection to the proxy was not made.
    ProxyConnect,
    /// The proxy asks for credentials, or refused those in its address.
    ProxyAuthentication,
    /// The proxy did not connect to the host.
    ProxyRefused,
    /// The provider refused the request before it processed anything of it (HTTP/2 `REFUSED_STREAM` or `GOAWAY`).
    NotProcessed,
    /// The request took longer than the limits allow. The provider may have carried it out.
    Timeout,
    /// The connection was reset or closed early. The provider may have carried the request out.
    ConnectionReset,
    /// The response is larger than the limit.
    TooLarge,
    /// The body of the response cannot be read (compression, framing).
    InvalidBody,
}

impl ConnectorError {
    /// Returns a short word for traces.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::ConnectionRefused => "connection_refused",
            Self::NetworkUnreachable => "network_unreachable",
            Self::UnknownHost => "unknown_host",
            Self::NameResolution => "name_resolution",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateNotYetValid => "certificate_not_yet_valid",
            Self::CertificateOfOtherHost => "certificate_of_other_host",
            Self::UnknownAuthority => "unknown_authority",
            Self::InvalidCertificate => "invalid_certificate",
            Self::Tls => "tls",
            Self::TlsInterrupted => "tls_interrupted",
            Self::ProxyConnect => "proxy_connect",
            Self::ProxyAuthentication => "proxy_authentication",
            Self::ProxyRefused => "proxy_refused",
            Self::NotProcessed => "not_processed",
            Self::Timeout => "timeout",
            Self::ConnectionReset => "connection_reset",
            Self::TooLarge => "too_large",
            Self::InvalidBody => "invalid_body",
        }
    }

    /// Returns whether it is certain that the provider received nothing of the request, or processed nothing of it.
    #[must_use]
    pub fn is_before_sending(&self) -> bool {
        !matches!(self, Self::Timeout | Self::ConnectionReset | Self::TooLarge | Self::InvalidBody)
    }

    /// Returns whether another attempt fails, too, until a person changes something.
    ///
    /// An unknown host, a port that does not speak TLS and a proxy that cannot be used are of this kind: almost always
    /// the address is wrong. A wait that reached the provider before takes them for an outage; see
    /// [`Wait`](crate::Wait).
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.is_address_fault()
            || matches!(
                self,
                Self::CertificateExpired
                    | Self::CertificateNotYetValid
                    | Self::CertificateOfOtherHost
                    | Self::UnknownAuthority
                    | Self::InvalidCertificate
                    | Self::ProxyAuthentication
            )
    }

    /// Returns whether the address of the provider or proxy seems to be wrong. An address that worked before is not.
    pub(crate) fn is_address_fault(&self) -> bool {
        matches!(self, Self::UnknownHost | Self::Tls | Self::ProxyConnect | Self::ProxyRefused)
    }

    /// Returns whether the error is about the proxy and not about the provider.
    pub(super) fn is_of_proxy(&self) -> bool {
        matches!(self, Self::ProxyConnect | Self::ProxyAuthentication | Self::ProxyRefused)
    }

    /// Returns whether the error is about a connection that was not made.
    pub(super) fn is_of_connecting(&self) -> bool {
        self.is_before_sending() && *self != Self::NotProcessed
    }

    /// Returns the error of a request that is sent to a proxy as it is, without a tunnel to the provider: failures of
    /// connecting are then failures of connecting to the proxy.
    pub(super) fn to_proxy(self) -> Self {
        if self.is_of_connecting() { Self::ProxyConnect } else { self }
    }

    pub(super) fn into_error(self) -> Error {
        let kind = match self {
            Self::TooLarge => ErrorKind::TooLarge,
            // As a response with status 407.
            Self::ProxyAuthentication => ErrorKind::Authentication,
            _ => ErrorKind::Unavailable,
        };
        let mut error = Error::new(kind, self.to_string()).with_source(self);
        if let Some(hint) = self.hint() {
            error = error.with_hint(hint);
        }
        if self.is_permanent() {
            error = error.with_permanent();
        }
        if self.is_before_sending() { error.with_nothing_sent() } else { error }
    }

    fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::ConnectionRefused => "check host and port of the base URL, or try again later",
            Self::ConnectTimeout => {
                "check whether a firewall is between, or a proxy must be used (HTTPS_PROXY), or try again later"
            }
            Self::NetworkUnreachable => "check the network of this machine",
            Self::UnknownHost => "check the host in the base URL, and the DNS of this machine",
            Self::NameResolution => "check the network and the DNS of this machine, or try again later",
            Self::CertificateExpired => "check the clock of this machine; else the provider must renew its certificate",
            Self::CertificateNotYetValid => "check the clock of this machine",
            Self::CertificateOfOtherHost => "check the host in the base URL; the connection may also be intercepted",
            Self::UnknownAuthority => {
                "if the authority is to be trusted (that of a company's proxy), add its certificate to the system's, \
                 or to the file that SSL_CERT_FILE names"
            }
            Self::InvalidCertificate => {
                "a self-signed certificate must be one of a server, not of an authority; else the provider must \
                 replace its certificate"
            }
            Self::Tls => "check that the base URL has the right port, and what is between (a proxy, a firewall)",
            Self::TlsInterrupted => "check what is between (a proxy, a firewall), or try again later",
            Self::ProxyConnect | Self::ProxyRefused => {
                "check the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; NO_PROXY lists hosts to reach without it"
            }
            Self::ProxyAuthentication => {
                "put user and password into the proxy's address (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY), or correct them"
            }
            Self::NotProcessed => "nothing was done: send the request again",
            Self::Connect | Self::Timeout | Self::ConnectionReset | Self::TooLarge | Self::InvalidBody => return None,
        })
    }
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "a connection to the provider was not made",
            Self::ConnectTimeout => "a connection to the provider was not made in time",
            Self::ConnectionRefused => "the connection was refused",
            Self::NetworkUnreachable => "there is no network route to the host",
            Self::UnknownHost => "the host is unknown",
            Self::NameResolution => "the name of the host could not be resolved for now",
            Self::CertificateExpired => "the certificate of the host has expired",
            Self::CertificateNotYetValid => "the certificate of the host is not valid yet",
            Self::CertificateOfOtherHost => "the certificate is of another host",
            Self::UnknownAuthority => "the certificate of the host is of an unknown authority",
            Self::InvalidCertificate => "the certificate of the host is not acceptable",
            Self::Tls => "the TLS handshake failed",
            Self::TlsInterrupted => "the connection closed during the TLS handshake",
            Self::ProxyConnect => "a connection to the proxy was not made",
            Self::ProxyAuthentication => "the proxy asks for authentication",
            Self::ProxyRefused => "the proxy refused to connect to the host",
            Self::NotProcessed => "the provider refused the request before it processed anything",
            Self::Timeout => "the provider did not respond in time",
            Self::ConnectionReset => "the connection closed before the response was complete",
            Self::TooLarge => "the response is larger than the limit allows",
            Self::InvalidBody => "the response could not be read",
        })
    }
}

impl StdError for ConnectorError {}

/// Keeps the class of the error and drops its text, which may hold the URL and with it an id.
impl From<reqwest::Error> for ConnectorError {
    fn from(error: reqwest::Error) -> Self {
        if causes(&error).any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            Self::TooLarge
        } else if error.is_connect() {
            of_connecting(&error)
        } else if causes(&error).filter_map(|cause| cause.downcast_ref()).any(is_not_processed) {
            Self::NotProcessed
        } else if error.is_timeout() {
            Self::Timeout
        } else if error.is_decode() && !causes(&error).any(|cause| cause.is::<io::Error>()) {
            Self::InvalidBody
        } else {
            Self::ConnectionReset
        }
    }
}

/// Returns whether the server states that it did not process the stream: RFC 9113, sections 6.8 and 8.7.
///
/// h2 reports a received `GOAWAY` only for streams above its last stream id, and for streams that were not sent.
fn is_not_processed(error: &h2::Error) -> bool {
    let is_refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (is_refused || error.is_go_away())
}

fn of_connecting(error: &reqwest::Error) -> ConnectorError {
    // The type of errors of tunnels through proxies is private.
    let tunnel = causes(error).find_map(|cause| cause.to_string().strip_prefix("tunnel error: ").map(str::to_owned));
    match tunnel.as_deref() {
        Some("proxy authorization required") => return ConnectorError::ProxyAuthentication,
        Some("failed to create underlying connection") => return ConnectorError::ProxyConnect,
        Some(_) => return ConnectorError::ProxyRefused,
        None => {}
    }
    if error.is_timeout() {
        return ConnectorError::ConnectTimeout;
    }
    #[cfg(feature = "__rustls")]
    if let Some(error) = causes(error).find_map(|cause| cause.downcast_ref::<TlsError>()) {
        return of_tls(error);
    }
    if error.is_dns() {
        let is_unknown = causes(error).any(|cause| is_unknown_name(&cause.to_string()));
        return if is_unknown { ConnectorError::UnknownHost } else { ConnectorError::NameResolution };
    }
    of_io(causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last().map(io::Error::kind))
}

/// Returns the class of a connection whose last cause is an I/O error of `kind`.
fn of_io(kind: Option<io::ErrorKind>) -> ConnectorError {
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => ConnectorError::ConnectionRefused,
        Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => ConnectorError::NetworkUnreachable,
        // A connection was made and closed again, before the handshake ended.
        Some(
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe,
        ) => ConnectorError::TlsInterrupted,
        _ => ConnectorError::Connect,
    }
}

#[cfg(feature = "__rustls")]
fn of_tls(error: &TlsError) -> ConnectorError {
    let TlsError::InvalidCertificate(reason) = error else { return ConnectorError::Tls };
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => ConnectorError::CertificateExpired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ConnectorError::CertificateNotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ConnectorError::CertificateOfOtherHost
        }
        // Signed by another key of an authority with the name of a trusted one.
        CertificateError::BadSignature => ConnectorError::UnknownAuthority,
        CertificateError::UnknownIssuer => ConnectorError::UnknownAuthority,
        _ => ConnectorError::InvalidCertificate,
    }
}

/// Returns whether `text`, of the system's resolver, says that the name does not exist. `std` keeps its code to itself.
fn is_unknown_name(text: &str) -> bool {
    const TEXTS: [&str; 5] = [
        // glibc, musl, macOS and BSD, Windows
        "Name or service not known",
        "No address associated with hostname",
        "Name does not resolve",
        "nodename nor servname provided",
        "No such host is known",
    ];
    TEXTS.iter().any(|known| text.contains(known))
}

/// Returns the causes of `error`, the nearest first. The source of an I/O error skips the error that it wraps.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause| {
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => (**cause).source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use ConnectorError::*;

    use super::*;

    const ALL: [ConnectorError; 21] = [
        Connect,
        ConnectTimeout,
        ConnectionRefused,
        NetworkUnreachable,
        UnknownHost,
        NameResolution,
        CertificateExpired,
        CertificateNotYetValid,
        CertificateOfOtherHost,
        UnknownAuthority,
        InvalidCertificate,
        Tls,
        TlsInterrupted,
        ProxyConnect,
        ProxyAuthentication,
        ProxyRefused,
        NotProcessed,
        Timeout,
        ConnectionReset,
        TooLarge,
        InvalidBody,
    ];

    #[test]
    fn words_and_texts_of_connector_errors_differ() {
        let words: std::collections::HashSet<_> = ALL.iter().map(ConnectorError::as_str).collect();
        let texts: std::collections::HashSet<_> = ALL.iter().map(ToString::to_string).collect();
        assert_eq!((words.len(), texts.len()), (ALL.len(), ALL.len()));
        for error in ALL {
            // The word is the name of the variant.
            let word = error.as_str().replace('_', "");
            assert_eq!(word, format!("{error:?}").to_lowercase());
            assert!(error.to_string().len() > 15, "{error}");
        }
    }

    #[test]
    fn connector_errors_say_what_was_sent_what_is_permanent_and_what_it_is_about() {
        let processed = [Timeout, ConnectionReset, TooLarge, InvalidBody];
        let of_proxy = [ProxyConnect, ProxyAuthentication, ProxyRefused];
        let address = [UnknownHost, Tls, ProxyConnect, ProxyRefused];
        let certificate =
            [CertificateExpired, CertificateNotYetValid, CertificateOfOtherHost, UnknownAuthority, InvalidCertificate];
        let without_hint = [Connect, Timeout, ConnectionReset, TooLarge, InvalidBody];
        for error in ALL {
            let is_permanent = address.contains(&error) || certificate.contains(&error) || error == ProxyAuthentication;
            let is_of_connecting = !processed.contains(&error) && error != NotProcessed;
            assert_eq!(error.is_before_sending(), !processed.contains(&error), "{error:?}");
            assert_eq!(error.is_of_proxy(), of_proxy.contains(&error), "{error:?}");
            assert_eq!(error.is_address_fault(), address.contains(&error), "{error:?}");
            assert_eq!(error.is_permanent(), is_permanent, "{error:?}");
            assert_eq!(error.is_of_connecting(), is_of_connecting, "{error:?}");
            assert_eq!(error.to_proxy(), if is_of_connecting { ProxyConnect } else { error });

            let mapped = error.into_error();
            let kind = match error {
                TooLarge => ErrorKind::TooLarge,
                ProxyAuthentication => ErrorKind::Authentication,
                _ => ErrorKind::Unavailable,
            };
            assert_eq!((mapped.kind(), mapped.to_string()), (kind, error.to_string()));
            assert_eq!(mapped.is_nothing_sent(), error.is_before_sending(), "{error:?}");
            assert_eq!(mapped.is_transient(), kind == ErrorKind::Unavailable && !is_permanent, "{error:?}");
            assert!(error.hint().is_none_or(|hint| hint.len() > 15 && mapped.hint() == Some(hint)), "{mapped:?}");
            assert_eq!(error.hint().is_none(), without_hint.contains(&error), "{error:?}");
        }
        assert!(UnknownAuthority.hint().is_some_and(|hint| hint.contains("SSL_CERT_FILE")));
        assert!(ProxyConnect.hint().is_some_and(|hint| hint.contains("HTTPS_PROXY")));
    }

    #[test]
    fn io_error_of_a_connection_decides_its_class() {
        for (kind, expected) in [
            (Some(io::ErrorKind::ConnectionRefused), ConnectionRefused),
            (Some(io::ErrorKind::NetworkUnreachable), NetworkUnreachable),
            (Some(io::ErrorKind::HostUnreachable), NetworkUnreachable),
            (Some(io::ErrorKind::UnexpectedEof), TlsInterrupted),
            (Some(io::ErrorKind::ConnectionReset), TlsInterrupted),
            (Some(io::ErrorKind::ConnectionAborted), TlsInterrupted),
            (Some(io::ErrorKind::BrokenPipe), TlsInterrupted),
            (Some(io::ErrorKind::PermissionDenied), Connect),
            (None, Connect),
        ] {
            assert_eq!(of_io(kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn text_of_a_resolver_decides_whether_a_host_is_unknown() {
        for text in [
            "failed to lookup address information: Name or service not known",
            "failed to lookup address information: No address associated with hostname",
            "failed to lookup address information: Name does not resolve",
            "nodename nor servname provided, or not known",
            "No such host is known. (os error 11001)",
        ] {
            assert!(is_unknown_name(text), "{text}");
        }
        for text in ["", "failed to lookup address information: Temporary failure in name resolution"] {
            assert!(!is_unknown_name(text), "{text}");
        }
    }

    #[cfg(feature = "__rustls")]
    #[test]
    fn fault_of_a_certificate_decides_the_class_of_a_tls_error() {
        use rustls::pki_types::{ServerName, UnixTime};

        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
        let expected = ServerName::try_from("api.example").unwrap().to_owned();
        for (fault, class) in [
            (CertificateError::Expired, CertificateExpired),
            (CertificateError::ExpiredContext { time, not_after: time }, CertificateExpired),
            (CertificateError::NotValidYet, CertificateNotYetValid),
            (CertificateError::NotValidYetContext { time, not_before: time }, CertificateNotYetValid),
            (CertificateError::NotValidForName, CertificateOfOtherHost),
            (CertificateError::NotValidForNameContext { expected, presented: vec![] }, CertificateOfOtherHost),
            (CertificateError::BadSignature, UnknownAuthority),
            (CertificateError::UnknownIssuer, UnknownAuthority),
            (CertificateError::BadEncoding, InvalidCertificate),
            (CertificateError::Revoked, InvalidCertificate),
        ] {
            assert_eq!(of_tls(&TlsError::InvalidCertificate(fault.clone())), class, "{fault:?}");
        }
        assert_eq!(of_tls(&TlsError::DecryptError), Tls);
    }
}
