//! One page of LIST, of a whole order or of what look-ups find in it. Its cost depends on the page, not on the size of the
//! catalogue.

use std::collections::HashMap;

use async_trait::async_trait;
use event_store::StoreError;
use schema::{Product, ProductId, Status};

use super::walk::{ShardedRows, Walk, WalkStep};
use crate::cursor::{self, InvalidCursor};
use crate::views::order::is_position;
use crate::views::{FoundRow, Generation, IndexRow, Lookup, Portion, PositionRange, RowOrder, Slice, Views};

/// A page ends when its products reach this size; a Lambda response is at most 6 MB.
const MOST_BYTES: usize = 1024 * 1024;

/// Most rows that a page reads from a shard, so that it ends however many deleted products there are.
const MOST_READ: usize = 1_000;

/// Most products that a page reads in order to compare them with its look-ups, so that it ends however few agree.
const MOST_COMPARED: usize = 1_000;

/// Products that are read at once: what one request to DynamoDB takes.
const COMPARED_AT_ONCE: usize = 100;

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
    /// Values that the products have, all of them; the first selects the index, in the order by id or by name.
    pub lookups: Vec<Lookup>,
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

    fn parts(&self) -> Vec<&str> {
        let order = match self.order {
            RowOrder::Id => "id",
            RowOrder::Name => "name",
            RowOrder::Price => "price",
            RowOrder::Changes if self.deleted => "changes",
            RowOrder::Changes => "updated_at",
        };
        let direction = if self.descending { "desc" } else { "asc" };
        let mut parts = vec![order, direction, &self.range.from, &self.range.to];
        for lookup in &self.lookups {
            parts.extend([lookup.field.name(), &lookup.value]);
        }
        parts
    }

    /// The rest behind a position; `None` if it is empty.
    fn behind(&self, after: Option<&String>) -> Option<PositionRange> {
        let range =
            after.map_or_else(|| self.range.clone(), |position| self.range.behind(position, self.descending));
        Some(range).filter(|range| !range.is_empty())
    }

    fn slice(&self, shard: u8, range: PositionRange, limit: usize) -> Slice {
        Slice { shard, order: self.order, range, descending: self.descending, limit }
    }
}

/// A page of products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// In the order of the selection.
    pub products: Vec<Product>,
    /// The last position read if more may follow.
    pub next: Option<String>,
    /// Whether it ends because it has read as many rows as a page may.
    pub is_read_out: bool,
}

/// The first `limit` products of the selection after the position `after`, or fewer where many that do not belong to it lie
/// between: only `next` tells whether more follow.
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
    let source = Source { views, generation, selection };
    let after = after.map(str::to_owned);
    match selection.lookups.split_first() {
        None => listed(&Listed(source), after.as_ref(), limit).await,
        Some((lookup, _)) => found(&Found(source, lookup), after.as_ref(), limit).await,
    }
}

/// A page of a whole order.
async fn listed(rows: &Listed<'_>, after: Option<&String>, limit: usize) -> Result<ListPage, StoreError> {
    let Source { selection, .. } = rows.0;
    // One row more than the page tells whether another page follows.
    let wanted = limit + 1;
    let mut walk = Walk::new(rows, after, selection.descending, MOST_READ);
    let mut page = PageBuilder::default();
    while page.products.len() < limit && page.bytes < MOST_BYTES {
        match walk.next(wanted - page.products.len()).await? {
            WalkStep::Row(row) => {
                page.add(row.position, Some(row.product).filter(|product| selection.shows(product)));
            }
            WalkStep::End => return Ok(page.last()),
            WalkStep::Limit => return Ok(page.read_out()),
        }
    }
    let more = !matches!(walk.next(1).await?, WalkStep::End);
    Ok(if more { page.followed() } else { page.last() })
}

/// A page of what look-ups find: the index has keys alone, so the products are read after it, and those that another look-up
/// does not find, or that have changed since, are left out.
async fn found(rows: &Found<'_>, after: Option<&String>, limit: usize) -> Result<ListPage, StoreError> {
    let mut walk = Walk::new(rows, after, rows.0.selection.descending, MOST_READ);
    let (mut page, mut compared) = (PageBuilder::default(), 0);
    while !page.is_full(limit) && compared < MOST_COMPARED {
        // As many as the page lacks; among many that are left out, as many as were compared before.
        let wanted = (limit - page.products.len()).max(compared);
        let wanted = wanted.min(COMPARED_AT_ONCE).min(MOST_COMPARED - compared);
        let (found, ending) = next_found(&mut walk, wanted, compared).await?;
        compared += found.len();
        for (position, product) in rows.compared(found).await? {
            if page.is_full(limit) {
                return Ok(page.followed());
            }
            page.add(position, product);
        }
        match ending {
            Some(Ending::End) => return Ok(page.last()),
            Some(Ending::Limit) => return Ok(page.read_out()),
            None => {}
        }
    }
    let more = !matches!(walk.next(1).await?, WalkStep::End);
    Ok(match more {
        true if page.is_full(limit) => page.followed(),
        true => page.read_out(),
        false => page.last(),
    })
}

/// Why a walk does not go on.
enum Ending {
    /// There are no more rows.
    End,
    /// A shard was read as far as one page may.
    Limit,
}

/// The next `wanted` rows of a walk, or fewer at its ending; `compared` is how many came before.
async fn next_found(
    walk: &mut Walk<'_, Found<'_>>,
    wanted: usize,
    compared: usize,
) -> Result<(Vec<FoundRow>, Option<Ending>), StoreError> {
    let mut found = Vec::with_capacity(wanted);
    while found.len() < wanted {
        // One row more than the page tells whether another page follows.
        match walk.next((wanted + 1 - found.len()).max(compared)).await? {
            WalkStep::Row(row) => found.push(*row),
            WalkStep::End => return Ok((found, Some(Ending::End))),
            WalkStep::Limit => return Ok((found, Some(Ending::Limit))),
        }
    }
    Ok((found, None))
}

impl Found<'_> {
    /// The positions of rows, each with its product if all look-ups find it there.
    async fn compared(&self, found: Vec<FoundRow>) -> Result<Vec<(String, Option<Product>)>, StoreError> {
        let Source { views, generation, selection } = self.0;
        let ids: Vec<ProductId> = found.iter().map(|row| row.id.clone()).collect();
        let products = if ids.is_empty() { Vec::new() } else { views.get_all(generation, &ids).await? };
        let mut products: HashMap<ProductId, Product> =
            products.into_iter().map(|product| (product.id.clone(), product)).collect();
        let compared = found.into_iter().map(|FoundRow { position, id }| {
            let product = products.remove(&id).filter(|product| selection.has_at(product, &position));
            (position, product)
        });
        Ok(compared.collect())
    }
}

impl ListQuery {
    /// Whether a page of the whole order shows the product.
    fn shows(&self, product: &Product) -> bool {
        self.deleted || product.facts.status == Status::Active
    }

    /// Whether all look-ups find the product, at this position.
    fn has_at(&self, product: &Product, position: &str) -> bool {
        self.lookups.iter().all(|lookup| lookup.finds(product))
            && self.order.position(product).as_deref() == Some(position)
    }
}

#[derive(Clone, Copy)]
struct Source<'a> {
    views: &'a dyn Views,
    generation: Generation,
    selection: &'a ListQuery,
}

/// The rows of a whole order.
struct Listed<'a>(Source<'a>);

/// The rows that a look-up finds.
struct Found<'a>(Source<'a>, &'a Lookup);

#[async_trait]
impl ShardedRows for Listed<'_> {
    type Row = IndexRow;
    type Place = String;

    fn place(&self, row: &IndexRow) -> String {
        row.position.clone()
    }

    async fn read(
        &self,
        shard: u8,
        after: Option<&String>,
        limit: usize,
    ) -> Result<Portion<IndexRow>, StoreError> {
        let Source { views, generation, selection } = self.0;
        let Some(range) = selection.behind(after) else { return Ok(Portion::end()) };
        let mut page = views.slice(generation, &selection.slice(shard, range, limit)).await?;
        // A page that left it out would look complete.
        if let Some(row) = page.unreadable.pop() {
            return Err(row.into());
        }
        Ok(Portion { rows: page.rows, exhausted: page.exhausted })
    }

    fn leaves_out(&self, row: &IndexRow) -> bool {
        !self.0.selection.shows(&row.product)
    }
}

#[async_trait]
impl ShardedRows for Found<'_> {
    type Row = FoundRow;
    type Place = String;

    fn place(&self, row: &FoundRow) -> String {
        row.position.clone()
    }

    async fn read(
        &self,
        shard: u8,
        after: Option<&String>,
        limit: usize,
    ) -> Result<Portion<FoundRow>, StoreError> {
        let Source { views, generation, selection } = self.0;
        let Some(range) = selection.behind(after) else { return Ok(Portion::end()) };
        views.find(generation, self.1, &selection.slice(shard, range, limit)).await
    }
}

#[derive(Default)]
struct PageBuilder {
    products: Vec<Product>,
    bytes: usize,
    /// The position of the last row read, included or not.
    last_read: Option<String>,
}

impl PageBuilder {
    /// A row, with its product if the page shows it.
    fn add(&mut self, position: String, product: Option<Product>) {
        self.last_read = Some(position);
        if let Some(product) = product {
            // A product that cannot be serialized counts as 0 bytes and fails when the response is written.
            self.bytes += serde_json::to_vec(&product).map_or(0, |json| json.len());
            self.products.push(product);
        }
    }

    /// Whether it has as many products as it may, or as many bytes.
    fn is_full(&self, limit: usize) -> bool {
        self.products.len() >= limit || self.bytes >= MOST_BYTES
    }

    fn followed(self) -> ListPage {
        ListPage { products: self.products, next: self.last_read, is_read_out: false }
    }

    fn read_out(self) -> ListPage {
        ListPage { is_read_out: true, ..self.followed() }
    }

    fn last(self) -> ListPage {
        ListPage { products: self.products, next: None, is_read_out: false }
    }
}
