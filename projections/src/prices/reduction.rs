//! Decides whether the price in force is a reduction, and finds the prior price that its announcement has to state. Pure
//! functions of the timeline.
//!
//! Directive 98/6/EC on price indications, article 6a, inserted by Directive (EU) 2019/2161:
//! - paragraph 1: an announcement of a price reduction states the prior price;
//! - paragraph 2: the prior price is the lowest one applied during at least 30 days before the reduction is applied;
//! - paragraph 4: for goods that have been on the market for less time, member states may set a shorter period: the prior
//!   price is then the lowest there was;
//! - paragraph 5: if a reduction is progressively increased, member states may let the prior price be the one before the
//!   first reduction: the window ends where the series of reductions began.

use schema::{Money, Timestamp};

use super::timeline::PricePeriod;
use super::window::PriceWindow;

/// How the price in force compares with the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceReduction {
    /// Whether it is lower than the price before it, in the same currency.
    pub is_reduction: bool,
    /// When it came into force.
    pub since: Timestamp,
    /// When the series of reductions began that led to it, without an increase in between; `since` if there is none.
    pub series_since: Timestamp,
}

/// A prior price and the window it was found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriorPrice {
    /// The lowest price in the window.
    pub money: Money,
    /// When its period began; of several with this price, the first.
    pub since: Timestamp,
    /// The start of the window, inclusive.
    pub from: Timestamp,
    /// The end of the window, exclusive.
    pub to: Timestamp,
}

/// How the price in force compares with the ones before it; `None` while the product is deleted or has no price yet.
#[must_use]
pub fn reduction(timeline: &[PricePeriod]) -> Option<PriceReduction> {
    let periods = joined(timeline);
    let current = periods.last().filter(|period| period.to.is_none())?;
    let mut series_since = current.from;
    // The price before counts even if the product was deleted in between.
    for pair in periods.windows(2).rev() {
        let (before, after) = (pair[0].money, pair[1].money);
        if before.currency() != after.currency() || before.price() < after.price() {
            break;
        }
        if is_lower(after, before) {
            series_since = pair[1].from;
        }
    }
    let before = periods.iter().rev().nth(1);
    Some(PriceReduction {
        is_reduction: before.is_some_and(|before| is_lower(current.money, before.money)),
        since: current.from,
        series_since,
    })
}

/// The lowest price in force in the window that ends at `anchor` or, without one, at the beginning of the series of
/// reductions. Only prices in the newest price's currency count. `None` if there is neither an anchor nor a reduction, or
/// no price in the window.
#[must_use]
pub fn prior_price(
    timeline: &[PricePeriod],
    window: &PriceWindow,
    anchor: Option<Timestamp>,
) -> Option<PriorPrice> {
    let currency = timeline.last()?.money.currency();
    let reduced = || reduction(timeline).filter(|reduction| reduction.is_reduction);
    let to = anchor.or_else(|| Some(reduced()?.series_since))?;
    let from = window.begins(to);
    let in_force = |period: &PricePeriod| period.from < to && period.to.is_none_or(|ended| ended > from);
    let lowest = joined(timeline)
        .into_iter()
        .filter(|period| period.money.currency() == currency && in_force(period))
        .min_by_key(|period| (period.money.price(), period.from))?;
    Some(PriorPrice { money: lowest.money, since: lowest.from, from, to })
}

fn is_lower(money: Money, other: Money) -> bool {
    money.currency() == other.currency() && money.price() < other.price()
}

/// The periods without empty ones; adjacent periods with the same price are joined.
fn joined(timeline: &[PricePeriod]) -> Vec<PricePeriod> {
    let mut joined: Vec<PricePeriod> = Vec::new();
    for period in timeline.iter().filter(|period| period.to != Some(period.from)) {
        match joined.last_mut() {
            Some(last) if last.money == period.money && last.to == Some(period.from) => last.to = period.to,
            _ => joined.push(*period),
        }
    }
    joined
}
