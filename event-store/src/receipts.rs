//! The port to the receipts table: the outcome of each event's publication, and up to which event a product is published.
//!
//! The promise: a receipt is never replaced by a failure, and a product is published up to its newest receipt, as long as the
//! ledger has the commit that the receipt names.

mod dynamodb;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::collections::BTreeMap;

use async_trait::async_trait;
use schema::{Hash, ProductId, PublicationFailure, PublicationReceipt, PublicationRecord, StoredCommit};

use crate::error::StoreError;
use crate::handled::{Fit, Handled};
use crate::journal::Journal;

pub use dynamodb::DynamoReceipts;
pub use memory::MemoryReceipts;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteReceipts;

/// Shape of the receipts table, as `CreateTable` takes it: one source for this adapter and the infrastructure.
pub const TABLE: &str = include_str!("../receipts-table.json");

/// The outcome of one event's publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPublication {
    /// The event's product.
    pub product: ProductId,
    /// The event's number within the product.
    pub sequence: u64,
    /// Its receipt or its failure.
    pub outcome: PublicationRecord,
}

/// The records of a product (in order) that may be kept where everything up to `published` is published: none behind an event
/// without a receipt, because the newest receipt vouches for all before it. Such an event is published again, in order.
#[must_use]
pub fn without_gaps(mut records: Vec<EventPublication>, mut published: u64) -> Vec<EventPublication> {
    debug_assert!(records.is_sorted_by_key(|record| record.sequence), "records of a product are in order");
    records.retain(|record| {
        let follows = record.sequence <= published + 1;
        if follows && matches!(record.outcome, PublicationRecord::Receipt(_)) {
            published = published.max(record.sequence);
        }
        follows
    });
    records
}

/// Up to which event a product is published, as the store has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublicationPosition {
    /// Every event up to here has its receipt; 0 before the first.
    pub published: u64,
    /// The newest receipt, that of the event `published`.
    pub receipt: Option<PublicationReceipt>,
    /// The failure of the next event, where one is on record: of several above the newest receipt the lowest.
    pub failure: Option<PublicationFailure>,
    /// The mark of a restore (always `None` on `DynamoDB` for now).
    pub mark: Option<RestoreMark>,
}

/// What a restore writes in place of receipts: every event up to `sequence` counts as published, as long as the commit that
/// ends there has `hash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreMark {
    /// Number of the last event that counts as published.
    pub sequence: u64,
    /// Hash of the commit that ends with it.
    pub hash: Hash,
}

/// The store of receipts and failures. There is no cursor but the newest receipt of a product.
///
/// The contract, which `tests/contract/receipts` runs on every adapter:
/// - a receipt stays: a failure of the same event never replaces it, in whatever order they are recorded;
/// - after `record` returned `Ok` every read sees all of its records;
/// - a product's records are written one after the other: after an error some of the first may be there, but never a later
///   one without those before it; recording them again is safe;
/// - a failure never counts as published.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// Up to which event a product is published: one request.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn position(&self, product: &ProductId) -> Result<PublicationPosition, StoreError>;

    /// The records of a product's events `from` to `to`, both included, by sequence.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, StoreError>;

    /// Writes records of any products; those of one product in ascending order.
    ///
    /// # Errors
    /// [`StoreError`]: record all of them again.
    async fn record(&self, records: &[EventPublication]) -> Result<(), StoreError>;

    /// Up to `limit` products behind `after` (empty at first) that have any record, each once, in the store's own order, which
    /// never changes; fewer only at the end. `None` where the store cannot list them. For maintenance: it may read every receipt.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn products(&self, after: &str, limit: usize) -> Result<Option<Vec<String>>, StoreError> {
        let _ = (after, limit);
        Ok(None)
    }

    /// Up to `limit` products and event numbers below 1 of records and marks, which this ledger never writes; none where the
    /// store cannot look for them. For maintenance.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn below_one(&self, limit: usize) -> Result<Vec<(String, i64)>, StoreError> {
        let _ = limit;
        Ok(Vec::new())
    }
}

/// The records of a product, as far as they can be read.
#[derive(Debug, Default)]
pub struct ReadableRecords {
    /// Those that can be read, by sequence.
    pub records: BTreeMap<u64, PublicationRecord>,
    /// Why the others cannot, by sequence.
    pub unreadable: BTreeMap<u64, StoreError>,
}

/// As [`Receipts::of`], also where some of the records cannot be read: these are found by halving the range, so each costs a
/// few requests.
///
/// # Errors
/// [`StoreError`]: try again later.
pub async fn readable(
    receipts: &dyn Receipts,
    product: &ProductId,
    from: u64,
    to: u64,
) -> Result<ReadableRecords, StoreError> {
    let (mut found, mut ranges) = (ReadableRecords::default(), vec![(from, to)]);
    while let Some((from, to)) = ranges.pop() {
        match receipts.of(product, from, to).await {
            Ok(records) => found.records.extend(records),
            Err(error) if error.is_unreadable() && from < to => {
                let middle = from + (to - from) / 2;
                ranges.extend([(middle + 1, to), (from, middle)]);
            }
            Err(error) if error.is_unreadable() => {
                found.unreadable.insert(from, error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Up to which event a product is published according to its receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationClaim {
    /// Every event up to here counts as published.
    pub published: u64,
    /// What the newest receipt vouches for, still to be compared with the commits; `None` where a mark vouches, which was
    /// compared already.
    pub newest: Option<Handled>,
}

/// Up to which event a product is published, by receipts of events that the ledger has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationProgress {
    /// Every event up to here counts as published.
    pub up_to: u64,
    /// What the newest receipt vouches for, where the ledger has another commit instead.
    pub rival: Option<Handled>,
}

/// Up to which event a product is published: by its receipts, not compared with the ledger, or by a mark that fits the ledger.
///
/// # Errors
/// [`StoreError`]: the commit of the mark could not be read; try again later.
pub async fn claimed(
    journal: &dyn Journal,
    product: &ProductId,
    position: &PublicationPosition,
) -> Result<PublicationClaim, StoreError> {
    if position.mark.as_ref().is_some_and(|mark| mark.sequence > position.published) {
        let restored = restored(journal, product, position).await?;
        if restored > position.published {
            return Ok(PublicationClaim { published: restored, newest: None });
        }
    }
    Ok(PublicationClaim { published: position.published, newest: position.handled() })
}

/// Up to which event a product is published: by a mark that fits the ledger, or by receipts with the event id and hash that
/// the ledger has. One request where the newest receipt fits, and one more for a mark above it; otherwise one more for a mark
/// below it, and two for each commit that was recorded anew.
///
/// # Errors
/// [`StoreError`]: try again later.
pub async fn published(
    journal: &dyn Journal,
    receipts: &dyn Receipts,
    product: &ProductId,
    position: &PublicationPosition,
) -> Result<PublicationProgress, StoreError> {
    let claim = claimed(journal, product, position).await?;
    let Some(newest) = claim.newest else {
        return Ok(PublicationProgress { up_to: claim.published, rival: None });
    };
    let as_claimed = PublicationProgress { up_to: claim.published, rival: None };
    let mut there = journal.newest(product, newest.sequence).await?;
    let fit = newest.fit(there.as_ref());
    let Some(commit) = there.as_ref().filter(|_| fit != Fit::Same) else { return Ok(as_claimed) };
    // A mark above the newest receipt was compared already, and does not fit.
    let below = position.mark.as_ref().is_some_and(|mark| mark.sequence <= position.published);
    let restored = if below { restored(journal, product, position).await? } else { 0 };
    // Times alone cannot tell a product that was cut off from one that was recorded anew, but receipts can.
    if fit == Fit::Shorter && is_published(commit, restored, product, receipts).await? {
        return Ok(as_claimed);
    }
    let (mut up_to, mut at_most) = (restored, newest.sequence);
    while let Some(commit) = there {
        let Ok(first) = commit.sequence() else { break };
        if first <= restored {
            break;
        }
        if let Some(last) = vouched(&commit, &receipts.of(product, first, at_most).await?) {
            up_to = last;
            break;
        }
        at_most = first - 1;
        there = if at_most == 0 { None } else { journal.newest(product, at_most).await? };
    }
    Ok(PublicationProgress { up_to, rival: Some(newest) })
}

/// Whether every event of a commit was restored as published or has its receipt. A commit that cannot be read counts as
/// published: nothing is known against it.
async fn is_published(
    commit: &StoredCommit,
    restored: u64,
    product: &ProductId,
    receipts: &dyn Receipts,
) -> Result<bool, StoreError> {
    let Some(events) = commit.sequences().ok().filter(|events| !events.is_empty()) else { return Ok(true) };
    let last = events.end - 1;
    if last <= restored {
        return Ok(true);
    }
    let records = receipts.of(product, events.start, last).await?;
    Ok(vouched(commit, &records) == Some(last))
}

/// Whether the records of each product are in ascending order, as [`Receipts::record`] wants them.
fn in_order(records: &[EventPublication]) -> bool {
    let mut newest = BTreeMap::new();
    records.iter().all(|record| {
        newest.insert(&record.product, record.sequence).is_none_or(|before| before <= record.sequence)
    })
}

/// The last event of a commit up to which all of its events have their records.
fn vouched(commit: &StoredCommit, records: &[(u64, PublicationRecord)]) -> Option<u64> {
    let is_published =
        |sequence: &u64| records.iter().any(|(of, record)| of == sequence && is_of(record, commit, *of));
    commit.sequences().ok()?.take_while(is_published).last()
}

/// Whether a record is that of the event with this sequence in this commit: same event id, and same hash where the record
/// is a receipt, since a failure carries none. Records stay where a commit was removed and its sequences recorded anew.
#[must_use]
pub fn is_of(record: &PublicationRecord, commit: &StoredCommit, sequence: u64) -> bool {
    let Some(place) = commit.sequence().ok().and_then(|first| sequence.checked_sub(first)) else {
        return false;
    };
    let event = usize::try_from(place).ok().and_then(|place| commit.0.get("events")?.get(place));
    let event_id = event.and_then(|event| event["event_id"].as_str());
    match record {
        PublicationRecord::Receipt(receipt) => {
            Some(receipt.event_id.as_str()) == event_id
                && commit.text("hash").is_ok_and(|hash| hash == receipt.hash.as_str())
        }
        PublicationRecord::Failure(failure) => Some(failure.event_id.as_str()) == event_id,
    }
}

/// The last event that was restored as published: 0 without a mark, or with one that does not fit the ledger.
///
/// # Errors
/// [`StoreError`]: the commit of the mark could not be read; try again later.
pub async fn restored(
    journal: &dyn Journal,
    product: &ProductId,
    position: &PublicationPosition,
) -> Result<u64, StoreError> {
    let Some(mark) = &position.mark else { return Ok(0) };
    let commit = journal.newest(product, mark.sequence).await?;
    let fits = commit.is_some_and(|commit| mark.fits(&commit));
    Ok(if fits { mark.sequence } else { 0 })
}

impl PublicationPosition {
    /// What the newest receipt vouches for.
    #[must_use]
    pub fn handled(&self) -> Option<Handled> {
        let receipt = self.receipt.as_ref()?;
        Some(Handled { sequence: self.published, hash: receipt.hash.clone(), at: receipt.published_at })
    }
}

impl RestoreMark {
    /// Whether the commit is the one the mark was made for.
    #[must_use]
    pub fn fits(&self, commit: &StoredCommit) -> bool {
        let ends_here = commit.sequences().is_ok_and(|events| events.end == self.sequence + 1);
        ends_here && commit.text("hash").is_ok_and(|hash| hash == self.hash.to_string())
    }
}
