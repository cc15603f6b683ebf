//! Read-only access to the tables of a ledger, even while a server runs on them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use clap::Args;
use event_store::{
    CheckpointStore, DynamoJournal, DynamoReceipts, Feed, Journal, Receipts, SqliteCheckpointStore,
    SqliteJournal, SqliteReceipts,
};
use projections::{DynamoPriceLog, DynamoViews, PriceLog, SqlitePriceLog, SqliteViews, Views};
use schema::Orders;
use server::directory::ReadDirectory;
use server::follower::{PROJECTOR, PUBLISHER};
use sqlite::Access;

use crate::{environment, out};

/// The ledger to read.
#[derive(Debug, Args)]
pub struct ReadOnlyLedgerArgs {
    /// Data directory of the ledger, also while `serve` runs on it; without it, the AWS SDK's environment.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// The ports that an auditor reads.
pub struct ReadOnlyPorts {
    /// The event table.
    pub journal: Arc<dyn Journal>,
    /// The publication receipts.
    pub receipts: Arc<dyn Receipts>,
    /// The views; `None` if their file was deleted.
    pub views: Option<ReadOnlyViews>,
    /// What feeds projector and publisher by position, unless a table's stream does.
    pub feed: Option<Arc<dyn Feed>>,
    /// The publisher's checkpoint in that feed.
    pub publisher: Option<Arc<dyn CheckpointStore>>,
}

/// The views.
pub struct ReadOnlyViews {
    /// The product view.
    pub products: Arc<dyn Views>,
    /// The price histories.
    pub prices: Arc<dyn PriceLog>,
    /// The projector's checkpoint, if it is fed by position.
    pub projector: Option<Arc<dyn CheckpointStore>>,
}

impl ReadOnlyLedgerArgs {
    /// Opens the tables, and names them on standard error.
    ///
    /// # Errors
    /// When there is no such ledger, or a setting is wrong.
    pub async fn open(&self) -> anyhow::Result<ReadOnlyPorts> {
        let settings = server::environment::settings()?;
        if let Some(data) = &self.data {
            return of_files(data, settings.orders).with_context(|| format!("--data {}", data.display()));
        }
        let client = Client::new(&environment::ledger_on_aws(&settings).await?);
        let tables = settings.tables;
        Ok(ReadOnlyPorts {
            journal: Arc::new(DynamoJournal::new(client.clone(), &tables.events)),
            receipts: Arc::new(DynamoReceipts::new(client.clone(), &tables.receipts)),
            views: Some(ReadOnlyViews {
                products: Arc::new(DynamoViews::new(client.clone(), &tables.products, settings.orders)),
                prices: Arc::new(DynamoPriceLog::new(client, &tables.prices)),
                projector: None,
            }),
            feed: None,
            publisher: None,
        })
    }
}

fn of_files(data: &Path, orders: Orders) -> anyhow::Result<ReadOnlyPorts> {
    let directory = ReadDirectory::open(data)?;
    out::message(format_args!("asked: the files in {}", data.display()));
    let journal = SqliteJournal::new(directory.ledger);
    let publishing = directory.publishing;
    Ok(ReadOnlyPorts {
        journal: Arc::new(journal.clone()),
        receipts: Arc::new(SqliteReceipts::new(Access::Committed(publishing.clone()))),
        views: directory.views.map(|views| ReadOnlyViews {
            products: Arc::new(SqliteViews::new(Access::Committed(views.clone()), orders).for_queries()),
            prices: Arc::new(SqlitePriceLog::new(Access::Committed(views.clone()))),
            projector: Some(Arc::new(SqliteCheckpointStore::new(views, PROJECTOR))),
        }),
        feed: Some(Arc::new(journal)),
        publisher: Some(Arc::new(SqliteCheckpointStore::new(publishing, PUBLISHER))),
    })
}
