//! What consumers of the ledger follow: commits in the order of recording, or the records of a table's stream. A record
//! is a hint that something happened; the event table is the truth.

use std::fmt;

use async_trait::async_trait;
use aws_lambda_events::event::dynamodb::EventRecord;
use schema::{ProductId, StoredCommit};
use telemetry::meters::TAMPERING;
use tokio::sync::watch;

use crate::journal::Unavailable;

/// The commits of all products in the order of recording.
///
/// The contract, which `tests/contract/feed` runs on every adapter: positions begin at 0 and have no gaps; what was read once
/// never changes and nothing is inserted before it; each commit is there once, and the commits of a product are in order
/// if they were appended so. A position is visible only with all before it, and `news` change no sooner than what is new.
#[async_trait]
pub trait Feed: Send + Sync {
    /// Up to `limit` commits with a position above `position` (`None`: from the first), oldest first.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn after(&self, position: Option<u64>, limit: usize) -> Result<Vec<Recorded>, Unavailable>;

    /// The hash of the commit at a position, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn hash_at(&self, position: u64) -> Result<Option<String>, Unavailable>;

    /// The newest position, `None` as long as nothing was recorded.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn newest_position(&self) -> Result<Option<u64>, Unavailable>;

    /// Changes whenever something may have been recorded.
    fn news(&self) -> watch::Receiver<u64>;
}

/// A commit at its position.
#[derive(Debug)]
pub struct Recorded {
    /// Its place in the order of recording.
    pub position: u64,
    /// Its hash, as it is stored beside it.
    pub hash: String,
    /// The commit, or why it cannot be read.
    pub change: Change,
}

/// One thing a consumer is told, under the name by which it is asked for again.
#[derive(Debug)]
pub struct Record {
    /// `SequenceNumber` of a stream record, or the position of a commit.
    pub id: String,
    /// What happened.
    pub change: Change,
}

impl Record {
    /// What a stream record says.
    #[must_use]
    pub fn of(record: &EventRecord) -> Self {
        Self { id: record.change.sequence_number.clone().unwrap_or_default(), change: change(record) }
    }
}

impl From<Recorded> for Record {
    fn from(recorded: Recorded) -> Self {
        Self { id: recorded.position.to_string(), change: recorded.change }
    }
}

/// What one stream record says.
#[derive(Debug)]
pub enum Change {
    /// A commit was appended.
    Committed(Box<StoredCommit>),
    /// A commit was changed or removed, which nobody is allowed to: proof of tampering.
    Tampered(Tampering),
    /// The record names a product but its image cannot be read; the event table has to be asked.
    Unreadable {
        /// The product, if even that can be read.
        product: Option<ProductId>,
        /// What is wrong.
        reason: String,
    },
}

/// A change of what can never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampering {
    /// `MODIFY` or `REMOVE`, as the stream names it.
    pub operation: String,
    /// The product, as the record's key has it.
    pub product: String,
    /// The commit's sequence, as the record's key has it.
    pub sequence: String,
}

impl Tampering {
    /// Counts it in the metrics, which raise the alarm.
    pub fn count(&self, consumer: &'static str) {
        let operation = match self.operation.as_str() {
            "MODIFY" => "MODIFY",
            "REMOVE" => "REMOVE",
            _ => "other",
        };
        metrics::counter!(TAMPERING.name, "consumer" => consumer, "operation" => operation).increment(1);
    }
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of commit {} of product {}", self.operation, self.sequence, self.product)
    }
}

/// Reads one record. Never fails: what cannot be read is a [`Change`] of its own, so that it cannot block its neighbours.
#[must_use]
pub fn change(record: &EventRecord) -> Change {
    if record.event_name != "INSERT" {
        return Change::Tampered(Tampering {
            operation: record.event_name.clone(),
            product: key(record, "product_id").unwrap_or_default(),
            sequence: key(record, "sequence").unwrap_or_default(),
        });
    }
    let unreadable = |reason: String| Change::Unreadable {
        product: key(record, "product_id").and_then(|text| ProductId::new(text).ok()),
        reason,
    };
    if record.change.new_image.is_empty() {
        return unreadable("the record carries no image".into());
    }
    match serde_dynamo::from_item(record.change.new_image.clone()) {
        Ok(json) => Change::Committed(Box::new(StoredCommit(json))),
        Err(error) => unreadable(error.to_string()),
    }
}

fn key(record: &EventRecord, name: &str) -> Option<String> {
    let attribute = |item: &serde_dynamo::Item| match item.get(name)? {
        serde_dynamo::AttributeValue::S(text) | serde_dynamo::AttributeValue::N(text) => Some(text.clone()),
        _ => None,
    };
    attribute(&record.change.keys).or_else(|| attribute(&record.change.new_image))
}
