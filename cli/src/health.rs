//! `GET /health`: the process is there, and which build it is.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

/// The route; public.
pub fn routes() -> Router {
    Router::new().route(
        "/health",
        get(|| async { Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})) }),
    )
}
