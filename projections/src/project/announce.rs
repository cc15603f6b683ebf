//! Announces the commits of a batch of records to the sequencer of the log, before they are projected.
//!
//! The promise: what cannot be announced is parked for the log, and projection goes on; what can be neither announced nor parked
//! is handed back.

use std::sync::Arc;

use event_store::announced::{LOG_CONSUMER, MOST_COMMITS};
use event_store::limits::until;
use event_store::{AnnouncedCommit, AnnouncedKey, Announcement, Announcements};
use futures::StreamExt;
use schema::{Hash, Ids, Timestamp};
use tokio::time::Instant;

use super::Projector;
use super::batch::ProductRecords;
use crate::projection::ProjectionError;

/// Where commits are announced.
pub(super) struct CommitAnnouncer {
    announcements: Arc<dyn Announcements>,
    ids: Ids,
}

impl Projector {
    /// The same projector, which announces what it meets before it projects it.
    #[must_use]
    pub fn announcing(self, announcements: Arc<dyn Announcements>, ids: Ids) -> Self {
        Self { announcer: Some(CommitAnnouncer { announcements, ids }), ..self }
    }

    /// Announces products; answers with the first records of those that could be neither announced nor parked.
    pub(super) async fn announce(&self, products: &[ProductRecords], end: Option<Instant>) -> Vec<String> {
        let Some(announcer) = &self.announcer else { return Vec::new() };
        let mut handed_back = Vec::new();
        for products in products.chunks(MOST_COMMITS) {
            // A table that does not answer must leave time for the projection.
            let now = Instant::now();
            let enough = end.map(|end| now + end.saturating_duration_since(now) / 4);
            let announcement = announcer.announcement(products);
            let stored = until(enough, announcer.announcements.announce(&announcement)).await.flatten();
            let Err(error) = stored else { continue };
            tracing::warn!(target: "ledger::projector", %error, products = products.len(), "commits cannot be announced to the log; their products are parked for it");
            let parked = products.iter().map(|records| {
                let error = ProjectionError::retryable(records.first_sequence(), &error);
                let parking = self.park(LOG_CONSUMER, &records.commits.product, error);
                async move {
                    let parked = until(end, parking).await;
                    (!matches!(parked, Ok(Ok(())))).then(|| records.first_record.clone())
                }
            });
            let parked = futures::stream::iter(parked.collect::<Vec<_>>()).buffer_unordered(self.at_once);
            handed_back.extend(parked.collect::<Vec<_>>().await.into_iter().flatten());
        }
        handed_back
    }
}

impl CommitAnnouncer {
    fn announcement(&self, products: &[ProductRecords]) -> Announcement {
        let commits = products.iter().map(announced);
        let recorded = products.iter().flat_map(|records| records.commits.by_sequence.values());
        let oldest =
            recorded.filter_map(|commit| Timestamp::parse(commit.text("recorded_at").ok()?).ok()).min();
        Announcement { id: (self.ids)(), oldest, commits: commits.collect() }
    }
}

/// The newest commit of a product, unless a record of it cannot be read: then the event table has to tell.
fn announced(records: &ProductRecords) -> AnnouncedCommit {
    let newest = records.commits.by_sequence.last_key_value().filter(|_| !records.unreadable);
    let newest = newest.and_then(|(sequence, commit)| {
        let hash = Hash::try_from(commit.text("hash").ok()?.to_owned()).ok()?;
        Some(AnnouncedKey { sequence: *sequence, hash })
    });
    AnnouncedCommit { product: records.commits.product.clone(), newest }
}
