//! The JSON Schemas of a report and of its faults, whose serialisation is written by hand.

use std::borrow::Cow;

use schema::Hash;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::fault::Fault;
use super::report::ProductReport;

impl JsonSchema for ProductReport {
    fn schema_name() -> Cow<'static, str> {
        "Verification".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The report of one product's chain.",
            "type": "object",
            "required": ["valid", "commits", "events"],
            "properties": {
                "valid": {"type": "boolean", "description": "Everything was checked and nothing is wrong."},
                "commits": {"type": "integer", "minimum": 0, "description": "How many commits it has."},
                "events": {"type": "integer", "minimum": 0, "description": "How many events it has."},
                "head": generator.subschema_for::<Hash>(),
                "faults": {"type": "array", "minItems": 1, "items": generator.subschema_for::<Fault>(),
                           "description": "In the order they were found; only when there are any."},
                "more_faults": {"type": "integer", "minimum": 1, "description": "How many further faults there are."}},
        })
    }
}

impl JsonSchema for Fault {
    fn schema_name() -> Cow<'static, str> {
        "ChainFault".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One fault and where it is.",
            "type": "object",
            "required": ["product_id", "sequence", "fault", "detail"],
            "properties": {
                "product_id": {"type": "string", "description": "As far as it can be read."},
                "sequence": {"type": ["integer", "null"], "minimum": 0, "description": "As far as it can be read."},
                "line": {"type": "integer", "minimum": 1, "description": "The line of an export."},
                "fault": {"type": "string", "description": "Stable name, for example `changed` or `broken_link`."},
                "detail": {"type": "string", "description": "A description for people."}},
        })
    }
}
