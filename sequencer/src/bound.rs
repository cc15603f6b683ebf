//! Which keys sign the log of a ledger in DynamoDB, on record in its log table: with the first one the log gets its name.
//!
//! The promise: insert-only; of two keys that are to be the first, or the next one from a size on, exactly one is.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::StoreError;
use event_store::aws::failed;
use event_store::dynamodb::{DynamoItem, number, number_of};
use ledger_log::{TrustedKeys, VerifierKey};
use schema::Timestamp;

use crate::table::insert;

/// As errors name the table.
const STORE: &str = "the log table";

/// The partition of the keys; the sort key is the size of the first checkpoint that a key signed. Stored. Never rename.
const KEYS: &str = "key";

/// The attribute of a verifier key. Stored. Never rename.
const VERIFIER_KEY: &str = "vkey";

/// The attribute of the time until which the key before this one signs too; without it that key ends where this one begins. Stored.
/// Never rename.
const OVERLAP: &str = "overlap_until";

/// The partition of ends: the sort key is that of the key whose predecessor signs no longer. Stored. Never rename.
const ENDS: &str = "key-end";

/// The attribute of the size of the last checkpoint that a former key signed. Stored. Never rename.
const LAST_SIZE: &str = "to";

/// The keys of a log as they are on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysOnRecord {
    /// All of them, the newest last.
    pub keys: TrustedKeys,
    /// The size from which on the newest one signs.
    pub newest_from: u64,
    /// Until when the one before it signs too, unless its end is on record.
    pub overlap: Option<Timestamp>,
}

/// A key that follows the newest one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextKey {
    /// The key.
    pub key: VerifierKey,
    /// The size of the first checkpoint for which it counts; above that of the key before.
    pub from: u64,
    /// Until when the key before it signs too; `None`: it ends here.
    pub overlap: Option<Timestamp>,
}

/// The keys of a log.
///
/// The contract: what was bound once is never changed, and every read sees it.
#[async_trait]
pub trait BoundKeys: Send + Sync {
    /// What is on record; `None` as long as the log has not begun.
    ///
    /// # Errors
    /// [`StoreError`]: try again later. [`StoreError::is_unreadable`]: what is there is no key.
    async fn on_record(&self) -> Result<Option<KeysOnRecord>, StoreError>;

    /// The keys; `None` as long as the log has not begun.
    ///
    /// # Errors
    /// As [`BoundKeys::on_record`].
    async fn keys(&self) -> Result<Option<TrustedKeys>, StoreError> {
        Ok(self.on_record().await?.map(|found| found.keys))
    }

    /// Puts on record that this key signs the log from its beginning; a key that is on record already stays. Answers with the
    /// one that is.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn bind(&self, key: &VerifierKey) -> Result<VerifierKey, StoreError>;

    /// Puts on record that a key follows; one that follows from the same size already stays: read what is on record.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn follow(&self, next: &NextKey) -> Result<(), StoreError>;

    /// Puts on record that the key before the one from a size on counts for no checkpoint above `to`; what is on record already
    /// stays.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn end_former(&self, newest_from: u64, to: u64) -> Result<(), StoreError>;
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

    /// The items of a partition, in order.
    async fn items(&self, partition: &str) -> Result<Vec<DynamoItem>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        // Few keys: one page has them all.
        Ok(query.send().await.map_err(failed(STORE))?.items.unwrap_or_default())
    }

    /// Each key in order.
    async fn bound(&self) -> Result<Vec<NextKey>, StoreError> {
        let key = |item: &DynamoItem| {
            let text = |name: &str| item.get(name)?.as_s().ok();
            let overlap = match text(OVERLAP) {
                None => None,
                Some(until) => Some(Timestamp::parse(until).ok()?),
            };
            let key = text(VERIFIER_KEY)?.parse().ok()?;
            Some(NextKey { key, from: number_of(item, "sk").ok()?, overlap })
        };
        let items = self.items(KEYS).await?;
        let keys: Option<Vec<NextKey>> = items.iter().map(key).collect();
        keys.ok_or_else(|| StoreError::unreadable("an item of a key has another form".into()).of(STORE))
    }

    /// Inserts an item; `false` if one has its key.
    async fn insert(&self, item: DynamoItem) -> Result<bool, StoreError> {
        insert(&self.client, &self.table, item).await
    }
}

/// The item of a key.
fn of_key(key: &VerifierKey, from: u64) -> DynamoItem {
    DynamoItem::from([
        ("pk".to_owned(), AttributeValue::S(KEYS.to_owned())),
        ("sk".to_owned(), number(from)),
        (VERIFIER_KEY.to_owned(), AttributeValue::S(key.to_string())),
    ])
}

#[async_trait]
impl BoundKeys for DynamoLogKeys {
    async fn on_record(&self) -> Result<Option<KeysOnRecord>, StoreError> {
        let bound = self.bound().await?;
        let Some(newest) = bound.last() else { return Ok(None) };
        let ends = if bound.len() > 1 { self.items(ENDS).await? } else { Vec::new() };
        let ended = |from: u64| {
            let end = ends.iter().find(|end| number_of(end, "sk").is_ok_and(|sk| sk == from));
            end.map(|end| number_of(end, LAST_SIZE)).transpose()
        };
        let mut lines = Vec::new();
        for (place, NextKey { key, from, .. }) in bound.iter().enumerate() {
            let next = bound.get(place + 1);
            let to = match next {
                None => None,
                Some(NextKey { from, overlap: None, .. }) => Some(*from),
                // The key after the next one ends it too.
                Some(NextKey { from, .. }) => {
                    ended(*from)?.or_else(|| bound.get(place + 2).map(|after| after.from))
                }
            };
            lines.push(
                to.map_or_else(|| format!("{key} from {from}"), |to| format!("{key} from {from} to {to}")),
            );
        }
        let unreadable = |error| StoreError::unreadable(format!("a key {error}").into()).of(STORE);
        let keys = lines.join("\n").parse().map_err(unreadable)?;
        let overlap = newest.overlap.filter(|_| bound.len() > 1);
        let overlap = if ended(newest.from)?.is_none() { overlap } else { None };
        Ok(Some(KeysOnRecord { keys, newest_from: newest.from, overlap }))
    }

    async fn bind(&self, key: &VerifierKey) -> Result<VerifierKey, StoreError> {
        if self.insert(of_key(key, 0)).await? {
            return Ok(key.clone());
        }
        let first = self.bound().await?.into_iter().find(|bound| bound.from == 0);
        first.map(|bound| bound.key).ok_or_else(|| {
            StoreError::unreadable("the item of the first key has another form".into()).of(STORE)
        })
    }

    async fn follow(&self, next: &NextKey) -> Result<(), StoreError> {
        let mut item = of_key(&next.key, next.from);
        if let Some(until) = next.overlap {
            item.insert(OVERLAP.to_owned(), AttributeValue::S(until.to_string()));
        }
        self.insert(item).await.map(drop)
    }

    async fn end_former(&self, newest_from: u64, to: u64) -> Result<(), StoreError> {
        let item = DynamoItem::from([
            ("pk".to_owned(), AttributeValue::S(ENDS.to_owned())),
            ("sk".to_owned(), number(newest_from)),
            (LAST_SIZE.to_owned(), number(to)),
        ]);
        self.insert(item).await.map(drop)
    }
}
