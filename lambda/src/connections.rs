//! An HTTP client for the AWS SDK that loads the certificate authorities with the first request.
//!
//! The SDK's default client loads all of them when a client is created and discards the result, which is half of a
//! function's start time.

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// A client for connections with TLS, or without it for an `http:` endpoint.
pub(crate) fn at_first_use() -> SharedHttpClient {
    let client = Builder::new().tls_provider(Provider::rustls(CryptoMode::AwsLc)).build_https();
    SharedHttpClient::new(AtFirstUse(client))
}

/// Skips the validation when a client is created, which would load the authorities.
#[derive(Debug)]
struct AtFirstUse(SharedHttpClient);

impl HttpClient for AtFirstUse {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }
}
