//! Commits to fill a ledger with.

use schema::event::ProductPriceChanged;
use schema::{Commit, ProductEvent, fixtures};

/// The event that makes a product dearer once more.
pub fn dearer(before: &Commit, n: usize) -> ProductEvent {
    ProductEvent::ProductPriceChanged(ProductPriceChanged {
        money: fixtures::money(&format!("{}.99", 40 + n), "USD"),
        previous_price: before.state.facts.money.price(),
        previous_currency: before.state.facts.money.currency(),
    })
}
