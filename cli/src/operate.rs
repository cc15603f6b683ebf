//! The ledger of an operator's command: a server that runs on it does the work and is asked over its socket; where none
//! runs, and on AWS, this process does it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use ledger_log::TrustedKeys;
use schema::settings::{CloudLogSettings, Settings};
use server::backend::Backend;
use server::directory::{DataDirectory, ReadDirectory};
use server::log::bound_keys;
use server::operators::protocol::OperatorRequest;
use server::operators::{AnswerLines, ask_here, ask_server};
use server::system::System;
use web::ClockAndIds;

use crate::{environment, out};

/// The ledger of an operator's command.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    /// Data directory of the ledger, also while `serve` runs on it; without it, the AWS SDK's environment.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
}

impl LedgerArgs {
    /// Asks the ledger for an operation, and says on standard error which ledger that is.
    ///
    /// # Errors
    /// When there is no such ledger, or it cannot be reached.
    pub async fn ask<O: OperatorRequest>(&self, operation: &O) -> anyhow::Result<AnswerLines<O>> {
        let settings = server::environment::settings()?;
        let system = if let Some(data) = &self.data {
            if let Some(lines) = ask_server(data, operation).await? {
                out::message(format_args!("asked: the server on {}", data.display()));
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
        ask_here(Arc::new(system), operation).await
    }
}

/// The system over a data directory that holds a ledger; without the check, opening it would create one.
async fn local(data: &Path, settings: Settings) -> anyhow::Result<System> {
    let directory = ReadDirectory::open(data)?;
    // Opening it for writing would remove outdated views, which only a server builds.
    directory.check_views(&settings.orders).await?;
    let keys = bound_keys(&directory.ledger).await?;
    let origin = keys.as_ref().and_then(TrustedKeys::newest).map(|key| key.name().to_owned());
    let settings = Settings { log: CloudLogSettings { origin, ..settings.log }, ..settings };
    drop(directory);
    out::message(format_args!("asked: the files in {}, where no server runs", data.display()));
    let bus = server::environment::aws(settings.event_bus.is_some()).await?;
    let clock_and_ids = ClockAndIds::system();
    let orders = settings.orders;
    let directory = DataDirectory::open(data, &orders, || (clock_and_ids.ids)().to_string()).await?;
    let backend = Backend::on_sqlite(directory, &orders, &clock_and_ids.clock).await?;
    Ok(System::new(backend, bus.as_ref(), settings, clock_and_ids))
}
