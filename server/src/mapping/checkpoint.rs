//! The checkpoint of each consumer in each shard, in a small table of the same database: a restart goes on from there, and
//! knows which shards were not read to their end.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::AttributeValue;
use schema::Timestamp;

use super::lineage::{KnownShard, ShardProgress};

/// Shape of the table, as `CreateTable` takes it.
pub const TABLE: &str = include_str!("checkpoints-table.json");

/// These names are stored. Never rename: a mapping would begin again.
const ID: &str = "id";
const STREAM: &str = "stream";
const AFTER: &str = "after";
const FINISHED: &str = "finished";
/// Everything older than this was handled when the checkpoint was kept. Earlier builds did not write it.
const UNTIL: &str = "until";

/// Checkpoints read at once.
const PAGE: i32 = 1_000;

type CheckpointItem = HashMap<String, AttributeValue>;

/// A checkpoint could not be read or written: try again; at worst, some records are handled twice.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint table could not be used; try again")]
pub struct CheckpointError(#[source] BoxError);

impl CheckpointError {
    fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

/// A consumer's position in a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardPosition {
    /// Before the oldest record.
    Start,
    /// After the record with this sequence number.
    After(String),
    /// At the end of a shard that gets no more records.
    Finished,
    /// Unknown: the item is not a checkpoint of this stream.
    Unreadable,
}

/// The table of checkpoints.
#[derive(Clone, Debug)]
pub struct CheckpointTable {
    client: Client,
    table: String,
}

impl CheckpointTable {
    /// The checkpoints in `table`, which has the shape [`TABLE`].
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The position of `consumer` in `shard` of the stream `arn`. A checkpoint of another stream of the same table is
    /// unreadable: its sequence numbers mean nothing here.
    ///
    /// # Errors
    /// [`CheckpointError`]: try again.
    pub async fn position(
        &self,
        consumer: &str,
        arn: &str,
        shard: &str,
    ) -> Result<ShardPosition, CheckpointError> {
        let request =
            self.client.get_item().table_name(&self.table).key(ID, id(consumer, shard)).consistent_read(true);
        let Some(item) = request.send().await.map_err(CheckpointError::new)?.item else {
            return Ok(ShardPosition::Start);
        };
        if stream_of(&item) != Some(arn) {
            return Ok(ShardPosition::Unreadable);
        }
        Ok(position_of(&item))
    }

    /// Every shard that `consumer` has a checkpoint for, of any stream.
    pub(super) async fn all(&self, consumer: &str) -> Result<BTreeMap<String, KnownShard>, CheckpointError> {
        let prefix = id(consumer, "");
        let mut known = BTreeMap::new();
        let mut from = None;
        loop {
            let request = self.client.scan().table_name(&self.table).consistent_read(true).limit(PAGE);
            let request = request
                .filter_expression("begins_with(#id, :consumer)")
                .expression_attribute_names("#id", ID)
                .expression_attribute_values(":consumer", prefix.clone())
                .set_exclusive_start_key(from.clone());
            let page = request.send().await.map_err(CheckpointError::new)?;
            known.extend(page.items.unwrap_or_default().iter().filter_map(known_shard));
            match page.last_evaluated_key {
                None => return Ok(known),
                same if same == from => return Err(CheckpointError::new("a page of checkpoints repeats")),
                next => from = next,
            }
        }
    }

    /// Writes `position`; everything older than `until` was handled.
    pub(super) async fn keep(
        &self,
        consumer: &str,
        arn: &str,
        shard: &str,
        position: &ShardPosition,
        until: Option<Timestamp>,
    ) -> Result<(), CheckpointError> {
        let mut item = HashMap::from([
            (ID.to_owned(), id(consumer, shard)),
            (STREAM.to_owned(), AttributeValue::S(arn.to_owned())),
        ]);
        item.extend(until.map(|until| (UNTIL.to_owned(), AttributeValue::S(until.to_string()))));
        match position {
            ShardPosition::Start | ShardPosition::Unreadable => {}
            ShardPosition::After(after) => {
                drop(item.insert(AFTER.to_owned(), AttributeValue::S(after.clone())));
            }
            ShardPosition::Finished => drop(item.insert(FINISHED.to_owned(), AttributeValue::Bool(true))),
        }
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map_err(CheckpointError::new)?;
        Ok(())
    }

    /// Removes the checkpoint of a shard.
    pub(super) async fn forget(&self, consumer: &str, shard: &str) -> Result<(), CheckpointError> {
        let request = self.client.delete_item().table_name(&self.table).key(ID, id(consumer, shard));
        request.send().await.map_err(CheckpointError::new)?;
        Ok(())
    }
}

fn stream_of(item: &CheckpointItem) -> Option<&str> {
    item.get(STREAM).and_then(|value| value.as_s().ok()).map(String::as_str)
}

fn position_of(item: &CheckpointItem) -> ShardPosition {
    match (item.get(FINISHED), item.get(AFTER)) {
        (None, None) => ShardPosition::Start,
        (None, Some(AttributeValue::S(after))) => ShardPosition::After(after.clone()),
        (Some(AttributeValue::Bool(true)), None) => ShardPosition::Finished,
        _ => ShardPosition::Unreadable,
    }
}

/// The shard of an item, and what is known of it.
fn known_shard(item: &CheckpointItem) -> Option<(String, KnownShard)> {
    let (_, shard) = item.get(ID)?.as_s().ok()?.split_once('#')?;
    let progress = match position_of(item) {
        ShardPosition::Start => ShardProgress::Oldest,
        ShardPosition::After(_) | ShardPosition::Unreadable => ShardProgress::Partly,
        ShardPosition::Finished => ShardProgress::Finished,
    };
    let until = item.get(UNTIL).and_then(|value| value.as_s().ok());
    let until = until.and_then(|until| Timestamp::parse(until).ok());
    let stream = stream_of(item).map(str::to_owned);
    Some((shard.to_owned(), KnownShard { stream, progress, until }))
}

fn id(consumer: &str, shard: &str) -> AttributeValue {
    AttributeValue::S(format!("{consumer}#{shard}"))
}
