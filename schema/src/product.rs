//! The product: its state, and the fold of its events that gives it.
//!
//! Of all prices recorded for a product the one with the newest `occurred_at` is in force, ties by sequence. An event that
//! contradicts those before it is a [`Misfit`], which no decision of this system writes.
//!
//! These names are stored in every commit's `state`. Never rename; add a version (`upcast.rs`).

use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::details::Details;
use crate::event::{ProductCreated, ProductEvent};
use crate::id::ProductId;
use crate::money::Money;
use crate::time::Timestamp;

/// The version in which this build writes a commit's `state`. Stored; a change of shape adds a version in `upcast.rs`.
pub const STATE_SCHEMA_VERSION: u32 = 2;

/// A product at one of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its fields, flat.
    #[serde(flatten)]
    pub facts: Facts,
    /// `occurred_at` of the price in force. Absent in states that earlier builds wrote, and from then on until the price changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_occurred_at: Option<Timestamp>,
    /// Sequence of its newest event.
    pub version: u64,
    /// `recorded_at` of its first commit.
    pub created_at: Timestamp,
    /// `recorded_at` of its newest commit.
    pub updated_at: Timestamp,
}

/// Whether readers see the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The product exists.
    Active,
    /// The product was deleted and can be restored.
    Deleted,
}

impl Status {
    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "deleted",
        }
    }
}

/// The fields of a product, as the fold of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// 1 to 200 characters.
    pub name: String,
    /// `price` and `currency`.
    #[serde(flatten)]
    pub money: Money,
    /// The optional fields.
    #[serde(flatten)]
    pub details: Details,
    /// Active or deleted.
    pub status: Status,
}

/// The event cannot follow those before it: the history is damaged.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{event} cannot follow: {reason}")]
pub struct Misfit {
    event: &'static str,
    reason: String,
}

impl Misfit {
    fn of(event: &ProductEvent, reason: impl Into<String>) -> Self {
        Self { event: event.name(), reason: reason.into() }
    }
}

fn differs(event: &ProductEvent, field: &str, given: impl Display, known: impl Display) -> Misfit {
    Misfit::of(event, format!("previous_{field} is {given} but the {field} was {known}"))
}

impl Facts {
    /// The facts after one more event; `None` is a product that does not exist yet.
    ///
    /// # Errors
    /// [`Misfit`] when the event cannot follow, which no decision of this system writes: verify the product's chain.
    pub fn after(before: Option<Self>, event: &ProductEvent) -> Result<Self, Misfit> {
        let misfit = |reason: &str| Misfit::of(event, reason);
        match (before, event) {
            (None, ProductEvent::ProductCreated(created)) => Ok(Self::created(created)),
            (None, _) => Err(misfit("the product does not exist")),
            (Some(_), ProductEvent::ProductCreated(_)) => Err(misfit("the product exists already")),
            (Some(facts), ProductEvent::ProductDeleted(_)) => {
                facts.with_status(Status::Active, Status::Deleted).ok_or(misfit("the product is deleted"))
            }
            (Some(facts), ProductEvent::ProductRestored(_)) => {
                facts.with_status(Status::Deleted, Status::Active).ok_or(misfit("the product is not deleted"))
            }
            (Some(facts), _) if facts.status == Status::Deleted => Err(misfit("the product is deleted")),
            (Some(facts), ProductEvent::ProductRenamed(renamed)) => {
                if facts.name != renamed.previous_name {
                    return Err(differs(event, "name", &renamed.previous_name, &facts.name));
                }
                Ok(Self { name: renamed.name.clone(), ..facts })
            }
            (Some(facts), ProductEvent::ProductPriceChanged(changed)) => {
                let (price, currency) = (facts.money.price(), facts.money.currency());
                if price != changed.previous_price {
                    return Err(differs(event, "price", changed.previous_price, price));
                }
                if currency != changed.previous_currency {
                    return Err(differs(event, "currency", changed.previous_currency, currency));
                }
                Ok(Self { money: changed.money, ..facts })
            }
            (Some(facts), ProductEvent::ProductPriceRecorded(_)) => Ok(facts),
            (Some(facts), ProductEvent::ProductDetailsChanged(changed)) => {
                if facts.details.clone().with(&changed.previous) != facts.details {
                    return Err(misfit("the previous details are not those of the product"));
                }
                let details = facts.details.with(&changed.changed);
                Ok(Self { name: facts.name, money: facts.money, details, status: facts.status })
            }
        }
    }

    fn created(created: &ProductCreated) -> Self {
        Self {
            name: created.name.clone(),
            money: created.money,
            details: created.details.clone(),
            status: Status::Active,
        }
    }

    fn with_status(self, from: Status, to: Status) -> Option<Self> {
        (self.status == from).then_some(Self { status: to, ..self })
    }
}

/// The fold of some of a product's events, with their times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fold {
    /// The facts, `None` before the product is created.
    pub facts: Option<Facts>,
    /// `occurred_at` of the price in force; `None` where an earlier build did not store it.
    pub price_occurred_at: Option<Timestamp>,
}

impl Fold {
    /// The fold up to a product, `None` for one that does not exist yet.
    #[must_use]
    pub fn of(product: Option<&Product>) -> Self {
        let facts = product.map(|product| product.facts.clone());
        Self { facts, price_occurred_at: product.and_then(|product| product.price_occurred_at) }
    }

    /// The fold after one more event, which happened at `at`.
    ///
    /// # Errors
    /// [`Misfit`] when the event cannot follow: verify the product's chain.
    pub fn then(self, event: &ProductEvent, at: Timestamp) -> Result<Self, Misfit> {
        let price_occurred_at =
            self.price_time_after(event, at).map_err(|reason| Misfit::of(event, reason))?;
        Ok(Self { facts: Some(Facts::after(self.facts, event)?), price_occurred_at })
    }

    fn price_time_after(
        &self,
        event: &ProductEvent,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, &'static str> {
        let (known, facts) = (self.price_occurred_at, self.facts.as_ref());
        match event {
            ProductEvent::ProductCreated(_) => Ok(Some(at)),
            ProductEvent::ProductPriceChanged(_) => match known {
                Some(known) if at < known => Err("a later price is in force"),
                _ => Ok(Some(at)),
            },
            ProductEvent::ProductPriceRecorded(recorded) if recorded.from != at => {
                Err("its time is not the occurred_at of its commit")
            }
            ProductEvent::ProductPriceRecorded(recorded) => match known {
                Some(known) if at >= known && facts.is_some_and(|facts| facts.money != recorded.money) => {
                    Err("its price would be in force but is not the product's")
                }
                known => Ok(known.map(|known| known.max(at))),
            },
            ProductEvent::ProductRenamed(_)
            | ProductEvent::ProductDetailsChanged(_)
            | ProductEvent::ProductDeleted(_)
            | ProductEvent::ProductRestored(_) => Ok(known),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ProductPriceRecorded;
    use crate::fixtures::{at, helmet_created, helmet_price_changed, helmet_renamed, money};

    fn recorded(price: &str, from: &str) -> ProductEvent {
        ProductEvent::ProductPriceRecorded(ProductPriceRecorded {
            money: money(price, "USD"),
            from: at(from),
        })
    }

    fn fold(events: &[(ProductEvent, &str)]) -> Result<Fold, Misfit> {
        events.iter().try_fold(Fold::default(), |fold, (event, time)| fold.then(event, at(time)))
    }

    const JUNE: &str = "2026-06-01T00:00:00Z";
    const JULY: &str = "2026-07-01T00:00:00Z";
    const AUGUST: &str = "2026-08-01T00:00:00Z";

    #[test]
    fn the_newest_price_is_in_force_and_its_time_is_kept() {
        let created = (helmet_created(), JUNE);
        let changed = (helmet_price_changed(), AUGUST);
        let time = |events: &[_]| fold(events).unwrap().price_occurred_at.map(|at| at.to_string());
        assert_eq!(time(std::slice::from_ref(&created)), Some("2026-06-01T00:00:00.000Z".into()));
        let august = Some("2026-08-01T00:00:00.000Z".into());
        assert_eq!(time(&[created.clone(), changed.clone()]), august);
        assert_eq!(time(&[created.clone(), changed.clone(), (recorded("1", JULY), JULY)]), august);
        assert_eq!(time(&[created.clone(), (recorded("33.6442", AUGUST), AUGUST)]), august);
        assert_eq!(time(&[created, changed, (helmet_renamed(), JULY)]), august);
    }

    #[test]
    fn a_recorded_price_leaves_the_price_alone() {
        let fold = fold(&[(helmet_created(), AUGUST), (recorded("1", JULY), JULY)]).unwrap();
        assert_eq!(fold.facts.unwrap().money, money("33.6442", "USD"));
    }

    #[test]
    fn what_contradicts_the_price_in_force_is_a_misfit() {
        let created = (helmet_created(), JULY);
        for (event, time) in [
            (helmet_price_changed(), JUNE),
            (recorded("1", JULY), JULY),
            (recorded("1", AUGUST), AUGUST),
            (recorded("1", JUNE), JULY),
        ] {
            let name = event.name();
            assert!(fold(&[created.clone(), (event, time)]).is_err(), "{name} at {time}");
        }
    }

    #[test]
    fn a_time_that_was_not_kept_stays_unknown_until_the_price_changes() {
        let before = Fold { price_occurred_at: None, ..fold(&[(helmet_created(), JUNE)]).unwrap() };
        let recorded = before.then(&recorded("1", JULY), at(JULY)).unwrap();
        assert_eq!(recorded.price_occurred_at, None);
        let renamed = recorded.then(&helmet_renamed(), at(AUGUST)).unwrap();
        assert_eq!(renamed.price_occurred_at, None);
        let changed = renamed.then(&helmet_price_changed(), at(JULY)).unwrap();
        assert_eq!(changed.price_occurred_at, Some(at(JULY)));
    }
}
