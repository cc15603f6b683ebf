//! The price in force, for a command with a price: from the state, or from all commits of the product where an earlier build wrote
//! the state without the time of its price.

use std::pin::pin;

use event_store::journal::commits_after;
use futures::StreamExt;
use schema::{Commit, Money, ProductEvent, ProductId, Timestamp};

use super::Executor;
use super::order::{Failure, Order};
use crate::product::{InForce, Pricing};

impl Executor {
    /// What a price is decided from. It costs no request where the state has the time of its price, and otherwise one read of all
    /// commits of the product.
    pub(super) async fn pricing(&self, order: &Order, newest: Option<&Commit>) -> Result<Pricing, Failure> {
        let in_force = match newest.map(|commit| commit.state.price_occurred_at) {
            Some(Some(since)) => InForce::Since(since),
            Some(None) if order.command.gives_price() => self.price_facts(&order.product_id).await?,
            Some(None) | None => InForce::Unread,
        };
        Ok(Pricing { occurred_at: order.occurred_at, in_force })
    }

    /// The newest of all prices recorded for the product, ties by sequence.
    async fn price_facts(&self, product: &ProductId) -> Result<InForce, Failure> {
        let mut newest: Option<(Timestamp, Money)> = None;
        let mut commits = pin!(commits_after(self.journal.clone(), product.clone(), 0));
        while let Some(stored) = commits.next().await {
            let stored = stored.map_err(Failure::Unavailable)?;
            let commit = stored.decode().map_err(|error| Failure::Unreadable(error.to_string()))?;
            let at = commit.metadata.occurred_at;
            let mut newest_first = commit.events.iter().rev();
            if let Some(money) = newest_first.find_map(|recorded| price_of(&recorded.event))
                && newest.is_none_or(|(newest, _)| newest <= at)
            {
                newest = Some((at, money));
            }
        }
        Ok(newest.map_or(InForce::Unread, |(since, money)| InForce::Read { money, since }))
    }
}

/// The price in an event.
fn price_of(event: &ProductEvent) -> Option<Money> {
    match event {
        ProductEvent::ProductCreated(created) => Some(created.money),
        ProductEvent::ProductPriceChanged(changed) => Some(changed.money),
        ProductEvent::ProductPriceRecorded(recorded) => Some(recorded.money),
        ProductEvent::ProductRenamed(_)
        | ProductEvent::ProductDetailsChanged(_)
        | ProductEvent::ProductDeleted(_)
        | ProductEvent::ProductRestored(_) => None,
    }
}
