//! A request to the tables, as tests see it.

use serde_json::Value;

/// A request to the tables.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRequest {
    /// The operation, such as `Query`.
    pub operation: String,
    /// The request's JSON.
    pub body: Value,
}
