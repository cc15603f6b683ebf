//! The public form of an event: one event of a commit becomes one entry for the bus.
//!
//! Its promise: `event_id` and `sequence` are those of the ledger on every delivery, and an entry always fits into a request:
//! one that would be too large leaves out the product and is marked with `product_omitted`.

use schema::message::{MessageSource, Replay};
use schema::{Commit, Message, RecordedEvent};

use crate::bus::{BusEntry, MAX_REQUEST_BYTES};

/// Source and destination of the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `Source` of every entry, and the log that their commits are in.
    pub source: MessageSource,
    /// Name or ARN of the bus.
    pub bus: String,
    /// Whether X-Ray tracing is on, so that entries carry the command's trace.
    pub xray: bool,
}

/// The entry for one event of a commit; `replay` marks an event that is published again on request.
///
/// # Errors
/// Serialization failed, which no value of the schema causes; do not send the event.
pub fn entry(
    commit: &Commit,
    (sequence, recorded): (u64, &RecordedEvent),
    address: &Address,
    replay: Option<&Replay>,
) -> Result<BusEntry, serde_json::Error> {
    let mut message = Message::of(commit, (sequence, recorded), &address.source, replay)?;
    let mut entry = BusEntry {
        source: address.source.name.clone(),
        detail_type: message.metadata.event_name.clone(),
        bus: address.bus.clone(),
        resources: vec![commit.product_id.to_string()],
        deduplication_id: deduplication_id(recorded, replay),
        detail: serde_json::to_string(&message)?,
        trace_header: commit.metadata.traceparent.as_deref().filter(|_| address.xray).and_then(xray_header),
    };
    if entry.size() >= MAX_REQUEST_BYTES {
        message.data.product = None;
        message.data.product_omitted = true;
        entry.detail = serde_json::to_string(&message)?;
    }
    Ok(entry)
}

/// What is sent again after a lost answer has the same id; a replay is none of what was published before it.
fn deduplication_id(recorded: &RecordedEvent, replay: Option<&Replay>) -> String {
    match replay {
        None => recorded.event_id.to_string(),
        Some(replay) => format!("{}/{}", recorded.event_id, replay.id),
    }
}

/// Converts `00-<trace>-<parent>-<flags>` (W3C `traceparent`) to `Root=1-<8>-<24>;Parent=<16>;Sampled=<0|1>` (X-Ray tracing
/// header); `None` if it is malformed.
fn xray_header(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (_version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex =
        |text: &str, digits: usize| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex(trace, 32) || !hex(parent, 16) {
        return None;
    }
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    let (epoch, unique) = trace.split_at_checked(8)?;
    Some(format!("Root=1-{epoch}-{unique};Parent={parent};Sampled={sampled}"))
}
