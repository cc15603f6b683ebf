//! The Lambda Runtime API, version 2018-06-01, for one function: it hands out one event at a time with Lambda's headers and
//! takes the function's response to each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::sync::{Mutex as Turn, mpsc, oneshot, watch};

/// The response of a function to an event.
#[derive(Debug, Clone, PartialEq)]
pub enum FunctionResponse {
    /// Success, with the payload.
    Response(Value),
    /// An error: its type and its description.
    Error(String, Value),
}

/// The Runtime API of one function. Clones share it.
#[derive(Clone)]
pub struct RuntimeApi {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    queue: mpsc::UnboundedSender<Invocation>,
    next: Turn<mpsc::UnboundedReceiver<Invocation>>,
    /// The callers that wait for a response, by invocation id.
    waiting: Mutex<HashMap<String, oneshot::Sender<FunctionResponse>>>,
    polls: watch::Sender<u64>,
    invocations: AtomicU64,
}

struct Invocation {
    id: String,
    deadline: u128,
    event: Bytes,
}

impl RuntimeApi {
    /// Starts the server.
    pub async fn serve() -> Self {
        let (queue, next) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            queue,
            next: Turn::new(next),
            waiting: Mutex::default(),
            polls: watch::Sender::new(0),
            invocations: AtomicU64::new(0),
        });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_invocation))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .layer(DefaultBodyLimit::max(6 * 1024 * 1024))
            .with_state(shared.clone());
        Self { address: crate::serve(routes).await, shared }
    }

    /// The value for `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Hands out an event with a deadline after `limit`, and waits for the response even beyond it.
    pub async fn invoke(&self, event: Bytes, limit: Duration) -> FunctionResponse {
        let number = self.shared.invocations.fetch_add(1, Ordering::Relaxed) + 1;
        let id = format!("8476a536-e9f4-11e8-9739-{number:012}");
        let (sender, answer) = oneshot::channel();
        self.shared.waiting.lock().unwrap().insert(id.clone(), sender);
        let invocation = Invocation { id, deadline: now() + limit.as_millis(), event };
        self.shared.queue.send(invocation).ok().unwrap();
        answer.await.expect("the sender is dropped only after it has sent the response")
    }

    /// Waits until the function has polled for an event this many times.
    pub async fn polled(&self, times: u64) {
        self.shared.polls.subscribe().wait_for(|polls| *polls >= times).await.unwrap();
    }

    /// How many events have been handed out so far.
    #[must_use]
    pub fn invocations(&self) -> u64 {
        self.shared.invocations.load(Ordering::Relaxed)
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline is a time of the machine's clock")]
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

async fn next_invocation(State(shared): State<Arc<Shared>>) -> Response {
    shared.polls.send_modify(|polls| *polls += 1);
    let invocation = shared.next.lock().await.recv().await.expect("this server holds the sender");
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.id),
        ("lambda-runtime-deadline-ms", invocation.deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:alone".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1".to_owned(),
        ),
    ];
    (headers, invocation.event).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    shared.answered(&id, FunctionResponse::Response(json(&body)))
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let kind = headers.get("lambda-runtime-function-error-type").and_then(|kind| kind.to_str().ok());
    shared.answered(&id, FunctionResponse::Error(kind.unwrap_or_default().to_owned(), json(&body)))
}

impl Shared {
    fn answered(&self, id: &str, answer: FunctionResponse) -> StatusCode {
        let Some(waiting) = self.waiting.lock().unwrap().remove(id) else {
            return StatusCode::BAD_REQUEST;
        };
        // The caller may have stopped waiting.
        let _ = waiting.send(answer);
        StatusCode::ACCEPTED
    }
}

/// Anything but JSON becomes a text, so that a failed comparison shows it.
fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}
