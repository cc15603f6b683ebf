//! The command routes over HTTP, on the journal in memory and on the double of DynamoDB.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commands {
    mod bad_input;
    mod built_upon;
    mod carried;
    mod cost;
    mod dated;
    mod front;
    mod idempotency;
    mod preconditions;
    mod races;
    mod receipts;
    mod texts;
    mod throttled;
}
