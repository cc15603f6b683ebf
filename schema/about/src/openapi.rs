//! `GET /openapi.json`: the document of every route, as it was generated from the code and committed.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use schema::http::RequestContext;
use schema::http::api::{Api, At, Describe};
use schema::http::openapi;
use schema::http::operation::{Answer, Components, Operation, example};
use serde_json::json;

/// Held against the code by a test of the whole.
const COMMITTED: &str = include_str!("../../json/openapi.json");

/// The same for a server that asks nobody for a token.
static OPEN: LazyLock<String> = LazyLock::new(|| {
    let document = serde_json::from_str(COMMITTED).map(openapi::without_authentication);
    document.map_or_else(|_| COMMITTED.to_owned(), |document| document.to_string())
});

pub(crate) fn routes() -> Router {
    table().router()
}

pub(crate) fn documented() -> Vec<(At, Describe)> {
    table().documented()
}

fn table() -> Api<()> {
    Api::new().on(At::Get("/openapi.json"), described, served)
}

async fn served(context: RequestContext) -> impl IntoResponse {
    let open = context.actor.scopes.is_none();
    let document: &'static str = if open { &OPEN } else { COMMITTED };
    ([(header::CONTENT_TYPE, "application/json")], document)
}

fn described(_: &mut Components) -> Operation {
    let schema = json!({"type": "object", "required": ["openapi", "info", "paths"]});
    let shown =
        json!({"openapi": "3.1.0", "info": {"title": "Product ledger", "version": "0.1.0"}, "paths": {}});
    Operation::new("getOpenApi", "Service", "This document")
        .answer(200, Answer::new("OpenAPI 3.1.").json(&schema, &example("document", &shown)))
}
