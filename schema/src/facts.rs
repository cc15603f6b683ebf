//! What is true of a product, as the fold of what happened to it.
//!
//! These names are stored in every commit's `state`. Never rename; add a version (`upcast.rs`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::details::Details;
use crate::money::Money;
use crate::product::{ProductCreated, ProductEvent};

/// Whether readers see the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is there.
    Active,
    /// It was deleted and can be restored.
    Deleted,
}

/// What is true of a product, as the fold of its events.
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

/// The event cannot follow what happened before; the history is damaged.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{event} cannot follow: {reason}")]
pub struct Misfit {
    event: &'static str,
    reason: &'static str,
}

impl Misfit {
    pub(crate) fn of(event: &ProductEvent, reason: &'static str) -> Self {
        Self { event: event.name(), reason }
    }
}

impl Facts {
    /// The facts after one more event; `None` is a product that does not exist yet.
    ///
    /// # Errors
    /// [`Misfit`] when the event cannot follow, which no decision of this system writes: verify the product's chain.
    pub fn after(before: Option<Self>, event: &ProductEvent) -> Result<Self, Misfit> {
        let misfit = |reason| Misfit::of(event, reason);
        match (before, event) {
            (None, ProductEvent::ProductCreated(created)) => Ok(Self::created(created)),
            (None, _) => Err(misfit("the product does not exist")),
            (Some(_), ProductEvent::ProductCreated(_)) => Err(misfit("the product exists")),
            (Some(facts), ProductEvent::ProductDeleted(_)) => {
                facts.with_status(Status::Active, Status::Deleted).ok_or(misfit("the product is deleted"))
            }
            (Some(facts), ProductEvent::ProductRestored(_)) => {
                facts.with_status(Status::Deleted, Status::Active).ok_or(misfit("the product is not deleted"))
            }
            (Some(facts), _) if facts.status == Status::Deleted => Err(misfit("the product is deleted")),
            (Some(facts), ProductEvent::ProductRenamed(renamed)) => {
                if facts.name != renamed.previous_name {
                    return Err(misfit("another name was there"));
                }
                Ok(Self { name: renamed.name.clone(), ..facts })
            }
            (Some(facts), ProductEvent::ProductPriceChanged(changed)) => {
                if facts.money.price() != changed.previous_price
                    || facts.money.currency() != changed.previous_currency
                {
                    return Err(misfit("another price was there"));
                }
                Ok(Self { money: changed.money, ..facts })
            }
            (Some(facts), ProductEvent::ProductPriceRecorded(_)) => Ok(facts),
            (Some(facts), ProductEvent::ProductDetailsChanged(changed)) => {
                if facts.details.clone().with(&changed.previous) != facts.details {
                    return Err(misfit("other details were there"));
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
