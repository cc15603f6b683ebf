//! The product view on `DynamoDB`: one item per product, written only if its version increases, read by key or by index.

mod row;
mod shape;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use event_store::StoreError;
use event_store::aws::{condition_held, failed};
use schema::{Orders, Product, ProductId};

use super::{
    Generation, GenerationsError, IndexRow, ProductRow, RowPage, Slice, SlicePage, UnreadableRow,
    ViewGenerations, Views, not_kept,
};

pub use shape::products_table;

/// The table, in errors.
const TABLE: &str = "the product table";

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
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index.name)
            .key_condition_expression("#partition = :partition AND #position BETWEEN :from AND :to")
            .expression_attribute_names("#partition", index.partition)
            .expression_attribute_names("#position", index.position)
            .expression_attribute_values(":partition", row::partition(generation, slice.shard))
            .expression_attribute_values(":from", AttributeValue::S(slice.range.from.clone()))
            .expression_attribute_values(":to", AttributeValue::S(slice.range.to.clone()))
            .scan_index_forward(!slice.descending)
            .limit(i32::try_from(slice.limit).unwrap_or(i32::MAX));
        let answer = request.send().await.map_err(failed(TABLE))?;
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

fn unreadable(row: UnreadableRow) -> StoreError {
    StoreError::from(row).of(TABLE)
}
