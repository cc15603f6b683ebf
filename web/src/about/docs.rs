//! `GET /docs`: Swagger UI for this API; all of its files are served by this program.

use crate::api::{Api, Describe, Endpoint};
use crate::operation::{Components, Operation, OperationResponse, example, path};
use crate::{Problem, ProblemKind};
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use miniz_oxide::inflate::decompress_to_vec;
use serde_json::json;

/// The page loads from and connects to this server only, and cannot be framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("docs/page.html");

const TEXT: &str = "text/plain; charset=utf-8";

const SCRIPT: &str = "text/javascript; charset=utf-8";

const STYLE: &str = "text/css; charset=utf-8";

/// The content of a file of the page.
#[derive(Clone, Copy)]
enum Content {
    Plain(&'static str),
    /// Compressed by the build script.
    Deflated(&'static [u8]),
}

macro_rules! deflated {
    ($name:literal) => {
        Content::Deflated(include_bytes!(concat!(env!("OUT_DIR"), "/", $name)))
    };
}

/// The files below `/docs/`: name, media type, content.
const ASSETS: [(&str, &str, Content); 7] = [
    ("start.js", SCRIPT, Content::Plain(include_str!("docs/start.js"))),
    ("theme.js", SCRIPT, Content::Plain(include_str!("docs/theme.js"))),
    ("page.css", STYLE, Content::Plain(include_str!("docs/page.css"))),
    ("swagger-ui-bundle.js", SCRIPT, deflated!("swagger-ui-bundle.js")),
    ("swagger-ui.css", STYLE, deflated!("swagger-ui.css")),
    ("LICENSE", TEXT, deflated!("LICENSE")),
    ("NOTICE", TEXT, deflated!("NOTICE")),
];

pub(crate) fn routes() -> Router {
    table().router()
}

pub(crate) fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<()> {
    Api::new().on(Endpoint::Get("/docs"), describe_page, page).on(
        Endpoint::Get("/docs/{asset}"),
        describe_asset,
        asset,
    )
}

async fn page() -> Response {
    guarded("text/html; charset=utf-8", PAGE)
}

async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let found = ASSETS.iter().find(|(asset, _, _)| *asset == name);
    let (_, media_type, content) = found
        .ok_or_else(|| Problem::new(ProblemKind::NotFound, "The documentation has no file of this name."))?;
    match *content {
        Content::Plain(text) => Ok(guarded(media_type, text)),
        Content::Deflated(bytes) => {
            decompress_to_vec(bytes).map(|content| guarded(media_type, content)).map_err(|_| {
                Problem::new(
                    ProblemKind::Internal,
                    "This build contains a damaged file of the documentation.",
                )
            })
        }
    }
}

fn guarded(media_type: &'static str, content: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    (headers, content.into()).into_response()
}

fn describe_page(_: &mut Components) -> Operation {
    let html = example("page", &json!("<!doctype html>"));
    Operation::new("getDocs", "Service", "Interactive documentation")
        .any_query()
        .description("Swagger UI, to read the documentation and try each operation. The page loads nothing from other servers. Query parameters are ignored.")
        .answer(200, OperationResponse::new("The page.").content("text/html", &json!({"type": "string"}), &html))
}

fn describe_asset(_: &mut Components) -> Operation {
    let names = ASSETS.map(|(name, _, _)| name);
    let schema = json!({"type": "string", "enum": names});
    let text = json!({"type": "string"});
    Operation::new("getDocsAsset", "Service", "A file of the interactive documentation")
        .parameter(path("asset", "The name of the file.", &schema, "start.js"))
        .answer(
            200,
            OperationResponse::new("The file.")
                .content("text/javascript", &text, &example("script", &json!("'use strict';")))
                .content("text/css", &text, &example("style", &json!(".swagger-ui{}")))
                .content("text/plain", &text, &example("licence", &json!("Apache License"))),
        )
        .problems(&[ProblemKind::Malformed, ProblemKind::NotFound])
}
