//! Builds views from commits and answers queries from them, never with an older state than the client asked for.

pub mod catalogue;
pub mod cursor;
pub mod http;
pub mod prices;
pub mod project;
pub mod projection;
pub mod rebuild;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod views;

pub use catalogue::Catalogue;
#[cfg(feature = "sqlite")]
pub use prices::SqlitePriceLog;
pub use prices::{DynamoPriceLog, MemoryPriceLog, PriceLog, Prices};
pub use project::Projector;
pub use projection::Projection;
#[cfg(feature = "sqlite")]
pub use views::SqliteViews;
pub use views::dynamodb::products_table;
pub use views::{DynamoViews, MemoryViews, Views};

/// Shape of the product table with an index for every order, as input of `CreateTable`, shared by the adapter and the
/// infrastructure. [`products_table`] leaves out the indexes of orders that are not kept.
pub const PRODUCTS_TABLE: &str = include_str!("../products-table.json");

/// Shape of the price table as input of `CreateTable`, shared by the adapter and the infrastructure.
pub const PRICES_TABLE: &str = include_str!("../prices-table.json");
