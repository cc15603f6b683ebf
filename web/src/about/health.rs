//! `GET /health`: the process is there, and which build it is.

use crate::api::{Api, At, Describe};
use crate::operation::{Answer, Components, Operation, example};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// What a server that is there says.
#[derive(Serialize, JsonSchema)]
struct Health {
    /// Always `ok`: a server that is not does not answer.
    status: &'static str,
    /// The build.
    version: &'static str,
}

pub(crate) fn routes() -> Router {
    table().router()
}

pub(crate) fn documented() -> Vec<(At, Describe)> {
    table().documented()
}

fn table() -> Api<()> {
    Api::new().on(At::Get("/health"), described, health)
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

fn described(components: &mut Components) -> Operation {
    let shown = json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")});
    Operation::new("getHealth", "Service", "Whether the server is there, and which build it is")
        .answer(200, Answer::new("It is.").json(&components.of::<Health>(), &example("ok", &shown)))
}
