//! The commit: what one command wrote, as one immutable record. It has two forms in memory: [`StoredCommit`] is the JSON that was
//! hashed, kept whole so that fields of later versions survive; [`Commit`] is decoded from it through [`crate::upcast`].
//!
//! These names are stored. Never rename; add a version.

use std::ops::{Deref, Range};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ulid::Ulid;

use crate::decode::{DecodeError, field_error, typed, ulid_of};
use crate::event::ProductEvent;
use crate::hash::Hash;
use crate::id::ProductId;
use crate::metadata::Metadata;
use crate::product::{Product, STATE_SCHEMA_VERSION};
use crate::recent::Recent;
use crate::time::Timestamp;
use crate::upcast;

/// The only field, besides its key, of what stands for a commit that cannot be read; no commit of a ledger has it.
const UNREADABLE: &str = "unreadable";

/// One event with its id, as a commit holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The same on every delivery and replay.
    pub event_id: Ulid,
    /// What happened.
    pub event: ProductEvent,
}

/// A commit before it has its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsealed {
    /// The product.
    pub product_id: ProductId,
    /// Sequence of the first event; the events of a product are numbered 1, 2, 3 … without gaps.
    pub sequence: u64,
    /// Made once per command and kept through retries.
    pub commit_id: Ulid,
    /// When it was recorded; never before the commit before it.
    pub recorded_at: Timestamp,
    /// The events, at least one.
    pub events: Vec<RecordedEvent>,
    /// The product after this commit.
    pub state: Product,
    /// Actor, cause and time.
    pub metadata: Metadata,
    /// The newest idempotency keys.
    pub recent: Recent,
    /// `hash` of the commit before it, or 64 zeros.
    pub previous_hash: Hash,
}

/// A commit with its hash, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Everything the hash covers.
    pub unsealed: Unsealed,
    /// SHA-256 of the canonical JSON of the stored form without `hash`.
    pub hash: Hash,
}

/// A commit as it is stored, exported and hashed: generic JSON, with nothing dropped or converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredCommit(pub Map<String, Value>);

impl Deref for Commit {
    type Target = Unsealed;

    fn deref(&self) -> &Unsealed {
        &self.unsealed
    }
}

impl Unsealed {
    /// Sequence of the last event, which is the product's version after this commit.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.sequence + self.events.len() as u64 - 1
    }

    /// Whether it is a successor of `newest`: the next sequence, its hash as the link, and no earlier time.
    #[must_use]
    pub fn follows(&self, newest: &Commit) -> bool {
        self.sequence == newest.last_sequence() + 1
            && self.previous_hash == newest.hash
            && self.recorded_at >= newest.recorded_at
            && self.state.version == self.last_sequence()
    }

    /// Each event with its sequence.
    pub fn numbered(&self) -> impl Iterator<Item = (u64, &RecordedEvent)> {
        (self.sequence..).zip(&self.events)
    }

    /// The stored form, still without `hash`.
    ///
    /// # Errors
    /// Never for values of these types; serialisation is fallible.
    pub fn to_json(&self) -> Result<Map<String, Value>, serde_json::Error> {
        let mut state = serde_json::to_value(&self.state)?;
        state["schema_version"] = STATE_SCHEMA_VERSION.into();
        let mut events = Vec::with_capacity(self.events.len());
        for recorded in &self.events {
            let mut event = serde_json::to_value(&recorded.event)?;
            event["event_id"] = recorded.event_id.to_string().into();
            event["schema_version"] = recorded.event.schema_version().into();
            events.push(event);
        }
        let mut stored = Map::new();
        stored.insert("product_id".into(), self.product_id.as_str().into());
        stored.insert("sequence".into(), self.sequence.into());
        stored.insert("commit_id".into(), self.commit_id.to_string().into());
        stored.insert("recorded_at".into(), self.recorded_at.to_string().into());
        stored.insert("events".into(), events.into());
        stored.insert("state".into(), state);
        stored.insert("metadata".into(), serde_json::to_value(&self.metadata)?);
        if !self.recent.is_empty() {
            stored.insert("recent".into(), String::from(self.recent.clone()).into());
        }
        stored.insert("previous_hash".into(), self.previous_hash.as_str().into());
        Ok(stored)
    }
}

impl StoredCommit {
    /// Stands for a commit whose stored form cannot be read at all: its key, and why. It neither decodes nor verifies, but
    /// the commits beside it can still be read.
    #[must_use]
    pub fn unreadable(product_id: String, sequence: u64, reason: String) -> Self {
        Self(Map::from_iter([
            ("product_id".to_owned(), product_id.into()),
            ("sequence".to_owned(), sequence.into()),
            (UNREADABLE.to_owned(), reason.into()),
        ]))
    }

    /// Why the stored form cannot be read, if this stands for such a commit.
    #[must_use]
    pub fn why_unreadable(&self) -> Option<&str> {
        self.0.get(UNREADABLE).filter(|_| self.0.len() == 3)?.as_str()
    }

    /// Decodes the commit.
    ///
    /// # Errors
    /// [`DecodeError`]: for `Newer` upgrade, for `Field` run `ledger verify`.
    pub fn decode(&self) -> Result<Commit, DecodeError> {
        let events = self.events()?;
        if events.is_empty() {
            return Err(field_error("events", "is empty"));
        }
        let events = events.iter().map(decode_event).collect::<Result<_, _>>()?;
        let unsealed = Unsealed {
            product_id: self.typed("product_id")?,
            sequence: self.sequence()?,
            commit_id: ulid_of(self.field("commit_id")?, "commit_id")?,
            recorded_at: self.typed("recorded_at")?,
            events,
            state: typed(upcast::state(self.field("state")?)?, "state")?,
            metadata: self.typed("metadata")?,
            recent: if self.0.contains_key("recent") { self.typed("recent")? } else { Recent::default() },
            previous_hash: self.typed("previous_hash")?,
        };
        Ok(Commit { unsealed, hash: self.typed("hash")? })
    }

    /// Sequence of the first event.
    ///
    /// # Errors
    /// [`DecodeError::Field`] when it is missing or not a positive whole number below 2^53.
    pub fn sequence(&self) -> Result<u64, DecodeError> {
        // Above 2^53 canonical JSON rounds, so that two different numbers would have the same hash.
        let exact = |sequence: &u64| (1..1 << 53).contains(sequence);
        let sequence = self.field("sequence")?.as_u64().filter(exact);
        sequence.ok_or_else(|| field_error("sequence", "is not a positive whole number"))
    }

    /// The sequences of its events, whatever else of it can be read.
    ///
    /// # Errors
    /// [`DecodeError::Field`] without a sequence or a list of events.
    pub fn sequences(&self) -> Result<Range<u64>, DecodeError> {
        let first = self.sequence()?;
        Ok(first..first + self.events()?.len() as u64)
    }

    fn events(&self) -> Result<&Vec<Value>, DecodeError> {
        self.field("events")?.as_array().ok_or_else(|| field_error("events", "is not a list"))
    }

    /// A text field, to read keys and links without decoding the rest.
    ///
    /// # Errors
    /// [`DecodeError::Field`] when it is missing or not text.
    pub fn text(&self, field: &'static str) -> Result<&str, DecodeError> {
        self.field(field)?.as_str().ok_or_else(|| field_error(field, "is not text"))
    }

    /// Whether the state keeps the time of the price in force, as it does from version 2 on.
    #[must_use]
    pub fn keeps_price_time(&self) -> bool {
        let version = self.0.get("state").and_then(|state| state.get("schema_version"));
        version.and_then(Value::as_u64).is_some_and(|version| version >= 2)
    }

    fn field(&self, field: &'static str) -> Result<&Value, DecodeError> {
        self.0.get(field).ok_or_else(|| match self.why_unreadable() {
            Some(reason) => field_error("line", reason),
            None => field_error(field, "is missing"),
        })
    }

    fn typed<T: for<'de> Deserialize<'de>>(&self, field: &'static str) -> Result<T, DecodeError> {
        typed(self.field(field)?.clone(), field)
    }
}

fn decode_event(stored: &Value) -> Result<RecordedEvent, DecodeError> {
    let event_id = ulid_of(&stored["event_id"], "event_id")?;
    let event = upcast::event(&stored["type"], &stored["schema_version"], &stored["data"])?;
    Ok(RecordedEvent { event_id, event })
}

/// The response to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CommitReceipt {
    /// The product.
    pub product_id: ProductId,
    /// Sequence of the product's newest event after the command.
    pub version: u64,
    /// The commit.
    pub commit_id: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The commit's hash.
    pub hash: Hash,
    /// The recorded events; empty when the command changed nothing.
    pub events: Vec<EventReceipt>,
}

/// One event of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EventReceipt {
    /// The event's id.
    pub event_id: String,
    /// Its stored name.
    #[serde(rename = "type")]
    pub name: String,
    /// Its sequence within the product.
    pub sequence: u64,
}

impl CommitReceipt {
    /// The receipt of the command that wrote the commit.
    #[must_use]
    pub fn of(commit: &Commit) -> Self {
        let event = |(sequence, recorded): (u64, &RecordedEvent)| EventReceipt {
            event_id: recorded.event_id.to_string(),
            name: recorded.event.name().to_owned(),
            sequence,
        };
        Self { events: commit.numbered().map(event).collect(), ..Self::unchanged(commit) }
    }

    /// The receipt of a command that changed nothing: the newest commit, no events.
    #[must_use]
    pub fn unchanged(newest: &Commit) -> Self {
        Self {
            product_id: newest.product_id.clone(),
            version: newest.last_sequence(),
            commit_id: newest.commit_id.to_string(),
            recorded_at: newest.recorded_at,
            hash: newest.hash.clone(),
            events: Vec::new(),
        }
    }
}
