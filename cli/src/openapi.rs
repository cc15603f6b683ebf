//! The OpenAPI document of every route, from the code; what was generated is committed and served by `about`.

use serde_json::Value;
use web::api::{Describe, Endpoint};
use web::openapi;

/// The document.
#[must_use]
pub fn document() -> Value {
    let routes: Vec<(Endpoint, Describe)> = [
        commands::http::documented(),
        projections::http::documented(),
        publisher::http::documented(),
        crate::serve::documented(),
        web::about::documented(),
    ]
    .concat();
    openapi::document(env!("CARGO_PKG_VERSION"), &routes)
}
