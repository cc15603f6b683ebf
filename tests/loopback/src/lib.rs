//! The environment of a function on Lambda, on loopback, for tests and measurements: the Runtime API, which hands out events
//! and takes responses, the tables, a bus, a bucket, a key, and for the server that follows it itself the tables' stream. The
//! function is the real program, started as a process.
//!
//! All it knows about the ledger is the format of its problems. An error here, such as a port that is not available, is a
//! panic, since the test has failed.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "only tests and measurements use it, and a panic ends them"
)]

mod bucket;
mod bus;
mod faults;
mod fifo;
mod function;
mod gateway;
mod keys;
mod log;
mod protection;
mod request;
mod runtime_api;
mod streams;
mod tables;

use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;

pub use bucket::{BucketServer, KeptObject, ObjectLock};
pub use bus::{BusServer, EntryResult, Presence};
pub use faults::{FaultRule, TableFault, TableFaults};
pub use fifo::{AcceptedEvent, FifoBusServer, PutFault};
pub use function::{FunctionCommand, FunctionExit, FunctionProcess};
pub use gateway::GatewayReply;
pub use keys::KeyServer;
pub use log::Log;
pub use protection::Protection;
pub use request::TableRequest;
pub use runtime_api::{FunctionResponse, RuntimeApi};
pub use streams::StreamServer;
pub use tables::TableServer;

/// A recorded event, read from the JSON file at this path.
#[must_use]
pub fn recorded(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect(path)).expect(path)
}

/// The event with another value at an existing place (JSON Pointer, RFC 6901).
#[must_use]
pub fn changed(mut event: Value, pointer: &str, value: Value) -> Value {
    *event.pointer_mut(pointer).expect(pointer) = value;
    event
}

/// What becomes of a request to a bucket or a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFault {
    /// It is not carried out, and answered 500.
    Refused,
    /// It is carried out, and answered 500.
    Failed,
    /// It is not answered.
    Silent,
}

/// Which requests fail, by their number from 1.
type FaultPlan = Box<dyn Fn(usize) -> Option<RequestFault> + Send>;

/// Serves the routes on a free port of loopback until the runtime ends; returns the address.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    address
}

/// The operation that an `X-Amz-Target` names.
fn operation(headers: &axum::http::HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}
