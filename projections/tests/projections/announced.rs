//! What the projector meets is announced to the log before it is projected; a log that does not answer holds nothing up.

use std::sync::Arc;

use async_trait::async_trait;
use event_store::announced::LOG_CONSUMER;
use event_store::{
    AnnouncedCommit, AnnouncedKey, Announcement, Announcements, MemoryAnnouncements, MemoryParking, Parking,
    StoreError,
};
use projections::views::Generation;
use projections::{Catalogue, MemoryViews, Projector, Views};
use schema::{Ids, fixtures};
use serde_json::json;
use ulid::Ulid;

use crate::given::doubles::NoParking;
use crate::given::{Deed, Life, MINUTE, batch, noon, record};

fn ids() -> Ids {
    Arc::new(|| Ulid::from_parts(1_763_000_000_000, 1))
}

/// A table of feed items that is away, or never answers.
struct NoAnnouncements {
    is_silent: bool,
}

#[async_trait]
impl Announcements for NoAnnouncements {
    async fn announce(&self, _: &Announcement) -> Result<(), StoreError> {
        if self.is_silent {
            std::future::pending::<()>().await;
        }
        Err(StoreError::new("away".into()))
    }

    async fn page(&self, _: Option<Ulid>, _: usize) -> Result<Vec<Announcement>, StoreError> {
        Err(StoreError::new("away".into()))
    }
}

fn projector(
    views: &Arc<MemoryViews>,
    parking: Arc<dyn Parking>,
    announcements: Arc<dyn Announcements>,
) -> Projector {
    let catalogue = Arc::new(Catalogue::new(views.clone(), Arc::<event_store::MemoryJournal>::default()));
    Projector::new(views.clone(), vec![catalogue], parking, noon()).announcing(announcements, ids())
}

fn newest(life: &Life, index: usize) -> AnnouncedCommit {
    let commit = &life.commits[index].0;
    let newest = AnnouncedKey { sequence: commit.sequence, hash: commit.hash.clone() };
    AnnouncedCommit { product: life.id.clone(), newest: Some(newest) }
}

#[tokio::test]
async fn the_newest_commit_of_each_product_of_a_batch_is_announced_once() {
    let (views, announcements) = (Arc::default(), Arc::<MemoryAnnouncements>::default());
    let projector = projector(&views, Arc::<MemoryParking>::default(), announcements.clone());
    let (a, b) = (Life::of("a", &[Deed::Rename("Hat".into())]), Life::of("b", &[]));
    let c = Life::of("c", &[]);
    let mut unreadable = c.commits[0].1.clone();
    unreadable.0.insert("sequence".into(), json!("x"));
    let records = vec![a.record(0), b.record(0), a.record(1), a.record(0), record(&unreadable)];
    projector.project(batch(records)).await;
    let announced = announcements.page(None, 10).await.unwrap();
    let unread = AnnouncedCommit { product: c.id.clone(), newest: None };
    let oldest = [&a, &b].map(|life| life.commits[0].0.recorded_at).into_iter().min();
    assert_eq!(announced.len(), 1);
    assert_eq!(announced[0].commits, [newest(&a, 1), newest(&b, 0), unread]);
    assert_eq!(announced[0].oldest, oldest);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_announced_is_parked_for_the_log_and_projected() {
    for is_silent in [false, true] {
        let (views, parking) = (Arc::default(), Arc::<MemoryParking>::default());
        let projector = projector(&views, parking.clone(), Arc::new(NoAnnouncements { is_silent }));
        let life = Life::of("a", &[Deed::Rename("Hat".into())]);
        let answer = projector.project_within(batch(vec![life.record(0), life.record(1)]), MINUTE).await;
        assert!(answer.batch_item_failures.is_empty());
        let shown = views.get(Generation(1), &life.id).await.unwrap().unwrap();
        assert_eq!(shown.version, 2);
        let parked = parking.of(LOG_CONSUMER, &life.id).await.unwrap().unwrap();
        assert_eq!((parked.from_sequence, parked.retryable), (1, true));
    }
}

#[tokio::test]
async fn what_can_be_neither_announced_nor_parked_is_handed_back_and_projected() {
    let views = Arc::<MemoryViews>::default();
    let projector = projector(&views, Arc::new(NoParking), Arc::new(NoAnnouncements { is_silent: false }));
    let life = Life::of("a", &[]);
    let record = life.record(0);
    let number = record.change.sequence_number.clone();
    let answer = projector.project(batch(vec![record])).await;
    let failed: Vec<_> =
        answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failed, [number]);
    assert!(views.get(Generation(1), &fixtures::id("a")).await.unwrap().is_some());
}
