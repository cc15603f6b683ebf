//! `GET /products/{id}/history/{sequence}/proof`: the proof file of a commit, from the tiles of the newest checkpoint.
//!
//! The promise: what is answered proves the commit to whoever has the log's key; a proof that does not is never sent.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use event_store::Journal;
use ledger_log::proof::{ProofPlan, TreeNode};
use ledger_log::{Leaf, LogPath, ProofFile, RightEdge, TreeHash, tiles};
use schema::{ProductId, StoredCommit};
use serde_json::json;
use web::operation::{Components, Operation, OperationResponse, example, path};
use web::{Problem, ProblemKind, RequestContext, Scope};

use crate::api::{LogApi, ServedLog};
use crate::failure::{LogFailure, LogStop};
use crate::store::{LogStore, needed};

/// The proof of the entry of a commit at an index; none if no checkpoint has it yet.
///
/// # Errors
/// [`LogFailure`]: a file cannot be read, or the log has another entry there.
pub(super) fn prove(log: &ServedLog, index: u64, leaf: Leaf) -> Result<Option<ProofFile>, LogFailure> {
    let ServedLog { store, keys } = log;
    let note = store.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint))?;
    let note = note.ok_or(LogStop::NoCheckpoint)?;
    let size = keys.open(&note).map_err(LogStop::from)?.size;
    let Some(plan) = ProofPlan::of_inclusion(index, size) else { return Ok(None) };
    let mut tiles = BTreeMap::new();
    let hashes = plan.hashes(|node| subtree(&**store, &mut tiles, node, size))?;
    let checkpoint = String::from_utf8(note).map_err(|_| LogStop::NoCheckpoint)?;
    let proof = ProofFile { extra: Some(leaf.parent.to_vec()), index, hashes, checkpoint };
    let proved = proof.prove_commit(leaf, keys);
    proved.map(|_| Some(proof)).map_err(|_| LogStop::Another(index).into())
}

/// The proof that a log has grown from `old` to `new` entries, from the tiles of the larger size; empty where `old` is larger.
///
/// # Errors
/// [`LogFailure`]: a tile cannot be read, or is missing.
pub fn growth(store: &dyn LogStore, old: u64, new: u64) -> Result<Vec<TreeHash>, LogFailure> {
    let mut tiles = BTreeMap::new();
    let plan = ProofPlan::of_consistency(old, new).unwrap_or_default();
    plan.hashes(|node| subtree(store, &mut tiles, node, new))
}

/// The hash of a complete subtree, from the tile that has the hashes below it. Each tile is read once.
fn subtree(
    store: &dyn LogStore,
    tiles: &mut BTreeMap<LogPath, Vec<TreeHash>>,
    node: TreeNode,
    size: u64,
) -> Result<TreeHash, LogFailure> {
    let (path, below) = tiles::place(node, size);
    let hashes = match tiles.entry(path) {
        Entry::Occupied(read) => read.into_mut(),
        Entry::Vacant(place) => {
            let hashes = tiles::read(&needed(store, path)?, path.width()).ok_or(LogStop::Damaged(path))?;
            place.insert(hashes)
        }
    };
    let below = hashes.get(below).ok_or(LogStop::Damaged(path))?;
    Ok(below.iter().copied().collect::<RightEdge>().root())
}

/// The route.
pub(super) async fn proof(
    State(api): State<LogApi>,
    context: RequestContext,
    named: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let (log, sources) = api.provable(&context).await?;
    let malformed = |detail: String| Problem::new(ProblemKind::Malformed, detail);
    let Path((id, sequence)) = named.map_err(|error| malformed(error.to_string()))?;
    let product = ProductId::new(id).map_err(|error| malformed(format!("The id of the product {error}.")))?;
    let sequence =
        number_from_one(&sequence).ok_or_else(|| malformed("A sequence is a number from 1.".to_owned()))?;
    let commit = holding(&*sources.journal, &product, sequence).await?;
    let unreadable = |error: String| {
        Problem::new(ProblemKind::Internal, format!("The commit cannot be read: {error}. Run ledger verify."))
    };
    let leaf = Leaf::of(&commit).map_err(|error| unreadable(error.to_string()))?;
    let own = commit.sequence().map_err(|error| unreadable(error.to_string()))?;
    let position =
        sources.feed.position_of(&product, own).await.map_err(|error| unavailable(&error.to_string()))?;
    let position = position.ok_or_else(not_logged_yet)?;
    let made = tokio::task::spawn_blocking(move || prove(&log, position, leaf)).await;
    match made.unwrap_or_else(|error| Err(LogFailure::Interrupted(error.to_string()))) {
        Ok(Some(proof)) => {
            let headers =
                [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
            Ok((headers, proof.to_string()).into_response())
        }
        Ok(None) => Err(not_logged_yet()),
        Err(LogFailure::Stopped(reason)) => {
            tracing::error!(target: "ledger::log", position, %reason, "a commit cannot be proved; run ledger log verify");
            let detail = "The log does not prove this commit; its operator has to run ledger log verify.";
            Err(Problem::new(ProblemKind::Internal, detail))
        }
        Err(error) => Err(unavailable(&error.to_string())),
    }
}

/// Decimal digits without leading zeros; a number too large for any event is the largest one, which no event has.
fn number_from_one(digits: &str) -> Option<u64> {
    let canonical = digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
    (canonical && !digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX))
}

/// The commit that holds a sequence.
async fn holding(journal: &dyn Journal, product: &ProductId, sequence: u64) -> Result<StoredCommit, Problem> {
    let newest = journal.newest(product, sequence).await.map_err(|error| unavailable(&error.to_string()))?;
    let commit =
        newest.ok_or_else(|| Problem::new(ProblemKind::ProductNotFound, "There is no such product."))?;
    if !commit.sequences().is_ok_and(|held| held.end > sequence) {
        return Err(Problem::new(ProblemKind::VersionNotFound, "The product has no such sequence yet."));
    }
    Ok(commit)
}

fn not_logged_yet() -> Problem {
    let detail =
        "The commit is recorded, but in no checkpoint of the log yet; retry after the time in Retry-After.";
    Problem::new(ProblemKind::NotLoggedYet, detail).retry_after(1)
}

fn unavailable(reason: &str) -> Problem {
    tracing::warn!(target: "ledger::log", reason, "a proof could not be made");
    Problem::new(
        ProblemKind::Unavailable,
        "The log or the ledger cannot be read now; retry after the time in Retry-After.",
    )
    .retry_after(1)
}

pub(super) fn described(_: &mut Components) -> Operation {
    let text = json!({"type": "string"});
    let what = "A proof file (C2SP tlog-proof) of the commit that holds this sequence: `ledger verify --proof` checks it without a \
                network. With tables of DynamoDB there is a log if a bucket is named for it.";
    let shown = "c2sp.org/tlog-proof@v1\nextra …\nindex 417\n…\n\nledger.example.com/log\n…\n";
    Operation::new("getProof", "Log", "Prove that a commit is in the log")
        .description(what)
        .scopes(&[Scope::Audit])
        .parameter(path("id", "The product.", &web::openapi::inlined::<ProductId>(), "helmet"))
        .parameter(path(
            "sequence",
            "The sequence of an event.",
            &json!({"type": "string", "pattern": "^[1-9][0-9]*$"}),
            "1",
        ))
        .problems(&[
            ProblemKind::NoLog,
            ProblemKind::NotLoggedYet,
            ProblemKind::ProductNotFound,
            ProblemKind::VersionNotFound,
            ProblemKind::Unavailable,
        ])
        .answer(
            200,
            OperationResponse::new("The proof file.").content(
                "text/plain",
                &text,
                &example("proof", &json!(shown)),
            ),
        )
}

#[cfg(test)]
mod tests;
