//! Rounds on `DynamoDB`: items of the parking table under a consumer of their own, which parks nothing.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Round, Rounds};
use crate::aws::{condition_held, failed};
use crate::dynamodb::{number, number_of};
use crate::error::StoreError;

/// In the place of a consumer. Stored. Never change.
const ROUNDS: &str = "reconcile";

/// As errors name the table.
const STORE: &str = "the parking table";

/// Rounds in one table of the shape [`crate::parking::TABLE`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoRounds {
    client: Client,
    table: String,
}

impl DynamoRounds {
    /// The rounds in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }
}

#[async_trait]
impl Rounds for DynamoRounds {
    async fn load(&self, name: &str) -> Result<(u64, Round), StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .key("consumer", AttributeValue::S(ROUNDS.to_owned()))
            .key("product_id", AttributeValue::S(name.to_owned()));
        let answer = request.send().await.map_err(failed(STORE))?;
        let Some(item) = answer.item else { return Ok((0, Round::default())) };
        let revision = number_of(&item, "revision").map_err(|error| error.of(STORE))?;
        let text = item.get("round").and_then(|value| value.as_s().ok());
        // One that cannot be read, as of a later build, begins anew: that costs reads and loses nothing.
        let round = text.and_then(|text| serde_json::from_str(text).ok());
        if round.is_none() {
            tracing::warn!(target: "ledger::reconcile", name, "the round of the reconcile cannot be read and begins anew");
        }
        Ok((revision, round.unwrap_or_default()))
    }

    async fn save(&self, name: &str, revision: u64, round: &Round) -> Result<bool, StoreError> {
        let text = serde_json::to_string(round).map_err(|error| StoreError::new(error.into()))?;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("consumer", AttributeValue::S(ROUNDS.to_owned()))
            .key("product_id", AttributeValue::S(name.to_owned()))
            .update_expression("SET revision = :next, round = :round")
            .expression_attribute_values(":next", number(revision + 1))
            .expression_attribute_values(":round", AttributeValue::S(text));
        let update = if revision == 0 {
            update.condition_expression("attribute_not_exists(revision)")
        } else {
            update
                .condition_expression("revision = :seen")
                .expression_attribute_values(":seen", number(revision))
        };
        condition_held(update.send().await, STORE)
    }
}
