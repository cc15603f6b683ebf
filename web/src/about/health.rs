//! `GET /health`: whether the server runs, and its version.

use crate::api::{Api, Describe, Endpoint};
use crate::operation::{Components, Operation, OperationResponse, example};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// The health of the server.
#[derive(Serialize, JsonSchema)]
struct Health {
    /// Always `ok`; a server that is not healthy does not answer.
    status: &'static str,
    /// The version of the build.
    version: &'static str,
}

pub(crate) fn routes() -> Router {
    table().router()
}

pub(crate) fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<()> {
    Api::new().on(Endpoint::Get("/health"), described, health)
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

fn described(components: &mut Components) -> Operation {
    let shown = json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")});
    Operation::new("getHealth", "Service", "Health and version of the server").answer(
        200,
        OperationResponse::new("The server runs.").json(&components.of::<Health>(), &example("ok", &shown)),
    )
}
