//! One entry of a request, and its size by the formula that the bus counts with.
//!
//! The formula: 14 bytes if `Time` is set (never here), plus the UTF-8 bytes of `Source`, `DetailType`, `Detail` and
//! each of the `Resources` (EventBridge user guide, "Calculating `PutEvents` event entry size").

use schema::settings::BusKind;
use serde_json::Value;

/// The most entries of a request to a classic bus and to the local one.
pub const MAX_REQUEST_ENTRIES: usize = BusKind::Classic.most_entries();

/// The entries of a request have together fewer bytes than this: 1 MB since 2026-01-29, before that 256 KB.
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// One entry in the form of `PutEvents`. `Time` is left out, so that the bus's own time less `created_at` is the latency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusEntry {
    /// The system that sends the entry.
    pub source: String,
    /// The event's name in upper snake case.
    pub detail_type: String,
    /// The bus's name or ARN.
    pub bus: String,
    /// The product's id.
    pub resources: Vec<String>,
    /// The event's id, of a replay with the replay's: a FIFO bus takes two entries of a product with one of them as the same.
    pub deduplication_id: String,
    /// The message as JSON.
    pub detail: String,
    /// The trace of the command, as an X-Ray header.
    pub trace_header: Option<String>,
}

impl BusEntry {
    /// The size that the bus counts, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let resources: usize = self.resources.iter().map(String::len).sum();
        self.source.len() + self.detail_type.len() + self.detail.len() + resources
    }

    /// The id of the ledger's event, from the detail; `None` if the detail has none.
    #[must_use]
    pub fn event_id(&self) -> Option<String> {
        let detail: Value = serde_json::from_str(&self.detail).ok()?;
        Some(detail["metadata"]["event_id"].as_str()?.to_owned())
    }
}
