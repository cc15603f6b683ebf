//! The AWS SDK's way into the engine: an HTTP client that opens no connection. It hands each request to the engine's
//! thread and gives the SDK the answer DynamoDB would give.

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

use crate::Engine;

/// Nothing answers there: a request that passed the engine by must never reach a network.
const ENDPOINT: &str = "http://engine.invalid";

/// Only ends what hangs for good.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Settings for any AWS SDK client, answered by `engine`.
pub(crate) fn sdk_config(engine: Engine) -> SdkConfig {
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
        // A request that waits for its turn is sent once: given up and sent again it would only make the queue longer.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(TIMEOUT).build())
        .http_client(InProcess(engine))
        .build()
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
                return Err(ConnectorError::user("the engine takes no streamed request".into()));
            };
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            // Not an input or output error: the SDK would send it again to an engine that stays down.
            let ended = |ended: crate::Ended| ConnectorError::other(ended.into(), None);
            let (status, body) = engine.request(&target, body).await.map_err(ended)?;
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
