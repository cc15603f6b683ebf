//! The backend of a system: every port, on one kind of store.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use event_store::{
    CheckpointStore, DynamoAnnouncements, DynamoJournal, DynamoParking, DynamoReceipts, DynamoRounds, Feed,
    FeedReader, Journal, MemoryCheckpointStore, MemoryJournal, MemoryParking, MemoryReceipts, Parking,
    Receipts, Rounds, SqliteParking, SqliteReceipts, metering,
};
use projections::{
    DynamoPriceLog, DynamoViews, MemoryPriceLog, MemoryViews, PriceLog, SqlitePriceLog, SqliteViews, Views,
};
use publisher::{DynamoBus, LocalBus, MemoryLocalBus, SqliteBus};
use schema::Clock;
use schema::Orders;
use schema::settings::Tables;
use sequencer::{BoundKeys, DynamoLogKeys, DynamoLogTable, LogFeed, SequencerPorts};
use sqlite::Access;

use crate::back_pressure::{BackPressure, ThrottledJournal};
use crate::directory::{DataDirectory, DirectoryError};

/// The ports; on stores of this machine also the feed of the consumers.
pub struct Backend {
    /// The commits, for commands.
    pub journal: Arc<dyn Journal>,
    /// The ports of the projector.
    pub projector: ProjectorPorts,
    /// The ports of the publisher.
    pub publisher: PublisherStores,
    /// The ports of queries.
    pub queries: QueryPorts,
    /// What feeds projector and publisher, unless a table's stream does.
    pub feed: Option<LocalFeed>,
    /// The order of all commits, on tables.
    pub table_log: Option<TableLog>,
    /// The files, if it runs on any; their lock is held as long as this lives.
    pub directory: Option<Arc<DataDirectory>>,
}

/// The order of all commits on tables, and what puts them into it.
#[derive(Clone)]
pub struct TableLog {
    /// What the sequencer works on.
    pub ports: SequencerPorts,
    /// The rounds of its reconcile.
    pub rounds: Arc<dyn Rounds>,
    /// Which keys sign the log.
    pub bound: Arc<dyn BoundKeys>,
    /// The commits by position.
    pub feed: Arc<LogFeed>,
}

/// The ports of the projector.
pub struct ProjectorPorts {
    /// The product view, and the generations of all views.
    pub views: Arc<dyn Views>,
    /// The price histories.
    pub prices: Arc<dyn PriceLog>,
    /// Products that a view is behind with.
    pub parking: Arc<dyn Parking>,
}

/// The ports of the publisher.
pub struct PublisherStores {
    /// The publication receipts.
    pub receipts: Arc<dyn Receipts>,
    /// Products that cannot be published.
    pub parking: Arc<dyn Parking>,
    /// The bus of this machine.
    pub bus: Arc<dyn LocalBus>,
}

/// The ports of queries, on connections of their own where clients wait for the answer.
pub struct QueryPorts {
    /// The product view.
    pub views: Arc<dyn Views>,
    /// The price histories.
    pub prices: Arc<dyn PriceLog>,
    /// The publication receipts.
    pub receipts: Arc<dyn Receipts>,
}

/// The commits in the order of recording, and the checkpoints of projector and publisher.
#[derive(Clone)]
pub struct LocalFeed {
    /// The commits.
    pub feed: Arc<dyn Feed>,
    /// The commits for clients, with filters.
    pub reader: FeedReader,
    /// The projector's checkpoint.
    pub projector: Arc<dyn CheckpointStore>,
    /// The publisher's checkpoint.
    pub publisher: Arc<dyn CheckpointStore>,
    /// Makes commands wait for consumers that are behind.
    pub back_pressure: BackPressure,
}

impl Backend {
    /// On the files of a data directory.
    ///
    /// # Errors
    /// [`DirectoryError`]: a file cannot be read.
    pub async fn on_sqlite(
        directory: DataDirectory,
        orders: &Orders,
        clock: &Clock,
    ) -> Result<Self, DirectoryError> {
        let journal = directory.journal().await?;
        let back_pressure =
            BackPressure::new(journal.newest_position().await?.map_or(0, |newest| newest + 1));
        let [projector, publisher] = directory.progress();
        let (views, publishing) = (&directory.views.clone(), &directory.publishing.clone());
        let feed: Arc<dyn Feed> = Arc::new(journal.clone());
        let joined = |database: &sqlite::Database| Access::Joined(database.clone());
        let committed = |database: &sqlite::Database| Access::Committed(database.clone());
        Ok(Self {
            journal: Arc::new(ThrottledJournal::new(Arc::new(journal), back_pressure.clone())),
            projector: ProjectorPorts {
                views: Arc::new(SqliteViews::new(joined(views), *orders)),
                prices: Arc::new(SqlitePriceLog::new(joined(views))),
                parking: Arc::new(SqliteParking::new(joined(views))),
            },
            publisher: PublisherStores {
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
                reader: FeedReader::new(feed.clone()),
                feed,
                projector: Arc::new(projector),
                publisher: Arc::new(publisher),
                back_pressure,
            }),
            table_log: None,
            directory: Some(Arc::new(directory)),
        })
    }

    /// In memory, until the process ends.
    #[must_use]
    pub fn in_memory(orders: &Orders, clock: &Clock) -> Self {
        let (journal, back_pressure) = (Arc::new(MemoryJournal::default()), BackPressure::new(0));
        let views: Arc<dyn Views> = Arc::new(MemoryViews::keeping(*orders));
        let prices: Arc<dyn PriceLog> = Arc::new(MemoryPriceLog::default());
        let receipts: Arc<dyn Receipts> = Arc::new(MemoryReceipts::default());
        Self {
            journal: Arc::new(ThrottledJournal::new(journal.clone(), back_pressure.clone())),
            projector: ProjectorPorts {
                views: views.clone(),
                prices: prices.clone(),
                parking: Arc::new(MemoryParking::default()),
            },
            publisher: PublisherStores {
                receipts: receipts.clone(),
                parking: Arc::new(MemoryParking::default()),
                bus: Arc::new(MemoryLocalBus::new(clock.clone())),
            },
            queries: QueryPorts { views, prices, receipts },
            feed: Some(LocalFeed {
                reader: FeedReader::new(journal.clone()),
                feed: journal,
                projector: Arc::new(MemoryCheckpointStore::default()),
                publisher: Arc::new(MemoryCheckpointStore::default()),
                back_pressure,
            }),
            table_log: None,
            directory: None,
        }
    }

    /// On the tables of any `DynamoDB`.
    #[must_use]
    pub fn on_dynamodb(aws: &SdkConfig, tables: &Tables, orders: &Orders, clock: &Clock) -> Self {
        let client = metering::client(aws);
        let views: Arc<dyn Views> = Arc::new(DynamoViews::new(client.clone(), &tables.products, *orders));
        let prices: Arc<dyn PriceLog> = Arc::new(DynamoPriceLog::new(client.clone(), &tables.prices));
        let receipts: Arc<dyn Receipts> = Arc::new(DynamoReceipts::new(client.clone(), &tables.receipts));
        let parking: Arc<dyn Parking> = Arc::new(DynamoParking::new(client.clone(), &tables.parking));
        let bus = Arc::new(DynamoBus::new(client.clone(), &tables.bus, clock.clone()));
        let journal: Arc<dyn Journal> = Arc::new(DynamoJournal::new(client.clone(), &tables.events));
        let table_log = Some(table_log(client, tables, journal.clone(), parking.clone()));
        Self {
            journal,
            projector: ProjectorPorts {
                views: views.clone(),
                prices: prices.clone(),
                parking: parking.clone(),
            },
            publisher: PublisherStores { receipts: receipts.clone(), parking, bus },
            queries: QueryPorts { views, prices, receipts },
            feed: None,
            table_log,
            directory: None,
        }
    }
}

impl TableLog {
    /// On the tables of any `DynamoDB`.
    #[must_use]
    pub fn on_dynamodb(aws: &SdkConfig, tables: &Tables) -> Self {
        let client = metering::client(aws);
        let journal = Arc::new(DynamoJournal::new(client.clone(), &tables.events));
        let parking = Arc::new(DynamoParking::new(client.clone(), &tables.parking));
        table_log(client, tables, journal, parking)
    }
}

fn table_log(
    client: Client,
    tables: &Tables,
    journal: Arc<dyn Journal>,
    parking: Arc<dyn Parking>,
) -> TableLog {
    let table = Arc::new(DynamoLogTable::new(client.clone(), &tables.log));
    TableLog {
        feed: Arc::new(LogFeed::new(journal.clone(), table.clone())),
        rounds: Arc::new(DynamoRounds::new(client.clone(), &tables.parking)),
        bound: Arc::new(DynamoLogKeys::new(client.clone(), &tables.log)),
        ports: SequencerPorts {
            journal,
            table,
            announcements: Arc::new(DynamoAnnouncements::new(client, &tables.log_feed)),
            parking,
        },
    }
}
