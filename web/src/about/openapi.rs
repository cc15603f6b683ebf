//! `GET /openapi.json`: the OpenAPI document, generated from the code and committed.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::api::{Api, Describe, Endpoint};
use crate::openapi;
use crate::operation::{Components, Operation, OperationResponse, example};
use crate::{BasePath, Problem, ProblemKind, RequestContext};
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

async fn served(context: RequestContext, base: BasePath) -> Result<impl IntoResponse, Problem> {
    let open = context.actor.scopes.is_none();
    let document: Option<&'static str> = if open { OPEN.as_deref() } else { COMMITTED.as_deref() };
    let document = document
        .and_then(|document| below(document, &base))
        .ok_or_else(|| Problem::new(ProblemKind::Internal, "This build contains a damaged document."))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document))
}

/// The document with the path below which the client finds the routes. Without one it names its own place, which is right behind
/// any proxy.
fn below(document: &'static str, base: &BasePath) -> Option<Cow<'static, str>> {
    if base.is_empty() {
        return Some(document.into());
    }
    let document = serde_json::from_str(document).ok()?;
    Some(openapi::below(document, base.as_str()).to_string().into())
}

fn described(_: &mut Components) -> Operation {
    let schema = json!({"type": "object", "required": ["openapi", "info", "paths"]});
    let shown =
        json!({"openapi": "3.1.0", "info": {"title": "Product ledger", "version": "0.1.0"}, "paths": {}});
    Operation::new("getOpenApi", "Service", "This document")
        .answer(200, OperationResponse::new("OpenAPI 3.1.").json(&schema, &example("document", &shown)))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn the_document_names_the_path_below_which_the_routes_are() {
        for (base, server) in [("", "."), ("/v1", "/v1"), ("/a/b", "/a/b")] {
            let request = Request::builder().uri("/openapi.json").extension(BasePath::new(base));
            let answer = routes().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let body = axum::body::to_bytes(answer.into_body(), 10_000_000).await.unwrap();
            let mut document: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(document["servers"], json!([{"url": server}]));
            document["servers"] = json!([{"url": "."}]);
            assert_eq!(document, serde_json::from_str::<Value>(COMMITTED.as_deref().unwrap()).unwrap());
        }
    }
}
