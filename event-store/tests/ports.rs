//! Receipts and parking rows on `DynamoDB`: their cost, and their promises beyond the contract in `tests/contract`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ports {
    pub mod adapters;
    pub mod canned;
    mod cost;
    mod parking;
    mod receipts;
}
