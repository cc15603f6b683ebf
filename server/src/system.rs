//! The whole system on one backend: the functions that the Lambdas call, and all routes.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use commands::Executor;
use commands::http::CommandApi;
use event_store::announced::LOG_CONSUMER;
use event_store::{FeedReader, Journal, Parking, StoreError, metering, table};
use projections::http::QueryApi;
use projections::http::feed::{self, FeedApi};
use projections::http::messages::{self, MessagesApi};
use projections::{Catalogue, Prices, Projection, Projector, Views};
use publisher::http::EventsApi;
use publisher::{Address, Bus, LocalBus, Publisher, PublisherPorts, RetryPolicy, on_event_bridge};
use schema::Timestamp;
use schema::settings::Settings;
use tokio::sync::watch;
use web::ClockAndIds;

use crate::back_pressure::BackPressureSuspension;
use crate::backend::{Backend, LocalFeed, QueryPorts, TableLog};
use crate::directory::DataDirectory;

/// How many products a store on this machine gets at once.
const AT_ONCE: usize = 256;

/// The name of the local bus.
pub const LOCAL_BUS: &str = "local";

/// The system, wired.
pub struct System {
    /// The commits.
    pub journal: Arc<dyn Journal>,
    /// Updates the views.
    pub projector: Projector,
    /// Publishes commits.
    pub publisher: Publisher,
    /// The views that the projector updates.
    pub read_models: Vec<Arc<dyn Projection>>,
    /// The product view, and the generations of all views.
    pub views: Arc<dyn Views>,
    /// Time and ids.
    pub clock_and_ids: ClockAndIds,
    /// What feeds projector and publisher, unless a table's stream does.
    pub feed: Option<LocalFeed>,
    /// The order of all commits, on tables.
    pub table_log: Option<TableLog>,
    /// The files, if it runs on any.
    pub directory: Option<Arc<DataDirectory>>,
    /// Whether the bus is not on this machine, and has a throughput of its own.
    pub publishes_elsewhere: bool,
    parking: [Arc<dyn Parking>; 2],
    bus: Arc<dyn LocalBus>,
    queries: QueryPorts,
    settings: Settings,
    /// When the schedule retries parked products next.
    next_turn: Mutex<Option<Timestamp>>,
}

impl System {
    /// The system on `backend`; events go to `event_bridge` if `settings` name a bus of it.
    #[must_use]
    pub fn new(
        backend: Backend,
        event_bridge: Option<&SdkConfig>,
        settings: Settings,
        clock_and_ids: ClockAndIds,
    ) -> Self {
        let Backend { journal, projector, publisher, queries, feed, table_log, directory } = backend;
        let read_models: Vec<Arc<dyn Projection>> = vec![
            Arc::new(Catalogue::new(projector.views.clone(), journal.clone())),
            Arc::new(Prices::new(projector.prices, journal.clone())),
        ];
        let (views, clock) = (projector.views, clock_and_ids.clock.clone());
        let parking = [projector.parking, publisher.parking];
        let [for_projector, for_publisher] = parking.clone();
        let projector = Projector::new(views.clone(), read_models.clone(), for_projector, clock.clone());
        let bus = publisher.bus;
        let publishes_elsewhere = settings.event_bus.is_some() && event_bridge.is_some();
        let ports = PublisherPorts {
            journal: journal.clone(),
            receipts: publisher.receipts,
            parking: for_publisher,
            bus: configured_bus(event_bridge, &settings, bus.clone()),
            clock,
        };
        let publisher = Publisher::new(ports, address(&settings), RetryPolicy::default());
        let projector = if feed.is_some() { projector.at_once(AT_ONCE) } else { projector };
        let projector = match &table_log {
            Some(log) => projector.announcing(log.ports.announcements.clone(), clock_and_ids.ids.clone()),
            None => projector,
        };
        let at_once = feed.is_some() && !publishes_elsewhere;
        let publisher = if at_once { publisher.at_once(AT_ONCE) } else { publisher };
        Self {
            journal,
            projector,
            publisher,
            read_models,
            views,
            clock_and_ids,
            feed,
            table_log,
            directory,
            publishes_elsewhere,
            parking,
            bus,
            queries,
            settings,
            next_turn: Mutex::default(),
        }
    }

    /// The settings of the environment.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// When the schedule retries parked products next, if it runs.
    pub fn next_turn(&self) -> Option<Timestamp> {
        *self.next_turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes when the schedule retries parked products next.
    pub fn set_next_turn(&self, at: Option<Timestamp>) {
        *self.next_turn.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// How many active and how many deleted products the catalogue has; `None` where counting them would read all of them, and while
    /// the catalogue is being built.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    pub async fn count_products(&self) -> Result<Option<[u64; 2]>, StoreError> {
        let generations = self.views.generations().await?.products;
        if generations.filled { self.queries.views.counted(generations.read).await } else { Ok(None) }
    }

    /// The consumers that may park products, each with its rows.
    pub fn consumers(&self) -> impl Iterator<Item = (&'static str, &Arc<dyn Parking>)> {
        let [of_projector, of_publisher] = &self.parking;
        let views = self.read_models.iter().map(move |projection| (projection.view().name(), of_projector));
        let log = self.table_log.is_some().then_some((LOG_CONSUMER, of_projector));
        views.chain([(publisher::CONSUMER, of_publisher)]).chain(log)
    }

    /// No command waits for the projector until the returned value is dropped.
    #[must_use]
    pub fn suspend_back_pressure(&self) -> Option<BackPressureSuspension> {
        self.feed.as_ref().map(|feed| feed.back_pressure.suspend())
    }

    /// All routes about products; event streams and waits for commits end when `stopping` becomes true.
    pub fn routes(&self, stopping: watch::Receiver<bool>) -> axum::Router {
        let executor = Executor::new(self.journal.clone(), self.clock_and_ids.clone());
        // A store of this machine answers, or the process ends.
        let executor =
            if self.feed.is_none() { executor.within(commands::execute::TIME_LIMIT) } else { executor };
        let commands = commands::http::routes(CommandApi {
            executor,
            clock_and_ids: self.clock_and_ids.clone(),
            default_currency: self.settings.default_currency,
        });
        let queries = projections::http::routes(QueryApi {
            views: self.queries.views.clone(),
            prices: self.queries.prices.clone(),
            receipts: self.queries.receipts.clone(),
            journal: self.journal.clone(),
            clock: self.clock_and_ids.clock.clone(),
            stopping: Some(stopping.clone()),
        });
        let messages = messages::routes(MessagesApi {
            journal: self.journal.clone(),
            source: self.settings.message_source(),
        });
        let events = publisher::http::routes(EventsApi {
            bus: self.bus.clone(),
            name: LOCAL_BUS.to_owned(),
            stopping: stopping.clone(),
        });
        let routes = commands.merge(queries).merge(messages).merge(events);
        let api = |reader| FeedApi {
            feed: reader,
            journal: self.journal.clone(),
            receipts: self.queries.receipts.clone(),
            stopping,
        };
        match (&self.feed, &self.table_log) {
            (Some(local), _) => routes.merge(feed::routes(api(local.reader.clone()))),
            (None, Some(log)) => {
                let reader = FeedReader::with_kept_summaries(log.feed.clone(), log.feed.clone());
                routes.merge(feed::routes(api(reader)))
            }
            (None, None) => routes,
        }
    }
}

fn configured_bus(
    event_bridge: Option<&SdkConfig>,
    settings: &Settings,
    local: Arc<dyn LocalBus>,
) -> Arc<dyn Bus> {
    match (&settings.event_bus, event_bridge) {
        (Some(_), Some(aws)) => on_event_bridge(aws, settings),
        _ => local,
    }
}

fn address(settings: &Settings) -> Address {
    Address {
        source: settings.message_source(),
        bus: settings.event_bus.clone().unwrap_or_else(|| LOCAL_BUS.to_owned()),
        // Lambda sets it if tracing is on.
        xray: std::env::var_os("_X_AMZN_TRACE_ID").is_some(),
    }
}

/// Creates missing tables, and waits until each can be used.
///
/// # Errors
/// [`table::CreateTableError`]: what to check.
pub async fn create_tables(dynamodb: &SdkConfig, settings: &Settings) -> Result<(), table::CreateTableError> {
    let client = metering::client(dynamodb);
    for (name, shape) in shapes(settings) {
        table::create(&client, name, &shape).await?;
    }
    Ok(())
}

/// Every table with its shape.
fn shapes(settings: &Settings) -> [(&String, Cow<'static, str>); 9] {
    let tables = &settings.tables;
    [
        (&tables.events, event_store::TABLE.into()),
        (&tables.receipts, event_store::receipts::TABLE.into()),
        (&tables.parking, event_store::parking::TABLE.into()),
        (&tables.products, projections::products_table(settings.orders).into()),
        (&tables.prices, projections::PRICES_TABLE.into()),
        (&tables.bus, publisher::bus::local::TABLE.into()),
        (&tables.checkpoints, crate::mapping::CHECKPOINTS_TABLE.into()),
        (&tables.log, sequencer::LOG_TABLE.into()),
        (&tables.log_feed, event_store::announced::TABLE.into()),
    ]
}
