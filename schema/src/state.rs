//! The product as readers know it: the facts with their version and times. A commit carries it, views and messages repeat it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::id::ProductId;
use crate::time::Timestamp;

/// The version in which this build writes a commit's `state`. Stored; a change of shape adds a version in `upcast.rs`.
pub const STATE_SCHEMA_VERSION: u32 = 2;

/// A product at one of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its fields, flat.
    #[serde(flatten)]
    pub facts: Facts,
    /// `occurred_at` of the price in force. Absent in what earlier builds wrote, and after it until the price changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_occurred_at: Option<Timestamp>,
    /// Sequence number of its newest event.
    pub version: u64,
    /// `recorded_at` of its first commit.
    pub created_at: Timestamp,
    /// `recorded_at` of its newest commit.
    pub updated_at: Timestamp,
}
