//! TLS of the default HTTP client, by rustls with the cryptography that the cargo features choose.

#[cfg(feature = "__rustls")]
use std::sync::Arc;

#[cfg(feature = "__rustls")]
use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};

use crate::error::{Error, ErrorKind};

/// Protocols that a connection negotiates, the preferred one first.
#[cfg(feature = "__rustls")]
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// TLS settings of a client. Clones share their certificates and sessions.
#[derive(Clone)]
pub(super) struct Tls {
    #[cfg(feature = "__rustls")]
    config: ClientConfig,
}

#[cfg(feature = "__rustls")]
impl Tls {
    /// Returns settings that verify servers as the platform does, with the CA certificates of the
    /// system.
    pub(super) fn verified() -> Result<Self, Error> {
        let provider = provider();
        let verifier = rustls_platform_verifier::Verifier::new(provider.clone()).map_err(|_| no_certificates())?;
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|_| unusable())?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        Ok(Self::new(config.with_no_client_auth()))
    }

    /// Returns settings that trust no server, for clients that do not encrypt. They do not read CA
    /// certificates, so that a machine without them will do.
    pub(super) fn unused() -> Result<Self, Error> {
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.map_err(|_| unusable())?.with_root_certificates(RootCertStore::empty());
        Ok(Self::new(config.with_no_client_auth()))
    }

    fn new(mut config: ClientConfig) -> Self {
        config.alpn_protocols = PROTOCOLS.map(Vec::from).to_vec();
        Self { config }
    }

    /// Returns `builder` with these settings.
    pub(super) fn apply(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        builder.tls_backend_preconfigured(self.config.clone())
    }
}

/// Returns the cryptography that the process has installed, else that of the cargo features.
#[cfg(feature = "__rustls")]
fn provider() -> Arc<CryptoProvider> {
    if let Some(installed) = CryptoProvider::get_default() {
        return installed.clone();
    }
    #[cfg(feature = "rustls-aws-lc-rs")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(all(feature = "rustls-ring", not(feature = "rustls-aws-lc-rs")))]
    let provider = rustls::crypto::ring::default_provider();
    Arc::new(provider)
}

/// Returns the error of an installed provider that rustls cannot use.
#[cfg(feature = "__rustls")]
fn unusable() -> Error {
    let error = Error::new(ErrorKind::Configuration, "the cryptography that this process installed cannot be used");
    error.with_hint("install a CryptoProvider of rustls with cipher suites of TLS 1.2 or 1.3")
}

#[cfg(feature = "__rustls")]
fn no_certificates() -> Error {
    let set = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter(|name| std::env::var_os(name).is_some());
    let variables = set.collect::<Vec<_>>().join(" and ");
    let (reason, hint) = match variables.as_str() {
        "" => (
            "there are no CA certificates on this machine".to_owned(),
            "install the CA certificates of the system, or name a file with some in SSL_CERT_FILE",
        ),
        set => (
            format!("no CA certificates were found at the place that {set} names"),
            "name certificates in PEM form there; those of the system are not used while it is set",
        ),
    };
    Error::new(ErrorKind::Configuration, reason).with_hint(hint)
}

#[cfg(not(feature = "__rustls"))]
impl Tls {
    /// Returns the error of a build without TLS.
    pub(super) fn verified() -> Result<Self, Error> {
        let error = Error::new(ErrorKind::Configuration, "this program was built without TLS");
        Err(error.with_hint("enable the cargo feature `rustls-aws-lc-rs` or `rustls-ring` of bulkrail"))
    }

    /// Returns the settings of clients that do not encrypt.
    pub(super) fn unused() -> Result<Self, Error> {
        Ok(Self {})
    }

    /// Returns `builder` as it is.
    pub(super) fn apply(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "__rustls"))]
    #[test]
    fn client_without_tls_names_the_features_that_add_it() {
        let error = Tls::verified().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.hint().unwrap().contains("rustls-ring"));
        Tls::unused().unwrap();
    }

    #[cfg(feature = "__rustls")]
    #[test]
    fn connections_negotiate_http_2_and_1() {
        assert_eq!(Tls::unused().unwrap().config.alpn_protocols, PROTOCOLS.map(Vec::from));
    }
}
