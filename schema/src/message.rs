//! Messages to subscribers: the `Detail` of a bus entry. Within an `event_version` fields are only ever added.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::commit::{Commit, RecordedEvent};
use crate::event::ProductEvent;
use crate::hash::Hash;
use crate::id::ProductId;
use crate::product::Product;
use crate::time::Timestamp;

/// What all messages of a ledger name as their source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSource {
    /// `Source` of an entry, and `event_source`.
    pub name: String,
    /// The name of the log that all commits are in, if one is kept.
    pub log_origin: Option<String>,
}

/// One event as a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The event's identity, commit and cause.
    pub metadata: MessageMetadata,
    /// The event's data, and the product after it.
    pub data: MessageData,
}

impl Message {
    /// The message of an event of a commit, with the product after it; `replay` marks an event that is published again on request.
    ///
    /// # Errors
    /// Serialization failed, which no value of the schema causes; do not send the event.
    pub fn of(
        commit: &Commit,
        (sequence, recorded): (u64, &RecordedEvent),
        source: &MessageSource,
        replay: Option<&Replay>,
    ) -> Result<Self, serde_json::Error> {
        let mut tagged = serde_json::to_value(&recorded.event)?;
        let data = MessageData {
            event: serde_json::from_value(tagged["data"].take())?,
            product: Some(commit.state.clone()),
            product_omitted: false,
        };
        let metadata = MessageMetadata {
            event_id: recorded.event_id.to_string(),
            event_name: event_name(&recorded.event).to_owned(),
            event_source: source.name.clone(),
            event_version: format!("v{}", recorded.event.schema_version()),
            product_id: commit.product_id.clone(),
            sequence,
            commit_id: commit.commit_id.to_string(),
            hash: commit.hash.clone(),
            log_origin: source.log_origin.clone(),
            created_at: commit.recorded_at,
            occurred_at: commit.metadata.occurred_at,
            correlation_id: commit.metadata.correlation_id.clone(),
            causation_id: commit.metadata.causation_id.clone(),
            actor: commit.metadata.actor.clone(),
            replay: replay.cloned(),
        };
        Ok(Self { metadata, data })
    }
}

/// The event's identity, commit and cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageMetadata {
    /// The same on every delivery and replay: discard an id that was received before.
    pub event_id: String,
    /// The event's name in upper snake case.
    pub event_name: String,
    /// The configured source.
    pub event_source: String,
    /// `v` and the version of the event's data.
    pub event_version: String,
    /// The product.
    pub product_id: ProductId,
    /// The event's sequence within the product, without gaps: a jump shows what was missed.
    pub sequence: u64,
    /// The commit.
    pub commit_id: String,
    /// The commit's hash.
    pub hash: Hash,
    /// The name of the log that the commit is in or will soon be in, if one is kept: ask there for the proof of the hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_origin: Option<String>,
    /// When the commit was recorded.
    pub created_at: Timestamp,
    /// When it happened in business terms.
    pub occurred_at: Timestamp,
    /// The conversation the command belonged to.
    pub correlation_id: String,
    /// The command that caused the event.
    pub causation_id: String,
    /// Who sent the command.
    pub actor: String,
    /// Present when the event is replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
}

/// The request that replayed an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replay {
    /// ULID of the request.
    pub id: String,
    /// When it was made.
    pub requested_at: Timestamp,
}

/// The event's data, and the product after its commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageData {
    /// The event's data, as the schema of its version says.
    #[serde(flatten)]
    pub event: Map<String, Value>,
    /// The product after the commit, unless it was omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Product>,
    /// Whether the product was omitted because the entry would have been too large: fetch it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub product_omitted: bool,
}

/// Every name of [`event_name`].
pub const EVENT_NAMES: [&str; 7] = [
    "PRODUCT_CREATED",
    "PRODUCT_RENAMED",
    "PRODUCT_PRICE_CHANGED",
    "PRODUCT_PRICE_RECORDED",
    "PRODUCT_DETAILS_CHANGED",
    "PRODUCT_DELETED",
    "PRODUCT_RESTORED",
];

/// The event's name in upper snake case. Subscribers' rules match it. Never rename.
#[must_use]
pub fn event_name(event: &ProductEvent) -> &'static str {
    match event {
        ProductEvent::ProductCreated(_) => "PRODUCT_CREATED",
        ProductEvent::ProductRenamed(_) => "PRODUCT_RENAMED",
        ProductEvent::ProductPriceChanged(_) => "PRODUCT_PRICE_CHANGED",
        ProductEvent::ProductPriceRecorded(_) => "PRODUCT_PRICE_RECORDED",
        ProductEvent::ProductDetailsChanged(_) => "PRODUCT_DETAILS_CHANGED",
        ProductEvent::ProductDeleted(_) => "PRODUCT_DELETED",
        ProductEvent::ProductRestored(_) => "PRODUCT_RESTORED",
    }
}
