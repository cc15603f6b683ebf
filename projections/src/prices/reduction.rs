//! Whether the price in force is a reduction, and the prior price that an announcement of it has to name. Pure: periods in,
//! an answer out.
//!
//! Directive 98/6/EC on price indications, article 6a, as Directive (EU) 2019/2161 put it in:
//! - paragraph 1: an announcement of a price reduction names the prior price;
//! - paragraph 2: the prior price is the lowest one applied during at least 30 days before the reduction is applied;
//! - paragraph 4: for goods that have been on the market for less, member states may set a shorter period: the answer is
//!   then the lowest of what there was;
//! - paragraph 5: where the reduction is progressively increased, member states may let the prior price be the one before
//!   the first reduction: the window ends where the series of reductions began.

use schema::{Money, Timestamp};

use super::timeline::Period;
use super::window::Window;

/// How the price in force came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reduction {
    /// Whether it is lower than the one in force before it, in the same currency.
    pub is_reduction: bool,
    /// Since when it is in force.
    pub since: Timestamp,
    /// Since when prices went down without an increase in between; `since` where nothing went down.
    pub series_since: Timestamp,
}

/// A prior price, and where it was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// The lowest price.
    pub money: Money,
    /// When the period that has it began; of several with it the first.
    pub since: Timestamp,
    /// The window's beginning, which is part of it.
    pub from: Timestamp,
    /// The window's end, which is no part of it.
    pub to: Timestamp,
}

/// How the price in force came about; `None` while the product is deleted or has no price yet.
#[must_use]
pub fn reduction(timeline: &[Period]) -> Option<Reduction> {
    let periods = joined(timeline);
    let current = periods.last().filter(|period| period.to.is_none())?;
    let mut series_since = current.from;
    // The price before counts also across a time in which the product was deleted.
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
    Some(Reduction {
        is_reduction: before.is_some_and(|before| is_lower(current.money, before.money)),
        since: current.from,
        series_since,
    })
}

/// The lowest price in force in the window that ends at `anchor`, or, where that is left out, at the beginning of the series
/// of reductions. Only the newest price's currency counts. `None` where the price in force is no reduction and there is no
/// anchor, and where no price is left.
#[must_use]
pub fn reference(timeline: &[Period], window: &Window, anchor: Option<Timestamp>) -> Option<Reference> {
    let currency = timeline.last()?.money.currency();
    let reduced = || reduction(timeline).filter(|reduction| reduction.is_reduction);
    let to = anchor.or_else(|| Some(reduced()?.series_since))?;
    let from = window.begins(to);
    let in_force = |period: &Period| period.from < to && period.to.is_none_or(|ended| ended > from);
    let lowest = joined(timeline)
        .into_iter()
        .filter(|period| period.money.currency() == currency && in_force(period))
        .min_by_key(|period| (period.money.price(), period.from))?;
    Some(Reference { money: lowest.money, since: lowest.from, from, to })
}

fn is_lower(money: Money, other: Money) -> bool {
    money.currency() == other.currency() && money.price() < other.price()
}

/// The periods with a length, neighbours that touch and have the same price as one.
fn joined(timeline: &[Period]) -> Vec<Period> {
    let mut joined: Vec<Period> = Vec::new();
    for period in timeline.iter().filter(|period| period.to != Some(period.from)) {
        match joined.last_mut() {
            Some(last) if last.money == period.money && last.to == Some(period.from) => last.to = period.to,
            _ => joined.push(*period),
        }
    }
    joined
}
