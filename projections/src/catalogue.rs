//! The catalogue: the current state of each product. Every commit carries the resulting product, so late, repeated or missing
//! commits cost at most a refused write, and the newest version wins.

mod categories;
mod known;
mod list;
mod walk;

use std::sync::Arc;

use async_trait::async_trait;
use event_store::Journal;
use event_store::StoreError;
use event_store::handled::{Handled, recorded_anew};
use futures::future::try_join_all;
use schema::{Hash, Product, ProductId, StoredCommit, upcast};

use crate::projection::{Difference, ProductCommits, Projection, ProjectionError, ShownPage};
use crate::views::{Generation, ProductRow, View, Views};

pub use categories::{CategoriesPage, CategoriesStart, CategoryCount, categories};
pub use known::{KnownPage, known};
pub use list::{ListPage, ListQuery, page};

/// How many rows of an old generation are removed concurrently.
const DROPPED_AT_ONCE: usize = 25;

/// Rows that are looked at in one request for one of a generation; a page may be all of others.
const LOOKED_AT: usize = 1_000;

/// How often a row that changes concurrently is read again.
const ATTEMPTS: u32 = 3;

/// The row kept changing: try again.
#[derive(Debug, thiserror::Error)]
#[error("the row of the product kept changing concurrently")]
struct Contended;

/// Keeps the newest version of each product in its view.
pub struct Catalogue {
    views: Arc<dyn Views>,
    journal: Arc<dyn Journal>,
}

/// Why the state carried by a commit cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableState {
    /// Written by a later build, or damaged.
    #[error(transparent)]
    Decode(#[from] schema::DecodeError),
    /// Not a product.
    #[error("the carried state is not a product: {0}")]
    Form(#[from] serde_json::Error),
    /// The state of another product or version: `ledger verify` names the fault.
    #[error("the carried state belongs to product {id} at version {version}")]
    Foreign {
        /// The product it names.
        id: ProductId,
        /// The version it names.
        version: u64,
    },
}

impl UnreadableState {
    /// Why the event cannot be projected: for now, where a later build wrote it, and otherwise for good.
    fn of_event(&self, sequence: u64) -> ProjectionError {
        match self {
            Self::Decode(error) => ProjectionError::unreadable(sequence, error),
            Self::Form(_) | Self::Foreign { .. } => ProjectionError::permanent(sequence, self),
        }
    }
}

impl Catalogue {
    /// The catalogue in `views`, repaired from `journal`.
    #[must_use]
    pub fn new(views: Arc<dyn Views>, journal: Arc<dyn Journal>) -> Self {
        Self { views, journal }
    }

    /// Writes the row unless the view has the same or a newer version; returns the row in the view then.
    async fn show(
        &self,
        generation: Generation,
        shown: &ProductRow,
    ) -> Result<Option<ProductRow>, ProjectionError> {
        let there = self.views.show(generation, shown).await;
        there.map_err(|error| ProjectionError::retryable(shown.product.version, &error))
    }

    /// Writes the newest state in the event table, also over a row that contradicts it.
    async fn correct(&self, generation: Generation, id: &ProductId) -> Result<(), ProjectionError> {
        for _ in 0..ATTEMPTS {
            let Some(newest) = self.newest(id).await? else { return Ok(()) };
            let Some(seen) = self.show(generation, &newest).await? else { return Ok(()) };
            if !seen.is_contradicted_by(&newest) {
                return Ok(());
            }
            let version = newest.product.version;
            let replaced = self.views.replace(generation, &seen, &newest).await;
            if replaced.map_err(|error| ProjectionError::retryable(version, &error))? {
                let hash = seen.hash.unwrap_or_else(Hash::genesis);
                let handled = Handled { sequence: seen.product.version, hash, at: seen.product.updated_at };
                recorded_anew("projector", View::Products.name(), id, &handled);
                return Ok(());
            }
        }
        Err(ProjectionError::retryable(1, &Contended))
    }

    /// The newest state in the event table.
    async fn newest(&self, product: &ProductId) -> Result<Option<ProductRow>, ProjectionError> {
        let newest = self.journal.newest(product, u64::MAX).await;
        let Some(commit) = newest.map_err(|error| ProjectionError::retryable(1, &error))? else {
            return Ok(None);
        };
        let sequence = commit.sequence().unwrap_or(1);
        let shown = shown(&commit).map_err(|error| error.of_event(sequence))?;
        Ok(Some(shown))
    }
}

#[async_trait]
impl Projection for Catalogue {
    fn view(&self) -> View {
        View::Products
    }

    async fn apply(&self, generation: Generation, commits: &ProductCommits) -> Result<(), ProjectionError> {
        let mut unreadable = None;
        for (sequence, commit) in commits.by_sequence.iter().rev() {
            match shown(commit) {
                Ok(newest) => {
                    let there = self.show(generation, &newest).await?;
                    if there.is_some_and(|row| row.is_contradicted_by(&newest)) {
                        self.correct(generation, &commits.product).await?;
                    }
                    break;
                }
                Err(error) => unreadable = Some(error.of_event(*sequence)),
            }
        }
        unreadable.map_or(Ok(()), Err)
    }

    async fn catch_up(&self, generation: Generation, product: &ProductId) -> Result<(), ProjectionError> {
        self.correct(generation, product).await
    }

    async fn compare(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<Difference>, ProjectionError> {
        let newest = self.newest(product).await?.map(|newest| newest.product);
        let seen = match self.views.get(generation, product).await {
            Err(error) if error.is_unreadable() => return Ok(Some(Difference::unreadable(&error))),
            seen => seen.map_err(|error| ProjectionError::retryable(1, &error))?,
        };
        Ok(match (seen, newest) {
            (None, None) => None,
            (None, Some(_)) => Some(Difference::Missing),
            (Some(seen), Some(newest)) if seen.version < newest.version => {
                Some(Difference::Behind { seen: seen.version, newest: newest.version })
            }
            (Some(seen), Some(newest)) if newest == seen => None,
            (Some(seen), Some(newest)) if newest.version == seen.version => {
                Some(Difference::Content { seen: seen.version })
            }
            (Some(_), None) => Some(Difference::Unknown),
            (Some(seen), Some(_)) => Some(Difference::Other { seen: seen.version }),
        })
    }

    async fn shown_version(&self, generation: Generation, product: &ProductId) -> Result<u64, StoreError> {
        Ok(self.views.get(generation, product).await?.map_or(0, |product| product.version))
    }

    async fn shown(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ShownPage, StoreError> {
        let page = self.views.rows(generation, from, limit).await?;
        let ids = page.products.into_iter().map(|product| product.id.to_string()).collect();
        Ok(ShownPage { ids, unreadable: page.unreadable, next: page.next })
    }

    async fn is_blank(&self, generation: Generation) -> Result<bool, StoreError> {
        let mut from = None;
        loop {
            let page = self.views.rows(generation, from, LOOKED_AT).await?;
            if !page.products.is_empty() || !page.unreadable.is_empty() {
                return Ok(false);
            }
            from = page.next;
            if from.is_none() {
                return Ok(true);
            }
        }
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, StoreError> {
        let (mut removed, mut from) = (0, None);
        loop {
            let page = self.views.rows(generation, from, DROPPED_AT_ONCE).await?;
            let keys = page.products.iter().map(|product| product.id.as_str());
            let keys = keys.chain(page.unreadable.iter().map(|row| row.key.as_str()));
            let rows = keys.map(|key| self.views.remove(generation, key));
            removed += try_join_all(rows).await?.len() as u64;
            from = page.next;
            if from.is_none() {
                return Ok(removed);
            }
        }
    }
}

/// The product carried by a commit, and the commit's hash.
fn shown(commit: &StoredCommit) -> Result<ProductRow, UnreadableState> {
    let hash = commit.text("hash").ok().and_then(|hash| Hash::try_from(hash.to_owned()).ok());
    Ok(ProductRow { product: state_of(commit)?, hash })
}

/// The product carried by a commit. Its events are not decoded, so events of a later build do not hide the product.
///
/// # Errors
/// [`UnreadableState`]: upgrade this build, or run `ledger verify`.
pub fn state_of(commit: &StoredCommit) -> Result<Product, UnreadableState> {
    let stored = commit.0.get("state").unwrap_or_default();
    let product: Product = serde_json::from_value(upcast::state(stored)?)?;
    let events = commit.0.get("events").and_then(|events| events.as_array());
    let version = commit.sequence()? + events.map_or(0, Vec::len) as u64 - 1;
    if product.id.as_str() == commit.text("product_id")? && product.version == version {
        Ok(product)
    } else {
        Err(UnreadableState::Foreign { id: product.id, version: product.version })
    }
}
