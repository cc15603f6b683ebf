//! The ids of all products that the view knows, deleted ones included, page by page in the order of the ids.

use async_trait::async_trait;
use event_store::StoreError;
use schema::ProductId;

use super::walk::{ShardedRows, Walk, WalkStep};
use crate::views::{Generation, Portion, Views};

/// A page of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPage {
    /// In byte order.
    pub ids: Vec<ProductId>,
    /// Whether more follow.
    pub more: bool,
}

/// The first `limit` products behind `after`.
///
/// # Errors
/// [`StoreError`]: try again later.
pub async fn known(
    views: &dyn Views,
    generation: Generation,
    after: Option<&ProductId>,
    limit: usize,
) -> Result<KnownPage, StoreError> {
    let known = Known { views, generation };
    let mut walk = Walk::new(&known, after, false, usize::MAX);
    let mut ids = Vec::new();
    // One more than the page tells whether another page follows.
    while ids.len() <= limit {
        match walk.next(limit + 1 - ids.len()).await? {
            WalkStep::Row(id) => ids.push(*id),
            WalkStep::End | WalkStep::Limit => return Ok(KnownPage { ids, more: false }),
        }
    }
    ids.truncate(limit);
    Ok(KnownPage { ids, more: true })
}

struct Known<'a> {
    views: &'a dyn Views,
    generation: Generation,
}

#[async_trait]
impl ShardedRows for Known<'_> {
    type Row = ProductId;
    type Place = ProductId;

    fn place(&self, id: &ProductId) -> ProductId {
        id.clone()
    }

    async fn read(
        &self,
        shard: u8,
        after: Option<&ProductId>,
        limit: usize,
    ) -> Result<Portion<ProductId>, StoreError> {
        self.views.known(self.generation, shard, after.map_or("", ProductId::as_str), limit).await
    }
}
