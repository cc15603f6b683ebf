//! Read-only access to the tables of a ledger, even while a server runs on them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use event_store::{
    CheckpointStore, DynamoJournal, DynamoReceipts, Feed, Journal, Receipts, SqliteCheckpointStore,
    SqliteJournal, SqliteParking, SqliteReceipts, metering,
};
use projections::{DynamoPriceLog, DynamoViews, PriceLog, SqlitePriceLog, SqliteViews, Views};
use sequencer::S3Log;
use server::backend::TableLog;
use server::directory::{NoViews, ReadDirectory};
use server::follower::{PROJECTOR, PUBLISHER};
use server::log::{CloudLogFiles, LOG_DIRECTORY};
use sqlite::{Access, Database};
use web::ClockAndIds;

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
    /// The publication receipts, unless their file is lost.
    receipts: Result<Arc<dyn Receipts>, String>,
    /// The views, if they can be read.
    pub views: Result<ReadOnlyViews, NoViews>,
    /// The files of a ledger on this machine.
    pub files: Option<ReadOnlyFiles>,
    /// The log of a ledger in tables, and its files if there is a bucket.
    pub table_log: Option<(TableLog, Option<S3Log>)>,
    /// What feeds projector and publisher by position, unless a table's stream does.
    pub feed: Option<Arc<dyn Feed>>,
    /// The publisher's checkpoint in that feed.
    pub publisher: Option<Arc<dyn CheckpointStore>>,
}

/// What only files have.
pub struct ReadOnlyFiles {
    /// The commits with their positions.
    pub journal: SqliteJournal,
    /// What the file of the commits says about itself.
    pub about: Access,
    /// The parking rows of the publisher, unless their file is lost.
    pub publishing: Option<SqliteParking>,
    /// The parking rows of the projector, if the views can be read.
    pub views: Option<SqliteParking>,
    /// The file of the commits.
    pub ledger: Database,
    /// The directory of the log, if one is kept.
    pub log: PathBuf,
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
            return of_files(data).await.with_context(|| format!("--data {}", data.display()));
        }
        let aws = environment::ledger_on_aws(&settings).await?;
        let client = metering::client(&aws);
        let files = CloudLogFiles::named(&settings.log, &aws)?;
        let files = files.map(|files| files.files(&ClockAndIds::system().clock));
        let table_log = Some((TableLog::on_dynamodb(&aws, &settings.tables), files));
        let tables = settings.tables;
        let journal: Arc<dyn Journal> = Arc::new(DynamoJournal::new(client.clone(), &tables.events));
        Ok(ReadOnlyPorts {
            journal,
            receipts: Ok(Arc::new(DynamoReceipts::new(client.clone(), &tables.receipts))),
            views: Ok(ReadOnlyViews {
                products: Arc::new(DynamoViews::new(client.clone(), &tables.products, settings.orders)),
                prices: Arc::new(DynamoPriceLog::new(client, &tables.prices)),
                projector: None,
            }),
            files: None,
            table_log,
            feed: None,
            publisher: None,
        })
    }
}

impl ReadOnlyPorts {
    /// The commits by position.
    ///
    /// # Errors
    /// The ledger has none.
    pub fn by_position(&self) -> anyhow::Result<Arc<dyn Feed>> {
        let of_tables = || self.table_log.as_ref().map(|(log, _)| log.feed.clone() as Arc<dyn Feed>);
        self.feed.clone().or_else(of_tables).context("the ledger has no positions")
    }

    /// The publication receipts.
    ///
    /// # Errors
    /// Their file is lost.
    pub fn receipts(&self) -> anyhow::Result<Arc<dyn Receipts>> {
        self.receipts.clone().map_err(anyhow::Error::msg)
    }
}

/// The ports on the files of a data directory, which it names on standard error.
///
/// # Errors
/// When there is no such ledger.
pub(crate) async fn of_files(data: &Path) -> anyhow::Result<ReadOnlyPorts> {
    let directory = ReadDirectory::open(data)?;
    out::message(format_args!("asked: the files in {}", data.display()));
    let about = Access::Committed(directory.ledger.clone());
    let journal = SqliteJournal::new(directory.ledger.clone());
    let publishing = directory.publishing().cloned();
    let views = directory.views_as_they_are().await?;
    let parking = |database: &Database| SqliteParking::new(Access::Committed(database.clone()));
    Ok(ReadOnlyPorts {
        journal: Arc::new(journal.clone()),
        feed: Some(Arc::new(journal.clone())),
        table_log: None,
        files: Some(ReadOnlyFiles {
            journal,
            about,
            publishing: publishing.as_ref().ok().map(parking),
            views: views.as_ref().ok().map(|(views, _)| parking(views)),
            ledger: directory.ledger,
            log: data.join(LOG_DIRECTORY),
        }),
        publisher: publishing.as_ref().ok().map(|publishing| checkpoint(publishing, PUBLISHER)),
        receipts: match publishing {
            Ok(publishing) => Ok(Arc::new(SqliteReceipts::new(Access::Committed(publishing)))),
            Err(error) => Err(error.to_string()),
        },
        views: views.map(|(views, orders)| ReadOnlyViews {
            products: Arc::new(SqliteViews::new(Access::Committed(views.clone()), orders).for_queries()),
            prices: Arc::new(SqlitePriceLog::new(Access::Committed(views.clone()))),
            projector: Some(checkpoint(&views, PROJECTOR)),
        }),
    })
}

fn checkpoint(database: &Database, consumer: &'static str) -> Arc<dyn CheckpointStore> {
    Arc::new(SqliteCheckpointStore::new(database.clone(), consumer))
}
