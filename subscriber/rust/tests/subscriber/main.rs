//! Each event has exactly one effect, in order, whatever is delivered; on every store.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod fake;
mod fixtures;
mod http;
mod killed;
mod on_dynamodb;
mod on_memory;
mod vectors;
mod with_ledger;

use std::path::PathBuf;

/// A file beside this package.
fn beside(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}
