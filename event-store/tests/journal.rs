//! What the journal on `DynamoDB` promises beyond the contract in `tests/contract`, what it costs, and what is stored.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod journal {
    pub mod adapters;
    mod cost;
    mod dynamo;
    mod follow;
    mod frozen;
    mod metering;
}
