//! `cqrs-es-postgres DATABASE_URL` serves products on a free port of loopback and prints `Listening on http://ADDRESS`: axum,
//! cqrs-es with a snapshot every ten events, and a view that is written in the same request.

mod http;
mod product;

use std::sync::Arc;

use anyhow::Context;
use cqrs_es::persist::GenericQuery;
use postgres_es::{PostgresViewRepository, default_postgress_pool, postgres_snapshot_cqrs};
use product::Product;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The same as in the ledger.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Events between two snapshots of a product.
const SNAPSHOT: usize = 10;
const VIEW: &str = "product_view";

/// The tables of postgres-es 0.5.0 (`db/init.sql`).
const TABLES: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS events (aggregate_type text NOT NULL, aggregate_id text NOT NULL, \
     sequence bigint CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL, event_version text NOT NULL, \
     payload json NOT NULL, metadata json NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence))",
    "CREATE TABLE IF NOT EXISTS snapshots (aggregate_type text NOT NULL, aggregate_id text NOT NULL, \
     last_sequence bigint CHECK (last_sequence >= 0) NOT NULL, \
     current_snapshot bigint CHECK (current_snapshot >= 0) NOT NULL, payload json NOT NULL, \
     PRIMARY KEY (aggregate_type, aggregate_id, last_sequence))",
    "CREATE TABLE IF NOT EXISTS product_view (view_id text NOT NULL, \
     version bigint CHECK (version >= 0) NOT NULL, payload json NOT NULL, PRIMARY KEY (view_id))",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let database = std::env::args().nth(1).context("the first argument is the URL of the database")?;
    let pool = default_postgress_pool(&database).await;
    for table in TABLES {
        sqlx::query(table).execute(&pool).await?;
    }
    let views = Arc::new(PostgresViewRepository::<Product, Product>::new(VIEW, pool.clone()));
    let mut query = GenericQuery::new(views.clone());
    query.use_error_handler(Box::new(|error| eprintln!("the view: {error}")));
    let cqrs = Arc::new(postgres_snapshot_cqrs(pool.clone(), vec![Box::new(query)], SNAPSHOT, ()));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("Listening on http://{}", listener.local_addr()?);
    let mut end = signal(SignalKind::terminate())?;
    axum::serve(listener, http::routes(http::Shared { cqrs, views, pool }))
        .with_graceful_shutdown(async move {
            end.recv().await;
        })
        .await?;
    Ok(())
}
