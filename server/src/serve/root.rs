//! `GET /`: what this server is, and where to go on, for whoever opens its address.

use axum::Router;
use serde_json::json;
use web::api::{Api, Describe, Endpoint};
use web::operation::{Components, Operation, OperationResponse, example};

/// Five lines.
const TEXT: &str = concat!(
    "Product ledger ",
    env!("CARGO_PKG_VERSION"),
    "
/docs          every route, with a client to try it
/openapi.json  the same for programs
/products      the products, in pages
/health        whether the server runs, and its version
"
);

/// The route.
pub(super) fn routes() -> Router {
    table().router()
}

/// The route's OpenAPI description.
pub(super) fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<()> {
    Api::new().on(Endpoint::Get("/"), described, text)
}

async fn text() -> &'static str {
    TEXT
}

fn described(_: &mut Components) -> Operation {
    Operation::new("getRoot", "Service", "What this server is, and where to go on")
        .any_query()
        .description("Five lines of text. Only `ledger serve` has this route. Query parameters are ignored.")
        .answer(
            200,
            OperationResponse::new("The text.").content(
                "text/plain",
                &json!({"type": "string"}),
                &example("lines", &json!(TEXT)),
            ),
        )
}
