//! The AWS SDK's way into the engine: an HTTP client that opens no connection. It hands each request to the engine's
//! thread and gives the SDK the answer DynamoDB would give.

use std::sync::Arc;
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

use crate::Threads;
use crate::dispatch::Answer;

/// Nothing answers there: a request that passed the engine by must never reach a network.
const ENDPOINT: &str = "http://embedded-engine.invalid";

/// A rebuild may queue much work before a request; this only ends what hangs for good.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Which thread a request goes to, and where it waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    ReadWrite,
    /// As `ReadWrite`, behind it.
    Behind,
    LongReads,
}

/// Settings for any AWS SDK client, answered by `threads`.
pub(crate) fn sdk_config(threads: Arc<Threads>, access: Access) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "embedded-engine");
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
        .http_client(InProcess { threads, access })
        .build()
}

#[derive(Clone, Debug)]
struct InProcess {
    threads: Arc<Threads>,
    access: Access,
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { threads, access } = self.clone();
        HttpConnectorFuture::new(async move {
            let Some(body) = request.body().bytes().map(<[u8]>::to_vec) else {
                return Err(ConnectorError::user("the embedded engine takes no streamed request".into()));
            };
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            // Not an input or output error: the SDK would send it again to an engine that stays down.
            let ended = |ended: crate::Ended| ConnectorError::other(ended.into(), None);
            response(threads.request(access, &target, body).await.map_err(ended)?)
        })
    }
}

fn response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status = answer.status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
