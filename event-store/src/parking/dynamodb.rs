//! Parking rows on `DynamoDB`: one item per consumer and product, parked again by one conditional update.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use schema::ProductId;

use super::{Parked, Parking, ParkingCause};
use crate::aws::{condition_held, failed};
use crate::dynamodb::{DynamoItem, number, read_row};
use crate::error::StoreError;

/// How often an update is repeated because the row changes meanwhile.
const ROUNDS: usize = 5;

/// As errors name the table.
const STORE: &str = "the parking table";

/// Rows in one table of the shape [`super::TABLE`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoParking {
    client: Client,
    table: String,
}

impl DynamoParking {
    /// The rows in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    fn update(&self, consumer: &str, product: &ProductId, cause: &ParkingCause) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("consumer", AttributeValue::S(consumer.to_owned()))
            .key("product_id", AttributeValue::S(product.to_string()))
            .expression_attribute_values(":reason", AttributeValue::S(cause.reason.clone()))
            .expression_attribute_values(":retryable", AttributeValue::Bool(cause.retryable))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":from", number(cause.from_sequence))
    }
}

#[async_trait]
impl Parking for DynamoParking {
    async fn park(
        &self,
        consumer: &str,
        product: &ProductId,
        cause: &ParkingCause,
    ) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let new_or_lower = self
                .update(consumer, product, cause)
                .update_expression(
                    "SET reason = :reason, retryable = :retryable, from_sequence = :from, \
                     parked_at = if_not_exists(parked_at, :at) ADD attempts :one",
                )
                .condition_expression("attribute_not_exists(from_sequence) OR from_sequence >= :from")
                .expression_attribute_values(":at", AttributeValue::S(cause.at.to_string()));
            if condition_held(new_or_lower.send().await, STORE)? {
                return Ok(());
            }
            let lower_is_there = self
                .update(consumer, product, cause)
                .update_expression("SET reason = :reason, retryable = :retryable ADD attempts :one")
                .condition_expression("from_sequence < :from");
            if condition_held(lower_is_there.send().await, STORE)? {
                return Ok(());
            }
        }
        Err(StoreError::new("a row changes faster than it can be updated".into()).of(STORE))
    }

    async fn release(&self, seen: &Parked) -> Result<bool, StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("consumer", AttributeValue::S(seen.consumer.clone()))
            .key("product_id", AttributeValue::S(seen.product_id.to_string()))
            .condition_expression("attempts = :attempts AND parked_at = :at")
            .expression_attribute_values(":attempts", number(seen.attempts.into()))
            .expression_attribute_values(":at", AttributeValue::S(seen.parked_at.to_string()));
        condition_held(request.send().await, STORE)
    }

    async fn of(&self, consumer: &str, product: &ProductId) -> Result<Option<Parked>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .key("consumer", AttributeValue::S(consumer.to_owned()))
            .key("product_id", AttributeValue::S(product.to_string()));
        request.send().await.map_err(failed(STORE))?.item.map(decoded).transpose()
    }

    async fn list(
        &self,
        consumer: &str,
        after: Option<&ProductId>,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_values(":consumer", AttributeValue::S(consumer.to_owned()));
        let query = match after {
            None => query.key_condition_expression("consumer = :consumer"),
            Some(after) => query
                .key_condition_expression("consumer = :consumer AND product_id > :after")
                .expression_attribute_values(":after", AttributeValue::S(after.to_string())),
        };
        let mut rows = Vec::new();
        let mut from = None;
        while rows.len() < limit {
            let left = i32::try_from(limit - rows.len()).unwrap_or(i32::MAX);
            let answer = query.clone().limit(left).set_exclusive_start_key(from).send().await;
            let answer = answer.map_err(failed(STORE))?;
            for item in answer.items.unwrap_or_default() {
                rows.push(decoded(item)?);
            }
            from = answer.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(rows)
    }
}

fn decoded(item: DynamoItem) -> Result<Parked, StoreError> {
    let key = |name| item.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).cloned();
    let (consumer, product) = (key("consumer").unwrap_or_default(), key("product_id").unwrap_or_default());
    read_row(item).map_err(|error| {
        let reason = format!("the row {consumer:?}, {product:?} cannot be read: {error}");
        StoreError::unreadable(reason.into()).of(STORE)
    })
}
