//! `GET /openapi.json`: the document of every route, as it was generated from the code and committed.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use schema::http::RequestContext;
use schema::http::api::{Api, At, Describe};
use schema::http::openapi;
use schema::http::operation::{Answer, Components, Operation, example};
use serde_json::{Value, json};

/// Held against [`document`] by a test.
const COMMITTED: &str = include_str!("../../schema/json/openapi.json");

/// The same for a server that asks nobody for a token.
static OPEN: LazyLock<String> = LazyLock::new(|| {
    let document = serde_json::from_str(COMMITTED).map(openapi::without_authentication);
    document.map_or_else(|_| COMMITTED.to_owned(), |document| document.to_string())
});

/// The document, from the code.
#[must_use]
pub fn document() -> Value {
    let routes: Vec<(At, Describe)> = [
        commands::http::documented(),
        projections::http::documented(),
        publisher::http::documented(),
        crate::health::documented(),
        crate::serve::documented(),
        documented(),
        crate::docs::documented(),
    ]
    .concat();
    openapi::document(env!("CARGO_PKG_VERSION"), &routes)
}

/// The route; public.
pub fn routes() -> Router {
    table().router()
}

fn documented() -> Vec<(At, Describe)> {
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
