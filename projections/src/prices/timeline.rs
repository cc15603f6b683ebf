//! The timeline of a product: which price was in force when, and the lowest one before the newest change (Directive 98/6/EC,
//! article 6a). Pure functions of the entries; the same prices recorded in another order give the same periods.

use std::collections::BTreeMap;

use schema::{Money, Timestamp};

use super::entry::{PriceChange, PriceEntry};

/// Days before the newest change that count for the lowest price.
const DAYS: i64 = 30;

/// A period in which one price was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PricePeriod {
    /// The price.
    pub money: Money,
    /// Its start, inclusive.
    pub from: Timestamp,
    /// Its end, exclusive; `None` while it lasts.
    pub to: Option<Timestamp>,
    /// The sequence of the event that started it.
    pub sequence: u64,
}

/// The periods of the entries in chronological order, up to `until` inclusive if given. Each price has one, empty if another
/// price replaced it at the same moment; a restore has one if it brings a price back. There is a gap while the product is
/// deleted.
///
/// Prices count by `occurred_at`, ties by sequence. Deletes and restores count in the order of their sequence: each takes
/// effect at the later of its `occurred_at` and the moment the one before it took effect.
#[must_use]
pub fn timeline(entries: &[PriceEntry], until: Option<Timestamp>) -> Vec<PricePeriod> {
    let mut fold = Fold::default();
    for (at, moment) in &moments(entries) {
        if until.is_some_and(|until| *at > until) {
            break;
        }
        fold.step(*at, moment);
    }
    fold.periods.extend(fold.open);
    fold.periods
}

/// What takes effect at one moment, by sequence.
#[derive(Default)]
struct Moment {
    prices: Vec<(u64, Money)>,
    statuses: Vec<(u64, Status)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Status {
    Active,
    Deleted,
}

fn moments(entries: &[PriceEntry]) -> BTreeMap<Timestamp, Moment> {
    let mut by_sequence = entries.to_vec();
    by_sequence.sort_by_key(|entry| entry.position.sequence);
    let mut moments: BTreeMap<Timestamp, Moment> = BTreeMap::new();
    let mut newest_status = None;
    for entry in by_sequence {
        let sequence = entry.position.sequence;
        let status = match entry.change {
            PriceChange::Priced(money) => {
                moments.entry(entry.position.at).or_default().prices.push((sequence, money));
                continue;
            }
            PriceChange::Deleted => Status::Deleted,
            PriceChange::Restored => Status::Active,
        };
        let at = newest_status.unwrap_or(entry.position.at).max(entry.position.at);
        newest_status = Some(at);
        moments.entry(at).or_default().statuses.push((sequence, status));
    }
    moments
}

#[derive(Default)]
struct Fold {
    periods: Vec<PricePeriod>,
    open: Option<PricePeriod>,
    money: Option<Money>,
    deleted: bool,
}

impl Fold {
    /// Applies a moment, in whatever order its prices, deletes and restores were recorded.
    fn step(&mut self, at: Timestamp, moment: &Moment) {
        let became = |wanted: Status| moment.statuses.iter().rfind(|(_, status)| *status == wanted);
        let (restored, deleted) = (became(Status::Active), became(Status::Deleted));
        // A price at the very moment of a delete or restore belongs to a product that exists.
        let there = !self.deleted || restored.is_some();
        if let Some((_, status)) = moment.statuses.last() {
            self.deleted = *status == Status::Deleted;
        }
        if deleted.is_some() {
            self.close(at);
        }
        for (sequence, money) in &moment.prices {
            self.money = Some(*money);
            if there {
                self.close(at);
                self.begin(at, *sequence, *money);
            }
        }
        if self.deleted {
            self.close(at);
        } else if let (None, Some((sequence, _)), Some(money)) = (self.open, restored, self.money) {
            self.begin(at, *sequence, money);
        }
    }

    fn begin(&mut self, from: Timestamp, sequence: u64, money: Money) {
        self.open = Some(PricePeriod { money, from, to: None, sequence });
    }

    fn close(&mut self, to: Timestamp) {
        self.periods.extend(self.open.take().map(|open| PricePeriod { to: Some(to), ..open }));
    }
}

/// The lowest price in force at any time in the 30 days before the newest price change: the first period with it. Only
/// prices in the newest price's currency count.
#[must_use]
pub fn lowest_before_newest_change(timeline: &[PricePeriod]) -> Option<PricePeriod> {
    let is_change = |index: &usize| *index == 0 || timeline[index - 1].money != timeline[*index].money;
    let newest = (0..timeline.len()).rev().find(is_change)?;
    let change = timeline[newest];
    let window = change.from.days_before(DAYS);
    let in_force = |period: &&PricePeriod| {
        let to = period.to.unwrap_or(change.from);
        period.from < to && to > window
    };
    timeline[..newest]
        .iter()
        .filter(|period| period.money.currency() == change.money.currency())
        .filter(in_force)
        .min_by_key(|period| (period.money.price(), period.from))
        .copied()
}
