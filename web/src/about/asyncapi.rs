//! `GET /asyncapi.json`: the `AsyncAPI` document of the messages, generated from their schemas and committed.

use std::sync::LazyLock;

use crate::api::{Api, Describe, Endpoint};
use crate::operation::{Components, Operation, OperationResponse, example};
use crate::{Problem, ProblemKind};
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use miniz_oxide::inflate::decompress_to_vec;
use serde_json::json;

/// The committed document; a test compares it with the code.
static COMMITTED: LazyLock<Option<String>> = LazyLock::new(|| {
    let deflated = include_bytes!(concat!(env!("OUT_DIR"), "/asyncapi.json"));
    String::from_utf8(decompress_to_vec(deflated).ok()?).ok()
});

pub(crate) fn routes() -> Router {
    table().router()
}

pub(crate) fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<()> {
    Api::new().on(Endpoint::Get("/asyncapi.json"), described, served)
}

async fn served() -> Result<impl IntoResponse, Problem> {
    let document = COMMITTED.as_deref();
    let document = document
        .ok_or_else(|| Problem::new(ProblemKind::Internal, "This build contains a damaged document."))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document))
}

fn described(_: &mut Components) -> Operation {
    let schema = json!({"type": "object", "required": ["asyncapi", "info", "channels", "operations"]});
    let shown = json!({"asyncapi": "3.0.0", "info": {"title": "Product ledger: messages", "version": "0.1.0"},
                       "channels": {}, "operations": {}});
    Operation::new("getAsyncApi", "Service", "The messages to subscribers")
        .answer(200, OperationResponse::new("AsyncAPI 3.0.").json(&schema, &example("document", &shown)))
}
