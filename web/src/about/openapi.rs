//! `GET /openapi.json`: the OpenAPI document, generated from the code and committed.

use std::sync::LazyLock;

use crate::api::{Api, Describe, Endpoint};
use crate::openapi;
use crate::operation::{Components, Operation, OperationResponse, example};
use crate::{Problem, ProblemKind, RequestContext};
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use miniz_oxide::inflate::decompress_to_vec;
use serde_json::json;

/// The committed document; a test compares it with the code.
static COMMITTED: LazyLock<Option<String>> = LazyLock::new(|| {
    let deflated = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"));
    String::from_utf8(decompress_to_vec(deflated).ok()?).ok()
});

/// The document for a server without authentication.
static OPEN: LazyLock<Option<String>> = LazyLock::new(|| {
    let document = serde_json::from_str(COMMITTED.as_deref()?).ok()?;
    Some(openapi::without_authentication(document).to_string())
});

pub(crate) fn routes() -> Router {
    table().router()
}

pub(crate) fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<()> {
    Api::new().on(Endpoint::Get("/openapi.json"), described, served)
}

async fn served(context: RequestContext) -> Result<impl IntoResponse, Problem> {
    let open = context.actor.scopes.is_none();
    let document: Option<&'static str> = if open { OPEN.as_deref() } else { COMMITTED.as_deref() };
    let document = document
        .ok_or_else(|| Problem::new(ProblemKind::Internal, "This build contains a damaged document."))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document))
}

fn described(_: &mut Components) -> Operation {
    let schema = json!({"type": "object", "required": ["openapi", "info", "paths"]});
    let shown =
        json!({"openapi": "3.1.0", "info": {"title": "Product ledger", "version": "0.1.0"}, "paths": {}});
    Operation::new("getOpenApi", "Service", "This document")
        .answer(200, OperationResponse::new("OpenAPI 3.1.").json(&schema, &example("document", &shown)))
}
