//! The tables of a ledger for those who only read them: also while a server runs on them, and never a write.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use clap::Args;
use event_store::{DynamoJournal, DynamoReceipts, Journal, Receipts, SqliteJournal, SqliteReceipts};
use projections::{DynamoViews, SqliteViews, Views};
use sqlite::Access;

use crate::directory::ReadDirectory;
use crate::environment;
use crate::out;

/// Which ledger to read.
#[derive(Debug, Args)]
pub struct ReadOnly {
    /// Data directory of the ledger, also while `serve` runs on it; without it, the AWS SDK's environment.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// The ports an auditor reads.
pub struct Ports {
    /// The event table.
    pub journal: Arc<dyn Journal>,
    /// The publication receipts.
    pub receipts: Arc<dyn Receipts>,
    /// The product view; `None` where its file was deleted.
    pub views: Option<Arc<dyn Views>>,
}

impl ReadOnly {
    /// Opens the tables.
    ///
    /// # Errors
    /// When there is no such ledger, or a setting is wrong.
    pub async fn open(&self) -> anyhow::Result<Ports> {
        let settings = environment::settings()?;
        if let Some(data) = &self.data {
            let directory =
                ReadDirectory::open(data).with_context(|| format!("--data {}", data.display()))?;
            out::tell(format_args!("asked: the files in {}", data.display()));
            return Ok(Ports {
                journal: Arc::new(SqliteJournal::new(directory.ledger)),
                receipts: Arc::new(SqliteReceipts::new(Access::Committed(directory.publishing))),
                views: directory.views.map(|views| {
                    let views = SqliteViews::new(Access::Committed(views), settings.orders);
                    Arc::new(views.for_queries()) as Arc<dyn Views>
                }),
            });
        }
        let aws = environment::ledger_on_aws(&settings).await?;
        let client = Client::new(&aws);
        Ok(Ports {
            journal: Arc::new(DynamoJournal::new(client.clone(), &settings.tables.events)),
            receipts: Arc::new(DynamoReceipts::new(client.clone(), &settings.tables.receipts)),
            views: Some(Arc::new(DynamoViews::new(client, &settings.tables.products, settings.orders))),
        })
    }
}
