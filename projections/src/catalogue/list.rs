//! One page of LIST: merges the shards of an order. Its cost depends on the page, not on the size of the catalogue.

use std::collections::VecDeque;

use event_store::StoreError;
use futures::future::try_join_all;
use schema::{Product, Status};

use crate::cursor::{self, InvalidCursor};
use crate::views::order::is_position;
use crate::views::{Generation, IndexRow, PositionRange, RowOrder, SHARDS, Slice, SlicePage, Views};

/// A page ends when its products reach this size; a Lambda response is at most 6 MB.
const MOST_BYTES: usize = 1024 * 1024;

/// Most rows that a page reads from a shard, so that it ends however many deleted products there are.
const MOST_READ: usize = 1_000;

/// Which products to list, and in which order. A cursor is valid for one selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// The order.
    pub order: RowOrder,
    /// Whether to include deleted products; only [`RowOrder::Changes`] has any.
    pub deleted: bool,
    /// Whether to list from the end to the beginning.
    pub descending: bool,
    /// The positions that the filters leave.
    pub range: PositionRange,
}

impl ListQuery {
    /// The cursor after a position, valid for this selection only.
    #[must_use]
    pub fn cursor(&self, position: &str) -> String {
        cursor::encode(&self.parts(), position)
    }

    /// The position of a cursor.
    ///
    /// # Errors
    /// [`InvalidCursor`]: it was not made for this selection; begin without one.
    pub fn position(&self, cursor: &str) -> Result<String, InvalidCursor> {
        let position = cursor::decode(&self.parts(), cursor)?;
        // The checksum is not secret: a cursor that a client computed must still be a position in the range.
        if is_position(&position) && self.range.contains(&position) {
            Ok(position)
        } else {
            Err(InvalidCursor)
        }
    }

    fn parts(&self) -> [&str; 4] {
        let order = match self.order {
            RowOrder::Id => "id",
            RowOrder::Name => "name",
            RowOrder::Price => "price",
            RowOrder::Changes if self.deleted => "changes",
            RowOrder::Changes => "updated_at",
        };
        let direction = if self.descending { "desc" } else { "asc" };
        [order, direction, &self.range.from, &self.range.to]
    }
}

/// A page of products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// In the order of the selection.
    pub products: Vec<Product>,
    /// The last position read if more may follow.
    pub next: Option<String>,
}

/// The first `limit` products of the selection after the position `after`, or fewer where many deleted ones lie between:
/// only `next` tells whether more follow.
///
/// # Errors
/// [`StoreError`]: try again later.
pub async fn page(
    views: &dyn Views,
    generation: Generation,
    selection: &ListQuery,
    after: Option<&str>,
    limit: usize,
) -> Result<ListPage, StoreError> {
    let range = after.map_or_else(
        || selection.range.clone(),
        |position| selection.range.behind(position, selection.descending),
    );
    if range.is_empty() {
        return Ok(ListPage { products: Vec::new(), next: None });
    }
    // One row more than the page tells whether another page follows.
    let wanted = limit + 1;
    let mut walk = Walk {
        views,
        generation,
        selection,
        shards: (0..SHARDS).map(|shard| Shard::new(shard, range.clone())).collect(),
    };
    walk.fill(wanted).await?;
    let mut page = PageBuilder::default();
    while page.rows.len() < limit && page.bytes < MOST_BYTES {
        match walk.next(wanted - page.rows.len()).await? {
            Step::Row(row) => page.add(*row, selection.deleted),
            Step::End => return Ok(page.last()),
            Step::Limit => return Ok(page.followed()),
        }
    }
    let more = !matches!(walk.next(1).await?, Step::End);
    Ok(if more { page.followed() } else { page.last() })
}

#[derive(Default)]
struct PageBuilder {
    rows: Vec<IndexRow>,
    bytes: usize,
    /// The position of the last row read, included or not.
    last_read: Option<String>,
}

impl PageBuilder {
    fn add(&mut self, row: IndexRow, deleted: bool) {
        self.last_read = Some(row.position.clone());
        if deleted || row.product.facts.status == Status::Active {
            // A product that cannot be serialized counts as 0 bytes and fails when the response is written.
            self.bytes += serde_json::to_vec(&row.product).map_or(0, |json| json.len());
            self.rows.push(row);
        }
    }

    fn followed(self) -> ListPage {
        let next = self.last_read.clone();
        ListPage { next, ..self.last() }
    }

    fn last(self) -> ListPage {
        ListPage { products: self.rows.into_iter().map(|row| row.product).collect(), next: None }
    }
}

/// The next step of a walk.
enum Step {
    Row(Box<IndexRow>),
    End,
    /// A shard was read as far as one page may.
    Limit,
}

struct Walk<'a> {
    views: &'a dyn Views,
    generation: Generation,
    selection: &'a ListQuery,
    shards: Vec<Shard>,
}

struct Shard {
    number: u8,
    rest: PositionRange,
    rows: VecDeque<IndexRow>,
    exhausted: bool,
    /// Rows read so far.
    read: usize,
    /// How many of them are deleted products.
    deleted: usize,
}

impl Shard {
    fn new(number: u8, rest: PositionRange) -> Self {
        Self { number, rest, rows: VecDeque::new(), exhausted: false, read: 0, deleted: 0 }
    }

    /// How many rows to request: doubles each time among many deleted products.
    fn limit(&self, wanted: usize, deleted: bool) -> usize {
        let skipped = if deleted { 0 } else { self.deleted };
        share(wanted).max(skipped).min(MOST_READ - self.read)
    }

    fn take(&mut self, slice: SlicePage, descending: bool) {
        if let Some(last) = slice.rows.last() {
            self.rest = self.rest.behind(&last.position, descending);
        }
        self.exhausted = slice.exhausted || self.rest.is_empty();
        self.read += slice.rows.len();
        self.deleted += slice.rows.iter().filter(|row| row.product.facts.status == Status::Deleted).count();
        self.rows.extend(slice.rows);
    }

    fn is_drained(&self) -> bool {
        self.rows.is_empty() && !self.exhausted
    }
}

impl Walk<'_> {
    /// The first row of all shards, while `wanted` rows are still missing.
    async fn next(&mut self, wanted: usize) -> Result<Step, StoreError> {
        // A page may be empty although the slice continues.
        while self.shards.iter().any(Shard::is_drained) {
            if self.shards.iter().any(|shard| shard.is_drained() && shard.read >= MOST_READ) {
                return Ok(Step::Limit);
            }
            self.fill(wanted).await?;
        }
        let heads = self.shards.iter_mut().filter(|shard| !shard.rows.is_empty());
        let position = |shard: &&mut Shard| shard.rows.front().map(|row| row.position.clone());
        let first =
            if self.selection.descending { heads.max_by_key(position) } else { heads.min_by_key(position) };
        Ok(first.and_then(|shard| shard.rows.pop_front()).map_or(Step::End, |row| Step::Row(Box::new(row))))
    }

    /// Reads more rows from every shard without any, concurrently.
    async fn fill(&mut self, wanted: usize) -> Result<(), StoreError> {
        let (views, generation, selection) = (self.views, self.generation, self.selection);
        let drained = self.shards.iter_mut().filter(|shard| shard.is_drained());
        try_join_all(drained.map(|shard| async move {
            let slice = Slice {
                shard: shard.number,
                order: selection.order,
                range: shard.rest.clone(),
                descending: selection.descending,
                limit: shard.limit(wanted, selection.deleted),
            };
            let mut found = views.slice(generation, &slice).await?;
            // A page that left it out would look complete.
            if let Some(row) = found.unreadable.pop() {
                return Err(row.into());
            }
            shard.take(found, selection.descending);
            Ok(())
        }))
        .await
        .map(drop)
    }
}

/// How many rows to request from one shard: its share plus two standard deviations, since ids are spread over the shards
/// at random.
fn share(wanted: usize) -> usize {
    let mean = wanted.div_ceil(usize::from(SHARDS));
    (mean + 2 * mean.isqrt()).min(wanted)
}
