//! An HTTP client for the AWS SDK that reads the certificate authorities when a client is created, at the start of a function.
//!
//! Lambda runs the start at full speed, and an invocation with the share of a processor that belongs to the function's memory.
//! The SDK's default client reads them at the start too, but discards what it made of them and makes it again for the first
//! request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::timeout::TimeoutConfig;

/// A client for connections with TLS, or without it for an `http:` endpoint.
pub(crate) fn made_at_start() -> SharedHttpClient {
    SharedHttpClient::new(MadeAtStart::default())
}

/// The time limits of a connector: connecting, and reading.
type TimeLimits = (Option<Duration>, Option<Duration>);

/// A connector for each pair of limits; each has its own connections.
#[derive(Debug, Default)]
struct MadeAtStart {
    connectors: Mutex<Vec<(TimeLimits, SharedHttpConnector)>>,
}

impl MadeAtStart {
    fn connector(&self, settings: &HttpConnectorSettings) -> SharedHttpConnector {
        let limits = (settings.connect_timeout(), settings.read_timeout());
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, made)) = connectors.iter().find(|(known, _)| *known == limits) {
            return made.clone();
        }
        let provider = Provider::rustls(CryptoMode::AwsLc);
        let made = Connector::builder().connector_settings(settings.clone()).tls_provider(provider).build();
        let made = SharedHttpConnector::new(made);
        connectors.push((limits, made.clone()));
        made
    }
}

impl HttpClient for MadeAtStart {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.connector(settings)
    }

    /// Called when a client is created, with its settings.
    fn validate_base_client_config(
        &self,
        _: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        let mut settings = HttpConnectorSettings::builder();
        if let Some(limits) = config.load::<TimeoutConfig>() {
            settings.set_connect_timeout(limits.connect_timeout());
            settings.set_read_timeout(limits.read_timeout());
        }
        self.connector(&settings.build());
        Ok(())
    }
}
