//! The response to an executed command: its receipt, the same whenever the command is repeated.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schema::{Commit, CommitReceipt, ProductEvent};
use web::{Problem, ProblemKind};

use crate::execute::CommandOutcome;

/// Status, headers and receipt.
///
/// # Errors
/// 500 when a header cannot be written; never for ids of the schema.
pub(super) fn receipt(outcome: CommandOutcome) -> Result<Response, Problem> {
    let (commit, receipt, replayed) = match outcome {
        CommandOutcome::Written(commit) => (commit.clone(), CommitReceipt::of(&commit), false),
        CommandOutcome::Replayed(commit) => (commit.clone(), CommitReceipt::of(&commit), true),
        CommandOutcome::Unchanged(commit) => (commit.clone(), CommitReceipt::unchanged(&commit), false),
    };
    let created = !receipt.events.is_empty() && creates(&commit);
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, Json(&receipt)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(&format!("\"{}\"", receipt.version))?);
    if created {
        headers.insert(header::LOCATION, value(&format!("/products/{}", receipt.product_id))?);
    }
    if replayed {
        headers.insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn creates(commit: &Commit) -> bool {
    commit.events.iter().any(|recorded| matches!(recorded.event, ProductEvent::ProductCreated(_)))
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))
}
