//! Compares generations with the event table, product by product. Views lag a little, so products that differ are compared
//! again until they reach what the ledger had at the first comparison, or there is no more progress.

use std::collections::BTreeMap;
use std::time::Duration;

use event_store::poll::PollPolicy;
use futures::{StreamExt, join, stream};
use schema::ProductId;

use super::{
    LISTED, MetRow, MetRows, OnProgress, PARALLEL, Pages, Rebuild, RebuildError, ViewRebuildPhase,
    ViewRebuildProgress, ViewRebuildReport, unknown_rows,
};
use crate::projection::Difference;
use crate::views::Generation;

/// Comparisons without progress after which a difference is final.
const IDLE_ATTEMPTS: u32 = 10;

/// The products that differ in one generation.
pub(super) struct GenerationComparison {
    generation: Generation,
    differing: Vec<(ProductId, Difference)>,
}

impl GenerationComparison {
    pub(super) fn of(generation: Generation) -> Self {
        Self { generation, differing: Vec::new() }
    }

    /// The rows that were met, of which `agreeing` do not differ.
    fn met(&self, agreeing: u64) -> MetRows {
        let mut met = MetRows { readable: agreeing, ..MetRows::default() };
        for (product, difference) in &self.differing {
            met.add(product.as_str(), MetRow::of(Some(difference)));
        }
        met
    }

    /// # Errors
    /// [`RebuildError::Incomplete`]: the generation differs from the event table; do not switch to it.
    pub(super) fn must_agree(&self) -> Result<(), RebuildError> {
        match self.differing.first() {
            None => Ok(()),
            Some((product, difference)) => Err(RebuildError::Incomplete {
                product: product.clone(),
                difference: difference.clone(),
                others: self.differing.len() - 1,
            }),
        }
    }
}

impl Rebuild {
    /// Compares generations with the event table; the report describes the first.
    pub(super) async fn compare(
        &self,
        report: &mut ViewRebuildReport,
        comparisons: &mut [GenerationComparison],
        watch: OnProgress<'_>,
    ) -> Result<(), RebuildError> {
        let mut pages = Pages::of(self.journal.as_ref());
        let (mut last, mut page) = (None, pages.products().await?);
        while let Some(mut products) = page {
            // The commits of a product are adjacent but may span pages.
            products.dedup();
            products.retain(|product| last.as_ref() != Some(product));
            last = products.last().cloned().or(last);
            report.products += products.len() as u64;
            // The next page is read while the products of this one are compared.
            let (next, compared) = join!(pages.products(), self.compare_page(&products, comparisons, report));
            compared?;
            page = next?;
            watch(ViewRebuildProgress { phase: ViewRebuildPhase::Comparing, commits: pages.commits });
        }
        report.commits = pages.commits;
        for comparison in &mut *comparisons {
            self.compare_again(comparison, report).await?;
        }
        if let Some(read) = comparisons.first() {
            // A product whose commits cannot be read was not compared: it may be shown or not.
            let compared = report.products.saturating_sub(report.unreadable.len() as u64);
            let agreeing = compared.saturating_sub(read.differing.len() as u64);
            let met = read.met(agreeing);
            let unknown = unknown_rows(&*self.projection, &*self.journal, read.generation, &met).await?;
            report.differing = (read.differing.len() + unknown.len()) as u64;
            let known =
                read.differing.iter().map(|(product, difference)| (product.to_string(), difference.clone()));
            report.differences = known.chain(unknown).take(LISTED).collect();
        }
        Ok(())
    }

    async fn compare_page(
        &self,
        products: &[ProductId],
        comparisons: &mut [GenerationComparison],
        report: &mut ViewRebuildReport,
    ) -> Result<(), RebuildError> {
        for comparison in comparisons {
            let differing = self.differing(comparison.generation, products, report).await?;
            comparison.differing.extend(differing);
        }
        Ok(())
    }

    async fn compare_again(
        &self,
        comparison: &mut GenerationComparison,
        report: &mut ViewRebuildReport,
    ) -> Result<(), RebuildError> {
        let policy = PollPolicy { pause: self.pause, idle_looks: IDLE_ATTEMPTS, at_most: Duration::MAX };
        let mut poll = policy.begin();
        while poll.again(comparison.differing.len()).await {
            let products: Vec<ProductId> =
                comparison.differing.iter().map(|(product, _)| product.clone()).collect();
            let found = self.differing(comparison.generation, &products, report).await?;
            let before = std::mem::take(&mut comparison.differing);
            comparison.differing = remaining(&before, found);
        }
        Ok(())
    }

    async fn differing(
        &self,
        generation: Generation,
        products: &[ProductId],
        report: &mut ViewRebuildReport,
    ) -> Result<Vec<(ProductId, Difference)>, RebuildError> {
        let mut compared = stream::iter(products.to_vec())
            .map(|product| async move {
                let outcome = self.projection.compare(generation, &product).await;
                (product, outcome)
            })
            .buffered(PARALLEL);
        let mut differing = Vec::new();
        while let Some((product, outcome)) = compared.next().await {
            match outcome {
                Ok(None) => {}
                Ok(Some(difference)) => differing.push((product, difference)),
                Err(error) if error.retryable => {
                    return Err(RebuildError::Projection { product, reason: error.reason });
                }
                Err(error) => {
                    if report.unreadable.iter().all(|(known, _)| *known != product) {
                        report.unreadable.push((product, error.reason));
                    }
                }
            }
        }
        Ok(differing)
    }
}

/// What still differs. A view that has reached what the ledger had at the first comparison keeps up: new commits since do
/// not make it count as behind.
fn remaining(
    before: &[(ProductId, Difference)],
    found: Vec<(ProductId, Difference)>,
) -> Vec<(ProductId, Difference)> {
    let before: BTreeMap<&ProductId, &Difference> =
        before.iter().map(|(product, difference)| (product, difference)).collect();
    let target = |product: &ProductId| match before.get(product) {
        Some(Difference::Behind { newest, .. }) => Some(*newest),
        Some(
            Difference::Missing
            | Difference::Content { .. }
            | Difference::Other { .. }
            | Difference::Unknown
            | Difference::Unreadable { .. },
        )
        | None => None,
    };
    let still = |(product, now): (ProductId, Difference)| match (target(&product), now) {
        (Some(target), Difference::Behind { seen, .. }) if seen >= target => None,
        // The target stays, or a product that keeps changing would never be reached.
        (Some(newest), Difference::Behind { seen, .. }) => {
            Some((product, Difference::Behind { seen, newest }))
        }
        (_, now) => Some((product, now)),
    };
    found.into_iter().filter_map(still).collect()
}

#[cfg(test)]
mod tests {
    use schema::fixtures;

    use super::*;

    fn after(before: Difference, found: Option<Difference>) -> Vec<Difference> {
        let id = fixtures::id("p");
        let found = found.map(|difference| (id.clone(), difference));
        let remaining = remaining(&[(id.clone(), before)], found.into_iter().collect());
        remaining.into_iter().map(|(_, difference)| difference).collect()
    }

    fn behind(seen: u64, newest: u64) -> Difference {
        Difference::Behind { seen, newest }
    }

    #[test]
    fn a_view_that_follows_a_busy_product_is_not_behind() {
        assert_eq!(after(behind(3, 5), Some(behind(5, 9))), []);
        assert_eq!(after(behind(3, 5), None), []);
        assert_eq!(after(Difference::Missing, None), []);
    }

    #[test]
    fn a_view_that_does_not_follow_is_behind_what_the_ledger_had_first() {
        assert_eq!(after(behind(3, 5), Some(behind(4, 9))), [behind(4, 5)]);
        assert_eq!(after(Difference::Missing, Some(behind(1, 2))), [behind(1, 2)]);
        assert_eq!(after(behind(3, 5), Some(Difference::Other { seen: 9 })), [Difference::Other { seen: 9 }]);
    }
}
