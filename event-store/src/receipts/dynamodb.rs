//! Receipts on `DynamoDB`: one item per event and nothing else.
//!
//! The promise: a product's newest receipt vouches for all before it, so one short query, newest first, tells up to which event
//! the product is published.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures::stream::{self, StreamExt, TryStreamExt};
use schema::{ProductId, PublicationRecord};

use super::{EventPublication, PublicationPosition, Receipts, in_order};
use crate::aws::{condition_held, failed};
use crate::backoff::Backoff;
use crate::dynamodb::{DynamoItem, number, number_of, read_row};
use crate::error::StoreError;

/// Sequences are below 2^53 (`StoredCommit::sequence`).
const LAST: u64 = (1 << 53) - 1;

/// `DynamoDB` takes at most 25 puts in one batch.
const BATCH: usize = 25;

/// Requests in flight.
const AT_ONCE: usize = 8;

/// How often a batch is sent before its unprocessed items count as an outage.
const ROUNDS: u32 = 8;

/// Between two attempts to send a batch.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(20), longest: Duration::from_millis(1_300) };

/// The newest receipt, and the failure that may be above it.
const NEWEST: i32 = 2;

/// Receipts of about 300 bytes, so a page stays far below 1 MB.
const PAGE: i32 = 500;

/// As errors name the table.
const STORE: &str = "the receipts table";

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
            .expression_attribute_values(":product", AttributeValue::S(product.to_string()))
    }

    /// Writes records of which no two are of one product.
    async fn write_step(&self, records: Vec<&EventPublication>) -> Result<(), StoreError> {
        let (mut puts, mut failures) = (Vec::new(), Vec::new());
        for record in records {
            let item = encoded(record)?;
            match record.outcome {
                PublicationRecord::Failure(_) => failures.push(item),
                PublicationRecord::Receipt(_) => {
                    let put = PutRequest::builder().set_item(Some(item)).build();
                    let put = put.map_err(|error| StoreError::new(error.into()))?;
                    puts.push(WriteRequest::builder().put_request(put).build());
                }
            }
        }
        let batches: Vec<_> = puts.chunks(BATCH).map(<[WriteRequest]>::to_vec).collect();
        stream::iter(batches)
            .map(Ok)
            .try_for_each_concurrent(AT_ONCE, |batch| self.write_batch(batch))
            .await?;
        stream::iter(failures).map(Ok).try_for_each_concurrent(AT_ONCE, |item| self.write_failure(item)).await
    }

    async fn write_batch(&self, mut writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        for round in 1..=ROUNDS {
            let request = self.client.batch_write_item().request_items(&self.table, writes);
            let answer = request.send().await.map_err(failed(STORE))?;
            writes = answer.unprocessed_items.unwrap_or_default().remove(&self.table).unwrap_or_default();
            if writes.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(BACKOFF.pause(round)).await;
        }
        Err(StoreError::new("it leaves writes unprocessed".into()).of(STORE))
    }

    /// A batch takes no conditions, so a failure is a write of its own that never replaces a receipt.
    async fn write_failure(&self, item: DynamoItem) -> Result<(), StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(published_at)");
        condition_held(request.send().await, STORE).map(drop)
    }
}

#[async_trait]
impl Receipts for DynamoReceipts {
    async fn position(&self, product: &ProductId) -> Result<PublicationPosition, StoreError> {
        let newest =
            self.query(product).key_condition_expression("product_id = :product").scan_index_forward(false);
        let mut position = PublicationPosition::default();
        let mut from = None;
        loop {
            let request = newest.clone().limit(NEWEST).set_exclusive_start_key(from);
            let answer = request.send().await.map_err(failed(STORE))?;
            for item in answer.items.unwrap_or_default() {
                let sequence = number_of(&item, "sequence")?;
                match decoded(item)? {
                    PublicationRecord::Receipt(receipt) => {
                        return Ok(PublicationPosition {
                            published: sequence,
                            receipt: Some(receipt),
                            ..position
                        });
                    }
                    // The lowest failure above the newest receipt is that of the next event.
                    PublicationRecord::Failure(failure) => position.failure = Some(failure),
                }
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(position);
            }
        }
    }

    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, StoreError> {
        let to = to.min(LAST);
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
            let answer = query.clone().set_exclusive_start_key(start).send().await.map_err(failed(STORE))?;
            for item in answer.items.unwrap_or_default() {
                records.push((number_of(&item, "sequence")?, decoded(item)?));
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(records);
            }
        }
    }

    async fn record(&self, records: &[EventPublication]) -> Result<(), StoreError> {
        debug_assert!(in_order(records), "records of a product are in order");
        for step in steps(records) {
            self.write_step(step).await?;
        }
        Ok(())
    }

    /// Scans the table, in which the items of one product are adjacent.
    async fn products(&self, after: &str, limit: usize) -> Result<Option<Vec<String>>, StoreError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .projection_expression("product_id");
        // Behind the last event that the product can have.
        let mut from = (!after.is_empty()).then(|| {
            let product = AttributeValue::S(after.to_owned());
            DynamoItem::from([("product_id".to_owned(), product), ("sequence".to_owned(), number(LAST))])
        });
        let mut products: Vec<String> = Vec::new();
        loop {
            let answer = scan.clone().set_exclusive_start_key(from).send().await.map_err(failed(STORE))?;
            for mut item in answer.items.unwrap_or_default() {
                let Some(AttributeValue::S(product)) = item.remove("product_id") else { continue };
                if products.last() != Some(&product) {
                    if products.len() == limit {
                        return Ok(Some(products));
                    }
                    products.push(product);
                }
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(Some(products));
            }
        }
    }
}

/// The records in steps that hold at most one of each product, in their order. A batch is no transaction: of two
/// receipts of one product in it the later one could be written alone, and would vouch for the earlier one.
fn steps(records: &[EventPublication]) -> Vec<Vec<&EventPublication>> {
    let mut steps: Vec<Vec<&EventPublication>> = Vec::new();
    let mut of_product: HashMap<&ProductId, usize> = HashMap::new();
    for record in records {
        let step = of_product.entry(&record.product).or_default();
        match steps.get_mut(*step) {
            Some(together) => together.push(record),
            None => steps.push(vec![record]),
        }
        *step += 1;
    }
    steps
}

fn encoded(record: &EventPublication) -> Result<DynamoItem, StoreError> {
    let item = serde_dynamo::to_item(&record.outcome);
    let mut item: DynamoItem = item.map_err(|error| StoreError::new(error.into()))?;
    item.insert("product_id".into(), AttributeValue::S(record.product.to_string()));
    item.insert("sequence".into(), number(record.sequence));
    Ok(item)
}

fn decoded(item: DynamoItem) -> Result<PublicationRecord, StoreError> {
    let key = |name| match item.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
        _ => String::new(),
    };
    let (product, sequence) = (key("product_id"), key("sequence"));
    read_row(item).map_err(|error| {
        let reason = format!("the item {product:?}, {sequence} cannot be read: {error}");
        StoreError::unreadable(reason.into()).of(STORE)
    })
}
