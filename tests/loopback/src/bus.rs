//! EventBridge's `PutEvents` and `DescribeEventBus` over HTTP: keeps the accepted entries, rejects the entries and requests that
//! the test chooses, and may not exist. As on AWS, a bus that does not exist accepts entries all the same.

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

/// The answer to the question whether a bus exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// It does.
    #[default]
    Exists,
    /// It does not.
    Missing,
    /// The question is refused with this error code.
    Refused(&'static str),
    /// The question is never answered.
    Silent,
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
    presence: Presence,
    /// Names that were asked for.
    asked: Vec<String>,
    /// The status and the error code of every `PutEvents`.
    refused: Option<(u16, &'static str)>,
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

    /// Refuses every `PutEvents` as a whole from now on, with this status and error code; `None` ends it.
    pub fn refuse_requests(&self, with: Option<(u16, &'static str)>) {
        self.shared.lock().unwrap().refused = with;
    }

    /// What is answered from now on when somebody asks whether a bus exists.
    pub fn is(&self, presence: Presence) {
        self.shared.lock().unwrap().presence = presence;
    }

    /// The names that were asked for since the last call.
    #[must_use]
    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().unwrap().asked)
    }

    /// The accepted entries in order.
    #[must_use]
    pub fn accepted(&self) -> Vec<Value> {
        self.shared.lock().unwrap().accepted.clone()
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    match crate::operation(&headers).as_str() {
        "PutEvents" => put_events(&mut shared.lock().unwrap(), &request),
        "DescribeEventBus" => {
            let name = request["Name"].as_str().unwrap_or("default").to_owned();
            let presence = {
                let mut shared = shared.lock().unwrap();
                shared.asked.push(name.clone());
                shared.presence
            };
            match presence {
                Presence::Exists => succeeded(&json!({"Name": name})),
                Presence::Missing => failed(400, "ResourceNotFoundException"),
                Presence::Refused(code) => failed(400, code),
                Presence::Silent => std::future::pending().await,
            }
        }
        _ => failed(400, "UnknownOperationException"),
    }
}

fn put_events(shared: &mut Shared, request: &Value) -> Response {
    if let Some((status, code)) = shared.refused {
        return failed(status, code);
    }
    let Some(entries) = request["Entries"].as_array() else { return failed(400, "ValidationException") };
    let results: Vec<Value> = entries.iter().map(|entry| shared.put(entry)).collect();
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    succeeded(&json!({"FailedEntryCount": failed, "Entries": results}))
}

fn succeeded(body: &Value) -> Response {
    ([("content-type", "application/x-amz-json-1.1")], body.to_string()).into_response()
}

fn failed(status: u16, code: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(json!({"__type": code, "message": "on purpose"})))
        .into_response()
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
