//! What a consumer follows: commits in the order of recording, or the records of a table's stream.
//!
//! The promise: reading a stream record never fails, so one bad record cannot block those behind it. A record is a hint; the
//! event table decides.

mod record;

use std::fmt;

use async_trait::async_trait;
use aws_lambda_events::event::dynamodb::EventRecord;
use schema::{ProductId, StoredCommit};
use telemetry::meters::{GIVEN_UP, TAMPERING};
use tokio::sync::watch;

use crate::error::StoreError;
use crate::export;
use crate::log_entry::LogEntry;

pub use record::{event, read};

/// The commits of all products in the order of recording.
///
/// The contract, which `tests/contract/feed` runs on every adapter: positions begin at 0 and have no gaps; what was read once
/// never changes, and nothing is inserted before it; each commit has one position, and the commits of a product are in order
/// if they were appended in order. A position is visible only with all before it, and no later than it is notified.
#[async_trait]
pub trait Feed: Send + Sync {
    /// Up to `limit` commits with a position above `position` (`None`: from the first), oldest first.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn after(&self, position: Option<u64>, limit: usize) -> Result<Vec<FeedEntry>, StoreError>;

    /// The commits of a slice, in its order. Those of one product are found by an index, whatever lies between them.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn slice(&self, slice: &FeedSlice) -> Result<Vec<FeedEntry>, StoreError>;

    /// The lines of the commits from position `first` to `last`, as an export has them; a store that keeps lines answers them byte for
    /// byte, whatever they hold.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn lines(&self, first: u64, last: u64) -> Result<Vec<PositionedLine>, StoreError> {
        let limit = usize::try_from(last.saturating_sub(first)).unwrap_or(usize::MAX).saturating_add(1);
        let slice = FeedSlice { first, last, product: None, newest_first: false, limit };
        let lines = self.slice(&slice).await?.into_iter().map(|entry| match entry.change {
            Change::Committed(commit) => {
                let line = export::canonical(&commit).map_err(|error| StoreError::new(error.into()))?;
                Ok(PositionedLine { position: entry.position, line })
            }
            Change::Tampered(_) | Change::Unreadable { .. } | Change::Nameless { .. } => {
                let what = format!("the commit at position {} cannot be read", entry.position);
                Err(StoreError::unreadable(what.into()))
            }
        });
        lines.collect()
    }

    /// The hash of the commit at a position, if there is one.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn hash_at(&self, position: u64) -> Result<Option<String>, StoreError>;

    /// The position of the commit of a product with this sequence, if there is one.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn position_of(&self, product: &ProductId, sequence: u64) -> Result<Option<u64>, StoreError>;

    /// The newest position, `None` as long as nothing was recorded.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn newest_position(&self) -> Result<Option<u64>, StoreError>;

    /// What the log has at positions without a commit, from `first` to `last`, at most `limit`: lost commits, and entries that are no
    /// commits. Only a ledger that was restored, or changed by hand, has any.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn entries(&self, _first: u64, _last: u64, _limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        Ok(Vec::new())
    }

    /// The newest position of such an entry.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn newest_entry(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    /// A count that changes after every append, to wait for the next one.
    fn appended(&self) -> watch::Receiver<u64>;
}

/// A part of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSlice {
    /// The lowest position.
    pub first: u64,
    /// The highest position, included.
    pub last: u64,
    /// The only product whose commits are wanted.
    pub product: Option<ProductId>,
    /// Whether the highest position comes first.
    pub newest_first: bool,
    /// The most commits.
    pub limit: usize,
}

/// The line of a commit at its position, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionedLine {
    /// The position.
    pub position: u64,
    /// The line.
    pub line: Vec<u8>,
}

/// A commit at its position.
#[derive(Debug)]
pub struct FeedEntry {
    /// Its place in the order of recording.
    pub position: u64,
    /// Its hash, as the store keeps it.
    pub hash: String,
    /// The commit, or why it cannot be read.
    pub change: Change,
}

/// A change as it is delivered to a consumer, with the id by which it is reported as failed and delivered again.
#[derive(Debug)]
pub struct ChangeRecord {
    /// `SequenceNumber` of a stream record, or the position of a commit.
    pub id: String,
    /// What happened.
    pub change: Change,
}

impl ChangeRecord {
    /// Reads a stream record.
    #[must_use]
    pub fn of(record: &EventRecord) -> Self {
        Self { id: record.change.sequence_number.clone().unwrap_or_default(), change: change(record) }
    }
}

impl From<FeedEntry> for ChangeRecord {
    fn from(recorded: FeedEntry) -> Self {
        Self { id: recorded.position.to_string(), change: recorded.change }
    }
}

/// What happened to an item of the event table.
#[derive(Debug)]
pub enum Change {
    /// A commit was appended.
    Committed(Box<StoredCommit>),
    /// A commit was changed or removed, which nothing is permitted to do: tampering.
    Tampered(Tampering),
    /// The image of the record cannot be read; read the product from the event table.
    Unreadable {
        /// The product, unless its key is no product id: the ledger has no such product.
        product: Option<ProductId>,
        /// What is wrong.
        reason: String,
    },
    /// The record does not say which product it is of, nor does another delivery of it: give it up ([`give_up`]), so that the
    /// records behind it do not wait.
    Nameless {
        /// What is wrong.
        reason: String,
    },
}

/// A change or a removal of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampering {
    /// `MODIFY` or `REMOVE`, as the stream names it.
    pub operation: String,
    /// The product in the record's key.
    pub product: String,
    /// The commit's sequence in the record's key.
    pub sequence: String,
}

impl Tampering {
    /// Counts it in the metric that raises the alarm.
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

/// Counts and logs a record that does not say which product it is of. What it told is found by a reconcile.
pub fn give_up(consumer: &'static str, record: &str, reason: &str) {
    metrics::counter!(GIVEN_UP.name, "consumer" => consumer).increment(1);
    tracing::error!(target: "ledger::stream",
        consumer,
        record,
        reason,
        "a stream record does not say which product it is of and is given up; run `ledger reconcile --repair`"
    );
}

/// Whether a record does not say which product it is of. What was changed or removed is reported all the same.
#[must_use]
pub fn is_nameless(record: &EventRecord) -> bool {
    !matches!(record.event_name.as_str(), "MODIFY" | "REMOVE") && key(record, "product_id").is_none()
}

/// Reads one record, its keys first. Never fails: what cannot be read is a [`Change`] too, so that it does not block the
/// records behind it.
#[must_use]
pub fn change(record: &EventRecord) -> Change {
    let product = key(record, "product_id");
    if let operation @ ("MODIFY" | "REMOVE") = record.event_name.as_str() {
        return Change::Tampered(Tampering {
            operation: operation.to_owned(),
            product: product.unwrap_or_default(),
            sequence: key(record, "sequence").unwrap_or_default(),
        });
    }
    let Some(id) = product else {
        return Change::Nameless { reason: "neither its keys nor its image name a product".to_owned() };
    };
    let unreadable =
        |reason: String| Change::Unreadable { product: ProductId::new(id.as_str()).ok(), reason };
    if record.event_name != "INSERT" {
        return unreadable("it does not say that an item was inserted, changed or removed".into());
    }
    if record.change.new_image.is_empty() {
        return unreadable("the record carries no image that can be read".into());
    }
    match serde_dynamo::from_item(record.change.new_image.clone()).map(StoredCommit) {
        Ok(commit) if commit.text("product_id").is_ok_and(|of| of == id) => {
            Change::Committed(Box::new(commit))
        }
        Ok(_) => unreadable("the image does not name the product of its keys".into()),
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
