//! Takes in what the build script generates.

/// The raw client of the provider `$name`, inside its room's module `raw`.
macro_rules! generated {
    ($name:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $name, ".rs"));

        impl Client {
            /// A client whose requests leave through `transport`.
            pub(crate) fn through(transport: &crate::transport::Transport) -> Self {
                Self::new_with_client(transport.base_url(), transport.http(), transport.clone())
            }
        }

        /// What an error of a method of [`Client`] means, as the methods outside this module would say it.
        pub async fn explain<E>(error: Error<E>) -> crate::Error {
            crate::transport::explain(&super::errors::DIALECT, error).await
        }

        impl ClientHooks<crate::transport::Transport> for Client {
            async fn exec(
                &self,
                request: reqwest::Request,
                info: &OperationInfo,
            ) -> reqwest::Result<reqwest::Response> {
                self.inner.exec(request, info.operation_id).await
            }
        }
    };
}

pub(crate) use generated;
