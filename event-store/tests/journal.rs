//! The contract of the journal, run on every adapter: in memory, on the embedded engine, and on any endpoint given by
//! the AWS SDK's own environment (`AWS_ENDPOINT_URL_DYNAMODB`).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod journal {
    pub mod adapters;
    mod contract;
    mod cost;
    mod dynamo;
    mod follow;
    mod frozen;
    mod metering;
}
