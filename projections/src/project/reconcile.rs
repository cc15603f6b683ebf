//! The scheduled reconcile of the views: by version alone, which costs a read for each view, where a comparison of contents
//! (`ledger verify --views`) reads whole histories.

use std::time::Duration;

use async_trait::async_trait;
use event_store::StoreError;
use event_store::reconcile::{ComparedProduct, ReconcileResult, ReconciledConsumer};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Projector;
use crate::projection::Projection;
use crate::views::{ViewGenerations, Views};

/// The name of this function's rounds. Stored. Never change.
pub const ROUNDS: &str = "projector";

/// How long the generations are kept that a comparison reads, as queries do: reading them costs as much as a product.
const RECENT: Duration = Duration::from_secs(5);

/// The generations that were read last.
#[derive(Default)]
pub(super) struct RecentGenerations(Mutex<Option<(Instant, ViewGenerations)>>);

impl RecentGenerations {
    async fn of(&self, views: &dyn Views) -> Result<ViewGenerations, StoreError> {
        let mut recent = self.0.lock().await;
        if let Some((read, generations)) = recent.as_ref()
            && read.elapsed() < RECENT
        {
            return Ok(generations.clone());
        }
        let generations = views.generations().await?;
        *recent = Some((Instant::now(), generations.clone()));
        Ok(generations)
    }
}

/// A read that is slightly stale is repeated after this.
const SETTLING: Duration = Duration::from_secs(1);

#[async_trait]
impl ReconciledConsumer for Projector {
    fn consumers(&self) -> Vec<&'static str> {
        self.projections.iter().map(|projection| projection.view().name()).collect()
    }

    async fn reconcile(&self, product: &ComparedProduct<'_>) -> Result<Vec<ReconcileResult>, StoreError> {
        let generations = self.generations.of(&*self.views).await?;
        let mut results = Vec::new();
        for projection in &self.projections {
            let result = match self.reconcile_view(&**projection, &generations, product).await {
                Err(error) if error.is_unreadable() => {
                    let reason = format!("{error}; run `{}`", rebuild_of(&**projection));
                    ReconcileResult::Left { since: product.now, reason }
                }
                result => result?,
            };
            results.push(result);
        }
        Ok(results)
    }
}

impl Projector {
    async fn reconcile_view(
        &self,
        projection: &dyn Projection,
        generations: &ViewGenerations,
        product: &ComparedProduct<'_>,
    ) -> Result<ReconcileResult, StoreError> {
        let view = projection.view();
        let read = generations.of(view).read;
        let seen = projection.shown_version(read, &product.id).await?;
        if seen == product.version || (seen > product.version && product.has_reached(seen).await?) {
            return Ok(ReconcileResult::Agrees);
        }
        if seen > product.version {
            let remedy = rebuild_of(projection);
            let reason = format!(
                "the view shows version {seen} where the event table has {}; run `ledger verify`, then `{remedy}`",
                product.version
            );
            return Ok(ReconcileResult::Left { since: product.now, reason });
        }
        let Some(since) = product.lacks_since(seen).await? else { return Ok(ReconcileResult::Agrees) };
        if self.parking.of(view.name(), &product.id).await?.is_some() {
            return Ok(ReconcileResult::Parked { since });
        }
        // A repair writes every generation that is written now.
        let written = self.views.generations().await?;
        let caught_up = self.catch_up_or_park(projection, Ok(&written), &product.id, seen + 1).await?;
        let mut shown = projection.shown_version(read, &product.id).await?;
        if caught_up && shown < product.version {
            tokio::time::sleep(SETTLING).await;
            shown = projection.shown_version(read, &product.id).await?;
        }
        if shown >= product.version {
            return Ok(ReconcileResult::Repaired);
        }
        let reason =
            format!("the view shows version {shown} also after the repair; the parking row says why");
        Ok(ReconcileResult::Left { since, reason })
    }
}

/// The command that corrects what no repair does.
fn rebuild_of(projection: &dyn Projection) -> String {
    format!("ledger rebuild {}", projection.view().name())
}
