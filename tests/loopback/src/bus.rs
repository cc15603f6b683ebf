//! EventBridge's `PutEvents` over HTTP: keeps the entries it accepted, and refuses those it was told to.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

/// What becomes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It gets an id.
    Accepted,
    /// It gets this error code.
    Refused(&'static str),
}

type Judge = Box<dyn Fn(&Value) -> Verdict + Send>;

/// A bus. Clones are the same one.
#[derive(Clone)]
pub struct Bus {
    url: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    accepted: Vec<Value>,
    judge: Option<Judge>,
}

impl Bus {
    /// A bus that accepts everything.
    pub async fn serve() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        Self { url: format!("http://{}", crate::serve(routes).await), shared }
    }

    /// What `AWS_ENDPOINT_URL_EVENTBRIDGE` has to be.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on each entry is judged so.
    pub fn judges(&self, judge: impl Fn(&Value) -> Verdict + Send + 'static) {
        self.shared.lock().unwrap().judge = Some(Box::new(judge));
    }

    /// The entries that were accepted, in order.
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
            json!({"__type": "UnknownOperationException", "message": "this bus knows PutEvents alone"});
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
        match self.judge.as_ref().map_or(Verdict::Accepted, |judge| judge(entry)) {
            Verdict::Accepted => {
                self.accepted.push(entry.clone());
                json!({"EventId": format!("11710aed-b79e-4468-a20b-{:012}", self.accepted.len())})
            }
            Verdict::Refused(code) => json!({"ErrorCode": code, "ErrorMessage": "on purpose"}),
        }
    }
}
