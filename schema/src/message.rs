//! Messages to subscribers: the `Detail` of a bus entry. Within an `event_version` fields are only ever added.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::hash::Hash;
use crate::id::ProductId;
use crate::product::Product;
use crate::time::Timestamp;

/// One event as a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The event's identity, commit and cause.
    pub metadata: MessageMetadata,
    /// The event's data, and the product after it.
    pub data: MessageData,
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
