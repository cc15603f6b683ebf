//! What the system runs on: every port on one kind of store.

use std::sync::Arc;

use aws_config::SdkConfig;
use event_store::{
    DynamoJournal, DynamoParking, DynamoReceipts, Feed, Journal, MemoryJournal, MemoryParking,
    MemoryProgress, MemoryReceipts, Parking, Progress, Receipts, SqliteParking, SqliteReceipts, metering,
};
use projections::{
    DynamoPriceLog, DynamoViews, MemoryPriceLog, MemoryViews, PriceLog, SqlitePriceLog, SqliteViews, Views,
};
use publisher::{DynamoBus, LocalBus, MemoryLocalBus, SqliteBus};
use schema::Clock;
use schema::Orders;
use schema::settings::Tables;
use sqlite::Access;

use crate::directory::{DataDirectory, DirectoryError};
use crate::pace::{Pace, PacedJournal};

/// The ports, and for stores of this machine what feeds their consumers.
pub struct Backend {
    /// The commits, for commands.
    pub journal: Arc<dyn Journal>,
    /// What the projector writes.
    pub projector: ProjectorPorts,
    /// What the publisher writes.
    pub publisher: PublisherPorts,
    /// What queries ask.
    pub queries: QueryPorts,
    /// What feeds projector and publisher, where no table's stream does.
    pub feed: Option<LocalFeed>,
    /// The files, where there are any; they are this process's as long as it has this.
    pub directory: Option<Arc<DataDirectory>>,
}

/// What the projector writes.
pub struct ProjectorPorts {
    /// The product view, and which generations there are.
    pub views: Arc<dyn Views>,
    /// The price histories.
    pub prices: Arc<dyn PriceLog>,
    /// Products that a view cannot go on with.
    pub parking: Arc<dyn Parking>,
}

/// What the publisher writes.
pub struct PublisherPorts {
    /// What became of each event.
    pub receipts: Arc<dyn Receipts>,
    /// Products that cannot be published.
    pub parking: Arc<dyn Parking>,
    /// The bus of this machine.
    pub bus: Arc<dyn LocalBus>,
}

/// What queries ask; their answers are waited for.
pub struct QueryPorts {
    /// The product view.
    pub views: Arc<dyn Views>,
    /// The price histories.
    pub prices: Arc<dyn PriceLog>,
    /// What became of each event.
    pub receipts: Arc<dyn Receipts>,
}

/// The commits in the order of recording, and how far projector and publisher are.
#[derive(Clone)]
pub struct LocalFeed {
    /// The commits.
    pub feed: Arc<dyn Feed>,
    /// Where the projector keeps its checkpoint.
    pub projector: Arc<dyn Progress>,
    /// Where the publisher keeps its checkpoint.
    pub publisher: Arc<dyn Progress>,
    /// How far the consumers are behind.
    pub pace: Pace,
}

impl Backend {
    /// The files of a data directory.
    ///
    /// # Errors
    /// [`DirectoryError`]: a file cannot be read.
    pub async fn on_sqlite(
        directory: DataDirectory,
        orders: &Orders,
        clock: &Clock,
    ) -> Result<Self, DirectoryError> {
        let journal = directory.journal().await?;
        let pace = Pace::new(journal.newest_position().await?.map_or(0, |newest| newest + 1));
        let [projector, publisher] = directory.progress();
        let (views, publishing) = (&directory.views.clone(), &directory.publishing.clone());
        let joined = |database: &sqlite::Database| Access::Joined(database.clone());
        let committed = |database: &sqlite::Database| Access::Committed(database.clone());
        Ok(Self {
            journal: Arc::new(PacedJournal::new(Arc::new(journal.clone()), pace.clone())),
            projector: ProjectorPorts {
                views: Arc::new(SqliteViews::new(joined(views), *orders)),
                prices: Arc::new(SqlitePriceLog::new(joined(views))),
                parking: Arc::new(SqliteParking::new(joined(views))),
            },
            publisher: PublisherPorts {
                receipts: Arc::new(SqliteReceipts::new(joined(publishing))),
                parking: Arc::new(SqliteParking::new(joined(publishing))),
                bus: Arc::new(SqliteBus::new(publishing.clone(), clock.clone())),
            },
            queries: QueryPorts {
                views: Arc::new(SqliteViews::new(committed(views), *orders).for_queries()),
                prices: Arc::new(SqlitePriceLog::new(committed(views))),
                receipts: Arc::new(SqliteReceipts::new(committed(publishing))),
            },
            feed: Some(LocalFeed {
                feed: Arc::new(journal),
                projector: Arc::new(projector),
                publisher: Arc::new(publisher),
                pace,
            }),
            directory: Some(Arc::new(directory)),
        })
    }

    /// Everything in memory; it ends with the process.
    #[must_use]
    pub fn in_memory(orders: &Orders, clock: &Clock) -> Self {
        let (journal, pace) = (Arc::new(MemoryJournal::default()), Pace::new(0));
        let views: Arc<dyn Views> = Arc::new(MemoryViews::keeping(*orders));
        let prices: Arc<dyn PriceLog> = Arc::new(MemoryPriceLog::default());
        let receipts: Arc<dyn Receipts> = Arc::new(MemoryReceipts::default());
        Self {
            journal: Arc::new(PacedJournal::new(journal.clone(), pace.clone())),
            projector: ProjectorPorts {
                views: views.clone(),
                prices: prices.clone(),
                parking: Arc::new(MemoryParking::default()),
            },
            publisher: PublisherPorts {
                receipts: receipts.clone(),
                parking: Arc::new(MemoryParking::default()),
                bus: Arc::new(MemoryLocalBus::new(clock.clone())),
            },
            queries: QueryPorts { views, prices, receipts },
            feed: Some(LocalFeed {
                feed: journal,
                projector: Arc::new(MemoryProgress::default()),
                publisher: Arc::new(MemoryProgress::default()),
                pace,
            }),
            directory: None,
        }
    }

    /// The tables of any `DynamoDB`.
    #[must_use]
    pub fn on_dynamodb(aws: &SdkConfig, tables: &Tables, orders: &Orders, clock: &Clock) -> Self {
        let client = metering::client(aws);
        let views: Arc<dyn Views> = Arc::new(DynamoViews::new(client.clone(), &tables.products, *orders));
        let prices: Arc<dyn PriceLog> = Arc::new(DynamoPriceLog::new(client.clone(), &tables.prices));
        let receipts: Arc<dyn Receipts> = Arc::new(DynamoReceipts::new(client.clone(), &tables.receipts));
        let parking: Arc<dyn Parking> = Arc::new(DynamoParking::new(client.clone(), &tables.parking));
        let bus = Arc::new(DynamoBus::new(client.clone(), &tables.bus, clock.clone()));
        Self {
            journal: Arc::new(DynamoJournal::new(client, &tables.events)),
            projector: ProjectorPorts {
                views: views.clone(),
                prices: prices.clone(),
                parking: parking.clone(),
            },
            publisher: PublisherPorts { receipts: receipts.clone(), parking, bus },
            queries: QueryPorts { views, prices, receipts },
            feed: None,
            directory: None,
        }
    }
}
