//! The stored form of a price entry, the same in every store. Names are stored; never rename.

use schema::{Money, Timestamp};
use serde::{Deserialize, Serialize};

use crate::prices::entry::{PriceChange, PriceEntry, TimelinePosition};

#[derive(Serialize, Deserialize)]
pub(super) struct StoredPriceEntry {
    at: Timestamp,
    sequence: u64,
    #[serde(flatten)]
    change: StoredChange,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredChange {
    Priced(Money),
    Status { status: StoredStatus },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredStatus {
    Deleted,
    Restored,
}

impl From<&PriceEntry> for StoredPriceEntry {
    fn from(entry: &PriceEntry) -> Self {
        let change = match entry.change {
            PriceChange::Priced(money) => StoredChange::Priced(money),
            PriceChange::Deleted => StoredChange::Status { status: StoredStatus::Deleted },
            PriceChange::Restored => StoredChange::Status { status: StoredStatus::Restored },
        };
        Self { at: entry.position.at, sequence: entry.position.sequence, change }
    }
}

impl From<StoredPriceEntry> for PriceEntry {
    fn from(stored: StoredPriceEntry) -> Self {
        let change = match stored.change {
            StoredChange::Priced(money) => PriceChange::Priced(money),
            StoredChange::Status { status: StoredStatus::Deleted } => PriceChange::Deleted,
            StoredChange::Status { status: StoredStatus::Restored } => PriceChange::Restored,
        };
        Self { position: TimelinePosition { at: stored.at, sequence: stored.sequence }, change }
    }
}
