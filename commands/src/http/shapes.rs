//! The JSON Schemas of command bodies, built from the rules by which [`super::fields`] reads them.

use std::borrow::Cow;

use schema::shapes::CurrencyCode;
use schema::{Price, ProductId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::fields::{ATTRIBUTE_KEY, ATTRIBUTE_VALUE, CATEGORY, DESCRIPTION, NAME, SKU, TextRule};
use crate::product::MOST_ATTRIBUTES;

/// Control characters, as a part of a character class.
const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";
/// The same without tab, line feed and carriage return.
const CONTROL_IN_LINES: &str = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f";
/// Characters that are trimmed from a name: Unicode's `White_Space`.
const BLANK: &str = r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// The body of a create or a replace.
pub(super) struct NewProductBody;

/// The body of a replace: a whole product, with the fields that a client read.
pub(super) struct ProductReplacement;

/// The body of a merge patch.
pub(super) struct ProductPatch;

/// The optional body of a restore.
pub(super) struct Occurrence;

impl TextRule {
    fn schema(self, description: &str) -> Value {
        let control = if self.lines { CONTROL_IN_LINES } else { CONTROL };
        json!({"type": "string", "minLength": self.least, "maxLength": self.most,
               "pattern": format!("^[^{control}]*$"), "description": description})
    }

    /// Bounds that hold after trimming, which `minLength` and `maxLength` cannot express.
    fn trimmed_schema(self, description: &str) -> Value {
        let (inner, middle) = (format!("[^{CONTROL}{BLANK}]"), self.most.saturating_sub(2));
        json!({"type": "string", "minLength": self.least, "description": description,
               "pattern": format!("^[{BLANK}]*{inner}([^{CONTROL}]{{0,{middle}}}{inner})?[{BLANK}]*$")})
    }
}

impl JsonSchema for NewProductBody {
    fn schema_name() -> Cow<'static, str> {
        "NewProduct".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = fields(generator);
        // `null` is the same as left out; required fields must not be `null`.
        properties.insert("attributes".into(), attributes(true));
        body("A whole product. `null` is the same as left out.", &["name", "price"], &properties)
    }
}

impl JsonSchema for ProductReplacement {
    fn schema_name() -> Cow<'static, str> {
        "ProductReplacement".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = fields(generator);
        properties.insert("attributes".into(), attributes(true));
        properties.extend(carried());
        let description = "A whole product. `null` is the same as left out. The fields of GET that no command changes may \
                           be sent back; they must be those of the product.";
        body(description, &["name", "price"], &properties)
    }
}

impl JsonSchema for ProductPatch {
    fn schema_name() -> Cow<'static, str> {
        "ProductPatch".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = fields(generator);
        properties.insert("attributes".into(), attributes(false));
        properties.extend(carried());
        let description = "A JSON merge patch (RFC 7396): `null` removes an optional field. The fields of GET that no \
                           command changes may be sent back; they must be those of the product.";
        body(description, &[], &properties)
    }
}

impl JsonSchema for Occurrence {
    fn schema_name() -> Cow<'static, str> {
        "Occurrence".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        body("When it happened.", &[], &Map::from_iter([("occurred_at".into(), occurred_at())]))
    }
}

/// When it happened in business terms.
pub(super) fn occurred_at() -> Value {
    json!({"type": "string", "format": "date-time",
           "description": "When it happened in business terms (RFC 3339), from 1970 until a minute from now; if left \
                           out, the time of recording, but not before the `price_occurred_at` of the product. A price \
                           or currency sent with it is the price of that time, and is recorded even if a later one is \
                           in force."})
}

fn body(description: &str, required: &[&str], properties: &Map<String, Value>) -> Schema {
    json_schema!({"type": "object", "description": description, "required": required,
                  "properties": properties, "additionalProperties": false})
}

/// The fields of a product that no command changes.
fn carried() -> Map<String, Value> {
    let stale = |what: &str| format!("{what} An older one is a 412.");
    let moment =
        |description: String| json!({"type": "string", "format": "date-time", "description": description});
    let mut id = web::openapi::inlined::<ProductId>();
    id["description"] = "The id in the path.".into();
    Map::from_iter([
        ("id".into(), id),
        (
            "status".into(),
            json!({"type": "string", "enum": ["active", "deleted"], "description": "The status of the product."}),
        ),
        (
            "version".into(),
            json!({"type": "integer", "minimum": 1, "description": stale("The version of the product.")}),
        ),
        ("created_at".into(), moment("The time of the product.".into())),
        ("updated_at".into(), moment(stale("The time of the product."))),
        ("price_occurred_at".into(), moment(stale("The time of the product's price."))),
    ])
}

/// What creates, replaces and patches have in common.
fn fields(generator: &mut SchemaGenerator) -> Map<String, Value> {
    // An empty text is the same as left out.
    let nullable = |mut schema: Value| {
        schema["type"] = json!(["string", "null"]);
        schema["minLength"] = 0.into();
        schema
    };
    let currency = generator.subschema_for::<CurrencyCode>();
    Map::from_iter([
        ("name".into(), NAME.trimmed_schema("1 to 200 characters after trimming, one of them visible, no control characters.")),
        ("price".into(), price()),
        ("currency".into(), currency.to_value()),
        ("sku".into(), nullable(SKU.schema("Stock keeping unit; with a visible character, or empty, which is the same as left out."))),
        ("category".into(), nullable(CATEGORY.schema("For example `Accessories / Helmets`; with a visible character, or empty, which is the same as left out."))),
        ("description".into(), nullable(DESCRIPTION.schema("May have several lines."))),
        ("occurred_at".into(), occurred_at()),
    ])
}

/// Digits and a point, as text or as a JSON number that is written so.
fn price() -> Value {
    let text = web::openapi::inlined::<Price>();
    json!({"description": "Kept exactly as given: up to 12 digits, then optionally a point, up to 4 digits and further \
                           zeros; no sign, no exponent. A JSON number is read from its text.",
           "anyOf": [{"type": "string", "pattern": text["pattern"]},
                     {"type": "string", "pattern": "^(0|[1-9][0-9]{0,11})\\.[0-9]{4}0+$"},
                     {"type": "number", "minimum": 0, "maximum": 999_999_999_999.999_9_f64, "multipleOf": 0.0001}]})
}

/// At most 50 pairs; a patch may name more, as long as no more are left.
fn attributes(whole: bool) -> Value {
    let mut value = ATTRIBUTE_VALUE.schema("Free text; `null` is no attribute.");
    value["type"] = json!(["string", "null"]);
    let mut schema = json!({"type": ["object", "null"], "description": "Free pairs of text, at most 50. All texts of a product together have at most 112 KB as JSON.",
           "propertyNames": ATTRIBUTE_KEY.schema("The attribute's name."), "additionalProperties": value});
    if whole {
        schema["maxProperties"] = MOST_ATTRIBUTES.into();
    }
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::problem::FIELDS;

    #[test]
    fn the_log_may_name_every_field_of_a_body_and_nothing_else() {
        let mut generator = SchemaGenerator::default();
        let bodies = [
            NewProductBody::json_schema(&mut generator),
            ProductReplacement::json_schema(&mut generator),
            ProductPatch::json_schema(&mut generator),
            Occurrence::json_schema(&mut generator),
        ];
        let bodies = bodies.map(Schema::to_value);
        let fields = bodies.iter().flat_map(|body| body["properties"].as_object().unwrap().keys());
        let fields: BTreeSet<&str> = fields.map(String::as_str).collect();
        assert_eq!(fields, BTreeSet::from(FIELDS));
    }
}
