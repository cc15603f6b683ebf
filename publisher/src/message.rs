//! The public form of an event: one event of a commit becomes one entry for the bus.
//!
//! Its promise: `event_id` and `sequence` are those of the ledger on every delivery, and an entry always fits into a request:
//! one that would be too large leaves out the product and is marked with `product_omitted`.

use schema::message::{MessageData, Replay};
use schema::{Commit, Message, MessageMetadata, ProductEvent, RecordedEvent};
use serde_json::{Map, Value};

use crate::bus::{BusEntry, MAX_REQUEST_BYTES};

/// Source and destination of the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `Source` of every entry.
    pub source: String,
    /// Name or ARN of the bus.
    pub bus: String,
    /// Whether X-Ray tracing is on, so that entries carry the command's trace.
    pub xray: bool,
    /// The name of the log that all commits are in, if one is kept.
    pub log_origin: Option<String>,
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
    let mut message = Message {
        metadata: metadata(commit, sequence, recorded, address, replay),
        data: MessageData {
            event: data(&recorded.event)?,
            product: Some(commit.state.clone()),
            product_omitted: false,
        },
    };
    let mut entry = BusEntry {
        source: address.source.clone(),
        detail_type: message.metadata.event_name.clone(),
        bus: address.bus.clone(),
        resources: vec![commit.product_id.to_string()],
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

fn metadata(
    commit: &Commit,
    sequence: u64,
    recorded: &RecordedEvent,
    address: &Address,
    replay: Option<&Replay>,
) -> MessageMetadata {
    MessageMetadata {
        event_id: recorded.event_id.to_string(),
        event_name: event_name(&recorded.event).to_owned(),
        event_source: address.source.clone(),
        event_version: format!("v{}", recorded.event.schema_version()),
        product_id: commit.product_id.clone(),
        sequence,
        commit_id: commit.commit_id.to_string(),
        hash: commit.hash.clone(),
        log_origin: address.log_origin.clone(),
        created_at: commit.recorded_at,
        occurred_at: commit.metadata.occurred_at,
        correlation_id: commit.metadata.correlation_id.clone(),
        causation_id: commit.metadata.causation_id.clone(),
        actor: commit.metadata.actor.clone(),
        replay: replay.cloned(),
    }
}

/// Every name of [`event_name`].
pub const EVENT_NAMES: [&str; 7] = [
    "PRODUCT_CREATED",
    "PRODUCT_RENAMED",
    "PRODUCT_PRICE_CHANGED",
    "PRODUCT_PRICE_RECORDED",
    "PRODUCT_DETAILS_CHANGED",
    "PRODUCT_DELETED",
    "PRODUCT_RESTORED",
];

/// The event's name in upper snake case. Subscribers' rules match it. Never rename.
#[must_use]
pub fn event_name(event: &ProductEvent) -> &'static str {
    match event {
        ProductEvent::ProductCreated(_) => "PRODUCT_CREATED",
        ProductEvent::ProductRenamed(_) => "PRODUCT_RENAMED",
        ProductEvent::ProductPriceChanged(_) => "PRODUCT_PRICE_CHANGED",
        ProductEvent::ProductPriceRecorded(_) => "PRODUCT_PRICE_RECORDED",
        ProductEvent::ProductDetailsChanged(_) => "PRODUCT_DETAILS_CHANGED",
        ProductEvent::ProductDeleted(_) => "PRODUCT_DELETED",
        ProductEvent::ProductRestored(_) => "PRODUCT_RESTORED",
    }
}

fn data(event: &ProductEvent) -> Result<Map<String, Value>, serde_json::Error> {
    let mut tagged = serde_json::to_value(event)?;
    serde_json::from_value(tagged["data"].take())
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
