//! The routes of the peer, with the same formats as the ledger's: PUT, PATCH and GET of a product, and a page of all.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cqrs_es::AggregateError;
use cqrs_es::persist::ViewRepository;
use postgres_es::{PostgresCqrs, PostgresViewRepository};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{Pool, Postgres, Row};

use crate::product::{Command, Details, Price, Product, Refusal};

/// The state of the routes.
#[derive(Clone)]
pub struct Shared {
    pub cqrs: Arc<PostgresCqrs<Product>>,
    pub views: Arc<PostgresViewRepository<Product, Product>>,
    pub pool: Pool<Postgres>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default = "page")]
    limit: i64,
}

fn page() -> i64 {
    50
}

pub fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/products/{id}", get(show).put(create).patch(change))
        .route("/products", get(list))
        .with_state(shared)
}

async fn create(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Json(details): Json<Details>,
) -> Response {
    execute(&shared, &id, Command::Create(details), StatusCode::CREATED).await
}

async fn change(State(shared): State<Shared>, Path(id): Path<String>, Json(price): Json<Price>) -> Response {
    execute(&shared, &id, Command::ChangePrice(price), StatusCode::OK).await
}

#[expect(clippy::disallowed_methods, reason = "this server has no other place for clock and ids")]
async fn execute(shared: &Shared, id: &str, command: Command, done: StatusCode) -> Response {
    match shared.cqrs.execute(id, command).await {
        Ok(()) => (done, Json(json!({"product_id": id, "recorded_at": chrono::Utc::now()}))).into_response(),
        Err(AggregateError::UserError(refusal)) => {
            let status = match refusal {
                Refusal::NoPrice | Refusal::NoName => StatusCode::UNPROCESSABLE_ENTITY,
                Refusal::Exists => StatusCode::CONFLICT,
                Refusal::Unknown => StatusCode::NOT_FOUND,
            };
            problem(status, &refusal)
        }
        Err(AggregateError::AggregateConflict) => {
            problem(StatusCode::CONFLICT, &AggregateError::<Refusal>::AggregateConflict)
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

async fn show(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    match shared.views.load(&id).await {
        Ok(Some(product)) => Json(product).into_response(),
        Ok(None) => problem(StatusCode::NOT_FOUND, &Refusal::Unknown),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

/// postgres-es cannot list views; this queries its table, as an application would.
async fn list(State(shared): State<Shared>, Query(page): Query<Page>) -> Response {
    let rows = sqlx::query("SELECT payload FROM product_view ORDER BY view_id LIMIT $1")
        .bind(page.limit)
        .fetch_all(&shared.pool)
        .await;
    match rows {
        Ok(rows) => {
            let products: Vec<Value> = rows.iter().map(|row| row.get("payload")).collect();
            Json(json!({"products": products})).into_response()
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error),
    }
}

fn problem(status: StatusCode, error: &dyn std::error::Error) -> Response {
    (status, Json(json!({"status": status.as_u16(), "detail": error.to_string()}))).into_response()
}
