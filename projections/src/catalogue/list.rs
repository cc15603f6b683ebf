//! One page of LIST: the shards of an order merged into one walk, at a cost that follows the page and not the catalogue.

use std::collections::VecDeque;

use futures::future::try_join_all;
use schema::{Product, Status};

use crate::cursor::{self, InvalidCursor};
use crate::views::order::is_position;
use crate::views::{Generation, Order, Portion, Range, Row, SHARDS, Slice, Unavailable, Views};

/// A page is cut when its products reach this size; Lambda answers at most 6 MB.
const MOST_BYTES: usize = 1024 * 1024;

/// A page looks at so many rows of a shard and no more, so that it ends among any number of deleted products.
const MOST_LOOKED_AT: usize = 1_000;

/// Which products, in which order. A cursor belongs to one selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The order.
    pub order: Order,
    /// Whether deleted products are shown; only [`Order::Changes`] has any.
    pub deleted: bool,
    /// From the end to the beginning.
    pub descending: bool,
    /// The stretch that the filters leave.
    pub range: Range,
}

impl Selection {
    /// The cursor behind a position, for this selection alone.
    #[must_use]
    pub fn cursor(&self, position: &str) -> String {
        cursor::encode(&self.parts(), position)
    }

    /// The position of a cursor.
    ///
    /// # Errors
    /// [`InvalidCursor`] when it was not made for this selection.
    pub fn position(&self, cursor: &str) -> Result<String, InvalidCursor> {
        let position = cursor::decode(&self.parts(), cursor)?;
        // The checksum is no secret: what somebody computed for himself must still be a place in this stretch.
        if is_position(&position) && self.range.contains(&position) {
            Ok(position)
        } else {
            Err(InvalidCursor)
        }
    }

    fn parts(&self) -> [&str; 4] {
        let order = match self.order {
            Order::Id => "id",
            Order::Name => "name",
            Order::Price => "price",
            Order::Changes if self.deleted => "changes",
            Order::Changes => "updated_at",
        };
        let direction = if self.descending { "desc" } else { "asc" };
        [order, direction, &self.range.from, &self.range.to]
    }
}

/// Some products, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order of the selection.
    pub products: Vec<Product>,
    /// The position that was looked at last when more may follow.
    pub next: Option<String>,
}

/// The first `limit` products of the selection behind the position `after`, or fewer of them where many deleted ones lie
/// between: `next` alone says whether more follow.
///
/// # Errors
/// [`Unavailable`]: try again later.
pub async fn page(
    views: &dyn Views,
    generation: Generation,
    selection: &Selection,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, Unavailable> {
    let range = after.map_or_else(
        || selection.range.clone(),
        |position| selection.range.behind(position, selection.descending),
    );
    if range.is_empty() {
        return Ok(Page { products: Vec::new(), next: None });
    }
    // One more than the page tells whether another page follows.
    let wanted = limit + 1;
    let mut walk = Walk {
        views,
        generation,
        selection,
        shards: (0..SHARDS).map(|shard| Shard::new(shard, range.clone())).collect(),
    };
    walk.fill(wanted).await?;
    let mut page = Taken::default();
    while page.rows.len() < limit && page.bytes < MOST_BYTES {
        match walk.next(wanted - page.rows.len()).await? {
            Step::Row(row) => page.look_at(*row, selection.deleted),
            Step::End => return Ok(page.last()),
            Step::Enough => return Ok(page.followed()),
        }
    }
    let more = !matches!(walk.next(1).await?, Step::End);
    Ok(if more { page.followed() } else { page.last() })
}

#[derive(Default)]
struct Taken {
    rows: Vec<Row>,
    bytes: usize,
    /// The position of the last row, shown or not.
    looked_at: Option<String>,
}

impl Taken {
    fn look_at(&mut self, row: Row, deleted: bool) {
        self.looked_at = Some(row.position.clone());
        if deleted || row.product.facts.status == Status::Active {
            // What cannot be written as JSON has no size here and fails when the answer is written.
            self.bytes += serde_json::to_vec(&row.product).map_or(0, |json| json.len());
            self.rows.push(row);
        }
    }

    fn followed(self) -> Page {
        let next = self.looked_at.clone();
        Page { next, ..self.last() }
    }

    fn last(self) -> Page {
        Page { products: self.rows.into_iter().map(|row| row.product).collect(), next: None }
    }
}

/// What a walk came to.
enum Step {
    Row(Box<Row>),
    End,
    /// A shard was looked at as far as one page may.
    Enough,
}

struct Walk<'a> {
    views: &'a dyn Views,
    generation: Generation,
    selection: &'a Selection,
    shards: Vec<Shard>,
}

struct Shard {
    number: u8,
    rest: Range,
    rows: VecDeque<Row>,
    exhausted: bool,
    looked_at: usize,
    /// How many of those were of deleted products.
    deleted: usize,
}

impl Shard {
    fn new(number: u8, rest: Range) -> Self {
        Self { number, rest, rows: VecDeque::new(), exhausted: false, looked_at: 0, deleted: 0 }
    }

    /// How many rows to ask for: among many deleted products twice as many each time.
    fn limit(&self, wanted: usize, deleted: bool) -> usize {
        let skipped = if deleted { 0 } else { self.deleted };
        share(wanted).max(skipped).min(MOST_LOOKED_AT - self.looked_at)
    }

    fn take(&mut self, portion: Portion, descending: bool) {
        if let Some(last) = portion.rows.last() {
            self.rest = self.rest.behind(&last.position, descending);
        }
        self.exhausted = portion.exhausted || self.rest.is_empty();
        self.looked_at += portion.rows.len();
        self.deleted += portion.rows.iter().filter(|row| row.product.facts.status == Status::Deleted).count();
        self.rows.extend(portion.rows);
    }

    fn is_dry(&self) -> bool {
        self.rows.is_empty() && !self.exhausted
    }
}

impl Walk<'_> {
    /// The next row of all shards, while `wanted` rows are still to come.
    async fn next(&mut self, wanted: usize) -> Result<Step, Unavailable> {
        // A portion may be empty though the slice goes on.
        while self.shards.iter().any(Shard::is_dry) {
            if self.shards.iter().any(|shard| shard.is_dry() && shard.looked_at >= MOST_LOOKED_AT) {
                return Ok(Step::Enough);
            }
            self.fill(wanted).await?;
        }
        let heads = self.shards.iter_mut().filter(|shard| !shard.rows.is_empty());
        let position = |shard: &&mut Shard| shard.rows.front().map(|row| row.position.clone());
        let first =
            if self.selection.descending { heads.max_by_key(position) } else { heads.min_by_key(position) };
        Ok(first.and_then(|shard| shard.rows.pop_front()).map_or(Step::End, |row| Step::Row(Box::new(row))))
    }

    /// Asks every shard that has run dry, all at once.
    async fn fill(&mut self, wanted: usize) -> Result<(), Unavailable> {
        let (views, generation, selection) = (self.views, self.generation, self.selection);
        let dry = self.shards.iter_mut().filter(|shard| shard.is_dry());
        try_join_all(dry.map(|shard| async move {
            let slice = Slice {
                shard: shard.number,
                order: selection.order,
                range: shard.rest.clone(),
                descending: selection.descending,
                limit: shard.limit(wanted, selection.deleted),
            };
            shard.take(views.slice(generation, &slice).await?, selection.descending);
            Ok(())
        }))
        .await
        .map(drop)
    }
}

/// What one shard is asked for: its share of the rows and twice the standard deviation of it, since ids fall on
/// shards by chance.
fn share(wanted: usize) -> usize {
    let mean = wanted.div_ceil(usize::from(SHARDS));
    (mean + 2 * mean.isqrt()).min(wanted)
}
