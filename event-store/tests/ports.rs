//! The contracts of the receipts and of the parking rows, run on every adapter, and what they cost on `DynamoDB`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ports {
    pub mod adapters;
    pub mod canned;
    mod cost;
    mod parking;
    mod receipts;
}
