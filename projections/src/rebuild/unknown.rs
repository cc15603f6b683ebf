//! Rows of a generation that belong to no product of the ledger, which a comparison product by product does not meet.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use schema::ProductId;

use super::{PAGE, PARALLEL, Rebuild, RebuildError};
use crate::projection::{Difference, Projection, ShownPage};
use crate::views::Generation;

impl Rebuild {
    /// The rows of a generation under keys that the ledger does not have. `differing` are the products of the ledger that
    /// differ; the others are at most `agreeing`.
    ///
    /// The rows are counted first: only if there are more than these products can have, each is looked up in the ledger.
    pub(super) async fn unknown(
        &self,
        generation: Generation,
        differing: &BTreeMap<&str, &Difference>,
        agreeing: u64,
    ) -> Result<Vec<(String, Difference)>, RebuildError> {
        let (mut shown, mut unknown) = (0, Vec::new());
        let mut pages = ShownPages::of(&*self.projection, generation);
        while let Some(page) = pages.next().await? {
            shown += page.ids.len() as u64;
            // The row of a product of the ledger was met already.
            let unread = page.unreadable.into_iter().filter(|row| !differing.contains_key(row.key.as_str()));
            unknown.extend(
                unread.map(|row| (row.key.clone(), Difference::Unreadable { reason: row.to_string() })),
            );
        }
        let present = differing.values().filter(|difference| is_present(difference)).count() as u64;
        if shown > agreeing + present {
            let mut pages = ShownPages::of(&*self.projection, generation);
            while let Some(page) = pages.next().await? {
                unknown.extend(self.not_in_ledger(page.ids).await?);
            }
        }
        Ok(unknown)
    }

    async fn not_in_ledger(&self, ids: Vec<String>) -> Result<Vec<(String, Difference)>, RebuildError> {
        let mut looked_up = stream::iter(ids)
            .map(|id| async move {
                let Ok(product) = ProductId::new(id.as_str()) else { return (id, Ok(None)) };
                (id, self.journal.newest(&product, u64::MAX).await)
            })
            .buffered(PARALLEL);
        let mut unknown = Vec::new();
        while let Some((id, newest)) = looked_up.next().await {
            if newest?.is_none() {
                unknown.push((id, Difference::Unknown));
            }
        }
        Ok(unknown)
    }
}

/// Whether the generation has a row of the product that can be read.
fn is_present(difference: &Difference) -> bool {
    !matches!(difference, Difference::Missing | Difference::Unreadable { .. })
}

/// The pages of what a generation shows, each product once: its rows come together.
struct ShownPages<'a> {
    projection: &'a dyn Projection,
    generation: Generation,
    from: Option<String>,
    last: Option<String>,
    ended: bool,
}

impl<'a> ShownPages<'a> {
    fn of(projection: &'a dyn Projection, generation: Generation) -> Self {
        Self { projection, generation, from: None, last: None, ended: false }
    }

    /// The next page, `None` at the end.
    async fn next(&mut self) -> Result<Option<ShownPage>, RebuildError> {
        if self.ended {
            return Ok(None);
        }
        let mut page = self.projection.shown(self.generation, self.from.take(), PAGE).await?;
        page.ids.dedup();
        page.ids.retain(|id| self.last.as_ref() != Some(id));
        self.last = page.ids.last().cloned().or(self.last.take());
        self.from = page.next.take();
        self.ended = self.from.is_none();
        Ok(Some(page))
    }
}
