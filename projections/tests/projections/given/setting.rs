//! Both views on one set of tables, fed commit by commit, and their rebuilds.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use event_store::{Journal, MemoryJournal, MemoryParking};
use projections::projection::Projection;
use projections::rebuild::{Rebuild, RebuildConflict, ViewRebuildProgress};
use projections::views::{Generation, Generations, View};
use projections::{Catalogue, MemoryPriceLog, MemoryViews, PriceLog, Prices, Projector, Views};

use super::{Deed, Life, batch, noon, prices_of, record, views_of};

/// Both views on the same stores, and the projector that feeds them.
pub(crate) struct Setting {
    pub(crate) views: Arc<dyn Views>,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) projections: Vec<Arc<dyn Projection>>,
    pub(crate) projector: Projector,
}

pub(crate) fn setting(config: &SdkConfig, journal: Arc<MemoryJournal>) -> Setting {
    on(Arc::new(views_of(config)), Arc::new(prices_of(config)), journal)
}

/// With stores in memory: for tests under a paused clock, which runs ahead while a request waits for an answer.
pub(crate) fn setting_in_memory() -> Setting {
    on(Arc::<MemoryViews>::default(), Arc::<MemoryPriceLog>::default(), Arc::default())
}

fn on(views: Arc<dyn Views>, prices: Arc<dyn PriceLog>, journal: Arc<MemoryJournal>) -> Setting {
    let projections: Vec<Arc<dyn Projection>> = vec![
        Arc::new(Catalogue::new(views.clone(), journal.clone())),
        Arc::new(Prices::new(prices, journal.clone())),
    ];
    Setting {
        projector: Projector::new(
            views.clone(),
            projections.clone(),
            Arc::<MemoryParking>::default(),
            noon(),
        ),
        views,
        journal,
        projections,
    }
}

impl Setting {
    pub(crate) fn rebuild(&self, view: View) -> Rebuild {
        let projection = self.projections.iter().find(|projection| projection.view() == view);
        self.rebuild_by(projection.unwrap().clone())
    }

    pub(crate) fn rebuild_by(&self, projection: Arc<dyn Projection>) -> Rebuild {
        Rebuild {
            views: self.views.clone(),
            projection,
            journal: self.journal.clone(),
            overlap: Duration::ZERO,
            pause: Duration::from_millis(5),
            on_conflict: RebuildConflict::TakeOver,
        }
    }

    pub(crate) async fn happens(&self, life: &mut Life, deed: &Deed) {
        life.goes_on(deed);
        self.recorded(life).await;
    }

    /// The newest commit of the life is appended, then projected.
    pub(crate) async fn recorded(&self, life: &Life) {
        let (_, stored) = life.commits.last().unwrap();
        self.journal.append(stored).await.unwrap();
        let answer = self.projector.project(batch(vec![record(stored)])).await;
        assert!(answer.batch_item_failures.is_empty());
    }

    pub(crate) async fn generations(&self, view: View) -> Generations {
        self.views.generations().await.unwrap().of(view).clone()
    }

    /// Which of these generations of a view have rows: the one that is read, and those that something is dropped from.
    pub(crate) async fn generations_with_rows(
        &self,
        view: View,
        among: std::ops::RangeInclusive<u32>,
    ) -> Vec<Generation> {
        let read = self.generations(view).await.read;
        let projection = self.projections.iter().find(|projection| projection.view() == view).unwrap();
        let mut found = Vec::new();
        for generation in among.map(Generation) {
            if generation == read || projection.drop_generation(generation).await.unwrap() > 0 {
                found.push(generation);
            }
        }
        found
    }

    /// Compares the generations of both views that are read with the event table.
    pub(crate) async fn agrees(&self, lives: &[Life]) {
        let generations = self.views.generations().await.unwrap();
        for projection in &self.projections {
            let read = generations.of(projection.view()).read;
            for life in lives {
                let difference = projection.compare(read, &life.id).await.unwrap();
                assert_eq!(difference, None, "{:?} {}", projection.view(), life.id);
            }
        }
    }
}

pub(crate) async fn some_lives(setting: &Setting, count: usize) -> Vec<Life> {
    let mut lives = Vec::new();
    for n in 0..count {
        let mut life = Life::begins(&format!("p{n:02}"), "Helmet", "1");
        setting.recorded(&life).await;
        for step in 0..n % 4 {
            setting.happens(&mut life, &Deed::Reprice(format!("{}", 10 + step), "USD")).await;
        }
        if n % 5 == 4 {
            setting.happens(&mut life, &Deed::DeleteOrRestore).await;
        }
        lives.push(life);
    }
    lives
}

pub(crate) fn unwatched() -> impl Fn(ViewRebuildProgress) + Send + Sync {
    |_| {}
}

pub(crate) async fn rows_of(views: &dyn Views, generation: Generation) -> usize {
    let (mut rows, mut from) = (0, None);
    loop {
        let page = views.rows(generation, from, 1_000).await.unwrap();
        rows += page.products.len();
        from = page.next;
        if from.is_none() {
            return rows;
        }
    }
}
