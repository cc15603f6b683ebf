//! The stored form of a price entry, the same in every store. Names are stored; never rename.

use schema::{Money, ProductId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::prices::entry::{PriceChange, PriceEntry, TimelinePosition};

#[derive(Serialize, Deserialize)]
pub(super) struct StoredPriceEntry {
    at: Timestamp,
    sequence: u64,
    /// Tells a row under the key of another product; entries of earlier builds do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product: Option<String>,
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

/// The entry of another product than that of its row.
#[derive(Debug, thiserror::Error)]
#[error("it holds the prices of the product {0}")]
pub(super) struct ForeignEntry(String);

impl StoredPriceEntry {
    pub(super) fn of(product: &ProductId, entry: &PriceEntry) -> Self {
        let change = match entry.change {
            PriceChange::Priced(money) => StoredChange::Priced(money),
            PriceChange::Deleted => StoredChange::Status { status: StoredStatus::Deleted },
            PriceChange::Restored => StoredChange::Status { status: StoredStatus::Restored },
        };
        let TimelinePosition { at, sequence } = entry.position;
        Self { at, sequence, product: Some(product.to_string()), change }
    }

    /// The entry, from a row of this product.
    ///
    /// # Errors
    /// [`ForeignEntry`]: somebody else wrote the row.
    pub(super) fn read(self, product: &str) -> Result<PriceEntry, ForeignEntry> {
        if let Some(other) = self.product.filter(|named| named != product) {
            return Err(ForeignEntry(other));
        }
        let change = match self.change {
            StoredChange::Priced(money) => PriceChange::Priced(money),
            StoredChange::Status { status: StoredStatus::Deleted } => PriceChange::Deleted,
            StoredChange::Status { status: StoredStatus::Restored } => PriceChange::Restored,
        };
        Ok(PriceEntry { position: TimelinePosition { at: self.at, sequence: self.sequence }, change })
    }
}
