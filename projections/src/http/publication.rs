//! The publication of commits: for each event the receipt of the bus, why there is none, or that it was restored.

use std::collections::BTreeMap;
use std::ops::Range;

use event_store::{Journal, Receipts, receipts};
use schema::{ProductId, PublicationRecord, StoredCommit};
use schemars::JsonSchema;
use serde::Serialize;
use web::Problem;

use super::answer::{self, Stored};

/// The publication of an event.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Publication {
    /// The receipt of the bus, or why there is none.
    Record(PublicationRecord),
    /// The event was restored from an export without its receipt; it counts as published.
    Restored(Restored),
    /// There is no record so far.
    // `null`; an alternative like the others, since generators of clients accept no optional entries in a list.
    Pending,
}

/// Stands for a receipt that was not restored.
#[derive(Serialize, JsonSchema)]
pub(super) struct Restored {
    /// Always `true`.
    restored: bool,
}

/// The stores that tell what was published.
pub(super) struct Publications<'a> {
    pub(super) journal: &'a dyn Journal,
    pub(super) receipts: &'a dyn Receipts,
}

impl Publications<'_> {
    /// The publication of each event of each of these commits of a product, which follow one another.
    pub(super) async fn of(
        &self,
        id: &ProductId,
        commits: &[&StoredCommit],
    ) -> Result<Vec<Vec<Publication>>, Problem> {
        let numbered = commits.iter().map(|commit| Ok((sequences(id, commit)?, *commit)));
        let numbered: Vec<(Range<u64>, &StoredCommit)> = numbered.collect::<Result<_, Problem>>()?;
        let (Some((first, _)), Some((last, _))) = (numbered.first(), numbered.last()) else {
            return Ok(Vec::new());
        };
        let (from, to) = (first.start, last.end - 1);
        let records = self.receipts.of(id, from, to).await;
        let mut records: BTreeMap<u64, PublicationRecord> =
            records.map_err(answer::failed(Stored::Receipts, Some(id)))?.into_iter().collect();
        for (sequences, commit) in &numbered {
            // A record counts for its event alone.
            records.retain(|sequence, record| {
                !sequences.contains(sequence) || receipts::is_of(record, commit, *sequence)
            });
        }
        let all = (from..=to).all(|sequence| records.contains_key(&sequence));
        let restored = if all { 0 } else { self.restored(id).await? };
        let mut known = |sequence| match records.remove(&sequence) {
            Some(record) => Publication::Record(record),
            None if sequence <= restored => Publication::Restored(Restored { restored: true }),
            None => Publication::Pending,
        };
        Ok(numbered.into_iter().map(|(sequences, _)| sequences.map(&mut known).collect()).collect())
    }

    /// The sequence of the last event that a restore marked as published.
    async fn restored(&self, id: &ProductId) -> Result<u64, Problem> {
        let position =
            self.receipts.position(id).await.map_err(answer::failed(Stored::Receipts, Some(id)))?;
        let restored = receipts::restored(self.journal, id, &position).await;
        restored.map_err(answer::failed(Stored::Receipts, Some(id)))
    }
}

impl Publication {
    /// When the bus accepted the event.
    pub(super) fn published_at(&self) -> Option<String> {
        match self {
            Self::Record(PublicationRecord::Receipt(receipt)) => Some(receipt.published_at.to_string()),
            Self::Record(PublicationRecord::Failure(_)) | Self::Restored(_) | Self::Pending => None,
        }
    }
}

/// The sequences of a commit's events, even if this build cannot read the events.
pub(super) fn sequences(id: &ProductId, commit: &StoredCommit) -> Result<Range<u64>, Problem> {
    commit.sequences().map_err(|error| answer::unreadable(id, &error))
}
