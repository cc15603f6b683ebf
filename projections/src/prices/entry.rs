//! Translates events into entries of the price history: every event is matched by name, and has one entry or none.

use std::fmt;

use schema::{Commit, Money, ProductEvent, Timestamp};

/// An entry of a price history: what happened to a price, and when it happened in business terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its position in the history.
    pub place: Place,
    /// What happened.
    pub what: What,
}

/// The position of an entry: by `occurred_at`, ties by sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// `occurred_at` of the event.
    pub at: Timestamp,
    /// The event's number within the product.
    pub sequence: u64,
}

/// What happened to a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The price from then on.
    Priced(Money),
    /// The product is not for sale from then on.
    Deleted,
    /// The last price applies again.
    Restored,
}

impl Place {
    /// Parses the output of [`fmt::Display`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (at, sequence) = text.split_once('#')?;
        let place = Self { at: Timestamp::parse(at).ok()?, sequence: sequence.parse().ok()? };
        (place.to_string() == text).then_some(place)
    }
}

impl fmt::Display for Place {
    /// Sorts bytewise in the order of positions. Stored; never change.
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
