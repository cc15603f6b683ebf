//! Translates events into entries of the price history: every event is matched by name, and has one entry or none.

use std::fmt;

use schema::{Commit, Money, ProductEvent, Timestamp};

/// An entry of a price history: what happened to a price, and when it happened in business terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceEntry {
    /// Its position in the history.
    pub position: TimelinePosition,
    /// What happened.
    pub change: PriceChange,
}

/// The position of an entry: by `occurred_at`, ties by sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimelinePosition {
    /// `occurred_at` of the event.
    pub at: Timestamp,
    /// The event's number within the product.
    pub sequence: u64,
}

/// What happened to a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceChange {
    /// The price from then on.
    Priced(Money),
    /// The product is not for sale from then on.
    Deleted,
    /// The last price applies again.
    Restored,
}

impl TimelinePosition {
    /// Parses the output of [`fmt::Display`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (at, sequence) = text.split_once('#')?;
        let place = Self { at: Timestamp::parse(at).ok()?, sequence: sequence.parse().ok()? };
        (place.to_string() == text).then_some(place)
    }
}

impl fmt::Display for TimelinePosition {
    /// Sorts bytewise in the order of positions. Stored; never change.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{:016}", self.at, self.sequence)
    }
}

/// The entries of a commit.
#[must_use]
pub fn entries_of(commit: &Commit) -> Vec<PriceEntry> {
    let at = commit.metadata.occurred_at;
    let entry = |(sequence, event): (u64, &ProductEvent)| {
        let change = match event {
            ProductEvent::ProductCreated(created) => PriceChange::Priced(created.money),
            ProductEvent::ProductPriceChanged(changed) => PriceChange::Priced(changed.money),
            ProductEvent::ProductPriceRecorded(recorded) => PriceChange::Priced(recorded.money),
            ProductEvent::ProductDeleted(_) => PriceChange::Deleted,
            ProductEvent::ProductRestored(_) => PriceChange::Restored,
            ProductEvent::ProductRenamed(_) | ProductEvent::ProductDetailsChanged(_) => return None,
        };
        Some(PriceEntry { position: TimelinePosition { at, sequence }, change })
    };
    let numbered = commit.numbered().map(|(sequence, recorded)| (sequence, &recorded.event));
    numbered.filter_map(entry).collect()
}
