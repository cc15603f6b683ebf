//! The command routes through their front door, on the journal in memory and on the embedded engine.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commands {
    mod bad_input;
    mod built_upon;
    mod cost;
    mod front;
    mod idempotency;
    mod preconditions;
    mod races;
    mod receipts;
}
