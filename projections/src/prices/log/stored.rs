//! The stored form of a price entry, the same in every store. Names are stored; never rename.

use schema::{Money, Timestamp};
use serde::{Deserialize, Serialize};

use crate::prices::entry::{Entry, Place, What};

#[derive(Serialize, Deserialize)]
pub(super) struct StoredEntry {
    at: Timestamp,
    sequence: u64,
    #[serde(flatten)]
    what: StoredWhat,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredWhat {
    Priced(Money),
    Status { status: StoredStatus },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredStatus {
    Deleted,
    Restored,
}

impl From<&Entry> for StoredEntry {
    fn from(entry: &Entry) -> Self {
        let what = match entry.what {
            What::Priced(money) => StoredWhat::Priced(money),
            What::Deleted => StoredWhat::Status { status: StoredStatus::Deleted },
            What::Restored => StoredWhat::Status { status: StoredStatus::Restored },
        };
        Self { at: entry.place.at, sequence: entry.place.sequence, what }
    }
}

impl From<StoredEntry> for Entry {
    fn from(stored: StoredEntry) -> Self {
        let what = match stored.what {
            StoredWhat::Priced(money) => What::Priced(money),
            StoredWhat::Status { status: StoredStatus::Deleted } => What::Deleted,
            StoredWhat::Status { status: StoredStatus::Restored } => What::Restored,
        };
        Self { place: Place { at: stored.at, sequence: stored.sequence }, what }
    }
}
