//! A metering proxy on loopback: it serves `DynamoDB`'s JSON protocol to any SDK, passes each request to the embedded engine
//! and counts its cost. `POST /meter` returns the counts and resets them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedAsyncSleep, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use engine::Engine;
use serde_json::Value;

use crate::meter::{Meter, Metered, metered};

/// `DynamoDB` accepts at most 16 MB in one request.
const LARGEST_REQUEST: usize = 17 << 20;
/// A load of 100,000 events takes seconds; only a request that hangs reaches this.
const TIMEOUT: Duration = Duration::from_mins(5);

/// A running proxy, which ends with its runtime.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its address.
    pub address: SocketAddr,
    /// Its counters.
    pub meter: Meter,
}

#[derive(Clone)]
struct Passage {
    meter: Meter,
    engine: SharedHttpConnector,
}

impl Proxy {
    /// Starts on a free port of loopback, in front of `engine`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(engine: &Engine) -> anyhow::Result<Self> {
        let client = engine.sdk_config().http_client().context("the engine has an HTTP client")?;
        // The engine uses neither of the two.
        let components = RuntimeComponentsBuilder::for_tests().build()?;
        let settings = HttpConnectorSettings::builder().build();
        let meter = Meter::default();
        let passage = Passage { meter: meter.clone(), engine: client.http_connector(&settings, &components) };
        let router = Router::new()
            .route("/", post(pass))
            .route("/meter", post(take))
            .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
            .with_state(passage);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, meter })
    }

    /// An SDK client for the proxy without retries.
    #[must_use]
    pub fn client(&self) -> Client {
        let credentials = Credentials::new("local", "local", None, None, "metering-proxy");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url(format!("http://{}", self.address))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .timeout_config(TimeoutConfig::builder().operation_timeout(TIMEOUT).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Client::new(&config)
    }
}

async fn take(State(passage): State<Passage>) -> Json<Metered> {
    Json(passage.meter.take())
}

async fn pass(State(passage): State<Passage>, headers: HeaderMap, body: Bytes) -> Response {
    match passage.on(&headers, &body).await {
        Ok((status, answer)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, [("content-type", "application/x-amz-json-1.0")], answer).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Passage {
    async fn on(&self, headers: &HeaderMap, body: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
        let target = headers.get("x-amz-target").context("a request names its operation")?.to_str()?;
        let operation = target.rsplit('.').next().unwrap_or_default();
        let mut request: Value = serde_json::from_slice(body)?;
        if metered(operation) && request.get("ReturnConsumedCapacity").is_none() {
            request["ReturnConsumedCapacity"] = "TOTAL".into();
        }
        let mut forwarded = HttpRequest::new(SdkBody::from(serde_json::to_vec(&request)?));
        forwarded.headers_mut().insert("x-amz-target", target.to_owned());
        let mut response = self.engine.call(forwarded).await?;
        let status = response.status().as_u16();
        let answer = ByteStream::new(response.take_body()).collect().await?.to_vec();
        self.meter.count(operation, &request, status, &serde_json::from_slice(&answer).unwrap_or_default());
        Ok((status, answer))
    }
}
