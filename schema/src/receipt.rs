//! What became of the publication of one event: the bus's receipt, or why it was refused. These names are stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::time::Timestamp;

/// The bus accepted the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicationReceipt {
    /// The event.
    pub event_id: String,
    /// The bus's own id (`EventId` of EventBridge).
    pub receipt_id: String,
    /// Name of the bus.
    pub bus: String,
    /// When the bus accepted it.
    pub published_at: Timestamp,
    /// How often it was sent, this time included.
    pub attempts: u32,
    /// Hash of the event's commit.
    pub hash: Hash,
}

/// The bus did not accept the event; a later success replaces this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicationFailure {
    /// The event.
    pub event_id: String,
    /// Always empty: there is no receipt.
    pub receipt_id: String,
    /// What the bus said, for people.
    pub error: String,
    /// What the bus said, for programs.
    pub details: FailureDetails,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was last refused.
    pub failed_at: Timestamp,
}

/// The code of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureDetails {
    /// The bus's error code, for example `ThrottlingException`.
    pub error_code: String,
}

/// A receipt or a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PublicationRecord {
    /// The bus accepted the event.
    Receipt(PublicationReceipt),
    /// The bus did not accept it so far.
    Failure(PublicationFailure),
}
