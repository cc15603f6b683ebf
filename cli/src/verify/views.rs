//! Compares the views with the ledger: the row that GET reads, each order and each look-up that LIST reads, the categories,
//! and the price history.
//!
//! The product view is a witness too: what it shows was committed once, so a chain that ends before it lost commits, and one
//! that gives another product was rewritten. Views follow the commits, so every difference is checked again, and a commit that
//! the projector has not reached is not a fault.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use event_store::Journal;
use event_store::poll::PollPolicy;
use event_store::verify::{Chain, FaultKind, ProductReport, Sighting, Witness, WitnessSource, view_remedy};
use futures::{StreamExt, TryStreamExt, stream};
use projections::projection::{Difference, Projection};
use projections::views::{Generation, UnreadableRow, View};
use projections::{Catalogue, Prices, Views};
use schema::{ProductId, Timestamp};

use super::lag::Horizon;
use super::lookups::{self, LookedUp};
use super::orders::{self, Misplaced, ShownRows};
use crate::read_only::ReadOnlyViews;

/// Rows of a request.
const PAGE: usize = 500;

/// Products compared in parallel.
const AT_ONCE: usize = 16;

/// The rows that GET reads.
#[derive(Default)]
pub(super) struct ShownViews {
    pub(super) rows: ShownRows,
    unreadable: Vec<UnreadableRow>,
}

impl ShownViews {
    /// A fault for each row that cannot be read, or only for that of one product.
    pub(super) fn faults(&self, only: Option<&ProductId>, restore_first: bool) -> Vec<ProductReport> {
        let rows = self.unreadable.iter();
        let rows = rows.filter(|row| only.is_none_or(|product| product.as_str() == row.key));
        rows.map(|row| unreadable(&row.key, View::Products, &row.to_string(), restore_first)).collect()
    }
}

/// Adds every product of the view, deleted ones included, to the witnesses.
pub(super) async fn add(
    views: &dyn Views,
    witnesses: &mut BTreeMap<String, Vec<Witness>>,
) -> anyhow::Result<ShownViews> {
    let generation = views.generations().await?.products.read;
    let (mut shown, mut from) = (ShownViews::default(), None);
    loop {
        let page = views.rows(generation, from, PAGE).await?;
        shown.unreadable.extend(page.unreadable);
        for product in page.products {
            shown.rows.add(&product);
            let (id, sequence) = (product.id.to_string(), product.version);
            let (seen, seen_by) = (Sighting::Product(Box::new(product)), WitnessSource::View);
            witnesses.entry(id).or_default().push(Witness { sequence, seen, seen_by });
        }
        from = page.next;
        if from.is_none() {
            return Ok(shown);
        }
    }
}

/// A copy that may not show what it should.
#[derive(Debug, Clone)]
struct Suspect {
    copy: Copy,
    what: String,
    /// The event that differs, if known.
    sequence: Option<u64>,
    difference: Kind,
}

/// How a copy differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It only lacks the event and later ones.
    Lags,
    /// It shows something else.
    Wrong,
    /// It cannot be read.
    Unreadable,
}

#[derive(Debug, Clone)]
enum Copy {
    /// A product in a view, by the index of the read model.
    View(usize, ProductId),
    /// A product in an order.
    Order(Misplaced),
    /// A product in the indexes of look-ups.
    Lookup(LookedUp),
}

/// The comparison of the views with the ledger.
pub(super) struct ViewComparison<'a> {
    views: &'a ReadOnlyViews,
    journal: Arc<dyn Journal>,
    read_models: [Arc<dyn Projection>; 2],
    /// Whether the commits have faults, so that a rebuild of a view would lose what it shows of them.
    restore_first: bool,
}

/// The result of the comparison.
#[derive(Default)]
pub(super) struct ViewFindings {
    pub(super) faults: Vec<ProductReport>,
    /// Products that a view does not show yet.
    pub(super) behind: Vec<ProductId>,
}

impl<'a> ViewComparison<'a> {
    pub(super) fn of(views: &'a ReadOnlyViews, journal: &Arc<dyn Journal>, restore_first: bool) -> Self {
        let catalogue = Catalogue::new(views.products.clone(), journal.clone());
        let prices = Prices::new(views.prices.clone(), journal.clone());
        let read_models: [Arc<dyn Projection>; 2] = [Arc::new(catalogue), Arc::new(prices)];
        Self { views, journal: journal.clone(), read_models, restore_first }
    }

    /// Compares products of the ledger, and with `shown` every order and every category.
    pub(super) async fn run(
        &self,
        products: Vec<ProductId>,
        shown: Option<ShownRows>,
        policy: PollPolicy,
        horizon: impl AsyncFnOnce() -> anyhow::Result<Horizon>,
    ) -> anyhow::Result<ViewFindings> {
        let views = &*self.views.products;
        let mut looked_up: Vec<LookedUp> = products.iter().cloned().map(LookedUp::of).collect();
        let (misplaced, unknown) = match shown {
            Some(shown) => {
                let read = views.generations().await?;
                let misplaced = orders::walk(views, read.products.read, shown).await?;
                looked_up.extend(lookups::counted(views, read.products.read).await?);
                (misplaced, self.priced_alone(read.prices.read, &products).await?)
            }
            None => (
                products.iter().flat_map(|product| orders::places(views, product)).collect(),
                BTreeSet::new(),
            ),
        };
        let every_view = products.into_iter().chain(unknown);
        let every_view = every_view
            .flat_map(|product| (0..self.read_models.len()).map(move |at| Copy::View(at, product.clone())));
        let copies = every_view.chain(misplaced.into_iter().map(Copy::Order));
        let copies = copies.chain(looked_up.into_iter().map(Copy::Lookup));
        let mut suspects = self.look(copies).await?;
        let mut poll = policy.begin();
        while poll.again(suspects.len()).await {
            suspects = self.look_again(suspects).await?;
        }
        if suspects.is_empty() {
            return Ok(ViewFindings::default());
        }
        let horizon = horizon().await?;
        // Once more: what the projector has done until then is visible now.
        self.judge(self.look_again(suspects).await?, &horizon).await
    }

    /// Products with a price history that the ledger does not have; `products` are those of the ledger, in order of id.
    async fn priced_alone(
        &self,
        generation: Generation,
        products: &[ProductId],
    ) -> anyhow::Result<BTreeSet<ProductId>> {
        let (mut alone, mut from) = (BTreeSet::new(), None);
        loop {
            let page = self.views.prices.products(generation, from, PAGE).await?;
            let ids = page.ids.into_iter().filter_map(|id| ProductId::new(id).ok());
            alone.extend(ids.filter(|id| products.binary_search(id).is_err()));
            from = page.next;
            if from.is_none() {
                return Ok(alone);
            }
        }
    }

    async fn look(&self, copies: impl Iterator<Item = Copy>) -> anyhow::Result<Vec<Suspect>> {
        let looks = stream::iter(copies).map(|copy| self.differs(copy));
        looks.buffered(AT_ONCE).try_filter_map(async |suspect| Ok(suspect)).try_collect().await
    }

    async fn look_again(&self, suspects: Vec<Suspect>) -> anyhow::Result<Vec<Suspect>> {
        self.look(suspects.into_iter().map(|suspect| suspect.copy)).await
    }

    async fn differs(&self, copy: Copy) -> anyhow::Result<Option<Suspect>> {
        let (what, sequence, difference) = match &copy {
            Copy::Order(misplaced) => (misplaced.look(&*self.views.products).await?, None, Kind::Wrong),
            Copy::Lookup(looked_up) => (looked_up.look(&*self.views.products).await?, None, Kind::Wrong),
            Copy::View(at, product) => {
                let model = &self.read_models[*at];
                let read = self.views.products.generations().await?.of(model.view()).read;
                match model.compare(read, product).await {
                    Ok(None) => (None, None, Kind::Wrong),
                    // Every such row of this view is a fault already.
                    Ok(Some(Difference::Unreadable { .. })) if model.view() == View::Products => {
                        (None, None, Kind::Unreadable)
                    }
                    Ok(Some(Difference::Unreadable { reason })) => (Some(reason), None, Kind::Unreadable),
                    Ok(Some(difference)) => {
                        let sequence = match difference {
                            Difference::Missing => Some(1),
                            Difference::Behind { seen, .. } => Some(seen + 1),
                            Difference::Content { seen } | Difference::Other { seen } => Some(seen),
                            Difference::Unknown | Difference::Unreadable { .. } => None,
                        };
                        let kind = if difference.is_lag() { Kind::Lags } else { Kind::Wrong };
                        (Some(difference.to_string()), sequence, kind)
                    }
                    // A commit that cannot be read is a fault of its chain.
                    Err(stuck) if !stuck.retryable => (None, None, Kind::Wrong),
                    Err(stuck) => anyhow::bail!("product {product}: {}", stuck.reason),
                }
            }
        };
        Ok(what.map(|what| Suspect { copy, what, sequence, difference }))
    }

    /// Separates faults from lag, both in order of products.
    async fn judge(&self, mut suspects: Vec<Suspect>, horizon: &Horizon) -> anyhow::Result<ViewFindings> {
        suspects.sort_by(|one, other| one.copy.product().cmp(other.copy.product()));
        let mut lagging: BTreeMap<ProductId, usize> = BTreeMap::new();
        for suspect in suspects.iter().filter(|suspect| suspect.difference == Kind::Lags) {
            *lagging.entry(suspect.copy.product().clone()).or_default() += 1;
        }
        let mut compared = ViewFindings::default();
        for suspect in suspects {
            let product = suspect.copy.product().clone();
            if let Some(lacks) = suspect.sequence.filter(|_| suspect.difference == Kind::Lags) {
                // If one view shows it, the projector has reached it.
                let shown_elsewhere =
                    lagging.get(&product).is_some_and(|views| *views < self.read_models.len());
                let recorded_at = self.recorded_at(&product, lacks).await?;
                let passed = horizon.has_passed(product.as_str(), lacks, recorded_at);
                let come = passed || (horizon.is_of_stream() && shown_elsewhere);
                if !come {
                    compared.behind.push(product);
                    continue;
                }
            }
            let view = suspect.copy.view(&self.read_models);
            if suspect.difference == Kind::Unreadable {
                compared.faults.push(unreadable(product.as_str(), view, &suspect.what, self.restore_first));
                continue;
            }
            let mut chain = Chain::of(product.as_str());
            let (what, restore_first) = (suspect.what, self.restore_first);
            let kind = FaultKind::WrongView { view: view.name(), what, restore_first };
            chain.fault(suspect.sequence, None, kind);
            compared.faults.push(chain.end());
        }
        compared.behind.dedup();
        Ok(compared)
    }

    async fn recorded_at(&self, product: &ProductId, sequence: u64) -> anyhow::Result<Option<Timestamp>> {
        let commit = self.journal.newest(product, sequence).await?;
        let text = commit.as_ref().and_then(|commit| commit.text("recorded_at").ok());
        Ok(text.and_then(|text| Timestamp::parse(text).ok()))
    }
}

impl Copy {
    fn product(&self) -> &ProductId {
        match self {
            Self::View(_, product)
            | Self::Order(Misplaced { product, .. })
            | Self::Lookup(LookedUp { product, .. }) => product,
        }
    }

    fn view(&self, read_models: &[Arc<dyn Projection>]) -> View {
        match self {
            Self::View(at, _) => read_models[*at].view(),
            Self::Order(_) | Self::Lookup(_) => View::Products,
        }
    }
}

/// The fault of a row of a view that cannot be read.
fn unreadable(key: &str, view: View, what: &str, restore_first: bool) -> ProductReport {
    let mut chain = Chain::of(key);
    let reason = format!("{what}; {}", view_remedy(view.name(), restore_first));
    chain.fault(None, None, FaultKind::Unreadable { field: String::new(), reason });
    chain.end()
}

#[cfg(test)]
mod tests;
