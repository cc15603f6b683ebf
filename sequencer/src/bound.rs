//! Which keys sign the log of a ledger in DynamoDB, on record in its log table: with the first one the log gets its name.
//!
//! The promise: insert-only; of two keys that are to be the first exactly one is.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::execute_statement::ExecuteStatementError;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::StoreError;
use event_store::aws::failed;
use ledger_log::{TrustedKeys, VerifierKey};

/// As errors name the table.
const STORE: &str = "the log table";

/// The partition of the keys; the sort key is the size of the first checkpoint that a key signed. Stored. Never rename.
const KEYS: &str = "key";

/// The attribute of a verifier key. Stored. Never rename.
const VERIFIER_KEY: &str = "vkey";

/// The keys of a log.
///
/// The contract: what was bound once is never changed, and every read sees it.
#[async_trait]
pub trait BoundKeys: Send + Sync {
    /// The keys; `None` as long as the log has not begun.
    ///
    /// # Errors
    /// [`StoreError`]: try again later. [`StoreError::is_unreadable`]: what is there is no key.
    async fn keys(&self) -> Result<Option<TrustedKeys>, StoreError>;

    /// Puts on record that this key signs the log from its beginning; a key that is on record already stays. Answers with the
    /// one that is.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn bind(&self, key: &VerifierKey) -> Result<VerifierKey, StoreError>;
}

/// The keys in a log table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoLogKeys {
    client: Client,
    table: String,
}

impl DynamoLogKeys {
    /// The keys in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Each key with the size from which on it signs, in order.
    async fn bound(&self) -> Result<Vec<(String, String)>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(KEYS.to_owned()));
        let answer = query.send().await.map_err(failed(STORE))?;
        let unreadable = || StoreError::unreadable("an item of a key has another form".into()).of(STORE);
        let read = answer.items.unwrap_or_default().into_iter().map(|item| {
            let from = item.get("sk").and_then(|from| from.as_n().ok());
            from.cloned().zip(item.get(VERIFIER_KEY).and_then(|key| key.as_s().ok()).cloned())
        });
        read.map(|key| key.ok_or_else(unreadable)).collect()
    }
}

#[async_trait]
impl BoundKeys for DynamoLogKeys {
    async fn keys(&self) -> Result<Option<TrustedKeys>, StoreError> {
        let bound = self.bound().await?;
        if bound.is_empty() {
            return Ok(None);
        }
        let lines: Vec<String> = bound.into_iter().map(|(from, key)| format!("{key} from {from}")).collect();
        let keys = lines.join("\n").parse();
        keys.map(Some).map_err(|error| StoreError::unreadable(format!("a key {error}").into()).of(STORE))
    }

    async fn bind(&self, key: &VerifierKey) -> Result<VerifierKey, StoreError> {
        let table = self.table.replace('"', "\"\"");
        let insert = self
            .client
            .execute_statement()
            .statement(format!("INSERT INTO \"{table}\" VALUE {{'pk': ?, 'sk': ?, '{VERIFIER_KEY}': ?}}"))
            .parameters(AttributeValue::S(KEYS.to_owned()))
            .parameters(AttributeValue::N("0".to_owned()))
            .parameters(AttributeValue::S(key.to_string()));
        match insert.send().await {
            Ok(_) => return Ok(key.clone()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(ExecuteStatementError::is_duplicate_item_exception) => {}
            Err(error) => return Err(failed(STORE)(error)),
        }
        let bound = self.bound().await?.into_iter().find(|(from, _)| from == "0");
        let bound = bound.and_then(|(_, key)| key.parse().ok());
        bound.ok_or_else(|| {
            StoreError::unreadable("the item of the first key has another form".into()).of(STORE)
        })
    }
}
