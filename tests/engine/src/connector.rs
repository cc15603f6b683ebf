//! An HTTP client for the AWS SDK that opens no connection: it hands each request to the engine's thread and returns the
//! response that DynamoDB would send.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ReconnectMode;

use crate::engine::Engine;
use crate::thread::EngineFailed;

/// An address that cannot resolve: a request that bypasses the engine must never reach a network.
const ENDPOINT: &str = "http://engine.invalid";

/// Only reached by a request that hangs.
const TIMEOUT: Duration = Duration::from_mins(1);

impl Engine {
    /// Settings from which any number of `aws_sdk_dynamodb` and `aws_sdk_dynamodbstreams` clients are built.
    ///
    /// Always send a `Limit` with `Query`, `Scan` and `GetRecords`: without one the engine loads all that remains.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("local", "local", None, None, "engine");
        // There is no connection to be closed after an error.
        let retry = RetryConfig::standard()
            .with_initial_backoff(Duration::from_millis(20))
            .with_reconnect_mode(ReconnectMode::ReuseAllConnections);
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("local"))
            .endpoint_url(ENDPOINT)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retry)
            // A request that waits in the queue is sent once; sending it again would only make the queue longer.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(TIMEOUT).build())
            .http_client(InProcess(self.clone()))
            .build()
    }
}

#[derive(Clone, Debug)]
struct InProcess(Engine);

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(engine) = self.clone();
        HttpConnectorFuture::new(async move {
            let Some(body) = request.body().bytes().map(<[u8]>::to_vec) else {
                return Err(ConnectorError::user("the engine does not accept streamed requests".into()));
            };
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            // Not an I/O error: the SDK would retry it on an engine that stays down.
            let failed = |failed: EngineFailed| ConnectorError::other(failed.into(), None);
            let (status, body) = engine.request(&target, body).await.map_err(failed)?;
            response(status, body)
        })
    }
}

fn response(status: u16, body: Vec<u8>) -> Result<HttpResponse, ConnectorError> {
    let status = status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
