//! What an event means for the price: one entry or nothing, decided for every event by name.

use std::fmt;

use schema::{Commit, Money, ProductEvent, Timestamp};

/// One thing that happened to a price, at the moment it happened in business terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the history.
    pub place: Place,
    /// What happened.
    pub what: What,
}

/// Where an entry stands: by `occurred_at`, ties by sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When it happened in business terms.
    pub at: Timestamp,
    /// The event's number within the product.
    pub sequence: u64,
}

/// What happened to a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// This is the price from here on.
    Priced(Money),
    /// Nothing is for sale from here on.
    Deleted,
    /// The last price counts again.
    Restored,
}

impl Place {
    /// Reads what [`fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (at, sequence) = text.split_once('#')?;
        let place = Self { at: Timestamp::parse(at).ok()?, sequence: sequence.parse().ok()? };
        (place.to_string() == text).then_some(place)
    }
}

impl fmt::Display for Place {
    /// Text order is the order of places. Stored.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{:016}", self.at, self.sequence)
    }
}

/// The entries of a commit.
#[must_use]
pub fn entries_of(commit: &Commit) -> Vec<Entry> {
    let at = commit.metadata.occurred_at;
    let entry = |(sequence, event): (u64, &ProductEvent)| {
        let what = match event {
            ProductEvent::ProductCreated(created) => What::Priced(created.money),
            ProductEvent::ProductPriceChanged(changed) => What::Priced(changed.money),
            ProductEvent::ProductPriceRecorded(recorded) => What::Priced(recorded.money),
            ProductEvent::ProductDeleted(_) => What::Deleted,
            ProductEvent::ProductRestored(_) => What::Restored,
            ProductEvent::ProductRenamed(_) | ProductEvent::ProductDetailsChanged(_) => return None,
        };
        Some(Entry { place: Place { at, sequence }, what })
    };
    let numbered = commit.numbered().map(|(sequence, recorded)| (sequence, &recorded.event));
    numbered.filter_map(entry).collect()
}
