//! The scheduled reconcile of the receipts: products with events that were never published, because their stream records never
//! arrived, are published.

use async_trait::async_trait;
use event_store::StoreError;
use event_store::handled::Link;
use event_store::receipts::{claimed, published};
use event_store::reconcile::{ComparedProduct, ReconcileResult, ReconciledConsumer};
use tokio::time::Instant;

use crate::catch_up::CatchUpOutcome;
use crate::publisher::{CONSUMER, Publisher};

#[async_trait]
impl ReconciledConsumer for Publisher {
    fn consumers(&self) -> Vec<&'static str> {
        vec![CONSUMER]
    }

    async fn reconcile(&self, product: &ComparedProduct<'_>) -> Result<Vec<ReconcileResult>, StoreError> {
        let result = match self.reconcile_receipts(product).await {
            Err(error) if error.is_unreadable() => {
                let reason = format!("{error}; run `ledger verify --receipts {}`", product.id);
                ReconcileResult::Left { since: product.now, reason }
            }
            result => result?,
        };
        Ok(vec![result])
    }
}

impl Publisher {
    async fn reconcile_receipts(&self, product: &ComparedProduct<'_>) -> Result<ReconcileResult, StoreError> {
        let up_to = self.published_of(product).await?;
        if up_to == product.version || (up_to > product.version && product.has_reached(up_to).await?) {
            return Ok(ReconcileResult::Agrees);
        }
        if up_to > product.version {
            let reason = format!(
                "there are receipts up to event {up_to} where the event table ends with {}; run `ledger verify --receipts {}`",
                product.version, product.id
            );
            return Ok(ReconcileResult::Left { since: product.now, reason });
        }
        let Some(since) = product.lacks_since(up_to).await? else { return Ok(ReconcileResult::Agrees) };
        if self.ports.parking.of(CONSUMER, &product.id).await?.is_some() {
            return Ok(ReconcileResult::Parked { since });
        }
        let turn = self.catching_up.lock().await;
        let time_left = product.deadline.saturating_duration_since(Instant::now());
        let outcome = self.publish_in_turn(&turn, &product.id, time_left).await?;
        Ok(match outcome {
            CatchUpOutcome::UpTo(up_to) if up_to >= product.version => ReconcileResult::Repaired,
            CatchUpOutcome::UpTo(up_to) => {
                let reason = format!("it is published up to event {up_to} also after the repair");
                ReconcileResult::Left { since, reason }
            }
            CatchUpOutcome::Parked(cause) => ReconcileResult::Left { since, reason: cause.reason },
        })
    }

    /// The last event that counts as published: two reads where the newest receipt is that of the newest commit.
    async fn published_of(&self, product: &ComparedProduct<'_>) -> Result<u64, StoreError> {
        let (journal, receipts) = (&*self.ports.journal, &*self.ports.receipts);
        let position = receipts.position(&product.id).await?;
        let claim = claimed(journal, &product.id, &position).await?;
        let link = Link::of(&product.newest);
        let is_of_newest = claim.published == product.version
            && claim.newest.as_ref().zip(link).is_none_or(|(newest, link)| !newest.is_contradicted_by(link));
        if is_of_newest {
            return Ok(claim.published);
        }
        Ok(published(journal, receipts, &product.id, &position).await?.up_to)
    }
}
