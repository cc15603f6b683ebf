//! How far each consumer has come in each shard, kept in a small table of the same database: a restart continues
//! there, and the stream is trimmed up to there.

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

/// A checkpoint that could not be read or written; try again, at worst some records are handled twice.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint table could not be used; try again")]
pub struct CheckpointError(#[source] BoxError);

impl CheckpointError {
    fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

/// How far a consumer has come in a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// Nowhere: it begins with the oldest record.
    Start,
    /// Past the record with this sequence number.
    After(String),
    /// At the end of a shard that gets no more records.
    Finished,
    /// Not known: what is kept there is no checkpoint of this stream.
    Unreadable,
}

/// The table of checkpoints.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    client: Client,
    table: String,
}

impl Checkpoints {
    /// The checkpoints in `table`, which has the shape [`TABLE`].
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// How far `consumer` has come in `shard` of the stream `arn`. A checkpoint of another stream of the same table
    /// is unreadable: its numbers mean nothing here.
    ///
    /// # Errors
    /// [`CheckpointError`]: try again.
    pub async fn position(
        &self,
        consumer: &str,
        arn: &str,
        shard: &str,
    ) -> Result<Position, CheckpointError> {
        let request =
            self.client.get_item().table_name(&self.table).key(ID, id(consumer, shard)).consistent_read(true);
        let Some(item) = request.send().await.map_err(CheckpointError::new)?.item else {
            return Ok(Position::Start);
        };
        if item.get(STREAM) != Some(&AttributeValue::S(arn.to_owned())) {
            return Ok(Position::Unreadable);
        }
        Ok(match (item.get(FINISHED), item.get(AFTER)) {
            (None, None) => Position::Start,
            (None, Some(AttributeValue::S(after))) => Position::After(after.clone()),
            (Some(AttributeValue::Bool(true)), None) => Position::Finished,
            _ => Position::Unreadable,
        })
    }

    /// Keeps `position`.
    pub(super) async fn keep(
        &self,
        consumer: &str,
        arn: &str,
        shard: &str,
        position: &Position,
    ) -> Result<(), CheckpointError> {
        let mut item = HashMap::from([
            (ID.to_owned(), id(consumer, shard)),
            (STREAM.to_owned(), AttributeValue::S(arn.to_owned())),
        ]);
        match position {
            Position::Start | Position::Unreadable => {}
            Position::After(after) => drop(item.insert(AFTER.to_owned(), AttributeValue::S(after.clone()))),
            Position::Finished => drop(item.insert(FINISHED.to_owned(), AttributeValue::Bool(true))),
        }
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map_err(CheckpointError::new)?;
        Ok(())
    }
}

fn id(consumer: &str, shard: &str) -> AttributeValue {
    AttributeValue::S(format!("{consumer}#{shard}"))
}
