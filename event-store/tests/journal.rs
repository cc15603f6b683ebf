//! The journal on `DynamoDB`: its promises beyond the contract in `tests/contract`, its cost, and its stored form.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod journal {
    pub mod adapters;
    mod cost;
    mod dynamo;
    mod follow;
    mod frozen;
    mod metering;
}
