//! Flattens a schema: resolves `$ref` and `allOf` into the keywords of its own level.

use serde_json::{Map, Value, json};

/// The keywords of a schema; of `true` none, and of `false` one that nothing fits.
pub fn flat(schema: &Value, root: &Value) -> Map<String, Value> {
    let Some(schema) = schema.as_object() else {
        let nothing = json!({"enum": []});
        return if *schema == json!(false) { nothing.as_object().unwrap().clone() } else { Map::new() };
    };
    let mut together = Map::new();
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#'));
        let target = target.unwrap_or_else(|| panic!("{reference} leads nowhere"));
        add(&mut together, flat(target, root));
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        add(&mut together, flat(part, root));
    }
    let own = schema.iter().filter(|(keyword, _)| !["$ref", "allOf"].contains(&keyword.as_str()));
    add(&mut together, own.map(|(keyword, value)| (keyword.clone(), value.clone())).collect());
    enumerate(&mut together);
    together
}

/// Alternatives of one value each are an enumeration.
fn enumerate(schema: &mut Map<String, Value>) {
    for keyword in ["anyOf", "oneOf"] {
        let alternatives = schema.get(keyword).and_then(Value::as_array).filter(|all| !all.is_empty());
        let constant = |alternative: &Value| alternative.get("const").cloned();
        let values = alternatives.and_then(|all| all.iter().map(constant).collect::<Option<Vec<Value>>>());
        if let Some(values) = values.filter(|_| !schema.contains_key("enum")) {
            schema.remove(keyword);
            schema.insert("enum".into(), values.into());
        }
    }
}

/// Merges two schemas of a value: requirements add up, and the inner one narrows the outer one.
fn add(together: &mut Map<String, Value>, more: Map<String, Value>) {
    for (keyword, value) in more {
        match (keyword.as_str(), together.get_mut(&keyword)) {
            ("required", Some(Value::Array(known))) => {
                let fresh = value.as_array().unwrap().iter().filter(|name| !known.contains(name)).cloned();
                let fresh: Vec<Value> = fresh.collect();
                known.extend(fresh);
            }
            ("properties", Some(Value::Object(known))) => {
                for (name, schema) in value.as_object().unwrap() {
                    let both = match known.get(name) {
                        Some(before) => json!({"allOf": [before, schema]}),
                        None => schema.clone(),
                    };
                    known.insert(name.clone(), both);
                }
            }
            _ => {
                together.insert(keyword, value);
            }
        }
    }
}
