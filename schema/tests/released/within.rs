//! Whether one schema allows everything that another one does; if not, the difference is named with its place.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::flat::flat;

/// Who writes the value: that decides in which direction a schema may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Clients send it: what was accepted must still be accepted.
    Sent,
    /// Clients receive it: it must not become anything new.
    Received,
}

/// A schema, and the document that its references lead into.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    pub schema: &'a Value,
    pub root: &'a Value,
}

/// Keywords that say nothing of what is allowed.
const WORDS: &[&str] = &[
    "title",
    "description",
    "default",
    "example",
    "examples",
    "deprecated",
    "$schema",
    "x-extensible",
    "$defs",
];
/// Keywords where the inner schema has to say the same as the outer one.
const SAME: &[&str] = &["pattern", "format", "multipleOf", "uniqueItems"];
const LEAST: &[&str] = &["minimum", "minLength", "minItems", "minProperties"];
const MOST: &[&str] = &["maximum", "maxLength", "maxItems", "maxProperties"];
const KNOWN: &[&str] = &[
    "type",
    "enum",
    "const",
    "required",
    "properties",
    "items",
    "additionalProperties",
    "propertyNames",
    "anyOf",
    "oneOf",
];

impl<'a> Node<'a> {
    pub fn root(schema: &'a Value) -> Self {
        Self { schema, root: schema }
    }

    fn at<'b>(self, schema: &'b Value) -> Node<'b>
    where
        'a: 'b,
    {
        Node { schema, root: self.root }
    }
}

/// What those who rely on `released` lose with `now`.
pub fn broken(released: Node<'_>, now: Node<'_>, usage: Use, place: &str) -> Vec<String> {
    let mut faults = Vec::new();
    match usage {
        Use::Sent => within(released, now, &Talk { usage, place: place.to_owned() }, &mut faults),
        Use::Received => within(now, released, &Talk { usage, place: place.to_owned() }, &mut faults),
    }
    faults
}

struct Talk {
    usage: Use,
    place: String,
}

impl Talk {
    fn inside(&self, part: &str) -> Self {
        Self { usage: self.usage, place: format!("{}/{part}", self.place) }
    }

    fn fault(&self, detail: impl std::fmt::Display) -> String {
        match self.usage {
            Use::Sent => format!("{}: takes less than it took: {detail}", self.place),
            Use::Received => format!("{}: may be what it was not: {detail}", self.place),
        }
    }
}

fn within(inner: Node<'_>, outer: Node<'_>, talk: &Talk, faults: &mut Vec<String>) {
    let (mut mine, mut theirs) = (flat(inner.schema, inner.root), flat(outer.schema, outer.root));
    let both = choices(&mine).is_some() && choices(&theirs).is_some();
    if both && mine.contains_key("properties") != theirs.contains_key("properties") {
        (mine, theirs) = (complete(&mine), complete(&theirs));
    }
    if let Some(possible) = choices(&mine).filter(|_| choices(&theirs).is_none()) {
        let common = mine.iter().filter(|(keyword, _)| !["anyOf", "oneOf"].contains(&keyword.as_str()));
        let common: Map<String, Value> =
            common.map(|(keyword, value)| (keyword.clone(), value.clone())).collect();
        for choice in possible {
            within(inner.at(&json!({"allOf": [common, choice]})), outer, talk, faults);
        }
        return;
    }
    values(&mine, &theirs, talk, faults);
    bounds(&mine, &theirs, talk, faults);
    alternatives(inner, &mine, outer, &theirs, talk, faults);
    members(inner, &mine, outer, &theirs, talk, faults);
    for keyword in ["items", "additionalProperties", "propertyNames"] {
        if let Some(outer_part) = theirs.get(keyword).filter(|part| **part != json!(true)) {
            let all = json!(true);
            let inner_part = mine.get(keyword).unwrap_or(&all);
            // A closed object is compared member by member.
            if *outer_part == json!(false) && keyword == "additionalProperties" {
                if *inner_part != json!(false) {
                    faults.push(talk.fault("no further member is allowed"));
                }
                continue;
            }
            within(inner.at(inner_part), outer.at(outer_part), &talk.inside(keyword), faults);
        }
    }
}

/// Type, enumeration, constant.
fn values(mine: &Map<String, Value>, theirs: &Map<String, Value>, talk: &Talk, faults: &mut Vec<String>) {
    let extensible = theirs.contains_key("x-extensible") && talk.usage == Use::Received;
    if let Some(allowed) = fixed(theirs).filter(|_| !extensible) {
        match fixed(mine) {
            None => faults.push(talk.fault(format!("only {} fits one side", json!(allowed)))),
            Some(possible) => {
                let beyond: Vec<_> = possible.into_iter().filter(|value| !allowed.contains(value)).collect();
                if !beyond.is_empty() {
                    faults.push(talk.fault(format!("{} is on one side only", json!(beyond))));
                }
            }
        }
    }
    let (possible, allowed) = (types(mine), types(theirs));
    if let Some(allowed) = allowed
        && fixed(mine).is_none()
    {
        let fits = |name: &String| allowed.contains(name) || name == "integer" && allowed.contains("number");
        match possible {
            None => faults.push(talk.fault(format!("the type must be {allowed:?}"))),
            Some(possible) => {
                let beyond: Vec<_> = possible.iter().filter(|name| !fits(name)).collect();
                if !beyond.is_empty() {
                    faults.push(talk.fault(format!("the type {beyond:?} is on one side only")));
                }
            }
        }
    }
}

/// The only values there are, if they are listed.
fn fixed(schema: &Map<String, Value>) -> Option<Vec<Value>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(constant), _) => Some(vec![constant.clone()]),
        (None, Some(values)) => values.as_array().cloned(),
        (None, None) => None,
    }
}

fn types(schema: &Map<String, Value>) -> Option<BTreeSet<String>> {
    let names = match schema.get("type")? {
        Value::Array(names) => names.clone(),
        name => vec![name.clone()],
    };
    Some(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Lengths, sizes, patterns, and every keyword that nobody thought of.
fn bounds(mine: &Map<String, Value>, theirs: &Map<String, Value>, talk: &Talk, faults: &mut Vec<String>) {
    if fixed(mine).is_some() {
        return;
    }
    let number = |schema: &Map<String, Value>, keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    for (keyword, limit) in theirs {
        let name = keyword.as_str();
        let (own, outer) = (number(mine, name), number(theirs, name));
        let fits = if LEAST.contains(&name) {
            own.is_some_and(|own| outer.is_some_and(|outer| own >= outer))
        } else if MOST.contains(&name) {
            own.is_some_and(|own| outer.is_some_and(|outer| own <= outer))
        } else {
            KNOWN.contains(&name) || WORDS.contains(&name) || mine.get(keyword) == Some(limit)
        };
        if !fits {
            let unknown = if SAME.contains(&name) || LEAST.contains(&name) || MOST.contains(&name) {
                ""
            } else {
                " (a keyword that this comparison does not know)"
            };
            let other = mine.get(keyword).map_or("absent".to_owned(), Value::to_string);
            faults
                .push(talk.fault(format!("{keyword} is {limit} on one side, {other} on the other{unknown}")));
        }
    }
}

/// Every alternative of the inner schema has to be within one of the outer schema.
fn alternatives(
    inner: Node<'_>,
    mine: &Map<String, Value>,
    outer: Node<'_>,
    theirs: &Map<String, Value>,
    talk: &Talk,
    faults: &mut Vec<String>,
) {
    let Some(allowed) = choices(theirs) else {
        return;
    };
    let alone = [json!(mine)];
    let possible = choices(mine).map_or(&alone[..], Vec::as_slice);
    for choice in possible {
        let fits = allowed.iter().any(|other| {
            let mut beyond = Vec::new();
            within(inner.at(choice), outer.at(other), talk, &mut beyond);
            beyond.is_empty()
        });
        let is_added = || talk.usage == Use::Received && is_new_name(inner.at(choice), outer, allowed);
        if !(fits || is_added()) {
            faults.push(talk.fault(format!("the alternative {choice} is on one side only")));
        }
    }
}

/// Whether alternatives are told apart by a constant `type` and this one has a new one: readers of events pass over names
/// that they do not know.
fn is_new_name(choice: Node<'_>, outer: Node<'_>, allowed: &[Value]) -> bool {
    let name =
        |node: Node<'_>| flat(node.schema, node.root).get("properties")?.get("type")?.get("const").cloned();
    let known: Option<Vec<Value>> = allowed.iter().map(|other| name(outer.at(other))).collect();
    known.zip(name(choice)).is_some_and(|(known, new)| !known.contains(&new))
}

/// The same alternatives, each with what they have in common.
fn complete(schema: &Map<String, Value>) -> Map<String, Value> {
    let mut common = schema.clone();
    common.retain(|keyword, _| !["anyOf", "oneOf"].contains(&keyword.as_str()));
    let all: Vec<Value> =
        choices(schema).into_iter().flatten().map(|choice| json!({"allOf": [common, choice]})).collect();
    Map::from_iter([("oneOf".to_owned(), all.into())])
}

fn choices(schema: &Map<String, Value>) -> Option<&Vec<Value>> {
    schema.get("anyOf").or(schema.get("oneOf")).and_then(Value::as_array)
}

/// Members by name: none is lost, none is newly asked for, each is compared.
fn members(
    inner: Node<'_>,
    mine: &Map<String, Value>,
    outer: Node<'_>,
    theirs: &Map<String, Value>,
    talk: &Talk,
    faults: &mut Vec<String>,
) {
    let none = Map::new();
    let properties =
        |schema: &Map<String, Value>| schema.get("properties").and_then(Value::as_object).cloned();
    let (own, others) = (properties(mine).unwrap_or(none.clone()), properties(theirs).unwrap_or(none));
    let (released, now) = if talk.usage == Use::Sent { (&own, &others) } else { (&others, &own) };
    for name in released.keys().filter(|name| !now.contains_key(*name)) {
        faults.push(talk.inside(name).fault("the member was removed"));
    }
    let required = |schema: &Map<String, Value>| -> Vec<Value> {
        schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let always = required(mine);
    for name in required(theirs).iter().filter(|name| !always.contains(name)) {
        let detail = match talk.usage {
            Use::Sent => "the member is newly required",
            Use::Received => "the member is no longer always there",
        };
        faults.push(talk.inside(name.as_str().unwrap_or_default()).fault(detail));
    }
    for (name, schema) in &own {
        if let Some(other) = others.get(name) {
            within(inner.at(schema), outer.at(other), &talk.inside(name), faults);
        }
    }
}
