//! Public endpoints: health, the documents of `OpenAPI` and `AsyncAPI`, Swagger UI and the explorer.

pub mod asyncapi;
pub mod docs;
pub mod explorer;
pub mod health;
pub mod openapi;

use crate::api::{Describe, Endpoint};
use axum::Router;
use explorer::Explorer;

/// The routes; none requires a token ([`crate::is_public`]). Without an explorer there are no pages for people but `/docs`.
pub fn routes(explorer: Option<Explorer>) -> Router {
    health::routes()
        .merge(openapi::routes())
        .merge(asyncapi::routes())
        .merge(docs::routes())
        .merge(explorer::routes(explorer))
}

/// The routes with their descriptions.
#[must_use]
pub fn documented() -> Vec<(Endpoint, Describe)> {
    let programs = [health::documented(), openapi::documented(), asyncapi::documented()].concat();
    [explorer::documented(), programs, docs::documented()].concat()
}
