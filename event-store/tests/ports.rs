//! What receipts on `DynamoDB` cost, and what they promise beyond the contract in `tests/contract`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ports {
    pub mod adapters;
    pub mod canned;
    mod cost;
    mod receipts;
}
