//! `GET /products/{id}/verification`: verifies the product's whole chain as `ledger verify` does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use event_store::journal::commits_after;
use event_store::verify;
use web::{RequestContext, Scope};

use super::answer::Stored;
use super::{Answer, Api, Id, answer, path_id};

pub(super) async fn verification(State(queries): Api, id: Id, context: RequestContext) -> Answer {
    context.require(Scope::Audit)?;
    let id = path_id(id)?;
    let commits = commits_after(Arc::clone(&queries.api.journal), id.clone(), 0);
    let report = verify::product(&id, commits).await.map_err(answer::failed(Stored::Commits, Some(&id)))?;
    if report.is_absent() {
        return Err(answer::unknown(&id));
    }
    Ok(Json(report).into_response())
}
