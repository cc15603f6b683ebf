//! The product as readers know it: the facts with their version and times. A commit carries it, views and messages repeat it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::id::ProductId;
use crate::time::Timestamp;

/// The version in which this build writes a commit's `state`. Stored; a change of shape adds a version in `upcast.rs`.
pub const STATE_SCHEMA_VERSION: u32 = 1;

/// A product at one of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its fields, flat.
    #[serde(flatten)]
    pub facts: Facts,
    /// Sequence number of its newest event.
    pub version: u64,
    /// `recorded_at` of its first commit.
    pub created_at: Timestamp,
    /// `recorded_at` of its newest commit.
    pub updated_at: Timestamp,
}
