//! An event as the bus delivers it, and what the inbox reads of it.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::messages::Message;

/// The newest event of a product that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Its sequence within the product.
    pub sequence: u64,
    /// Its id.
    pub event_id: String,
    /// The hash of its commit.
    pub hash: String,
}

/// What was received is no event of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no event of a ledger: {0}")]
pub struct NotAnEvent(String);

/// An event as the bus delivers it, and the ledger's messages have it.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerEvent {
    json: Value,
    product_id: String,
    cursor: Cursor,
    is_replay: bool,
    is_omitted: bool,
}

impl LedgerEvent {
    /// The product.
    #[must_use]
    pub fn product_id(&self) -> &str {
        &self.product_id
    }

    /// The event's sequence within the product.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.cursor.sequence
    }

    /// The event's id, the same on every delivery and replay.
    #[must_use]
    pub fn event_id(&self) -> &str {
        &self.cursor.event_id
    }

    /// The cursor of a product whose newest applied event this is.
    #[must_use]
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Whether this delivery is a replay.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// Whether the product was too large for the bus. An event that is given to `apply` has it.
    #[must_use]
    pub fn is_omitted(&self) -> bool {
        self.is_omitted
    }

    /// All of it.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Its `detail` with the types of this package. An event that a later version of the ledger added is one with unknown data.
    ///
    /// # Errors
    /// The `detail` is not what the schema of its event and version says.
    pub fn message(&self) -> Result<Message, serde_json::Error> {
        Message::deserialize(&self.json["detail"])
    }
}

impl TryFrom<Value> for LedgerEvent {
    type Error = NotAnEvent;

    fn try_from(json: Value) -> Result<Self, NotAnEvent> {
        let (metadata, data) = (&json["detail"]["metadata"], &json["detail"]["data"]);
        let text = |name: &str| {
            let text = metadata[name].as_str().map(str::to_owned);
            text.ok_or_else(|| NotAnEvent(format!("`detail.metadata.{name}` is no text")))
        };
        let sequence = metadata["sequence"].as_u64().filter(|sequence| *sequence >= 1);
        let sequence =
            sequence.ok_or_else(|| NotAnEvent("`detail.metadata.sequence` is no sequence".into()))?;
        if !data.is_object() {
            return Err(NotAnEvent("`detail.data` is no object".into()));
        }
        let cursor = Cursor { sequence, event_id: text("event_id")?, hash: text("hash")? };
        let product_id = text("product_id")?;
        let is_replay = metadata.get("replay").is_some_and(|replay| !replay.is_null());
        let is_omitted = data["product_omitted"] == true;
        Ok(Self { json, product_id, cursor, is_replay, is_omitted })
    }
}

impl TryFrom<&[u8]> for LedgerEvent {
    type Error = NotAnEvent;

    fn try_from(json: &[u8]) -> Result<Self, NotAnEvent> {
        Self::try_from(serde_json::from_slice::<Value>(json).map_err(|error| NotAnEvent(error.to_string()))?)
    }
}

impl TryFrom<&str> for LedgerEvent {
    type Error = NotAnEvent;

    fn try_from(json: &str) -> Result<Self, NotAnEvent> {
        Self::try_from(json.as_bytes())
    }
}

impl TryFrom<&String> for LedgerEvent {
    type Error = NotAnEvent;

    fn try_from(json: &String) -> Result<Self, NotAnEvent> {
        Self::try_from(json.as_bytes())
    }
}

impl Serialize for LedgerEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LedgerEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
