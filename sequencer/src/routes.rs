//! `GET /log/…`: the files of the log over HTTP, as any web server would serve its directory, and the verifier key.
//!
//! The promise: a partial file of any checkpoint that was ever published is answered, also after the full one has taken its place.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use ledger_log::LogPath;
use serde_json::{Value, json};
use web::api::{Api, Describe, Endpoint};
use web::operation::{Components, Operation, OperationResponse, example, path};
use web::{Problem, ProblemKind, RequestContext, Scope};

use crate::api::LogApi;
use crate::failure::{LogFailure, LogStop};
use crate::proof;
use crate::store::{LogStore, needed};

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
/// A checkpoint is replaced each second.
const FOR_A_MOMENT: &str = "max-age=1";
const FOR_EVER: &str = "max-age=31536000, immutable";
/// Which key signs from which size on may change.
const NOT_AT_ALL: &str = "no-cache";

/// The routes; without a log each answers `no-log`.
pub fn routes(api: LogApi) -> Router {
    table().router().with_state(api)
}

/// The routes with their descriptions.
#[must_use]
pub fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<LogApi> {
    Api::new()
        .on(Endpoint::Get("/log/checkpoint"), described_checkpoint, checkpoint)
        .on(Endpoint::Get("/log/key"), described_key, key)
        .on(Endpoint::Get("/log/tile/{*path}"), described_tile, tile)
        .on(Endpoint::Get("/products/{id}/history/{sequence}/proof"), proof::described, proof::proof)
}

async fn checkpoint(State(api): State<LogApi>, context: RequestContext) -> Result<Response, Problem> {
    let files = api.files(&context, "/log/checkpoint")?;
    let bytes = read(files, LogPath::Checkpoint).await?;
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, FOR_A_MOMENT)], bytes).into_response())
}

async fn key(State(api): State<LogApi>, context: RequestContext) -> Result<Response, Problem> {
    let keys = api.keys(&context, "/log/key").await?.to_string();
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, NOT_AT_ALL)], keys).into_response())
}

async fn tile(
    State(api): State<LogApi>,
    context: RequestContext,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(path) = path.map_err(|error| Problem::new(ProblemKind::Malformed, error.to_string()))?;
    let path = format!("tile/{path}");
    let files = api.files(&context, &format!("/log/{path}"))?;
    let path = path.parse::<LogPath>().map_err(|_| not_there("No file of a log has this path."))?;
    let bytes = read(files, path).await?;
    Ok(([(header::CONTENT_TYPE, BYTES), (header::CACHE_CONTROL, FOR_EVER)], bytes).into_response())
}

fn not_there(detail: &'static str) -> Problem {
    Problem::new(ProblemKind::NotFound, detail)
}

/// A file, or what the full one in its place holds of it.
async fn read(store: Arc<dyn LogStore>, path: LogPath) -> Result<Vec<u8>, Problem> {
    let done = tokio::task::spawn_blocking(move || needed(&*store, path)).await;
    match done.unwrap_or_else(|error| Err(LogFailure::Interrupted(error.to_string()))) {
        Ok(bytes) => Ok(bytes),
        Err(LogFailure::Stopped(LogStop::Missing(_))) => {
            Err(not_there("The log has no such file; its checkpoint says how long it is."))
        }
        Err(error) => {
            tracing::error!(target: "ledger::log", %path, %error, "a file of the log cannot be read");
            let detail = "The file of the log cannot be read now; retry after the time in Retry-After.";
            Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(1))
        }
    }
}

fn described(id: &'static str, summary: &'static str, text: &str) -> Operation {
    let access = "With tables of DynamoDB there is a log if a bucket is named for it. `LEDGER_LOG_PUBLIC` opens checkpoint, key and \
                  tiles of hashes, or all of it, to requests without a token.";
    Operation::new(id, "Log", summary)
        .description(format!("{text}\n\n{access}"))
        .scopes(&[Scope::Audit])
        .problems(&[ProblemKind::NoLog, ProblemKind::NotFound, ProblemKind::Unavailable])
}

fn text() -> Value {
    json!({"type": "string"})
}

fn described_checkpoint(_: &mut Components) -> Operation {
    let shown = "ledger.example.com/log\n696\n…\n\n\u{2014} ledger.example.com/log …\n";
    let answer = OperationResponse::new("The checkpoint.");
    described(
        "getLogCheckpoint",
        "The newest signed checkpoint of the log",
        "A signed note (C2SP tlog-checkpoint).",
    )
    .answer(200, answer.content("text/plain", &text(), &example("checkpoint", &json!(shown))))
}

fn described_key(_: &mut Components) -> Operation {
    let shown = "ledger.example.com/log+96c0ba0d+… from 0\n";
    let what = "One key a line, with the sizes of the checkpoints that it signs. For convenience: take the key that you trust from \
                where its owner published it.";
    let answer = OperationResponse::new("The keys.");
    described("getLogKey", "The verifier keys of the log", what)
        .answer(200, answer.content("text/plain", &text(), &example("keys", &json!(shown))))
}

fn described_tile(_: &mut Components) -> Operation {
    let what = "Paths are those of C2SP tlog-tiles: `{L}/{N…}[.p/{W}]` for hashes of level L, `entries/{N…}[.p/{W}]` for entries. \
                What is answered once never changes.";
    let named = path("path", "The path behind `tile/`; it may have several segments.", &text(), "0/000");
    let bytes = json!({"type": "string", "format": "binary"});
    let answer =
        OperationResponse::new("Hashes of 32 bytes each, or entries, each behind its length in two bytes.");
    described("getLogTile", "A tile of the log's tree, or a bundle of its entries", what)
        .parameter(named)
        .answer(200, answer.content(BYTES, &bytes, &example("hashes", &json!("the bytes of the hashes"))))
}
