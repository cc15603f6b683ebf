//! The answer to a command that was carried out: its receipt, the same whenever it is asked for again.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schema::{Commit, CommitReceipt, ProductEvent};
use web::{Problem, ProblemKind};

use crate::execute::Outcome;

/// Status, headers and receipt.
///
/// # Errors
/// 500 when a header cannot be written; never for ids of the schema.
pub(super) fn receipt(outcome: Outcome) -> Result<Response, Problem> {
    let (commit, receipt, replayed) = match outcome {
        Outcome::Written(commit) => (commit.clone(), CommitReceipt::of(&commit), false),
        Outcome::Replayed(commit) => (commit.clone(), CommitReceipt::of(&commit), true),
        Outcome::Unchanged(commit) => (commit.clone(), CommitReceipt::unchanged(&commit), false),
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
