//! Test fixtures: lives of products, the stores of the views, and the projector between them.

mod bulk;
pub(crate) mod doubles;
mod front;
pub(crate) mod generator;
mod life;
pub(crate) mod prices;
mod setting;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use engine::Engine;
use event_store::StoreError;
use event_store::{Journal, MemoryJournal, MemoryParking};
use projections::views::{Generation, ProductRow};
use projections::{
    Catalogue, DynamoPriceLog, DynamoViews, MemoryPriceLog, MemoryViews, PriceLog, Prices, Projector, Views,
};
use schema::{Clock, Orders, Product, fixtures};

pub(crate) use bulk::fill;
pub(crate) use front::{Front, answered, asked, finished, front, front_of, front_over, front_with_time};
pub(crate) use life::{Deed, Life, batch, record};
pub(crate) use setting::{Setting, rows_of, setting, setting_in_memory, some_lives, unwatched};

/// As long as a run has on Lambda.
pub(crate) const MINUTE: Duration = Duration::from_mins(1);

const PRODUCTS: &str = "products";
const PRICES: &str = "prices";

pub(crate) fn noon() -> Clock {
    Arc::new(|| fixtures::at("2026-11-23T12:00:00Z"))
}

/// A projector of both views over stores in memory.
pub(crate) struct InMemory {
    pub(crate) views: Arc<MemoryViews>,
    pub(crate) prices: Arc<MemoryPriceLog>,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) parking: Arc<MemoryParking>,
    pub(crate) projector: Projector,
}

pub(crate) fn in_memory() -> InMemory {
    let (views, journal) = (Arc::<MemoryViews>::default(), Arc::<MemoryJournal>::default());
    let (prices, parking) = (Arc::<MemoryPriceLog>::default(), Arc::<MemoryParking>::default());
    InMemory {
        projector: Projector::new(
            views.clone(),
            vec![
                Arc::new(Catalogue::new(views.clone(), journal.clone())),
                Arc::new(Prices::new(prices.clone(), journal.clone())),
            ],
            parking.clone(),
            noon(),
        ),
        views,
        prices,
        journal,
        parking,
    }
}

/// A projector of the catalogue alone.
pub(crate) fn projector(
    views: Arc<dyn Views>,
    journal: Arc<dyn Journal>,
    parking: Arc<MemoryParking>,
) -> Projector {
    let catalogue = Arc::new(Catalogue::new(views.clone(), journal));
    Projector::new(views, vec![catalogue], parking, noon())
}

/// A projector of the price history alone; `views` names its generations.
pub(crate) fn price_projector(
    prices: Arc<dyn PriceLog>,
    journal: Arc<dyn Journal>,
    parking: Arc<MemoryParking>,
) -> Projector {
    let prices = Arc::new(Prices::new(prices, journal));
    Projector::new(Arc::<MemoryViews>::default(), vec![prices], parking, noon())
}

/// Empty tables of both views in the embedded engine.
pub(crate) async fn tables() -> SdkConfig {
    tables_keeping(Orders::default()).await
}

/// The same with the indexes of these orders only.
pub(crate) async fn tables_keeping(orders: Orders) -> SdkConfig {
    let config = Engine::in_memory().unwrap().sdk_config();
    let client = Client::new(&config);
    let shape = projections::products_table(orders);
    event_store::table::create(&client, PRODUCTS, &shape).await.unwrap();
    event_store::table::create(&client, PRICES, projections::PRICES_TABLE).await.unwrap();
    config
}

pub(crate) fn views_of(config: &SdkConfig) -> DynamoViews {
    DynamoViews::new(event_store::metering::client(config), PRODUCTS, Orders::default())
}

pub(crate) fn views_keeping(config: &SdkConfig, orders: Orders) -> DynamoViews {
    DynamoViews::new(event_store::metering::client(config), PRODUCTS, orders)
}

pub(crate) fn prices_of(config: &SdkConfig) -> DynamoPriceLog {
    DynamoPriceLog::new(event_store::metering::client(config), PRICES)
}

/// Views whose table was never created.
pub(crate) fn no_table() -> DynamoViews {
    views_of(&Engine::in_memory().unwrap().sdk_config())
}

/// Rows as earlier builds wrote them, without the hash of the commit.
pub(crate) trait PutProduct {
    /// Whether the row was written.
    async fn put(&self, generation: Generation, product: &Product) -> Result<bool, StoreError>;
}

impl<V: Views + ?Sized> PutProduct for V {
    async fn put(&self, generation: Generation, product: &Product) -> Result<bool, StoreError> {
        let row = ProductRow { product: product.clone(), hash: None };
        Ok(self.show(generation, &row).await?.is_none())
    }
}
