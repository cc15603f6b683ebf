//! Receipts on `DynamoDB`: one item per event, and each product's cursor as the last item of the product, so that one
//! short query, newest first, reads the cursor and whatever is recorded above it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, PutRequest, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, WriteRequest,
};
use futures::stream::{self, StreamExt, TryStreamExt};
use schema::{ProductId, PublicationRecord};

use super::{Advance, Position, Receipts, Record};
use crate::dynamodb::{Item, number, number_of, unavailable};
use crate::journal::Unavailable;

/// Sort key of a product's cursor: sequences are below 2^53 (`StoredCommit::sequence`), so it comes after them all.
/// Stored. Never change.
const CURSOR: u64 = 1 << 53;

/// `DynamoDB` takes at most 25 puts in one batch.
const BATCH: usize = 25;

/// How many single writes are under way at once.
const AT_ONCE: usize = 8;

/// How often a batch is sent before its unprocessed items count as an outage; the pauses double from 20 ms to 1.3 s.
const ROUNDS: u32 = 8;

/// The cursor, the newest record, and the failure that may stand above it.
const FIRST_PAGE: i32 = 3;

/// Receipts of about 300 bytes, so a page stays far below 1 MB.
const PAGE: i32 = 500;

/// Receipts in one table of the shape [`super::TABLE`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoReceipts {
    client: Client,
    table: String,
}

impl DynamoReceipts {
    /// The receipts in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    fn query(&self, product: &ProductId) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .expression_attribute_values(":product", AttributeValue::S(product.to_string()))
    }

    async fn write_batch(&self, mut writes: Vec<WriteRequest>) -> Result<(), Unavailable> {
        for round in 0..ROUNDS {
            let request = self
                .client
                .batch_write_item()
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .request_items(&self.table, writes);
            let answer = request.send().await.map_err(unavailable)?;
            writes = answer.unprocessed_items.unwrap_or_default().remove(&self.table).unwrap_or_default();
            if writes.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10 << (round + 1))).await;
        }
        Err(Unavailable("the receipts table leaves writes unprocessed".into()))
    }

    /// A batch knows no conditions, so a failure is a write of its own that gives way to a receipt.
    async fn write_failure(&self, item: Item) -> Result<(), Unavailable> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(published_at)")
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}

#[async_trait]
impl Receipts for DynamoReceipts {
    async fn position(&self, product: &ProductId) -> Result<Position, Unavailable> {
        let query =
            self.query(product).key_condition_expression("product_id = :product").scan_index_forward(false);
        let mut position = Position::default();
        let (mut from, mut limit) = (None, FIRST_PAGE);
        loop {
            let answer = query.clone().limit(limit).set_exclusive_start_key(from).send().await;
            let answer = answer.map_err(unavailable)?;
            for item in answer.items.unwrap_or_default() {
                let sequence = number_of(&item, "sequence")?;
                if sequence == CURSOR {
                    position.published = number_of(&item, "published")?;
                } else if sequence > position.published {
                    position.above.push((sequence, decoded(item)?));
                } else {
                    position.above.reverse();
                    return Ok(position);
                }
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                position.above.reverse();
                return Ok(position);
            }
            limit = PAGE;
        }
    }

    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, Unavailable> {
        // The cursor stands behind the last sequence and is no record.
        let to = to.min(CURSOR - 1);
        if from > to {
            return Ok(Vec::new());
        }
        let query = self
            .query(product)
            .key_condition_expression("product_id = :product AND #sequence BETWEEN :from AND :to")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":from", number(from))
            .expression_attribute_values(":to", number(to))
            .limit(PAGE);
        let mut records = Vec::new();
        let mut start = None;
        loop {
            let answer = query.clone().set_exclusive_start_key(start).send().await.map_err(unavailable)?;
            for item in answer.items.unwrap_or_default() {
                records.push((number_of(&item, "sequence")?, decoded(item)?));
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(records);
            }
        }
    }

    async fn record(&self, records: &[Record]) -> Result<(), Unavailable> {
        // A batch must not name a key twice; the later record of an event is the newer one.
        let mut puts: BTreeMap<(&ProductId, u64), WriteRequest> = BTreeMap::new();
        let mut failures = Vec::new();
        for record in records {
            let item = encoded(record)?;
            match record.outcome {
                PublicationRecord::Failure(_) => failures.push(item),
                PublicationRecord::Receipt(_) => {
                    let put = PutRequest::builder().set_item(Some(item)).build();
                    let put = put.map_err(|error| Unavailable(error.into()))?;
                    let write = WriteRequest::builder().put_request(put).build();
                    puts.insert((&record.product, record.sequence), write);
                }
            }
        }
        let puts: Vec<WriteRequest> = puts.into_values().collect();
        let batches: Vec<_> = puts.chunks(BATCH).map(<[WriteRequest]>::to_vec).collect();
        stream::iter(batches)
            .map(Ok)
            .try_for_each_concurrent(AT_ONCE, |batch| self.write_batch(batch))
            .await?;
        stream::iter(failures).map(Ok).try_for_each_concurrent(AT_ONCE, |item| self.write_failure(item)).await
    }

    async fn advance(&self, product: &ProductId, seen: u64, to: u64) -> Result<Advance, Unavailable> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("product_id", AttributeValue::S(product.to_string()))
            .key("sequence", number(CURSOR))
            .update_expression("SET published = :to")
            .expression_attribute_values(":to", number(to))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let unmoved = if seen == 0 {
            "attribute_not_exists(published) OR published = :seen"
        } else {
            "published = :seen"
        };
        let request =
            request.condition_expression(unmoved).expression_attribute_values(":seen", number(seen));
        let Err(error) = request.send().await else {
            return Ok(Advance::Moved);
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                Ok(Advance::Found(refused.item.as_ref().map_or(Ok(0), |item| number_of(item, "published"))?))
            }
            _ => Err(unavailable(error)),
        }
    }
}

fn encoded(record: &Record) -> Result<Item, Unavailable> {
    let item = serde_dynamo::to_item(&record.outcome);
    let mut item: Item = item.map_err(|error| Unavailable(error.into()))?;
    item.insert("product_id".into(), AttributeValue::S(record.product.to_string()));
    item.insert("sequence".into(), number(record.sequence));
    Ok(item)
}

fn decoded(item: Item) -> Result<PublicationRecord, Unavailable> {
    serde_dynamo::from_item(item).map_err(|error| Unavailable(error.into()))
}
