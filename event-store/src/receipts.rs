//! The port to the publication receipts: what became of each event on its way to the bus, and how far each product got.
//!
//! Its promise: a success is never replaced by a failure, and a product's newest receipt says how far its publication got, as
//! long as the ledger has the commit that it names.

mod dynamodb;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use async_trait::async_trait;
use schema::{Hash, ProductId, PublicationFailure, PublicationReceipt, PublicationRecord, StoredCommit};
use serde_json::Value;

use crate::handled::{Fit, Handled};
use crate::journal::{Journal, Unavailable};

pub use dynamodb::DynamoReceipts;
pub use memory::MemoryReceipts;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteReceipts;

/// Shape of the receipts table, as `CreateTable` takes it: one source for this adapter and the infrastructure.
pub const TABLE: &str = include_str!("../receipts-table.json");

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The event's product.
    pub product: ProductId,
    /// The event's number within the product.
    pub sequence: u64,
    /// Its receipt or its failure.
    pub outcome: PublicationRecord,
}

/// What may be kept of a product's records, which are in order, where everything up to `published` is published: none behind
/// an event without a receipt, because the newest receipt says how far the publication got. Such an event is published
/// again, in order.
#[must_use]
pub fn without_gaps(mut records: Vec<Record>, mut published: u64) -> Vec<Record> {
    records.retain(|record| {
        let follows = record.sequence <= published + 1;
        if follows && matches!(record.outcome, PublicationRecord::Receipt(_)) {
            published = published.max(record.sequence);
        }
        follows
    });
    records
}

/// How far the publication of one product got.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// Every event up to here has its receipt; 0 before the first.
    pub published: u64,
    /// The newest receipt, that of the event `published`.
    pub receipt: Option<PublicationReceipt>,
    /// The failure of the next event, where one is on record: of several above the newest receipt the lowest.
    pub failure: Option<PublicationFailure>,
    /// Where a restore said that everything up to an event counts as published (always `None` on `DynamoDB` for now).
    pub mark: Option<Mark>,
}

/// What a restore left in the place of receipts: every event up to `sequence` counts as published as long as the commit
/// that ends there has `hash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Number of the last event that counts as published.
    pub sequence: u64,
    /// Hash of the commit that ends with it.
    pub hash: Hash,
}

/// Where receipts and failures are kept. There is no cursor: the newest receipt of a product is it.
///
/// The contract, which `tests/contract/receipts` runs on every adapter:
/// - a receipt stays: a failure of the same event never replaces it, whichever comes first;
/// - after `record` returned `Ok` every read sees all of its records;
/// - a product's records are written one after the other: after an error the first of them may be there, and never a
///   later one without those before it; recording them again is safe;
/// - a failure never counts as published.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// How far a product got: one request.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn position(&self, product: &ProductId) -> Result<Position, Unavailable>;

    /// What is recorded of a product's events `from` to `to`, both included, by sequence.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, Unavailable>;

    /// Writes what became of events, of any products; those of one product in ascending order.
    ///
    /// # Errors
    /// [`Unavailable`]: record all of them again.
    async fn record(&self, records: &[Record]) -> Result<(), Unavailable>;

    /// Up to `limit` products behind `after` (at first empty) of which anything is recorded, each once, in an order that is
    /// the store's own and always the same; fewer only at the end. `None` where the store cannot list them. For
    /// maintenance: it may read every receipt.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn products(&self, after: &str, limit: usize) -> Result<Option<Vec<String>>, Unavailable> {
        let _ = (after, limit);
        Ok(None)
    }
}

/// How far the receipts of a product say that it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Every event up to here counts as published.
    pub published: u64,
    /// What the newest receipt vouches for, to be held against the commits; `None` where a mark vouches, which was held
    /// against them.
    pub newest: Option<Handled>,
}

/// How far a product is published, by receipts of events that the ledger has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Every event up to here counts as published.
    pub up_to: u64,
    /// What the newest receipt vouches for, where the ledger has another commit in its place.
    pub rival: Option<Handled>,
}

/// How far a product is published: by its receipts, whatever the ledger has, or by a mark that fits the ledger.
///
/// # Errors
/// [`Unavailable`]: the event table did not say whether the mark fits; try again later.
pub async fn said(
    journal: &dyn Journal,
    product: &ProductId,
    position: &Position,
) -> Result<Said, Unavailable> {
    if position.mark.as_ref().is_some_and(|mark| mark.sequence > position.published) {
        let restored = restored(journal, product, position).await?;
        if restored > position.published {
            return Ok(Said { published: restored, newest: None });
        }
    }
    Ok(Said { published: position.published, newest: position.handled() })
}

/// How far a product is published: by a mark that fits the ledger, or by receipts that carry id and hash of what the ledger
/// has. One request where the newest receipt does, and one more for a mark above it; otherwise one more for a mark below it,
/// and two for each commit that was recorded anew.
///
/// # Errors
/// [`Unavailable`]: a store did not answer; try again later.
pub async fn published(
    journal: &dyn Journal,
    receipts: &dyn Receipts,
    product: &ProductId,
    position: &Position,
) -> Result<Published, Unavailable> {
    let said = said(journal, product, position).await?;
    let Some(newest) = said.newest else {
        return Ok(Published { up_to: said.published, rival: None });
    };
    let as_said = Published { up_to: said.published, rival: None };
    let mut there = journal.newest(product, newest.sequence).await?;
    let fit = newest.fit(there.as_ref());
    let Some(commit) = there.as_ref().filter(|_| fit != Fit::Same) else { return Ok(as_said) };
    // A mark above the newest receipt was held against the ledger already, and would have spoken if it fitted.
    let below = position.mark.as_ref().is_some_and(|mark| mark.sequence <= position.published);
    let restored = if below { restored(journal, product, position).await? } else { 0 };
    // Times alone do not tell a product whose end was cut off from one that was recorded anew, but receipts do.
    if fit == Fit::Shorter && is_published(commit, restored, product, receipts).await? {
        return Ok(as_said);
    }
    let (mut up_to, mut at_most) = (restored, newest.sequence);
    while let Some(commit) = there {
        let Ok(first) = commit.sequence() else { break };
        if first <= restored {
            break;
        }
        if let Some(last) = vouched(&commit, first, &receipts.of(product, first, at_most).await?) {
            up_to = last;
            break;
        }
        at_most = first - 1;
        there = if at_most == 0 { None } else { journal.newest(product, at_most).await? };
    }
    Ok(Published { up_to, rival: Some(newest) })
}

/// Whether every event of a commit was restored as a published one or has its receipt. One that cannot be read counts as published: nothing is known against it.
async fn is_published(
    commit: &StoredCommit,
    restored: u64,
    product: &ProductId,
    receipts: &dyn Receipts,
) -> Result<bool, Unavailable> {
    let events = commit.0.get("events").and_then(|events| events.as_array()).map_or(0, Vec::len) as u64;
    let (Ok(first), true) = (commit.sequence(), events > 0) else { return Ok(true) };
    let last = first + events - 1;
    if last <= restored {
        return Ok(true);
    }
    let records = receipts.of(product, first, last).await?;
    Ok(vouched(commit, first, &records) == Some(last))
}

/// The last of a commit's events up to which each has its receipt among the records.
fn vouched(commit: &StoredCommit, first: u64, records: &[(u64, PublicationRecord)]) -> Option<u64> {
    let hash = commit.text("hash").ok()?;
    let events = commit.0.get("events")?.as_array()?;
    let is_published = |(sequence, event): &(u64, &Value)| {
        records.iter().any(|(of, record)| of == sequence && is_of(record, event["event_id"].as_str(), hash))
    };
    (first..).zip(events).take_while(is_published).last().map(|(sequence, _)| sequence)
}

/// Whether a record is that of the event with this id in the commit with this hash. A failure carries no hash.
#[must_use]
pub fn is_of(record: &PublicationRecord, event_id: Option<&str>, hash: &str) -> bool {
    match record {
        PublicationRecord::Receipt(receipt) => {
            Some(receipt.event_id.as_str()) == event_id && receipt.hash.as_str() == hash
        }
        PublicationRecord::Failure(failure) => Some(failure.event_id.as_str()) == event_id,
    }
}

/// Every event up to the one that is answered was restored as a published one: 0 without a mark, or with one that does
/// not fit the ledger.
///
/// # Errors
/// [`Unavailable`]: the event table did not say whether the mark fits; try again later.
pub async fn restored(
    journal: &dyn Journal,
    product: &ProductId,
    position: &Position,
) -> Result<u64, Unavailable> {
    let Some(mark) = &position.mark else { return Ok(0) };
    let commit = journal.newest(product, mark.sequence).await?;
    let fits = commit.is_some_and(|commit| mark.fits(&commit));
    Ok(if fits { mark.sequence } else { 0 })
}

impl Position {
    /// What the newest receipt vouches for.
    #[must_use]
    pub fn handled(&self) -> Option<Handled> {
        let receipt = self.receipt.as_ref()?;
        Some(Handled { sequence: self.published, hash: receipt.hash.clone(), at: receipt.published_at })
    }
}

impl Mark {
    /// Whether the commit is the one the mark was made for.
    #[must_use]
    pub fn fits(&self, commit: &StoredCommit) -> bool {
        let events = commit.0.get("events").and_then(|events| events.as_array()).map_or(0, Vec::len) as u64;
        let ends_here = commit.sequence().is_ok_and(|first| first + events == self.sequence + 1);
        ends_here && commit.text("hash").is_ok_and(|hash| hash == self.hash.to_string())
    }
}
