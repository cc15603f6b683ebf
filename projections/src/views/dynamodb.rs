//! The product view on `DynamoDB`: one item per product, written only if its version increases, read by key or by index.

mod row;
mod shape;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure};
use event_store::StoreError;
use event_store::aws::{condition_held, failed};
use event_store::backoff::Backoff;
use schema::{Orders, Product, ProductId};

use super::{
    CategoryPlace, CategoryRow, FoundRow, Generation, GenerationsError, IndexRow, Lookup, Portion,
    PositionRange, ProductRow, RowOrder, RowPage, Slice, SlicePage, UnreadableRow, ViewGenerations, Views,
    lookup_order, not_kept,
};

pub use shape::products_table;

/// The table, in errors.
const TABLE: &str = "the product table";

/// What one `BatchGetItem` takes.
const READ_AT_ONCE: usize = 100;

/// How often what a `BatchGetItem` left out is asked for again.
const ATTEMPTS: u32 = 5;

/// Pauses between these attempts: about a second in all.
const PAUSES: Backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_millis(500) };

/// The view in a table of the shape [`products_table`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoViews {
    client: Client,
    table: String,
    orders: Orders,
}

impl DynamoViews {
    /// The view in `table`, which has the indexes of these orders.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, orders: Orders) -> Self {
        Self { client, table: table.into(), orders }
    }

    async fn item(&self, key: String, consistent: bool) -> Result<Option<row::ViewItem>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(row::KEY, AttributeValue::S(key))
            .consistent_read(consistent);
        Ok(request.send().await.map_err(failed(TABLE))?.item)
    }

    /// The items of an index inside a range of positions.
    async fn query(
        &self,
        index: &row::OrderIndex,
        partition: AttributeValue,
        range: &PositionRange,
        (descending, limit): (bool, usize),
    ) -> Result<QueryOutput, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index.name)
            .key_condition_expression("#partition = :partition AND #position BETWEEN :from AND :to")
            .expression_attribute_names("#partition", index.partition)
            .expression_attribute_names("#position", index.position)
            .expression_attribute_values(":partition", partition)
            .expression_attribute_values(":from", AttributeValue::S(range.from.clone()))
            .expression_attribute_values(":to", AttributeValue::S(range.to.clone()))
            .scan_index_forward(!descending)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        request.send().await.map_err(failed(TABLE))
    }

    /// The ids of a part of the index by id.
    async fn ids(
        &self,
        partition: AttributeValue,
        range: &PositionRange,
        limit: usize,
    ) -> Result<Portion<ProductId>, StoreError> {
        let answer = self.query(&row::index(RowOrder::Id), partition, range, (false, limit)).await?;
        let items = answer.items.unwrap_or_default().into_iter();
        Ok(Portion {
            rows: items.map(row::id_in_index).collect::<Result<_, _>>()?,
            exhausted: answer.last_evaluated_key.is_none(),
        })
    }

    /// The items of these keys; under load `DynamoDB` may leave some out, which are asked for again.
    async fn items(&self, keys: &[String]) -> Result<Vec<row::ViewItem>, StoreError> {
        let keys = keys
            .iter()
            .map(|key| row::ViewItem::from([(row::KEY.to_owned(), AttributeValue::S(key.clone()))]));
        let mut wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .build()
            .map_err(|error| StoreError::new(error.into()))?;
        let mut items = Vec::new();
        for failures in 1..=ATTEMPTS {
            let request = self.client.batch_get_item().request_items(&self.table, wanted);
            let answer = request.send().await.map_err(failed(TABLE))?;
            items.extend(
                answer.responses.and_then(|mut tables| tables.remove(&self.table)).into_iter().flatten(),
            );
            match answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.table)) {
                Some(left) => wanted = left,
                None => return Ok(items),
            }
            tokio::time::sleep(PAUSES.pause(failures)).await;
        }
        Err(StoreError::new("DynamoDB left products out of every answer".into()).of(TABLE))
    }
}

#[async_trait]
impl Views for DynamoViews {
    fn orders(&self) -> Orders {
        self.orders
    }

    async fn generations(&self) -> Result<ViewGenerations, StoreError> {
        let item = self.item(row::GENERATIONS.to_owned(), true).await?;
        item.map_or_else(|| Ok(ViewGenerations::default()), row::generations).map_err(|error| error.of(TABLE))
    }

    async fn change_generations(&self, to: &ViewGenerations) -> Result<(), GenerationsError> {
        let Some(before) = to.revision.checked_sub(1) else {
            return Err(GenerationsError::Changed);
        };
        let request = self.client.put_item().table_name(&self.table).set_item(Some(row::of_generations(to)?));
        let request = if before == 0 {
            request
                .condition_expression("attribute_not_exists(#key)")
                .expression_attribute_names("#key", row::KEY)
        } else {
            request
                .condition_expression("#revision = :before")
                .expression_attribute_names("#revision", row::REVISION)
                .expression_attribute_values(":before", row::number(before))
        };
        if condition_held(request.send().await, TABLE)? { Ok(()) } else { Err(GenerationsError::Changed) }
    }

    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, StoreError> {
        let item = self.item(row::key(generation, id.as_str()), false).await?;
        item.as_ref().map(row::product).transpose().map_err(unreadable)
    }

    async fn show(
        &self,
        generation: Generation,
        shown: &ProductRow,
    ) -> Result<Option<ProductRow>, StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row::of(generation, shown)?))
            .condition_expression("attribute_not_exists(#key) OR #version < :version")
            .expression_attribute_names("#key", row::KEY)
            .expression_attribute_names("#version", row::VERSION)
            .expression_attribute_values(":version", row::number(shown.product.version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(refused) = request.send().await else { return Ok(None) };
        match refused.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => match &refusal.item {
                Some(item) => row::shown(item.clone()).map(Some).map_err(unreadable),
                None => Err(StoreError::new("a write was refused without the existing row".into())),
            },
            _ => Err(failed(TABLE)(refused)),
        }
    }

    async fn replace(
        &self,
        generation: Generation,
        seen: &ProductRow,
        by: &ProductRow,
    ) -> Result<bool, StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row::of(generation, by)?))
            .expression_attribute_names("#version", row::VERSION)
            .expression_attribute_names("#hash", row::HASH)
            .expression_attribute_values(":version", row::number(seen.product.version));
        let request = match &seen.hash {
            Some(hash) => request
                .condition_expression("#version = :version AND #hash = :hash")
                .expression_attribute_values(":hash", AttributeValue::S(hash.to_string())),
            None => request.condition_expression("#version = :version AND attribute_not_exists(#hash)"),
        };
        condition_held(request.send().await, TABLE)
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<SlicePage, StoreError> {
        if !self.orders.keep(slice.order.sort()) {
            return Err(not_kept(slice.order));
        }
        let index = row::index(slice.order);
        let partition = row::partition(generation, slice.shard);
        let answer = self.query(&index, partition, &slice.range, (slice.descending, slice.limit)).await?;
        let exhausted = answer.last_evaluated_key.is_none();
        let mut page = SlicePage { exhausted, ..SlicePage::default() };
        for item in answer.items.unwrap_or_default() {
            let position = row::position(&item, index.position)?;
            page.last = Some(position.clone());
            match row::product(&item) {
                Ok(product) => page.rows.push(IndexRow { position, product }),
                Err(row) => page.unreadable.push(row),
            }
        }
        Ok(page)
    }

    async fn find(
        &self,
        generation: Generation,
        lookup: &Lookup,
        slice: &Slice,
    ) -> Result<Portion<FoundRow>, StoreError> {
        lookup_order(self.orders, slice.order)?;
        let asked = row::lookup(generation, slice.shard, lookup, (slice.order, &slice.range));
        let how = (slice.descending, slice.limit);
        let answer = self.query(&asked.index, asked.value.clone(), &asked.range, how).await?;
        let items = answer.items.unwrap_or_default().into_iter();
        Ok(Portion {
            rows: items.map(|item| row::found_row(item, &asked)).collect::<Result<_, _>>()?,
            exhausted: answer.last_evaluated_key.is_none(),
        })
    }

    async fn categories(
        &self,
        generation: Generation,
        shard: u8,
        after: &CategoryPlace,
        limit: usize,
    ) -> Result<Portion<CategoryRow>, StoreError> {
        let asked = row::categories(generation, shard, after);
        let answer = self.query(&asked.index, asked.value, &asked.range, (false, limit)).await?;
        let items = answer.items.unwrap_or_default().into_iter();
        Ok(Portion {
            rows: items.map(row::category_row).collect::<Result<_, _>>()?,
            exhausted: answer.last_evaluated_key.is_none(),
        })
    }

    async fn known(
        &self,
        generation: Generation,
        shard: u8,
        after: &str,
        limit: usize,
    ) -> Result<Portion<ProductId>, StoreError> {
        let range = PositionRange::all();
        let range = if after.is_empty() { range } else { range.behind(after, false) };
        let active = self.ids(row::partition(generation, shard), &range, limit);
        let deleted = self.ids(row::deleted(generation, shard), &range, limit);
        let (active, deleted) = futures::try_join!(active, deleted)?;
        Ok(merged(active, deleted, limit))
    }

    async fn get_all(&self, generation: Generation, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
        let once: BTreeSet<String> = ids.iter().map(|id| row::key(generation, id.as_str())).collect();
        let once: Vec<String> = once.into_iter().collect();
        let mut products = Vec::new();
        for keys in once.chunks(READ_AT_ONCE) {
            for item in self.items(keys).await? {
                products.push(row::product(&item).map_err(unreadable)?);
            }
        }
        Ok(products)
    }

    /// Scans the whole table: a generation is not a partition.
    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<RowPage, StoreError> {
        let from = from.map(|key| row::ViewItem::from([(row::KEY.to_owned(), AttributeValue::S(key))]));
        let request = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("begins_with(#key, :generation)")
            .expression_attribute_names("#key", row::KEY)
            .expression_attribute_values(":generation", AttributeValue::S(row::prefix(generation)))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(from);
        let answer = request.send().await.map_err(failed(TABLE))?;
        let next = answer.last_evaluated_key.map(row::key_of).transpose()?;
        let mut page = RowPage { next, ..RowPage::default() };
        for item in answer.items.unwrap_or_default() {
            match row::product(&item) {
                Ok(product) => page.products.push(product),
                Err(row) => page.unreadable.push(row),
            }
        }
        Ok(page)
    }

    async fn remove(&self, generation: Generation, key: &str) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(row::KEY, AttributeValue::S(row::key(generation, key)));
        request.send().await.map(drop).map_err(failed(TABLE))
    }
}

/// The first ids of two parts of a shard, each as far as it was read.
fn merged(one: Portion<ProductId>, other: Portion<ProductId>, limit: usize) -> Portion<ProductId> {
    let read_to = |part: &Portion<ProductId>| part.rows.last().filter(|_| !part.exhausted).cloned();
    let end = read_to(&one).into_iter().chain(read_to(&other)).min();
    // A part that is empty and goes on all the same says nothing of what it has.
    let is_silent = |part: &Portion<ProductId>| part.rows.is_empty() && !part.exhausted;
    if is_silent(&one) || is_silent(&other) {
        return Portion { rows: Vec::new(), exhausted: false };
    }
    let all = one.rows.into_iter().chain(other.rows).collect::<BTreeSet<_>>();
    let count = all.len();
    let rows = all.into_iter().take_while(|id| end.as_ref().is_none_or(|end| id <= end)).take(limit);
    let rows: Vec<ProductId> = rows.collect();
    Portion { exhausted: end.is_none() && rows.len() == count, rows }
}

fn unreadable(row: UnreadableRow) -> StoreError {
    StoreError::from(row).of(TABLE)
}
