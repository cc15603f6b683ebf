//! The tables of a ledger for those who only read them: also while a server runs on them, and never a write.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use clap::Args;
use event_store::{
    DynamoJournal, DynamoReceipts, Feed, Journal, Progress, Receipts, SqliteJournal, SqliteProgress,
    SqliteReceipts,
};
use projections::{DynamoPriceLog, DynamoViews, PriceLog, SqlitePriceLog, SqliteViews, Views};
use schema::Orders;
use sqlite::Access;

use crate::directory::ReadDirectory;
use crate::follower::{PROJECTOR, PUBLISHER};
use crate::{environment, out};

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
    /// The views; `None` where their file was deleted.
    pub views: Option<ReadViews>,
    /// What feeds projector and publisher by position, where no table's stream does.
    pub feed: Option<Arc<dyn Feed>>,
    /// How far the publisher is in that.
    pub publisher: Option<Arc<dyn Progress>>,
}

/// What is shown to readers.
pub struct ReadViews {
    /// The product view.
    pub products: Arc<dyn Views>,
    /// The price histories.
    pub prices: Arc<dyn PriceLog>,
    /// How far the projector is, where it is fed by position.
    pub projector: Option<Arc<dyn Progress>>,
}

impl ReadOnly {
    /// Opens the tables, and says on standard error which.
    ///
    /// # Errors
    /// When there is no such ledger, or a setting is wrong.
    pub async fn open(&self) -> anyhow::Result<Ports> {
        let settings = environment::settings()?;
        if let Some(data) = &self.data {
            return of_files(data, settings.orders).with_context(|| format!("--data {}", data.display()));
        }
        let client = Client::new(&environment::ledger_on_aws(&settings).await?);
        let tables = settings.tables;
        Ok(Ports {
            journal: Arc::new(DynamoJournal::new(client.clone(), &tables.events)),
            receipts: Arc::new(DynamoReceipts::new(client.clone(), &tables.receipts)),
            views: Some(ReadViews {
                products: Arc::new(DynamoViews::new(client.clone(), &tables.products, settings.orders)),
                prices: Arc::new(DynamoPriceLog::new(client, &tables.prices)),
                projector: None,
            }),
            feed: None,
            publisher: None,
        })
    }
}

fn of_files(data: &Path, orders: Orders) -> anyhow::Result<Ports> {
    let directory = ReadDirectory::open(data)?;
    out::tell(format_args!("asked: the files in {}", data.display()));
    let journal = SqliteJournal::new(directory.ledger);
    let publishing = directory.publishing;
    Ok(Ports {
        journal: Arc::new(journal.clone()),
        receipts: Arc::new(SqliteReceipts::new(Access::Committed(publishing.clone()))),
        views: directory.views.map(|views| ReadViews {
            products: Arc::new(SqliteViews::new(Access::Committed(views.clone()), orders).for_queries()),
            prices: Arc::new(SqlitePriceLog::new(Access::Committed(views.clone()))),
            projector: Some(Arc::new(SqliteProgress::new(views, PROJECTOR))),
        }),
        feed: Some(Arc::new(journal)),
        publisher: Some(Arc::new(SqliteProgress::new(publishing, PUBLISHER))),
    })
}
