//! Upcasting: converts older stored forms to the newest one when they are read. What is stored, and so its hash, never changes.
//!
//! To add a version: raise `schema_version` in `event.rs`, add an arm here from the version before it, add a sample.

use serde_json::{Value, json};

use crate::decode::{DecodeError, field_error};
use crate::event::ProductEvent;
use crate::product::STATE_SCHEMA_VERSION;

/// The event of a stored name, version and data.
///
/// # Errors
/// [`DecodeError::Newer`] for a name or version this build does not know, `Field` for malformed data.
pub fn event(name: &Value, version: &Value, data: &Value) -> Result<ProductEvent, DecodeError> {
    let name = name.as_str().ok_or_else(|| field_error("type", "is not text"))?;
    let version = version.as_u64().ok_or_else(|| field_error("schema_version", "is not a whole number"))?;
    let data = match (name, version) {
        (
            "ProductCreated"
            | "ProductRenamed"
            | "ProductPriceChanged"
            | "ProductPriceRecorded"
            | "ProductDetailsChanged"
            | "ProductDeleted"
            | "ProductRestored",
            1,
        ) => data,
        _ => {
            return Err(DecodeError::Newer { what: name.to_owned(), version });
        }
    };
    serde_json::from_value(json!({"type": name, "data": data})).map_err(|error| field_error("data", error))
}

/// The newest form of a stored state. Version 1 has no `price_occurred_at`, which stays unknown.
///
/// # Errors
/// [`DecodeError::Newer`] for a version this build does not know.
pub fn state(stored: &Value) -> Result<Value, DecodeError> {
    let version = stored["schema_version"].as_u64();
    let version = version.ok_or_else(|| field_error("state", "has no schema_version"))?;
    if (1..=u64::from(STATE_SCHEMA_VERSION)).contains(&version) {
        Ok(stored.clone())
    } else {
        Err(DecodeError::Newer { what: "state".into(), version })
    }
}
