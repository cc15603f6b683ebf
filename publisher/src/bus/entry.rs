//! One entry of a request, and its size by the formula the bus itself counts with.
//!
//! The formula: 14 bytes if `Time` is set (never here), plus the UTF-8 bytes of `Source`, `DetailType`, `Detail` and
//! each of the `Resources` (EventBridge user guide, "Calculating `PutEvents` event entry size").

use serde_json::Value;

use super::{BusError, Remedy};

/// A request has at most this many entries.
pub const MOST_ENTRIES: usize = 10;

/// The entries of a request have together fewer bytes than this: 1 MB since 2026-01-29, it was 256 KB.
pub const MOST_BYTES: usize = 1024 * 1024;

/// One entry, as `PutEvents` takes it; `Time` is left out, so that the bus's own time less `created_at` is the latency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who says it.
    pub source: String,
    /// The event's name in upper snake case.
    pub detail_type: String,
    /// The bus's name or ARN.
    pub bus: String,
    /// The product's id.
    pub resources: Vec<String>,
    /// The message as JSON.
    pub detail: String,
    /// The trace the command belonged to, in X-Ray form.
    pub trace_header: Option<String>,
}

impl Entry {
    /// The size the bus counts, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let resources: usize = self.resources.iter().map(String::len).sum();
        self.source.len() + self.detail_type.len() + self.detail.len() + resources
    }

    /// The id of the ledger's event, as its detail has it.
    #[must_use]
    pub fn event_id(&self) -> Option<String> {
        let detail: Value = serde_json::from_str(&self.detail).ok()?;
        Some(detail["metadata"]["event_id"].as_str()?.to_owned())
    }
}

/// Whether the bus takes these entries in one request.
///
/// # Errors
/// [`BusError`] with [`Remedy::Split`], as `EventBridge` answers.
pub fn is_sendable(entries: &[Entry]) -> Result<(), BusError> {
    let bytes: usize = entries.iter().map(Entry::size).sum();
    let invalid = |message: String| BusError::new(Remedy::Split, "ValidationException", message);
    if entries.is_empty() || entries.len() > MOST_ENTRIES {
        return Err(invalid(format!("a request has 1 to {MOST_ENTRIES} entries, not {}", entries.len())));
    }
    if bytes >= MOST_BYTES {
        return Err(invalid(format!(
            "the entries have {bytes} bytes; they must have fewer than {MOST_BYTES}"
        )));
    }
    Ok(())
}
