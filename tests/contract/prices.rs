//! The contract of every store of price histories.

mod anew;
mod folding;
mod history;
mod products;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::table;
use projections::prices::{
    DynamoPriceLog, FoldedCommit, MemoryPriceLog, PriceChange, PriceEntry, PriceLog, TimelinePosition,
};
use projections::views::Generation;
use projections::{PRICES_TABLE, SqlitePriceLog, sqlite as files};
use schema::{ProductId, fixtures};
use sqlite::{Access, Schema};

use crate::given::{Given, Port, Way};

type PriceLogs = Given<dyn PriceLog>;

const FIRST: Generation = Generation(1);

impl Port for dyn PriceLog {
    type Setting = ();
    const SCHEMA: Schema = files::VIEWS;
    const WAYS: &[Way] = Way::ALL;

    async fn memory((): ()) -> Arc<Self> {
        Arc::new(MemoryPriceLog::default())
    }

    async fn sqlite(access: Access, (): ()) -> Arc<Self> {
        Arc::new(SqlitePriceLog::new(access))
    }

    async fn dynamodb(client: Client, new: bool, (): ()) -> Arc<Self> {
        if new {
            table::create(&client, "prices", PRICES_TABLE).await.unwrap();
        }
        Arc::new(DynamoPriceLog::new(client, "prices"))
    }
}

fn entry(at: &str, sequence: u64, change: PriceChange) -> PriceEntry {
    PriceEntry { position: TimelinePosition { at: fixtures::at(at), sequence }, change }
}

fn price(text: &str, currency: &str) -> PriceChange {
    PriceChange::Priced(fixtures::money(text, currency))
}

fn folded(last: u64, entries: &[PriceEntry]) -> FoldedCommit {
    FoldedCommit { last, entries: entries.to_vec(), origin: None }
}

/// A commit of one event that does not affect the price.
fn plain(last: u64) -> FoldedCommit {
    folded(last, &[])
}

/// A commit of one event that sets a price.
fn priced(last: u64) -> FoldedCommit {
    folded(last, &[entry("2026-01-01T00:00:00Z", last, price(&last.to_string(), "USD"))])
}

/// The commits of a product; every third does not affect the price.
fn life(last: u64) -> Vec<FoldedCommit> {
    (1..=last).map(|n| if n % 3 == 0 { plain(n) } else { priced(n) }).collect()
}

async fn fold(log: &dyn PriceLog, product: &ProductId, commits: &[FoldedCommit]) {
    log.fold(FIRST, product, commits).await.unwrap();
}

async fn sequences(log: &dyn PriceLog, product: &ProductId) -> Vec<u64> {
    let history = log.history(FIRST, product).await.unwrap();
    history.entries.iter().map(|entry| entry.position.sequence).collect()
}
