//! What is the same in every provider's room: how its client is set up, and an API key as credentials.

/// The room's `Client`, with the documentation given, but for its calls. Wants `Credentials` with `into_auth` in the same module, and
/// `errors`, `raw` and `Transport` in scope.
macro_rules! client {
    ($(#[$documentation:meta])* $name:literal) => {
        $(#[$documentation])*
        #[derive(Clone)]
        pub struct Client {
            raw: raw::Client,
            /// For polls, which are many: made once.
            looks: raw::Client,
            transport: Transport,
        }

        impl Client {
            /// Sets up a client.
            #[must_use]
            pub fn builder() -> $crate::ClientBuilder<Self> {
                $crate::ClientBuilder::new()
            }

            /// The generated client, for everything that has no method here.
            #[must_use]
            pub fn raw(&self) -> &raw::Client {
                &self.raw
            }

            /// Waits for the end of `batch`; see [`Wait`](crate::wait::Wait).
            pub fn wait(&self, batch: $crate::Batch) -> $crate::wait::Wait<'_, Self> {
                $crate::wait(self, batch)
            }
        }

        impl $crate::transport::Room for Client {
            type Credentials = Credentials;

            fn dialect() -> &'static $crate::transport::Dialect {
                &errors::DIALECT
            }

            fn servers() -> &'static [(&'static str, &'static str)] {
                raw::SERVERS
            }

            fn assemble(transport: Transport, credentials: Credentials) -> Result<Self, $crate::Error> {
                let transport = transport.with_auth(credentials.into_auth(&transport)?);
                let looks = raw::Client::through(&transport.looking());
                Ok(Self { raw: raw::Client::through(&transport), looks, transport })
            }
        }

        impl std::fmt::Debug for Client {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!($name, "::Client { .. }"))
            }
        }
    };
}

/// `Credentials` that are an API key in the header `$header`, read from the environment variable `$variable`; the documentation given is
/// that of the key.
macro_rules! api_key {
    ($(#[$documentation:meta])* $header:literal, $variable:literal) => {
        $(#[$documentation])*
        pub struct Credentials(secrecy::SecretString);

        impl Credentials {
            $(#[$documentation])*
            #[must_use]
            pub fn api_key(key: impl Into<secrecy::SecretString>) -> Self {
                Self(key.into())
            }

            #[doc = concat!("The key in `", $variable, "`; `None` where it is not set.")]
            #[must_use]
            pub fn from_env() -> Option<Self> {
                $crate::transport::env_secret($variable).map(Self)
            }

            fn into_auth(self, _: &Transport) -> Result<$crate::transport::Auth, $crate::Error> {
                $crate::transport::Auth::header($header, &self.0)
            }
        }

        impl std::fmt::Debug for Credentials {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("Credentials { .. }")
            }
        }
    };
}

pub(crate) use {api_key, client};
