//! The contract of every store of the product view.

mod all_rows;
mod anew;
mod generations;
mod known;
mod lookups;
mod orders;
mod random;
mod rows;
mod slices;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::StoreError;
use event_store::table;
use projections::views::{
    Generation, IndexRow, PositionRange, ProductRow, RowOrder, SHARDS, Slice, shard_of,
};
use projections::{DynamoViews, MemoryViews, SqliteViews, Views, products_table, sqlite as files};
use schema::Orders;
use schema::{Product, ProductId, Status, fixtures};
use sqlite::{Access, Schema};

use crate::given::commits::commit;
use crate::given::{Given, Port, Way};

type ViewStore = Given<dyn Views>;

const FIRST: Generation = Generation(1);

impl Port for dyn Views {
    /// The orders that are kept.
    type Setting = Orders;
    const SCHEMA: Schema = files::VIEWS;
    const WAYS: &[Way] = Way::ALL;

    async fn memory(orders: Orders) -> Arc<Self> {
        Arc::new(MemoryViews::keeping(orders))
    }

    async fn sqlite(access: Access, orders: Orders) -> Arc<Self> {
        Arc::new(SqliteViews::new(access, orders))
    }

    async fn dynamodb(client: Client, new: bool, orders: Orders) -> Arc<Self> {
        if new {
            table::create(&client, "products", &products_table(orders)).await.unwrap();
        }
        Arc::new(DynamoViews::new(client, "products", orders))
    }
}

/// A helmet at a version.
fn product(id: &str, version: u64) -> Product {
    let (created, _) = commit(None, &fixtures::id(id), vec![fixtures::helmet_created()]);
    Product { version, ..created.state.clone() }
}

fn named(id: &str, version: u64, name: &str) -> Product {
    let mut product = product(id, version);
    product.facts.name = name.into();
    product
}

fn priced(id: &str, version: u64, price: &str, currency: &str) -> Product {
    let mut product = product(id, version);
    product.facts.money = fixtures::money(price, currency);
    product
}

fn changed(id: &str, version: u64, at: &str) -> Product {
    Product { updated_at: fixtures::at(at), ..product(id, version) }
}

fn deleted(id: &str, version: u64) -> Product {
    let mut product = product(id, version);
    product.facts.status = Status::Deleted;
    product
}

/// Rows as earlier builds wrote them, without the hash of the commit.
trait PutProduct {
    /// Whether the row was written.
    async fn put(&self, generation: Generation, product: &Product) -> Result<bool, StoreError>;
}

impl<V: Views + ?Sized> PutProduct for V {
    async fn put(&self, generation: Generation, product: &Product) -> Result<bool, StoreError> {
        let row = ProductRow { product: product.clone(), hash: None };
        Ok(self.show(generation, &row).await?.is_none())
    }
}

async fn put(views: &dyn Views, products: &[Product]) {
    for product in products {
        views.put(FIRST, product).await.unwrap();
    }
}

fn whole(shard: u8, order: RowOrder) -> Slice {
    Slice { shard, order, range: PositionRange::all(), descending: false, limit: 1_000 }
}

/// Every row of an order, over all shards, merged as LIST does.
async fn rows_in(views: &dyn Views, generation: Generation, order: RowOrder) -> Vec<IndexRow> {
    let mut rows = Vec::new();
    for shard in 0..SHARDS {
        let page = views.slice(generation, &whole(shard, order)).await.unwrap();
        assert!(page.exhausted);
        assert!(page.rows.is_sorted_by(|one, other| one.position < other.position));
        assert!(page.rows.iter().all(|row| shard_of(&row.product.id) == shard));
        rows.extend(page.rows);
    }
    rows.sort_by(|one, other| one.position.cmp(&other.position));
    rows
}

async fn ids_in(views: &dyn Views, order: RowOrder) -> Vec<String> {
    rows_in(views, FIRST, order).await.iter().map(|row| row.product.id.to_string()).collect()
}

/// Ids of one shard, in order.
fn of_one_shard(count: usize) -> Vec<ProductId> {
    let all = (0..).map(|n| fixtures::id(&format!("p{n:03}")));
    all.filter(|id| shard_of(id) == 0).take(count).collect()
}

async fn all_ids(views: &dyn Views, generation: Generation, limit: usize) -> Vec<String> {
    let (mut ids, mut from) = (Vec::new(), None);
    loop {
        let page = views.rows(generation, from, limit).await.unwrap();
        assert!(page.products.len() <= limit);
        ids.extend(page.products.iter().map(|product| product.id.to_string()));
        assert!(ids.len() <= 1_000, "the walk does not end");
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    ids.sort();
    ids
}
