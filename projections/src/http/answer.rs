//! Responses that queries share: a product with its version as entity tag, and the problems of missing products.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use event_store::StoreError;
use schema::{Product, ProductId, Status};
use web::{Problem, ProblemKind};

use crate::views::View;

/// The product with its `ETag`, or 304 if the client has this version.
///
/// # Errors
/// 404 for a deleted product.
pub(super) fn product(product: &Product, asked: &HeaderMap) -> Result<Response, Problem> {
    if product.facts.status == Status::Deleted {
        return Err(deleted(product));
    }
    let etag = format!("\"{}\"", product.version);
    let mut response = if has(asked, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(product).into_response()
    };
    let etag = HeaderValue::from_str(&etag)
        .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

/// Whether `If-None-Match` lists the entity tag, by the weak comparison of RFC 9110, section 13.1.2.
fn has(asked: &HeaderMap, etag: &str) -> bool {
    let lists = asked.get_all(header::IF_NONE_MATCH).iter();
    lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

/// The product never existed.
pub(super) fn unknown(id: &ProductId) -> Problem {
    Problem::new(ProblemKind::ProductNotFound, format!("There is no product {id}."))
}

/// The product was deleted.
fn deleted(product: &Product) -> Problem {
    let (id, since, version) = (&product.id, product.updated_at, product.version);
    let detail = format!("Product {id} was deleted at {since}, as of version {version}.");
    Problem::new(ProblemKind::ProductNotFound, detail)
        .with("deleted_at", since.to_string())
        .with("version", version)
}

/// The version that the client asked for at least is not recorded yet.
pub(super) fn not_reached(newest: u64) -> Problem {
    let detail = format!("The product's newest version is {newest}.");
    Problem::new(ProblemKind::VersionNotReached, detail).loggable().with("current_version", newest)
}

/// The view is being built for the first time.
pub(super) fn being_built() -> Problem {
    Problem::unavailable("The view is being built from the ledger and is not complete yet; try again later.")
}

/// What cannot be read, and what to do about it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stored {
    /// Commits.
    Commits,
    /// Publication receipts and marks of a restore.
    Receipts,
    /// A view.
    View(View),
    /// The generations of the views.
    Generations,
    /// The rows of parked products.
    Parking,
}

/// A store failed: 503 if it did not answer, 500 if it answered with a row that cannot be read, which the log names.
pub(super) fn failed(stored: Stored, id: Option<&ProductId>) -> impl FnOnce(StoreError) -> Problem + '_ {
    move |error| if error.is_unreadable() { unreadable_row(stored, id, &error) } else { unavailable(&error) }
}

fn unreadable_row(stored: Stored, id: Option<&ProductId>, error: &StoreError) -> Problem {
    let product = id.map(ProductId::as_str);
    tracing::error!(target: "ledger::query", product_id = product, error = error.to_string(), "a row cannot be read");
    let product = product.map(|product| format!(" {product}")).unwrap_or_default();
    let detail = match stored {
        Stored::Generations => {
            "The state of the views cannot be read; the log of the server says what to do.".to_owned()
        }
        Stored::Parking => {
            "The row of a parked product cannot be read; the log of the server says what to do.".to_owned()
        }
        Stored::Commits => {
            format!("A commit of product{product} cannot be read; `ledger verify{product}` says why.")
        }
        Stored::Receipts => format!(
            "A receipt of product{product} cannot be read; `ledger verify --receipts{product}` says why, and a backup \
             of the receipts replaces it."
        ),
        Stored::View(view) => {
            let view = view.name();
            let row =
                if product.is_empty() { "A row".to_owned() } else { format!("The row of product{product}") };
            format!(
                "{row} in the view {view} cannot be read; `ledger verify --views{product}` names it, and \
                 `ledger rebuild {view}` replaces it."
            )
        }
    };
    Problem::new(ProblemKind::Internal, detail)
}

/// A store did not answer.
fn unavailable(error: &StoreError) -> Problem {
    tracing::error!(target: "ledger::query", error = error.to_string(), "a query failed because a store did not answer");
    Problem::unavailable("A store did not answer; try again.")
}

/// A commit of the product cannot be read.
pub(super) fn unreadable(id: &ProductId, error: &dyn std::error::Error) -> Problem {
    tracing::error!(target: "ledger::query", product_id = id.as_str(), error = error.to_string(), "a commit cannot be read");
    let detail = format!("A commit of product {id} cannot be read; `ledger verify {id}` says why.");
    Problem::new(ProblemKind::Internal, detail)
}
