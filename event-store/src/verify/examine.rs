//! The examination of one commit alone: whether it is what was hashed, and which of its fields can be read.
//!
//! The promise: the hash is computed over the generic JSON that is stored, never over a decoded form, so a commit of any
//! version, older or newer than this build, is checked alike.

use std::fmt::Display;

use schema::{Commit, DecodeError, Hash, Product, StoredCommit, Timestamp, upcast};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fault::FaultKind;
use crate::chain;

/// How a stored commit is decoded; [`StoredCommit::decode`] unless a test brings versions of its own.
pub type Decode = fn(&StoredCommit) -> Result<Commit, DecodeError>;

/// An examined commit: its fields as far as they can be read, and its faults.
#[derive(Debug)]
pub struct Examined {
    pub(super) product_id: Option<String>,
    pub(super) sequence: Option<u64>,
    /// The ids of its events; an id that cannot be read is empty.
    pub(super) events: Option<Vec<String>>,
    pub(super) recorded_at: Option<Timestamp>,
    pub(super) previous_hash: Option<Hash>,
    pub(super) carried: Option<Hash>,
    pub(super) computed: Option<Hash>,
    /// The product id in its state.
    pub(super) state_id: Option<String>,
    pub(super) state: Option<CarriedState>,
    pub(super) commit: Option<Commit>,
    /// Why nothing but its key can be read, if so.
    pub(super) unreadable: Option<String>,
    pub(super) faults: Vec<FaultKind>,
}

/// The state that a commit carries, in its newest form.
#[derive(Debug)]
pub(super) struct CarriedState {
    /// Every field, known to this build or not.
    pub(super) fields: Map<String, Value>,
    /// The same, decoded.
    pub(super) product: Product,
    /// Whether the build that wrote it keeps the time of the price in force.
    pub(super) keeps_price_time: bool,
}

/// Examines a stored commit.
#[must_use]
pub fn examine(stored: &StoredCommit) -> Examined {
    examine_by(stored, StoredCommit::decode)
}

/// Examines a stored commit as `decode` reads it.
#[must_use]
pub fn examine_by(stored: &StoredCommit, decode: Decode) -> Examined {
    if let Some(reason) = stored.why_unreadable() {
        return key_alone(stored, reason);
    }
    let mut faults = Faults::default();
    let product_id = faults.of(stored.text("product_id").map(str::to_owned));
    let sequence = faults.of(stored.sequence());
    let events = faults.of(events(stored));
    let recorded_at = faults.of(typed(stored, "recorded_at"));
    let previous_hash = faults.of(typed(stored, "previous_hash"));
    let carried: Option<Hash> = faults.of(typed(stored, "hash"));
    let computed = chain::hash_of(stored).map_err(|error| unreadable("line", error));
    let computed = faults.of(computed);
    if let (Some(carried), Some(computed)) = (&carried, &computed)
        && carried != computed
    {
        let (carried, computed) = (carried.clone(), computed.clone());
        faults.0.push(FaultKind::Changed { carried, computed });
    }
    if let Some(number) = stored.0.values().find_map(inexact) {
        faults.0.push(FaultKind::InexactNumber { number });
    }
    let carried_state = stored.0.get("state").unwrap_or(&Value::Null);
    let state = faults.of(state(carried_state, stored.keeps_price_time()));
    let commit = faults.of(decode(stored));
    Examined {
        product_id,
        sequence,
        events,
        recorded_at,
        previous_hash,
        carried,
        computed,
        state_id: carried_state["id"].as_str().map(str::to_owned),
        state,
        commit,
        unreadable: None,
        faults: faults.0,
    }
}

/// What can be said of a commit of which only the key can be read: that is one fault, and none of its fields has another.
fn key_alone(stored: &StoredCommit, reason: &str) -> Examined {
    Examined {
        product_id: stored.text("product_id").ok().map(str::to_owned),
        sequence: stored.sequence().ok(),
        events: None,
        recorded_at: None,
        previous_hash: None,
        carried: None,
        computed: None,
        state_id: None,
        state: None,
        commit: None,
        unreadable: Some(reason.to_owned()),
        faults: Vec::new(),
    }
}

/// Faults of reading: one for each field that cannot be read and one for each thing that is too new, however often it occurs.
#[derive(Default)]
struct Faults(Vec<FaultKind>);

impl Faults {
    fn of<T>(&mut self, read: Result<T, DecodeError>) -> Option<T> {
        let fault = match read {
            Ok(value) => return Some(value),
            Err(DecodeError::Field { field, reason }) => {
                FaultKind::Unreadable { field: field.into(), reason }
            }
            Err(newer @ DecodeError::Newer { .. }) => FaultKind::NotUnderstood { reason: newer.to_string() },
        };
        if !self.0.iter().any(|known| same_place(known, &fault)) {
            self.0.push(fault);
        }
        None
    }
}

fn same_place(known: &FaultKind, fault: &FaultKind) -> bool {
    match (known, fault) {
        (FaultKind::Unreadable { field: known, .. }, FaultKind::Unreadable { field, .. }) => known == field,
        _ => known == fault,
    }
}

impl Examined {
    /// The sequence after its last event.
    pub(super) fn end(&self) -> Option<u64> {
        self.sequence?.checked_add(self.events.as_ref()?.len() as u64)
    }

    /// The first fault of the commit alone, unless a later build wrote it: then it is what was hashed.
    #[must_use]
    pub fn damage(&self) -> Option<&FaultKind> {
        self.faults.iter().find(|fault| !matches!(fault, FaultKind::NotUnderstood { .. }))
    }

    /// Each event's sequence and id.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u64, &str, &Self)> {
        let events = self.sequence.zip(self.events.as_ref());
        events.into_iter().flat_map(move |(sequence, events)| {
            (sequence..).zip(events).map(move |(sequence, id)| (sequence, id.as_str(), self))
        })
    }
}

fn events(stored: &StoredCommit) -> Result<Vec<String>, DecodeError> {
    let Some(Value::Array(events)) = stored.0.get("events").filter(|events| events[0].is_object()) else {
        return Err(unreadable("events", "is not a list of events"));
    };
    let id = |event: &Value| event["event_id"].as_str().unwrap_or_default().to_owned();
    Ok(events.iter().map(id).collect())
}

fn state(carried: &Value, keeps_price_time: bool) -> Result<CarriedState, DecodeError> {
    let Value::Object(mut fields) = upcast::state(carried)? else {
        return Err(unreadable("state", "is not an object"));
    };
    fields.remove("schema_version");
    let product = Product::deserialize(&fields).map_err(|error| unreadable("state", error))?;
    Ok(CarriedState { fields, product, keeps_price_time })
}

fn typed<'a, T: Deserialize<'a>>(stored: &'a StoredCommit, field: &'static str) -> Result<T, DecodeError> {
    let value = stored.0.get(field).ok_or_else(|| unreadable(field, "is missing"))?;
    T::deserialize(value).map_err(|error| unreadable(field, error))
}

fn unreadable(field: &'static str, reason: impl Display) -> DecodeError {
    DecodeError::Field { field, reason: reason.to_string() }
}

/// The first number that canonical JSON may confuse with another one: RFC 8785 reads every number as a double.
fn inexact(value: &Value) -> Option<String> {
    const EXACT: u64 = 1 << 53;
    match value {
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            magnitude.is_none_or(|magnitude| magnitude >= EXACT).then(|| number.to_string())
        }
        Value::Array(values) => values.iter().find_map(inexact),
        Value::Object(fields) => fields.values().find_map(inexact),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}
