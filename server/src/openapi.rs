//! Generates the OpenAPI document of every route; the committed result is what `about` serves.

use serde_json::Value;
use web::api::{Describe, Endpoint};
use web::openapi;

/// The document.
#[must_use]
pub fn document() -> Value {
    let routes: Vec<(Endpoint, Describe)> = [
        commands::http::documented(),
        projections::http::documented(),
        projections::http::feed::documented(),
        projections::http::messages::documented(),
        projections::http::status::documented(),
        publisher::http::documented(),
        crate::serve::documented(),
        web::about::documented(),
    ]
    .concat();
    openapi::document(env!("CARGO_PKG_VERSION"), &routes)
}
