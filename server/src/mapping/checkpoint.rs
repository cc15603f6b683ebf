//! The checkpoint of each consumer in each shard, in a small table of the same database: a restart goes on from there.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::AttributeValue;

/// Shape of the table, as `CreateTable` takes it.
pub const TABLE: &str = include_str!("checkpoints-table.json");

/// These names are stored. Never rename: a mapping would begin again.
const ID: &str = "id";
const STREAM: &str = "stream";
const AFTER: &str = "after";
const FINISHED: &str = "finished";

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
        if item.get(STREAM) != Some(&AttributeValue::S(arn.to_owned())) {
            return Ok(ShardPosition::Unreadable);
        }
        Ok(match (item.get(FINISHED), item.get(AFTER)) {
            (None, None) => ShardPosition::Start,
            (None, Some(AttributeValue::S(after))) => ShardPosition::After(after.clone()),
            (Some(AttributeValue::Bool(true)), None) => ShardPosition::Finished,
            _ => ShardPosition::Unreadable,
        })
    }

    /// Writes `position`.
    pub(super) async fn keep(
        &self,
        consumer: &str,
        arn: &str,
        shard: &str,
        position: &ShardPosition,
    ) -> Result<(), CheckpointError> {
        let mut item = HashMap::from([
            (ID.to_owned(), id(consumer, shard)),
            (STREAM.to_owned(), AttributeValue::S(arn.to_owned())),
        ]);
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
}

fn id(consumer: &str, shard: &str) -> AttributeValue {
    AttributeValue::S(format!("{consumer}#{shard}"))
}
