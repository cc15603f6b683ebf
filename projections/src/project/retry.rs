//! Parked products are repaired from the event table: the retryable ones by a schedule, any one when somebody asks.

use event_store::StoreError;
use event_store::parking::{Parked, note_parked};
use futures::StreamExt;
use schema::ProductId;
use serde::Serialize;

use super::{PARALLEL, Projector};
use crate::projection::{Projection, Stuck};
use crate::views::{self, Lineup};

/// How many parking rows are read at once.
const PAGE: usize = 100;

/// What came of a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Retried {
    /// Views that are where the event table is.
    pub repaired: usize,
    /// Views that are not; the parking rows say why.
    pub still_parked: usize,
}

impl Projector {
    /// Repairs every product that is parked for a reason that time can heal.
    ///
    /// # Errors
    /// [`StoreError`]: the parking table does not answer; the next round tries again.
    pub async fn retry_parked(&self) -> Result<Retried, StoreError> {
        let lineup = self.views.lineup().await;
        let mut retried = Retried::default();
        for projection in &self.projections {
            let (mut after, mut parked) = (None, 0);
            loop {
                let rows = self.parking.list(projection.view().name(), after.as_ref(), PAGE).await?;
                let last = rows.len() < PAGE;
                parked += rows.len();
                after = rows.last().map(|row| row.product_id.clone());
                let outcomes = futures::stream::iter(rows.into_iter().filter(|row| row.retryable))
                    .map(|row| async { self.repair(projection.as_ref(), lineup.as_ref(), row).await })
                    .buffer_unordered(PARALLEL)
                    .collect::<Vec<_>>()
                    .await;
                for repaired in outcomes {
                    let repaired = repaired?;
                    retried.count(repaired);
                    parked -= usize::from(repaired);
                }
                if last {
                    break;
                }
            }
            note_parked(projection.view().name(), parked);
        }
        Ok(retried)
    }

    /// Brings one product's views to where the event table is, parked or not, retryable or not.
    ///
    /// # Errors
    /// [`StoreError`]: the parking table does not answer; try again.
    pub async fn retry(&self, product: &ProductId) -> Result<Retried, StoreError> {
        let lineup = self.views.lineup().await;
        let mut retried = Retried::default();
        for projection in &self.projections {
            let repaired = match self.parking.of(projection.view().name(), product).await? {
                Some(row) => self.repair(projection.as_ref(), lineup.as_ref(), row).await?,
                None => self.caught_up(projection.as_ref(), lineup.as_ref(), product, 1).await?,
            };
            retried.count(repaired);
        }
        Ok(retried)
    }

    async fn repair(
        &self,
        projection: &dyn Projection,
        lineup: Result<&Lineup, &views::Unavailable>,
        row: Parked,
    ) -> Result<bool, StoreError> {
        let caught_up = self.caught_up(projection, lineup, &row.product_id, row.from_sequence).await?;
        if caught_up {
            self.parking.release(&row).await?;
        }
        Ok(caught_up)
    }

    async fn caught_up(
        &self,
        projection: &dyn Projection,
        lineup: Result<&Lineup, &views::Unavailable>,
        product: &ProductId,
        from_sequence: u64,
    ) -> Result<bool, StoreError> {
        let mut outcome = Ok(());
        match lineup {
            Err(error) => outcome = Err(Stuck::for_now(from_sequence, error)),
            Ok(lineup) => {
                for generation in &lineup.of(projection.view()).write {
                    let done = projection.catch_up(*generation, product).await;
                    let later = done.as_ref().is_err_and(|stuck| stuck.retryable);
                    outcome = outcome.and(done);
                    if later {
                        break;
                    }
                }
            }
        }
        match outcome {
            Ok(()) => Ok(true),
            Err(stuck) => self.park(projection.view().name(), product, stuck).await.map(|()| false),
        }
    }
}

impl Retried {
    fn count(&mut self, repaired: bool) {
        if repaired {
            self.repaired += 1;
        } else {
            self.still_parked += 1;
        }
    }
}
