//! The metadata of a commit: the actor, the request that caused it, and when it happened in business terms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The command that wrote a commit. These names are stored. Never rename; only add optional ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metadata {
    /// The token's `sub`, or `anonymous`.
    pub actor: String,
    /// The conversation that the command belongs to; sent by the client or generated.
    pub correlation_id: String,
    /// What caused the events: the command, identified by the id of its commit.
    pub causation_id: String,
    /// When it happened in business terms.
    pub occurred_at: Timestamp,
    /// W3C trace context of the request, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The client's `Idempotency-Key`, if it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// SHA-256 over method, path, query and JSON value of the request with that key, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_fingerprint: Option<String>,
}
