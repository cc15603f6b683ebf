//! DynamoDB over HTTP on loopback, served by the engine: tables and streams, with a record of all requests, and faults on
//! demand.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::response::Response;
use engine::Engine;
use serde_json::Value;

use crate::Protection;
use crate::faults::{self, TableFaults};
use crate::protection::ControlPlane;
use crate::request::TableRequest;

type Throttled = Box<dyn Fn(&TableRequest) -> bool + Send>;

/// The tables. Clones share them.
#[derive(Clone)]
pub struct TableServer {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    throttled: Mutex<Option<Throttled>>,
    faults: TableFaults,
    requests: Mutex<Vec<TableRequest>>,
    control: ControlPlane,
}

impl TableServer {
    /// Starts a server without tables, in memory.
    pub async fn serve() -> Self {
        let engine = Engine::in_memory().unwrap();
        let shared = Arc::new(Shared {
            engine,
            throttled: Mutex::default(),
            faults: TableFaults::default(),
            requests: Mutex::default(),
            control: ControlPlane::default(),
        });
        // A transaction may have 4 MB, and its JSON is larger.
        let limit = DefaultBodyLimit::max(16 * 1024 * 1024);
        let routes = Router::new().fallback(answer).layer(limit).with_state(shared.clone());
        Self { url: format!("http://{}", crate::serve(routes).await), shared }
    }

    /// The value for `AWS_ENDPOINT_URL_DYNAMODB`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Settings for the same tables without HTTP: requests are neither throttled nor recorded.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        self.shared.engine.sdk_config()
    }

    /// Settings for the same tables over HTTP, without any limit on time.
    #[must_use]
    pub fn sdk_config_over_http(&self) -> SdkConfig {
        let credentials = Credentials::new("AKID", "SECRET", None, None, "loopback");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    /// Sends a request without HTTP; returns the status and the JSON.
    pub async fn request(&self, operation: &str, body: &Value) -> (u16, Value) {
        let target = format!("DynamoDB_20120810.{operation}");
        let (status, body) = self.shared.engine.request(&target, body.to_string().into()).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// What happens to requests instead of their answer.
    #[must_use]
    pub fn faults(&self) -> &TableFaults {
        &self.shared.faults
    }

    /// Throttles these requests from now on.
    pub fn throttle(&self, which: impl Fn(&TableRequest) -> bool + Send + 'static) {
        *self.shared.throttled.lock().unwrap() = Some(Box::new(which));
    }

    /// Ends the throttling.
    pub fn recover(&self) {
        *self.shared.throttled.lock().unwrap() = None;
    }

    /// What is answered about the protection of the tables from now on.
    pub fn protect(&self, protection: Protection) {
        self.shared.control.set(protection);
    }

    /// The requests since the last call.
    #[must_use]
    pub fn take_requests(&self) -> Vec<TableRequest> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = crate::operation(&headers);
    let request = TableRequest { operation, body: serde_json::from_slice(&body).unwrap_or_default() };
    let throttled = shared.throttled.lock().unwrap().as_ref().is_some_and(|throttled| throttled(&request));
    let fault = shared.faults.of(&request);
    let told = shared.control.answer(&request.operation, &request.body);
    shared.requests.lock().unwrap().push(request);
    if throttled {
        return faults::whole(faults::refusal("ProvisionedThroughputExceededException"));
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let carried_out = async {
        match told {
            Some((status, body)) => (status, body.to_string().into_bytes()),
            None => shared.engine.request(target, body.into()).await.unwrap(),
        }
    };
    match fault {
        Some(fault) => faults::suffered(fault, carried_out).await,
        None => faults::whole(carried_out.await),
    }
}
