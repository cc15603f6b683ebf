//! EventBridge's `PutEvents` over HTTP: keeps the accepted entries and rejects those that the test chooses.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

/// The result of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryResult {
    /// Accepted, with an id.
    Accepted,
    /// Rejected, with this error code.
    Refused(&'static str),
}

type Decide = Box<dyn Fn(&Value) -> EntryResult + Send>;

/// A bus. Clones share it.
#[derive(Clone)]
pub struct BusServer {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    accepted: Vec<Value>,
    decide: Option<Decide>,
}

impl BusServer {
    /// Starts a bus that accepts every entry.
    pub async fn serve() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        Self { url: format!("http://{}", crate::serve(routes).await), shared }
    }

    /// The value for `AWS_ENDPOINT_URL_EVENTBRIDGE`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Decides about each entry from now on.
    pub fn respond_with(&self, decide: impl Fn(&Value) -> EntryResult + Send + 'static) {
        self.shared.lock().unwrap().decide = Some(Box::new(decide));
    }

    /// The accepted entries in order.
    #[must_use]
    pub fn accepted(&self) -> Vec<Value> {
        self.shared.lock().unwrap().accepted.clone()
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(entries) = request["Entries"].as_array().filter(|_| crate::operation(&headers) == "PutEvents")
    else {
        let error =
            json!({"__type": "UnknownOperationException", "message": "this bus supports PutEvents only"});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    let mut shared = shared.lock().unwrap();
    let results: Vec<Value> = entries.iter().map(|entry| shared.put(entry)).collect();
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    let body = json!({"FailedEntryCount": failed, "Entries": results});
    ([("content-type", "application/x-amz-json-1.1")], body.to_string()).into_response()
}

impl Shared {
    fn put(&mut self, entry: &Value) -> Value {
        match self.decide.as_ref().map_or(EntryResult::Accepted, |decide| decide(entry)) {
            EntryResult::Accepted => {
                self.accepted.push(entry.clone());
                json!({"EventId": format!("11710aed-b79e-4468-a20b-{:012}", self.accepted.len())})
            }
            EntryResult::Refused(code) => json!({"ErrorCode": code, "ErrorMessage": "on purpose"}),
        }
    }
}
