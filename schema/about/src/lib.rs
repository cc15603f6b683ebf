//! What a server says of itself, to anybody: that it is there, how it is spoken to, and the same as a page for people.

pub mod docs;
pub mod health;
pub mod openapi;

use axum::Router;
use schema::http::api::{At, Describe};

/// The routes. None needs a token ([`schema::http::is_public`]).
pub fn routes() -> Router {
    health::routes().merge(openapi::routes()).merge(docs::routes())
}

/// What the routes say of themselves.
#[must_use]
pub fn documented() -> Vec<(At, Describe)> {
    [health::documented(), openapi::documented(), docs::documented()].concat()
}
