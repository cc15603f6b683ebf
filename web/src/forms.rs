//! Rewrites schemas into forms that generators of clients understand. Each form allows what the other one allows.

use serde_json::{Map, Value, json};

/// Rewrites the schemas of a document, which `$ref` names.
pub(super) fn rewrite_all(schemas: &mut Map<String, Value>) {
    let originals = schemas.clone();
    for schema in schemas.values_mut() {
        rewrite(schema, &originals);
    }
}

fn rewrite(schema: &mut Value, originals: &Map<String, Value>) {
    match schema {
        Value::Object(keywords) => {
            complete_alternatives(keywords, originals);
            for inner in keywords.values_mut() {
                rewrite(inner, originals);
            }
            enumerate(keywords);
        }
        Value::Array(schemas) => {
            for inner in schemas {
                rewrite(inner, originals);
            }
        }
        _ => {}
    }
}

/// `allOf` around alternatives, with further members, becomes the alternatives, each with these members too. A generator
/// takes the former for one object that must satisfy every alternative.
fn complete_alternatives(schema: &mut Map<String, Value>, originals: &Map<String, Value>) {
    let parts = schema.get("allOf").and_then(Value::as_array);
    let Some([part]) = parts.map(Vec::as_slice) else {
        return;
    };
    let name = part["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    let alternatives = name.and_then(|name| originals.get(name)?.get("oneOf")?.as_array());
    let Some(mut alternatives) = alternatives.cloned() else {
        return;
    };
    if !alternatives.iter().all(|alternative| alternative["properties"].is_object()) {
        return;
    }
    schema.remove("allOf");
    let members = schema.remove("properties").unwrap_or_else(|| json!({}));
    let required = schema.remove("required").unwrap_or_else(|| json!([]));
    for alternative in alternatives.iter_mut().filter_map(Value::as_object_mut) {
        let known = alternative.entry("properties").or_insert_with(|| json!({})).as_object_mut();
        if let (Some(known), Some(members)) = (known, members.as_object()) {
            known.extend(members.clone());
        }
        let known = alternative.entry("required").or_insert_with(|| json!([])).as_array_mut();
        if let (Some(known), Some(required)) = (known, required.as_array()) {
            let missing: Vec<Value> = required.iter().filter(|name| !known.contains(name)).cloned().collect();
            known.extend(missing);
        }
    }
    schema.insert("oneOf".into(), alternatives.into());
}

/// Alternatives of one text each, as schemars writes an enumeration whose values are described, become `enum`; their
/// descriptions follow that of the whole. A generator reads the former as any text, which fits every alternative, not one.
fn enumerate(schema: &mut Map<String, Value>) {
    let Some(alternatives) = schema.get("oneOf").and_then(Value::as_array) else {
        return;
    };
    let text = |alternative: &Value| alternative["const"].as_str().map(str::to_owned);
    let Some(values) = alternatives.iter().map(text).collect::<Option<Vec<String>>>() else {
        return;
    };
    let whole = schema.get("description").and_then(Value::as_str).map(str::to_owned);
    let each = alternatives.iter().zip(&values).filter_map(|(alternative, value)| {
        let description = alternative["description"].as_str()?;
        Some(format!("`{value}`: {description}"))
    });
    let description = whole.into_iter().chain(each).collect::<Vec<_>>().join(" ");
    schema.remove("oneOf");
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), values.into());
    if !description.is_empty() {
        schema.insert("description".into(), description.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(schemas: Value) -> Value {
        let Value::Object(mut schemas) = schemas else {
            panic!("not an object");
        };
        rewrite_all(&mut schemas);
        schemas.into()
    }

    #[test]
    fn alternatives_of_single_texts_become_an_enumeration_that_keeps_their_descriptions() {
        let status = json!({"Status": {"description": "The state.", "oneOf": [
            {"const": "on", "type": "string", "description": "It runs."},
            {"const": "off", "type": "string", "description": "It does not."}]}});
        let expected = json!({"Status": {"type": "string", "enum": ["on", "off"],
            "description": "The state. `on`: It runs. `off`: It does not."}});
        assert_eq!(rewritten(status), expected);
    }

    #[test]
    fn alternatives_with_common_members_become_complete_alternatives() {
        let event = |name: &str| json!({"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]});
        let common = json!({"allOf": [{"$ref": "#/components/schemas/Event"}], "required": ["type", "id"],
                            "properties": {"id": {"type": "string"}}});
        let schemas = json!({"Event": {"oneOf": [event("A"), event("B")]},
                             "Page": {"type": "array", "items": common}});
        let complete = |name: &str| {
            json!({"type": "object", "required": ["type", "id"],
                   "properties": {"type": {"const": name}, "id": {"type": "string"}}})
        };
        let schemas = rewritten(schemas);
        assert_eq!(schemas["Page"]["items"], json!({"oneOf": [complete("A"), complete("B")]}));
        assert_eq!(schemas["Event"]["oneOf"], json!([event("A"), event("B")]));
    }

    #[test]
    fn other_schemas_stay_as_they_are() {
        let schemas = json!({
            "Product": {"type": "object", "properties": {"id": {"type": "string"}}},
            "State": {"allOf": [{"$ref": "#/components/schemas/Product"}], "required": ["id"]},
            "Either": {"oneOf": [{"const": "one"}, {"type": "integer"}]},
        });
        assert_eq!(rewritten(schemas.clone()), schemas);
    }
}
