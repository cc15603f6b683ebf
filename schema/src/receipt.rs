//! The outcome of one event's publication: the receipt of the bus, or its refusal. These names are stored.

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
    /// The bus's number of the event among those of its product (`SequenceNumber` of EventBridge); left out where the bus gives
    /// none, as all but a FIFO bus do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus_sequence: Option<String>,
    /// Name or ARN of the bus.
    pub bus: String,
    /// When the bus accepted it.
    pub published_at: Timestamp,
    /// How often it was sent, including this time.
    pub attempts: u32,
    /// Hash of the event's commit.
    pub hash: Hash,
}

/// The bus did not accept the event; a later receipt replaces this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicationFailure {
    /// The event.
    pub event_id: String,
    /// Always empty: there is no receipt.
    pub receipt_id: String,
    /// The error of the bus, for people.
    pub error: String,
    /// The error of the bus, for programs.
    pub details: FailureDetails,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was last refused.
    pub failed_at: Timestamp,
}

/// The error code of a refusal.
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
    /// The bus has not accepted it so far.
    Failure(PublicationFailure),
}
