//! Which ledger an operator's command is for: a running server does the work and is asked over the socket in its data
//! directory; where none runs, and on AWS, this process does it.

mod telling;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use schema::settings::Settings;
use serde_json::Value;
use server::backend::Backend;
use server::directory::{DataDirectory, ReadDirectory};
use server::operate::{self, Lines};
use server::system::System;
use web::Edge;

use crate::{environment, out};

pub(crate) use telling::Telling;

/// Which ledger an operator's command is for.
#[derive(Debug, Args)]
pub struct Where {
    /// Data directory of the ledger, also while `serve` runs on it; without it, the AWS SDK's environment.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
}

impl Where {
    /// Asks the ledger; the lines come as the work goes on.
    ///
    /// # Errors
    /// When there is no such ledger, or it cannot be reached.
    pub async fn ask(&self, method: &str, path: &str, question: &Value) -> anyhow::Result<Lines> {
        let settings = server::environment::settings()?;
        let system = if let Some(data) = &self.data {
            if let Some(lines) = operate::ask(data, method, path, question).await? {
                out::tell(format_args!("asked: the server on {}", data.display()));
                return Ok(lines);
            }
            local(data, settings).await.with_context(|| format!("--data {}", data.display()))?
        } else {
            let aws = environment::ledger_on_aws(&settings).await?;
            let edge = Edge::system();
            let backend = Backend::on_dynamodb(&aws, &settings.tables, &settings.orders, &edge.clock);
            System::new(backend, Some(&aws), settings, edge)
        };
        operate::here(system, method, path, question).await
    }
}

/// The system over a data directory that has a ledger; opening alone would create one.
async fn local(data: &Path, settings: Settings) -> anyhow::Result<System> {
    drop(ReadDirectory::open(data)?);
    out::tell(format_args!("asked: the files in {}, where no server runs", data.display()));
    let bus = server::environment::aws(settings.event_bus.is_some()).await;
    let edge = Edge::system();
    let orders = settings.orders;
    let directory = DataDirectory::open(data, &orders, || (edge.ids)().to_string()).await?;
    let backend = Backend::on_sqlite(directory, &orders, &edge.clock).await?;
    Ok(System::new(backend, bus.as_ref(), settings, edge))
}
