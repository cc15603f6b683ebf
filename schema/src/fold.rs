//! The fold of a product's events with their times: the facts, and the time of the price in force.
//!
//! Of all prices stated for a product the one with the newest `occurred_at` is in force, ties by sequence. An event that
//! contradicts this is a [`Misfit`], which no decision of this system writes.

use crate::facts::{Facts, Misfit};
use crate::product::ProductEvent;
use crate::state::Product;
use crate::time::Timestamp;

/// What is true of a product after some of its events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fold {
    /// Its facts, `None` before it is created.
    pub facts: Option<Facts>,
    /// `occurred_at` of the price in force; `None` where an earlier build did not keep it.
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
                Err("its time is not that of its commit")
            }
            ProductEvent::ProductPriceRecorded(recorded) => match known {
                Some(known) if at >= known && facts.is_some_and(|facts| facts.money != recorded.money) => {
                    Err("it would be in force")
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
    use crate::fixtures::{at, helmet_created, helmet_price_changed, helmet_renamed, money};
    use crate::product::ProductPriceRecorded;

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
