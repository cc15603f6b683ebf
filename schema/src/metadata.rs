//! Who caused a commit, through which request, and when it happened in business terms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What a commit keeps of the command that wrote it. These names are stored. Never rename; only add optional ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metadata {
    /// The token's `sub`, or `anonymous`.
    pub actor: String,
    /// The conversation the command belongs to; given by the client or made for it.
    pub correlation_id: String,
    /// What caused the events: the command, which is known by the id of the commit it made.
    pub causation_id: String,
    /// When it happened in business terms.
    pub occurred_at: Timestamp,
    /// W3C trace context of the request, if it carried one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The client's `Idempotency-Key`, if it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// SHA-256 over method, path, query and JSON value of the request with that key, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_fingerprint: Option<String>,
}
