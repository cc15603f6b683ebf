//! The form in which an entry is delivered, as EventBridge delivers it, and the id that leads back to its position.

use schema::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::bus::Entry;

const VERSION_8: u128 = 0x8 << 76;
const VARIANT: u128 = 0b10 << 62;
const POSITION: u128 = (1 << 62) - 1;

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

/// A UUID of version 8 (RFC 9562): 60 random bits and the position, so that a resume needs no index.
pub(super) fn id(position: u64, random: u64) -> String {
    let high = u128::from(random >> 16) << 80;
    let middle = u128::from(random & 0xfff) << 64;
    let bits = high | VERSION_8 | middle | VARIANT | (u128::from(position) & POSITION);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The position an id leads to, if it is one of ours.
pub(super) fn position(id: &str) -> Option<u64> {
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    let bits = u128::from_str_radix(&id.replace('-', ""), 16).ok()?;
    let ours = groups == [8, 4, 4, 4, 12] && bits & (0xf << 76) == VERSION_8;
    ours.then(|| u64::try_from(bits & POSITION).ok()).flatten()
}
