//! The AWS SDK's way to the network, which gets ready when the first request goes out.
//!
//! The SDK's own client would read every certificate authority of the machine while clients are made, only to throw the
//! result away: half of a function's start.

use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// Connections by TLS, or without where an endpoint says so.
pub(crate) fn at_first_use() -> SharedHttpClient {
    let client = Builder::new().tls_provider(Provider::rustls(CryptoMode::AwsLc)).build_https();
    SharedHttpClient::new(AtFirstUse(client))
}

/// All but the validation of a client that is being made, which is where the authorities would be read.
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
