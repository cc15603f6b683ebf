//! The whole system over one set of tables: the functions the Lambdas call, and the routes of both APIs.

use std::borrow::Cow;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use commands::Executor;
use commands::http::CommandApi;
use engine::Engine;
use event_store::{
    DynamoJournal, DynamoParking, DynamoReceipts, Journal, Parking, Receipts, metering, table,
};
use projections::http::QueryApi;
use projections::{Catalogue, DynamoPriceLog, DynamoViews, PriceLog, Prices, Projection, Projector, Views};
use publisher::http::EventsApi;
use publisher::{Address, Bus, EventBridge, LocalBus, Patience, Ports, Publisher};
use schema::http::Edge;
use schema::settings::Settings;
use tokio::sync::watch;

/// The name of the local bus.
pub const LOCAL_BUS: &str = "local";

/// Everything, wired.
pub struct System {
    /// The event table.
    pub journal: Arc<dyn Journal>,
    /// The event table for long reads, which must not hold up commands.
    pub reading: Arc<dyn Journal>,
    /// Brings the views up to date.
    pub projector: Projector,
    /// Publishes what is committed.
    pub publisher: Publisher,
    /// What the projector brings up to date.
    pub read_models: Vec<Arc<dyn Projection>>,
    /// Products that a consumer cannot go on with.
    pub parking: Arc<dyn Parking>,
    /// The product view, and which generations there are.
    pub views: Arc<dyn Views>,
    /// Time and ids.
    pub edge: Edge,
    bus: Arc<LocalBus>,
    asked: Asked,
    settings: Settings,
}

/// What queries ask; their answers are waited for.
struct Asked {
    views: Arc<dyn Views>,
    prices: Arc<dyn PriceLog>,
    receipts: Arc<dyn Receipts>,
}

/// How the system reaches what it runs on.
pub struct Reach {
    /// The tables.
    pub dynamodb: SdkConfig,
    /// The tables for long reads; the same where they cannot get in the way.
    pub reading: SdkConfig,
    /// The tables for what follows behind commands: views, publishing; the same where it cannot get in the way.
    pub following: SdkConfig,
    /// `EventBridge`, where a bus of it is configured.
    pub event_bridge: Option<SdkConfig>,
}

impl Reach {
    /// Everything by the AWS SDK's own environment.
    #[must_use]
    pub fn aws(aws: SdkConfig) -> Self {
        let (reading, following) = (aws.clone(), aws.clone());
        Self { dynamodb: aws.clone(), reading, following, event_bridge: Some(aws) }
    }

    /// The tables on the embedded engine.
    #[must_use]
    pub fn embedded(engine: &Engine, event_bridge: Option<SdkConfig>) -> Self {
        let (reading, following) = (engine.reading_config(), engine.following_config());
        Self { dynamodb: engine.sdk_config(), reading, following, event_bridge }
    }
}

impl System {
    /// The system over the tables `settings` names.
    #[must_use]
    pub fn new(reach: &Reach, settings: Settings, edge: Edge) -> Self {
        let (client, following) = (metering::client(&reach.dynamodb), metering::client(&reach.following));
        let tables = &settings.tables;
        let journal: Arc<dyn Journal> = Arc::new(DynamoJournal::new(client.clone(), &tables.events));
        let reading = Arc::new(DynamoJournal::new(metering::client(&reach.reading), &tables.events));
        let behind: Arc<dyn Journal> = Arc::new(DynamoJournal::new(following.clone(), &tables.events));
        let parking: Arc<dyn Parking> = Arc::new(DynamoParking::new(following.clone(), &tables.parking));
        let views: Arc<dyn Views> =
            Arc::new(DynamoViews::new(following.clone(), &tables.products, settings.orders));
        let prices = Arc::new(DynamoPriceLog::new(following.clone(), &tables.prices));
        let read_models: Vec<Arc<dyn Projection>> = vec![
            Arc::new(Catalogue::new(views.clone(), behind.clone())),
            Arc::new(Prices::new(prices, behind.clone())),
        ];
        let clock = edge.clock.clone();
        let projector = Projector::new(views.clone(), read_models.clone(), parking.clone(), clock.clone());
        let bus = Arc::new(LocalBus::new(following.clone(), &tables.bus, clock.clone()));
        let ports = Ports {
            journal: behind,
            receipts: Arc::new(DynamoReceipts::new(following, &tables.receipts)),
            parking: parking.clone(),
            bus: configured_bus(reach, &settings, bus.clone()),
            clock,
        };
        let publisher = Publisher::new(ports, address(&settings), Patience::default());
        Self {
            journal,
            reading,
            projector,
            publisher,
            read_models,
            parking,
            views,
            edge,
            bus,
            asked: Asked::of(&client, &settings),
            settings,
        }
    }

    /// Everybody who may park products.
    pub fn consumers(&self) -> impl Iterator<Item = &'static str> {
        let views = self.read_models.iter().map(|projection| projection.view().name());
        views.chain([publisher::CONSUMER])
    }

    /// All routes; streams to clients end when `stopping` becomes true.
    pub fn routes(&self, stopping: watch::Receiver<bool>) -> axum::Router {
        let commands = commands::http::routes(CommandApi {
            executor: Executor::new(self.journal.clone(), self.edge.clone()),
            edge: self.edge.clone(),
            default_currency: self.settings.default_currency,
        });
        let queries = projections::http::routes(QueryApi {
            views: self.asked.views.clone(),
            prices: self.asked.prices.clone(),
            receipts: self.asked.receipts.clone(),
            journal: self.journal.clone(),
            clock: self.edge.clock.clone(),
        });
        let events = publisher::http::routes(EventsApi {
            bus: self.bus.clone(),
            name: LOCAL_BUS.to_owned(),
            stopping,
        });
        commands.merge(queries).merge(events).merge(about::routes())
    }
}

impl Asked {
    fn of(client: &Client, settings: &Settings) -> Self {
        let tables = &settings.tables;
        Self {
            views: Arc::new(DynamoViews::new(client.clone(), &tables.products, settings.orders)),
            prices: Arc::new(DynamoPriceLog::new(client.clone(), &tables.prices)),
            receipts: Arc::new(DynamoReceipts::new(client.clone(), &tables.receipts)),
        }
    }
}

fn configured_bus(reach: &Reach, settings: &Settings, local: Arc<LocalBus>) -> Arc<dyn Bus> {
    match (&settings.event_bus, &reach.event_bridge) {
        (Some(_), Some(aws)) => Arc::new(EventBridge::new(aws)),
        _ => local,
    }
}

fn address(settings: &Settings) -> Address {
    Address {
        source: settings.event_source.clone(),
        bus: settings.event_bus.clone().unwrap_or_else(|| LOCAL_BUS.to_owned()),
        // Lambda sets it where tracing is on.
        xray: std::env::var_os("_X_AMZN_TRACE_ID").is_some(),
    }
}

/// Creates the tables that are missing, and waits until each can be used.
///
/// # Errors
/// [`table::CreateTableError`]: what to check.
pub async fn create_tables(dynamodb: &SdkConfig, settings: &Settings) -> Result<(), table::CreateTableError> {
    let client = Client::new(dynamodb);
    for (name, shape) in shapes(settings) {
        table::create(&client, name, &shape).await?;
    }
    Ok(())
}

/// The same on the embedded engine, where a table that is listed can be used. To describe one would count its items,
/// and a start would take the longer the more there are.
///
/// # Errors
/// [`table::CreateTableError`]: what to check.
pub async fn create_unlisted_tables(
    embedded: &SdkConfig,
    settings: &Settings,
) -> Result<(), table::CreateTableError> {
    let client = Client::new(embedded);
    // What an unanswered question leaves open is asked again for each table.
    let listed =
        client.list_tables().send().await.ok().and_then(|answer| answer.table_names).unwrap_or_default();
    for (name, shape) in shapes(settings).into_iter().filter(|(name, _)| !listed.contains(name)) {
        table::create(&client, name, &shape).await?;
    }
    Ok(())
}

/// Every table with its shape.
fn shapes(settings: &Settings) -> [(&String, Cow<'static, str>); 7] {
    let tables = &settings.tables;
    [
        (&tables.events, event_store::TABLE.into()),
        (&tables.receipts, event_store::receipts::TABLE.into()),
        (&tables.parking, event_store::parking::TABLE.into()),
        (&tables.products, projections::products_table(settings.orders).into()),
        (&tables.prices, projections::PRICES_TABLE.into()),
        (&tables.bus, publisher::bus::local::TABLE.into()),
        (&tables.checkpoints, crate::mapping::CHECKPOINTS_TABLE.into()),
    ]
}
