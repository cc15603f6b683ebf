//! One test per rule of schemas: the break is found and named, the addition passes.

use serde_json::{Value, json};

use super::within::{Node, Use, broken};

fn sent(released: &Value, now: &Value) -> Vec<String> {
    broken(Node::root(released), Node::root(now), Use::Sent, "body")
}

fn received(released: &Value, now: &Value) -> Vec<String> {
    broken(Node::root(released), Node::root(now), Use::Received, "event")
}

/// The change is refused, with one fault that says so; back again it is allowed.
#[track_caller]
fn one_way(check: fn(&Value, &Value) -> Vec<String>, released: &Value, now: &Value, said: &str) {
    let faults = check(released, now);
    assert!(matches!(&*faults, [fault] if fault.contains(said)), "{said}: {faults:?}");
    assert_eq!(check(now, released), Vec::<String>::new(), "the other way");
}

#[track_caller]
fn no_way(check: fn(&Value, &Value) -> Vec<String>, released: &Value, now: &Value) {
    assert!(!check(released, now).is_empty() && !check(now, released).is_empty());
}

fn object(properties: &Value, required: &Value) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

#[test]
fn what_did_not_change_passes() {
    let schema = object(
        &json!({"price": {"type": "string", "pattern": "^[0-9]+$", "maxLength": 9}}),
        &json!(["price"]),
    );
    assert_eq!(sent(&schema, &schema), Vec::<String>::new());
    assert_eq!(received(&schema, &schema), Vec::<String>::new());
}

#[test]
fn a_new_required_field_of_a_request_breaks_and_an_optional_one_does_not() {
    let before = object(&json!({"a": {"type": "string"}}), &json!([]));
    let required = object(&json!({"a": {"type": "string"}}), &json!(["a"]));
    one_way(sent, &before, &required, "body/a: takes less than it took: the member is newly required");
    let more = object(&json!({"a": {"type": "string"}, "b": {"type": "string"}}), &json!([]));
    assert_eq!(sent(&before, &more), Vec::<String>::new());
}

#[test]
fn a_field_of_an_answer_that_is_gone_or_not_always_there_breaks_and_a_new_one_does_not() {
    let before = object(&json!({"a": {"type": "string"}}), &json!(["a"]));
    let optional = object(&json!({"a": {"type": "string"}}), &json!([]));
    one_way(received, &before, &optional, "no longer always there");
    let more = object(&json!({"a": {"type": "string"}, "b": {"type": "string"}}), &json!(["a", "b"]));
    assert_eq!(received(&before, &more), Vec::<String>::new());
    assert!(
        received(&more, &before)
            .iter()
            .any(|fault| fault.contains("event/b: may be what it was not: the member was removed"))
    );
}

#[test]
fn a_field_that_a_request_may_no_longer_hold_breaks() {
    let before = object(&json!({"a": {"type": "string"}, "b": {"type": "string"}}), &json!([]));
    let after = object(&json!({"a": {"type": "string"}}), &json!([]));
    one_way(sent, &before, &after, "body/b: takes less than it took: the member was removed");
    let closed = json!({"type": "object", "additionalProperties": false});
    one_way(sent, &json!({"type": "object"}), &closed, "no further member");
}

#[test]
fn an_enumeration_may_widen_in_requests_and_narrow_in_answers() {
    let (two, three) = (json!({"enum": ["a", "b"]}), json!({"enum": ["a", "b", "c"]}));
    one_way(sent, &three, &two, "\"c\"");
    one_way(received, &two, &three, "\"c\"");
    one_way(received, &json!({"const": "a"}), &two, "\"b\"");
    one_way(sent, &json!({"type": "string"}), &json!({"type": "string", "enum": ["a"]}), "only");
}

#[test]
fn an_enumeration_that_says_so_may_widen_in_answers() {
    let (two, three) = (
        json!({"enum": ["a", "b"], "x-extensible": true}),
        json!({"enum": ["a", "b", "c"], "x-extensible": true}),
    );
    assert_eq!(received(&two, &three), Vec::<String>::new());
    assert!(!sent(&three, &two).is_empty());
}

#[test]
fn a_changed_type_breaks() {
    no_way(sent, &json!({"type": "string"}), &json!({"type": "integer"}));
    no_way(received, &json!({"type": "string"}), &json!({"type": "integer"}));
    one_way(received, &json!({"type": "string"}), &json!({"type": ["string", "null"]}), "null");
    one_way(sent, &json!({"type": ["string", "null"]}), &json!({"type": "string"}), "null");
    one_way(received, &json!({"type": "number"}), &json!({}), "type");
    one_way(sent, &json!({"type": "number"}), &json!({"type": "integer"}), "number");
}

#[test]
fn a_bound_may_loosen_in_requests_and_tighten_in_answers() {
    for (keyword, tight, loose) in [
        ("maxLength", 10, 20),
        ("minLength", 2, 1),
        ("maximum", 10, 20),
        ("minimum", 2, 1),
        ("maxItems", 10, 20),
        ("minItems", 2, 1),
        ("maxProperties", 10, 20),
        ("minProperties", 2, 1),
    ] {
        let [tight, loose] = [tight, loose].map(|bound| json!({keyword: bound}));
        one_way(sent, &loose, &tight, keyword);
        one_way(received, &tight, &loose, keyword);
        one_way(sent, &json!({}), &tight, keyword);
    }
}

#[test]
fn a_pattern_or_format_may_not_change_or_come_to_requests_or_leave_answers() {
    for keyword in ["pattern", "format", "multipleOf"] {
        let [one, other] = ["^a$", "^b$"].map(|value| json!({keyword: value}));
        no_way(sent, &one, &other);
        no_way(received, &one, &other);
        one_way(sent, &json!({}), &one, keyword);
        one_way(received, &one, &json!({}), keyword);
    }
}

#[test]
fn alternatives_may_come_to_requests_and_leave_answers() {
    let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
    let (one, both) = (json!({"anyOf": [text]}), json!({"anyOf": [text, number]}));
    one_way(sent, &both, &one, "alternative");
    one_way(received, &one, &both, "alternative");
    one_way(received, &text, &both, "type");
    one_way(sent, &both, &text, "type");
}

#[test]
fn events_of_a_new_name_may_come_to_answers_and_those_of_a_known_name_may_not_change() {
    let event = |name: &str, data: &str| {
        object(&json!({"type": {"const": name}, "data": {"type": data}}), &json!(["data"]))
    };
    let events = |all: &[Value]| json!({"oneOf": all});
    let released = events(&[event("Created", "object"), event("Deleted", "object")]);
    let grown = events(&[event("Created", "object"), event("Deleted", "object"), event("Priced", "array")]);
    assert_eq!(received(&released, &grown), Vec::<String>::new());
    assert!(sent(&grown, &released)[0].contains("alternative"));
    let changed = events(&[event("Created", "object"), event("Deleted", "array")]);
    assert!(received(&released, &changed)[0].contains("alternative"));
    let unnamed = events(&[event("Created", "object"), json!({"type": "object"})]);
    assert!(received(&released, &unnamed)[0].contains("alternative"));
    assert!(
        received(&unnamed, &events(&[event("Priced", "array"), json!({"type": "string"})]))[0]
            .contains("alternative")
    );
}

#[test]
fn what_is_inside_lists_maps_and_names_counts() {
    let (tight, loose) = (json!({"type": "string", "maxLength": 5}), json!({"type": "string"}));
    for keyword in ["items", "additionalProperties", "propertyNames"] {
        one_way(sent, &json!({keyword: loose}), &json!({keyword: tight}), &format!("body/{keyword}"));
        one_way(received, &json!({keyword: tight}), &json!({keyword: loose}), "maxLength");
    }
}

#[test]
fn references_and_parts_are_followed() {
    let document = |bound: u64| json!({"allOf": [{"$ref": "#/$defs/text"}], "minLength": 1, "$defs": {"text": {"type": "string", "maxLength": bound}}});
    one_way(sent, &document(20), &document(10), "maxLength");
    let parts = |required: Value| {
        json!({"allOf": [object(&json!({"a": {"type": "string"}}), &json!(["a"])), {"required": required,
               "properties": {"a": {"minLength": 1}, "b": {"type": "string"}}}]})
    };
    one_way(received, &parts(json!(["b"])), &parts(json!([])), "event/b");
}

#[test]
fn a_keyword_that_nobody_thought_of_may_not_change() {
    let (one, other) = (json!({"contains": {"const": 1}}), json!({"contains": {"const": 2}}));
    assert!(sent(&one, &other)[0].contains("does not know"));
    let words = json!({"contains": {"const": 1}, "description": "new words", "title": "T", "example": 1});
    assert_eq!(sent(&one, &words), Vec::<String>::new());
}

#[test]
fn alternatives_of_constants_are_an_enumeration() {
    let alternatives = json!({"oneOf": [{"const": "a", "type": "string"}, {"const": "b", "type": "string"}]});
    let enumeration = json!({"type": "string", "enum": ["a", "b"]});
    for usage in [sent, received] {
        assert_eq!(usage(&alternatives, &enumeration), Vec::<String>::new());
        assert_eq!(usage(&enumeration, &alternatives), Vec::<String>::new());
    }
    one_way(received, &alternatives, &json!({"type": "string", "enum": ["a", "b", "c"]}), "\"c\"");
}

#[test]
fn alternatives_may_repeat_what_they_have_in_common() {
    let event = |name: &str| object(&json!({"type": {"const": name}}), &json!(["type"]));
    let whole = |name: &str| {
        object(&json!({"type": {"const": name}, "id": {"type": "string"}}), &json!(["type", "id"]))
    };
    let apart = json!({"oneOf": [event("A"), event("B")], "properties": {"id": {"type": "string"}}, "required": ["id"]});
    let complete = json!({"oneOf": [whole("A"), whole("B")]});
    assert_eq!(received(&apart, &complete), Vec::<String>::new());
    assert_eq!(received(&complete, &apart), Vec::<String>::new());
    assert!(received(&apart, &json!({"oneOf": [whole("A"), event("B")]}))[0].contains("alternative"));
}
