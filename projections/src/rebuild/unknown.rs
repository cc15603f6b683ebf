//! Rows of a generation that belong to no product of the ledger, which a comparison product by product does not meet.

use std::collections::BTreeSet;

use event_store::{Journal, StoreError};
use futures::{StreamExt, stream};
use schema::ProductId;

use super::{PAGE, PARALLEL};
use crate::projection::{Difference, Projection, ShownPage};
use crate::views::Generation;

/// What a comparison met of a product in a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetRow {
    /// A row that can be read, or perhaps none.
    Readable,
    /// A row that cannot be read.
    Unreadable,
    /// No row.
    Absent,
}

/// What a comparison product by product met of a generation.
#[derive(Debug, Default)]
pub struct MetRows {
    /// Products with a row that can be read, at most.
    pub(super) readable: u64,
    /// Products whose row cannot be read.
    pub(super) unreadable: BTreeSet<String>,
}

impl MetRow {
    /// What the result of a comparison says.
    #[must_use]
    pub fn of(difference: Option<&Difference>) -> Self {
        match difference {
            Some(Difference::Missing) => Self::Absent,
            Some(Difference::Unreadable { .. }) => Self::Unreadable,
            None
            | Some(
                Difference::Behind { .. }
                | Difference::Content { .. }
                | Difference::Other { .. }
                | Difference::Unknown,
            ) => Self::Readable,
        }
    }
}

impl MetRows {
    /// Adds what was met of a product.
    pub fn add(&mut self, product: &str, met: MetRow) {
        match met {
            MetRow::Readable => self.readable += 1,
            MetRow::Unreadable => {
                self.unreadable.insert(product.to_owned());
            }
            MetRow::Absent => {}
        }
    }
}

/// The rows of a generation under keys that the ledger does not have, and those that cannot be read and were not met; `met`
/// is what a comparison of the ledger's products has met.
///
/// The rows are counted first: only if there are more than these products can have, each is looked up in the ledger.
///
/// # Errors
/// [`StoreError`]: try again later.
pub async fn unknown_rows(
    projection: &dyn Projection,
    journal: &dyn Journal,
    generation: Generation,
    met: &MetRows,
) -> Result<Vec<(String, Difference)>, StoreError> {
    let (mut shown, mut unknown) = (0, Vec::new());
    let mut pages = ShownPages::of(projection, generation);
    while let Some(page) = pages.next().await? {
        shown += page.ids.len() as u64;
        let unmet = page.unreadable.into_iter().filter(|row| !met.unreadable.contains(&row.key));
        unknown
            .extend(unmet.map(|row| (row.key.clone(), Difference::Unreadable { reason: row.to_string() })));
    }
    if shown > met.readable {
        let mut pages = ShownPages::of(projection, generation);
        while let Some(page) = pages.next().await? {
            unknown.extend(not_in_ledger(journal, page.ids).await?);
        }
    }
    Ok(unknown)
}

async fn not_in_ledger(
    journal: &dyn Journal,
    ids: Vec<String>,
) -> Result<Vec<(String, Difference)>, StoreError> {
    let mut looked_up = stream::iter(ids)
        .map(|id| async move {
            let Ok(product) = ProductId::new(id.as_str()) else { return (id, Ok(None)) };
            (id, journal.newest(&product, u64::MAX).await)
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
    async fn next(&mut self) -> Result<Option<ShownPage>, StoreError> {
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
