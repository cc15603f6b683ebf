//! The report on several products does not depend on which store answers first: each product is counted once, and faults are
//! in order of products.

use std::time::Duration;

use async_trait::async_trait;
use event_store::StoreError;
use event_store::{MemoryJournal, seal};
use projections::prices::FoldedCommit;
use projections::projection::{ProductCommits, ProjectionError, ShownPage};
use projections::{MemoryPriceLog, MemoryViews, PriceLog};
use schema::fixtures;

use super::*;

const PRODUCTS: u64 = 6;

/// A view that shows nothing: of the last product it says so first, and each view in a time of its own.
struct Missing {
    view: View,
    slow: Duration,
}

#[async_trait]
impl Projection for Missing {
    fn view(&self) -> View {
        self.view
    }

    async fn apply(&self, _: Generation, _: &ProductCommits) -> Result<(), ProjectionError> {
        Ok(())
    }

    async fn catch_up(&self, _: Generation, _: &ProductId) -> Result<(), ProjectionError> {
        Ok(())
    }

    async fn compare(
        &self,
        _: Generation,
        product: &ProductId,
    ) -> Result<Option<Difference>, ProjectionError> {
        let place: u64 = product.as_str().trim_start_matches('p').parse().unwrap_or_default();
        tokio::time::sleep(self.slow + Duration::from_millis(100 - 10 * place)).await;
        Ok(Some(Difference::Missing))
    }

    async fn shown_version(&self, _: Generation, _: &ProductId) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn shown(&self, _: Generation, _: Option<String>, _: usize) -> Result<ShownPage, StoreError> {
        Ok(ShownPage::default())
    }

    async fn drop_generation(&self, _: Generation) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn id(place: u64) -> ProductId {
    fixtures::id(&format!("p{place}"))
}

/// Both views lack every product, and the price histories have one more.
async fn compared(horizon: Horizon) -> ViewFindings {
    let journal = Arc::<MemoryJournal>::default();
    for place in 0..PRODUCTS {
        let unsealed = fixtures::commit_after(None, &id(place), vec![fixtures::helmet_created()]);
        journal.append(&seal(unsealed).unwrap().1).await.unwrap();
    }
    let (products, prices) = (Arc::<MemoryViews>::default(), Arc::<MemoryPriceLog>::default());
    let read = products.generations().await.unwrap().prices.read;
    let alone = FoldedCommit { last: 1, entries: Vec::new(), origin: None };
    prices.fold(read, &fixtures::id("alone"), &[alone]).await.unwrap();
    let views = ReadOnlyViews { products, prices, projector: None };
    let slow = Duration::from_millis(35);
    let comparison = ViewComparison {
        views: &views,
        journal,
        read_models: [
            Arc::new(Missing { view: View::Products, slow }),
            Arc::new(Missing { view: View::Prices, slow: Duration::ZERO }),
        ],
        restore_first: false,
    };
    let of_the_ledger = (0..PRODUCTS).map(id).collect();
    let horizon = async || Ok(horizon);
    comparison.run(of_the_ledger, Some(ShownRows::default()), PollPolicy::once(), horizon).await.unwrap()
}

/// Every product there is, in order.
fn all() -> Vec<ProductId> {
    std::iter::once(fixtures::id("alone")).chain((0..PRODUCTS).map(id)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_product_that_both_views_lack_is_behind_once() {
    let nothing = all().iter().map(|product| (product.to_string(), 1)).collect();
    let compared = compared(Horizon::Behind(nothing)).await;
    assert_eq!(compared.behind, all());
    assert!(compared.faults.is_empty());
}

#[tokio::test(start_paused = true)]
async fn faults_come_in_order_of_products_and_then_of_views() {
    let compared = compared(Horizon::Behind(BTreeMap::new())).await;
    let found: Vec<_> = compared
        .faults
        .iter()
        .map(|report| match &report.faults[0].kind {
            FaultKind::WrongView { view, .. } => (report.product_id.clone(), *view),
            other => panic!("{other:?}"),
        })
        .collect();
    let views = View::ALL.map(View::name);
    let expected: Vec<_> =
        all().into_iter().flat_map(|product| views.map(|view| (product.to_string(), view))).collect();
    assert_eq!(found, expected);
    assert!(compared.behind.is_empty());
}
