//! What subscribers receive: the `Detail` of a bus entry. Fields are only ever added within an `event_version`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::hash::Hash;
use crate::id::ProductId;
use crate::state::Product;
use crate::time::Timestamp;

/// One event as the bus carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Which event, of which commit, caused by whom.
    pub metadata: MessageMetadata,
    /// What happened, and the product after it.
    pub data: MessageData,
}

/// Which event, of which commit, caused by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageMetadata {
    /// Identical on every delivery and replay: discard what you have seen.
    pub event_id: String,
    /// The event's name in upper snake case.
    pub event_name: String,
    /// The configured source.
    pub event_source: String,
    /// `v` and the version of the event's data.
    pub event_version: String,
    /// The product.
    pub product_id: ProductId,
    /// The event's number within the product, without gaps: a jump tells what was missed.
    pub sequence: u64,
    /// The commit.
    pub commit_id: String,
    /// The commit's hash.
    pub hash: Hash,
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
    /// Present when the event is published again on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
}

/// The request that published an event again.
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
    /// The entry would have been too large with the product: fetch it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub product_omitted: bool,
}
