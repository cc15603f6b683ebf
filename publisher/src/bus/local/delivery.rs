//! The form in which an entry is delivered, as EventBridge delivers it, and the id the bus gives it.

use schema::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::bus::Entry;

const VERSION_4: u128 = 0x4 << 76;
const VARIANT: u128 = 0b10 << 62;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Delivery<'a> {
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

/// The whole entry as JSON on one line.
pub(super) fn json(entry: &Entry, id: &str, time: Timestamp) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Delivery {
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
pub(super) fn id(random: u128) -> String {
    let bits = random & !(0xf << 76 | 0b11 << 62) | VERSION_4 | VARIANT;
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
