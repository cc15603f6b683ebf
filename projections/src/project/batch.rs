//! A batch of stream records, read and grouped by product; no record can spoil the reading of another.

use std::collections::BTreeMap;

use event_store::follow::{Change, ChangeRecord, Tampering};
use schema::{ProductId, StoredCommit};

use crate::projection::News;

/// What a batch says.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// One for each product.
    pub(super) entries: Vec<Entry>,
    /// Changes of what can never change.
    pub(super) tampered: Vec<Tampering>,
    /// Why a record names no product.
    pub(super) nameless: Vec<String>,
}

/// What a batch says of one product.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) news: News,
    /// Whether a record of the product could not be read or another contradicts it, so that the event table has to be asked.
    pub(super) unreadable: bool,
    /// The id of the product's first record in the batch.
    pub(super) record: String,
}

impl Batch {
    pub(super) fn read(records: Vec<ChangeRecord>) -> Self {
        let mut batch = Self::default();
        let mut entries = BTreeMap::new();
        for ChangeRecord { id: number, change } in records {
            match change {
                Change::Tampered(tampering) => batch.tampered.push(tampering),
                Change::Committed(commit) => match product_of(&commit) {
                    Ok(product) => entry(&mut entries, product, number).add(*commit),
                    Err(reason) => batch.nameless.push(reason),
                },
                Change::Unreadable { product: Some(product), reason } => {
                    tracing::warn!(target: "ledger::projector", product_id = product.as_str(), reason, "asking the event table instead");
                    entry(&mut entries, product, number).unreadable = true;
                }
                Change::Unreadable { product: None, reason } => batch.nameless.push(reason),
            }
        }
        batch.entries = entries.into_values().collect();
        batch
    }
}

impl Entry {
    /// The first event the batch brings, as far as it can be read.
    pub(super) fn first_sequence(&self) -> u64 {
        self.news.commits.keys().next().copied().unwrap_or(1)
    }

    fn add(&mut self, commit: StoredCommit) {
        match commit.sequence() {
            Ok(sequence) => {
                let hash = commit.0.get("hash").cloned();
                let before = self.news.commits.insert(sequence, commit);
                // Of two commits in one place only the event table can say which is there.
                self.unreadable |= before.is_some_and(|before| before.0.get("hash") != hash.as_ref());
            }
            Err(_) => self.unreadable = true,
        }
    }
}

fn product_of(commit: &StoredCommit) -> Result<ProductId, String> {
    let text = commit.text("product_id").map_err(|error| error.to_string())?;
    ProductId::new(text).map_err(|error| format!("{text}: {error}"))
}

fn entry(entries: &mut BTreeMap<ProductId, Entry>, product: ProductId, record: String) -> &mut Entry {
    entries.entry(product.clone()).or_insert_with(|| Entry {
        news: News { product, commits: BTreeMap::new() },
        unreadable: false,
        record,
    })
}
