//! What operators ask of a ledger: parked products, reconciliation, replay, rebuild.
//!
//! A running server is the only one that may write to its data directory, so it does the work and is asked over a Unix
//! socket in that directory. Where no server runs, and on AWS, the very same routes answer in this process.

mod asked;
mod parked;
mod rebuild;
mod reconcile;
mod replay;
mod socket;
mod telling;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::routing::{get, post};
use clap::Args;
use schema::settings::Settings;
use serde_json::Value;
use web::ClockAndIds;

use crate::backend::Backend;
use crate::directory::{DataDirectory, ReadDirectory};
use crate::mapping::Stop;
use crate::system::System;
use crate::{environment, out};

pub use asked::Lines;
pub(crate) use reconcile::catch_up;
pub(crate) use socket::listen;
pub(crate) use telling::Telling;

/// Which ledger an operator's command is for.
#[derive(Debug, Args)]
pub struct Where {
    /// Data directory of the ledger, also while `serve` runs on it; without it, the AWS SDK's environment.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
}

/// What the routes work on, and until when.
#[derive(Clone)]
struct Desk {
    system: Arc<System>,
    stopping: Stop,
    running: rebuild::Running,
}

/// The operators' routes. Each answers with JSON lines: `{"progress":…}` while it works, then `{"done":…}`,
/// `{"refused":"…"}` where the ledger does not allow it or the server stops, or `{"failed":"…"}`.
pub(crate) fn routes(system: Arc<System>, stopping: Stop) -> Router {
    Router::new()
        .route("/parked", get(parked::list))
        .route("/parked/retry", post(parked::retry))
        .route("/reconcile", post(reconcile::reconcile))
        .route("/rebuild", post(rebuild::rebuild))
        .route("/replay", post(replay::replay))
        .with_state(Desk { system, stopping, running: rebuild::Running::default() })
}

impl Where {
    /// Asks the ledger; the lines come as the work goes on.
    ///
    /// # Errors
    /// When there is no such ledger, or it cannot be reached.
    pub async fn ask(&self, method: &str, path: &str, question: &Value) -> anyhow::Result<Lines> {
        let settings = environment::settings()?;
        let system = if let Some(data) = &self.data {
            if let Some(lines) = socket::ask(data, method, path, question).await? {
                out::tell(format_args!("asked: the server on {}", data.display()));
                return Ok(lines);
            }
            local(data, settings).await.with_context(|| format!("--data {}", data.display()))?
        } else {
            let aws = environment::ledger_on_aws(&settings).await?;
            let clock_and_ids = ClockAndIds::system();
            let backend =
                Backend::on_dynamodb(&aws, &settings.tables, &settings.orders, &clock_and_ids.clock);
            System::new(backend, Some(&aws), settings, clock_and_ids)
        };
        // An interruption ends this process, and the work with it.
        let (running, stopping) = tokio::sync::watch::channel(false);
        let lines = asked::here(routes(Arc::new(system), stopping), method, path, question).await?;
        Ok(lines.keeping(running))
    }
}

/// The system over a data directory that has a ledger; opening alone would create one.
async fn local(data: &Path, settings: Settings) -> anyhow::Result<System> {
    drop(ReadDirectory::open(data)?);
    out::tell(format_args!("asked: the files in {}, where no server runs", data.display()));
    let bus = environment::aws(settings.event_bus.is_some()).await;
    let clock_and_ids = ClockAndIds::system();
    let orders = settings.orders;
    let directory = DataDirectory::open(data, &orders, || (clock_and_ids.ids)().to_string()).await?;
    let backend = Backend::on_sqlite(directory, &orders, &clock_and_ids.clock).await?;
    Ok(System::new(backend, bus.as_ref(), settings, clock_and_ids))
}
