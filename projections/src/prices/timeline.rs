//! Which price was in force when, and the lowest one before the newest change (EU Price Indication Directive, article 6a).
//! Pure: entries in, periods out.

use schema::{Money, Timestamp};

use super::{Entry, What};

/// Days before the newest change in which the lowest price is looked for.
const DAYS: i64 = 30;

/// A time in which one price was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The price.
    pub money: Money,
    /// From this moment on.
    pub from: Timestamp,
    /// Up to this moment, which is no longer part of it; `None` as long as it lasts.
    pub to: Option<Timestamp>,
    /// The event that began it.
    pub sequence: u64,
}

/// The periods of entries in the order of their places. Times deleted are gaps.
#[must_use]
pub fn timeline(entries: &[Entry]) -> Vec<Period> {
    let mut fold = Fold::default();
    for entry in entries {
        fold.step(entry);
    }
    fold.periods.extend(fold.open);
    fold.periods
}

#[derive(Default)]
struct Fold {
    periods: Vec<Period>,
    open: Option<Period>,
    /// Whether the open period only resumes an earlier price.
    resumed: bool,
    money: Option<Money>,
    deleted: bool,
}

impl Fold {
    fn step(&mut self, entry: &Entry) {
        match entry.what {
            What::Priced(money) => {
                self.money = Some(money);
                if !self.deleted {
                    self.close(entry);
                    self.begin(entry, money);
                    self.resumed = false;
                }
            }
            What::Deleted => {
                self.close(entry);
                self.deleted = true;
            }
            What::Restored => {
                self.deleted = false;
                if let (None, Some(money)) = (self.open, self.money) {
                    self.begin(entry, money);
                    self.resumed = true;
                }
            }
        }
    }

    fn begin(&mut self, entry: &Entry, money: Money) {
        self.open = Some(Period { money, from: entry.place.at, to: None, sequence: entry.place.sequence });
    }

    fn close(&mut self, entry: &Entry) {
        let Some(open) = self.open.take() else { return };
        // A restore with a new price in the same moment never brought the old price back.
        if open.from < entry.place.at || !self.resumed {
            self.periods.push(Period { to: Some(entry.place.at), ..open });
        }
    }
}

/// The lowest price in force at any moment of the 30 days before the newest price change: the period that began first
/// with it. Only prices in the newest price's currency count.
#[must_use]
pub fn lowest_before_newest_change(timeline: &[Period]) -> Option<Period> {
    let is_change = |index: &usize| *index == 0 || timeline[index - 1].money != timeline[*index].money;
    let newest = (0..timeline.len()).rev().find(is_change)?;
    let change = timeline[newest];
    let window = change.from.days_before(DAYS);
    let in_force = |period: &&Period| {
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
