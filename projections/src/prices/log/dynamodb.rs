//! Price histories on `DynamoDB`: a product is a partition, its cursor the first item in it and its entries follow by place.

mod item;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use futures::stream::{self, StreamExt, TryStreamExt};
use schema::{ProductId, Timestamp};

use super::{History, PriceLog};
use crate::prices::Entry;
use crate::views::dynamodb::unavailable;
use crate::views::{Generation, Unavailable};

/// How many entries are written or removed at once.
const PARALLEL: usize = 16;

/// How many items a request reads.
const PAGE: i32 = 1_000;

/// The histories in one table of the shape [`crate::PRICES_TABLE`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoPriceLog {
    client: Client,
    table: String,
}

impl DynamoPriceLog {
    /// The histories in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    async fn put(&self, item: item::Item) -> Result<(), Unavailable> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        request.send().await.map(drop).map_err(unavailable)
    }

    async fn remove(&self, key: item::Item) -> Result<(), Unavailable> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        request.send().await.map(drop).map_err(unavailable)
    }
}

#[async_trait]
impl PriceLog for DynamoPriceLog {
    async fn folded(&self, generation: Generation, product: &ProductId) -> Result<u64, Unavailable> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(item::cursor_key(generation, product)))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let item = request.send().await.map_err(unavailable)?.item;
        item.map_or(Ok(0), |item| item::sequence(&item))
    }

    async fn write(
        &self,
        generation: Generation,
        product: &ProductId,
        entries: &[Entry],
    ) -> Result<(), Unavailable> {
        let items = entries.iter().map(|entry| item::of(generation, product, entry));
        stream::iter(items.collect::<Vec<_>>())
            .map(|item| async { self.put(item?).await })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await
    }

    async fn advance(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: u64,
        to: u64,
    ) -> Result<bool, Unavailable> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::cursor_key(generation, product)))
            .update_expression("SET #sequence = :to")
            .expression_attribute_names("#sequence", item::SEQUENCE)
            .expression_attribute_values(":to", item::number(to))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let request = if seen == 0 {
            request.condition_expression("attribute_not_exists(#sequence)")
        } else {
            request
                .condition_expression("#sequence = :seen")
                .expression_attribute_values(":seen", item::number(seen))
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn history(
        &self,
        generation: Generation,
        product: &ProductId,
        until: Option<Timestamp>,
    ) -> Result<History, Unavailable> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#key = :key AND #place BETWEEN :first AND :last")
            .expression_attribute_names("#key", item::KEY)
            .expression_attribute_names("#place", item::PLACE)
            .expression_attribute_values(":key", AttributeValue::S(item::key(generation, product)))
            .expression_attribute_values(":first", AttributeValue::S(item::CURSOR.to_owned()))
            .expression_attribute_values(":last", AttributeValue::S(item::last_place(until)))
            .limit(PAGE)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut history = History::default();
        let mut from = None;
        loop {
            let answer = query.clone().set_exclusive_start_key(from).send().await;
            let answer = answer.map_err(unavailable)?;
            for found in answer.items.unwrap_or_default() {
                item::read_into(&mut history, found)?;
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(history);
            }
        }
    }

    /// Scans the whole table: a generation is no partition. Only a rebuild does this.
    async fn drop_generation(&self, generation: Generation) -> Result<u64, Unavailable> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("begins_with(#key, :generation)")
            .projection_expression("#key, #place")
            .expression_attribute_names("#key", item::KEY)
            .expression_attribute_names("#place", item::PLACE)
            .expression_attribute_values(":generation", AttributeValue::S(format!("{generation}#")))
            .limit(PAGE)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let (mut removed, mut from) = (0, None);
        loop {
            let answer = scan.clone().set_exclusive_start_key(from).send().await;
            let answer = answer.map_err(unavailable)?;
            let keys = answer.items.unwrap_or_default();
            removed += keys.len() as u64;
            stream::iter(keys)
                .map(|key| self.remove(key))
                .buffer_unordered(PARALLEL)
                .try_collect::<()>()
                .await?;
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(removed);
            }
        }
    }
}
