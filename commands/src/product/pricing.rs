//! Dated prices: whether the price of a command is the one in force, or that of another time.
//!
//! The price in force is the one with the newest `occurred_at`, ties by sequence. The promise: a price with a time is recorded
//! whether or not it is in force, so that the same prices give the same history in whatever order they arrive.

use schema::event::{ProductPriceChanged, ProductPriceRecorded};
use schema::{Currency, Facts, Money, Price, ProductEvent, Timestamp};

/// What a price is decided from, besides the facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pricing {
    /// When the command happened according to the client; `None`: now.
    pub occurred_at: Option<Timestamp>,
    /// The price in force.
    pub in_force: InForce,
}

/// What is known of the price in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InForce {
    /// Nothing: there is no product, or the command has no price.
    #[default]
    Unread,
    /// It is the price of the state, in force since this moment.
    Since(Timestamp),
    /// The state does not say since when, so it was read from all commits of the product.
    Read {
        /// The price in force, which may be another one than that of the state.
        money: Money,
        /// Since when.
        since: Timestamp,
    },
}

impl InForce {
    /// Since when it is in force, if that is known.
    #[must_use]
    pub fn since(self) -> Option<Timestamp> {
        match self {
            Self::Unread => None,
            Self::Since(since) | Self::Read { since, .. } => Some(since),
        }
    }
}

impl Pricing {
    /// The event of a new price, currency or both; what is left out is that of the price in force.
    pub(super) fn decide(
        &self,
        before: &Facts,
        price: Option<Price>,
        currency: Option<Currency>,
    ) -> Option<ProductEvent> {
        if price.is_none() && currency.is_none() {
            return None;
        }
        let in_force = match self.in_force {
            InForce::Read { money, .. } => money,
            InForce::Unread | InForce::Since(_) => before.money,
        };
        let money = Money::new(price.unwrap_or(in_force.price()), currency.unwrap_or(in_force.currency()));
        let changed = || {
            ProductEvent::ProductPriceChanged(ProductPriceChanged {
                money,
                previous_price: before.money.price(),
                previous_currency: before.money.currency(),
            })
        };
        let recorded = |from| ProductEvent::ProductPriceRecorded(ProductPriceRecorded { money, from });
        match (self.occurred_at, self.in_force) {
            (None, _) | (Some(_), InForce::Unread) => {
                (money != before.money || money != in_force).then(changed)
            }
            (Some(at), InForce::Since(since) | InForce::Read { since, .. }) if at < since => {
                Some(recorded(at))
            }
            // Even if it is equal: from now on the state has the time of its price.
            (Some(_), InForce::Read { .. }) => Some(changed()),
            (Some(at), InForce::Since(since)) => match money == in_force {
                true if at == since => None,
                true => Some(recorded(at)),
                false => Some(changed()),
            },
        }
    }
}
