//! The form in which an entry is retained: as EventBridge delivers it, under an id of the bus.

use schema::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::bus::{BusEntry, BusRefusal};

/// `DynamoDB` takes items of up to 409,600 bytes; a commit, and so a message, is well below that.
const MAX_BYTES: usize = 400_000;

const VERSION_4: u128 = 0x4 << 76;
const VARIANT: u128 = 0b10 << 62;

/// An entry in its delivered form.
pub(super) struct DeliveredEntry {
    pub(super) id: String,
    pub(super) event_id: String,
    pub(super) json: String,
}

/// The envelope that EventBridge puts around the detail.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Envelope<'a> {
    version: &'a str,
    id: &'a str,
    detail_type: &'a str,
    source: &'a str,
    account: &'a str,
    time: Timestamp,
    region: &'a str,
    resources: &'a [String],
    detail: &'a RawValue,
}

/// The delivered form of `entry`, or why the bus refuses it.
pub(super) fn delivered(entry: &BusEntry, time: Timestamp) -> Result<DeliveredEntry, BusRefusal> {
    let id = id(fastrand::u128(..));
    let json = json(entry, &id, time);
    let json = json.map_err(|error| BusRefusal::new("ValidationException", error.to_string()))?;
    if json.len() > MAX_BYTES {
        let message = format!("the local bus takes entries of at most {MAX_BYTES} bytes");
        return Err(BusRefusal::new("EntryTooLarge", message));
    }
    let event_id = entry.event_id().unwrap_or_else(|| id.clone());
    Ok(DeliveredEntry { id, event_id, json })
}

/// The whole entry as JSON on one line.
fn json(entry: &BusEntry, id: &str, time: Timestamp) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Envelope {
        version: "0",
        id,
        detail_type: &entry.detail_type,
        source: &entry.source,
        account: "000000000000",
        time,
        region: "local",
        resources: &entry.resources,
        detail: serde_json::from_str(&entry.detail)?,
    })
}

/// A UUID of version 4 (RFC 9562) from random bits.
fn id(random: u128) -> String {
    let bits = random & !(0xf << 76 | 0b11 << 62) | VERSION_4 | VARIANT;
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
