//! DynamoDB over HTTP: a front on loopback for its double, streams included, which can be told to fail, and writes down what it
//! was asked.

use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::Engine;
use serde_json::{Value, json};

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `Query`, `ExecuteStatement`.
    pub operation: String,
    /// Its JSON.
    pub body: Value,
}

type Fails = Box<dyn Fn(&Request) -> bool + Send>;

/// The tables. Clones are the same ones.
#[derive(Clone)]
pub struct Tables {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    fails: Mutex<Option<Fails>>,
    requests: Mutex<Vec<Request>>,
}

impl Tables {
    /// No tables yet, in memory.
    pub async fn serve() -> Self {
        let engine = Engine::in_memory().unwrap();
        let shared = Arc::new(Shared { engine, fails: Mutex::default(), requests: Mutex::default() });
        // A transaction may have 4 MB, its JSON more.
        let limit = DefaultBodyLimit::max(16 * 1024 * 1024);
        let routes = Router::new().fallback(answer).layer(limit).with_state(shared.clone());
        Self { url: format!("http://{}", crate::serve(routes).await), shared }
    }

    /// What `AWS_ENDPOINT_URL_DYNAMODB` has to be.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same tables without the way over HTTP: never failing, never written down.
    #[must_use]
    pub fn directly(&self) -> SdkConfig {
        self.shared.engine.sdk_config()
    }

    /// Asks the tables without the way over HTTP: back come the status and the JSON.
    pub async fn request(&self, operation: &str, body: &Value) -> (u16, Value) {
        let target = format!("DynamoDB_20120810.{operation}");
        let (status, body) = self.shared.engine.request(&target, body.to_string().into()).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// From now on these requests are answered as an overloaded table answers them.
    pub fn throttle(&self, which: impl Fn(&Request) -> bool + Send + 'static) {
        *self.shared.fails.lock().unwrap() = Some(Box::new(which));
    }

    /// From now on every request is answered well.
    pub fn recover(&self) {
        *self.shared.fails.lock().unwrap() = None;
    }

    /// What was asked since the last call.
    #[must_use]
    pub fn asked(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = crate::operation(&headers);
    let request = Request { operation, body: serde_json::from_slice(&body).unwrap_or_default() };
    let fails = shared.fails.lock().unwrap().as_ref().is_some_and(|fails| fails(&request));
    shared.requests.lock().unwrap().push(request);
    let (status, body) = if fails {
        let kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
        (400, json!({"__type": kind, "message": "on purpose"}).to_string().into_bytes())
    } else {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        shared.engine.request(target, body.into()).await.unwrap()
    };
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}
