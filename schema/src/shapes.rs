//! JSON Schemas of generic JSON and of shapes composed from several types.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::commit::StoredCommit;
use crate::event::ProductEvent;
use crate::hash::Hash;
use crate::id::ProductId;
use crate::metadata::Metadata;
use crate::money::Currency;
use crate::product::Product;
use crate::time::Timestamp;

/// An event that a failed precondition lists: one that the client missed.
pub struct MissedEvent;

/// The code of a known currency; what is stored may have further ones.
pub struct CurrencyCode;

fn ulid() -> Value {
    json!({"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$", "description": "ULID"})
}

impl JsonSchema for StoredCommit {
    fn schema_name() -> Cow<'static, str> {
        "Commit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let version = json!({"type": "integer", "minimum": 1});
        json_schema!({
            "description": "The record of one command. `hash` is SHA-256 over the RFC 8785 form of the object without `hash`.",
            "type": "object",
            "required": ["product_id", "sequence", "commit_id", "recorded_at", "events", "state", "metadata",
                         "previous_hash", "hash"],
            "properties": {
                "product_id": generator.subschema_for::<ProductId>(),
                "sequence": {"type": "integer", "minimum": 1, "description": "Sequence of the first event."},
                "commit_id": ulid(),
                "recorded_at": generator.subschema_for::<Timestamp>(),
                "events": {"type": "array", "minItems": 1, "items": {
                    "allOf": [generator.subschema_for::<ProductEvent>()],
                    "required": ["event_id", "type", "schema_version", "data"],
                    "properties": {"event_id": ulid(), "schema_version": version.clone()}}},
                "state": {"allOf": [generator.subschema_for::<Product>()], "required": ["schema_version"],
                          "properties": {"schema_version": version}},
                "metadata": generator.subschema_for::<Metadata>(),
                "recent": {"type": "string", "description": "The newest idempotency keys, in the packed form of recent.rs."},
                "previous_hash": generator.subschema_for::<Hash>(),
                "hash": generator.subschema_for::<Hash>()}
        })
    }
}

impl JsonSchema for MissedEvent {
    fn schema_name() -> Cow<'static, str> {
        "MissedEvent".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An event that the client missed.",
            "allOf": [generator.subschema_for::<ProductEvent>()],
            "required": ["event_id", "sequence", "recorded_at"],
            "properties": {
                "event_id": ulid(),
                "sequence": {"type": "integer", "minimum": 1},
                "recorded_at": generator.subschema_for::<Timestamp>()}
        })
    }
}

impl JsonSchema for CurrencyCode {
    fn schema_name() -> Cow<'static, str> {
        "CurrencyCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Currency::codes(), "description": "A code of ISO 4217."})
    }
}
