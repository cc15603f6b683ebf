//! Public endpoints: health, the OpenAPI document and Swagger UI.

pub mod docs;
pub mod health;
pub mod openapi;

use crate::api::{Describe, Endpoint};
use axum::Router;

/// The routes; none requires a token ([`crate::is_public`]).
pub fn routes() -> Router {
    health::routes().merge(openapi::routes()).merge(docs::routes())
}

/// The routes with their descriptions.
#[must_use]
pub fn documented() -> Vec<(Endpoint, Describe)> {
    [health::documented(), openapi::documented(), docs::documented()].concat()
}
