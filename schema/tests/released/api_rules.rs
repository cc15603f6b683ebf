//! One test per rule of the API: the break is found and named, the addition passes.

use serde_json::{Value, json};

use super::api::broken;

fn document() -> Value {
    json!({
        "paths": {"/products/{id}": {"put": {
            "operationId": "putProduct",
            "security": [{"token": ["products/write"]}],
            "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}],
            "requestBody": {"required": false, "content": {
                "application/json": {"schema": {"type": "object", "properties": {"name": {"$ref": "#/components/schemas/Name"}}}}}},
            "responses": {
                "200": {"headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                        "content": {"application/json": {"schema": {"type": "object", "required": ["version"],
                                    "properties": {"version": {"type": "integer"}}}}}},
                "404": {"content": {"application/problem+json": {"schema": {"type": "object"}}}}}}}},
        "components": {
            "schemas": {"Name": {"type": "string", "maxLength": 200}},
            "headers": {"ETag": {"required": true, "schema": {"type": "string", "pattern": "^\"[0-9]+\"$"}}}},
    })
}

const OPERATION: &str = "/paths/~1products~1{id}/put";

/// The document with one thing changed, at a place within the operation or, with a leading `/`, within the whole.
fn with(place: &str, value: Value) -> Value {
    let mut changed = document();
    let place = if place.starts_with('/') { place.to_owned() } else { format!("{OPERATION}/{place}") };
    *changed.pointer_mut(&place).unwrap() = value;
    changed
}

fn without(place: &str, name: &str) -> Value {
    let mut changed = document();
    let parent = changed.pointer_mut(&format!("{OPERATION}{place}")).unwrap();
    parent.as_object_mut().unwrap().remove(name).unwrap();
    changed
}

#[track_caller]
fn breaks(now: &Value, said: &str) {
    let faults = broken(&document(), now);
    assert!(matches!(&*faults, [fault] if fault.contains(said)), "{said}: {faults:?}");
}

#[track_caller]
fn passes(now: &Value) {
    assert_eq!(broken(&document(), now), Vec::<String>::new());
}

#[test]
fn an_operation_that_is_gone_or_has_another_name_breaks() {
    breaks(&with("/paths/~1products~1{id}", json!({})), "PUT /products/{id}: the operation was removed");
    breaks(&with("/paths", json!({})), "the operation was removed");
    breaks(&with("operationId", json!("replaceProduct")), "operationId was \"putProduct\"");
}

#[test]
fn a_new_operation_answer_or_optional_parameter_passes() {
    let mut more = document();
    let put = more.pointer(OPERATION).unwrap().clone();
    more["paths"]["/more"] = json!({"get": put});
    let operation = more.pointer_mut(OPERATION).unwrap();
    operation["responses"]["503"] = json!({"content": {}});
    operation["parameters"].as_array_mut().unwrap().push(json!({"name": "x", "in": "query", "schema": {}}));
    passes(&more);
}

#[test]
fn an_answer_a_media_type_or_a_header_that_is_gone_breaks() {
    breaks(&without("/responses", "404"), "404: the answer was removed");
    breaks(&without("/responses/200/content", "application/json"), "200 application/json: was removed");
    breaks(&without("/responses/200/headers", "ETag"), "header ETag: was removed");
    breaks(&without("/requestBody/content", "application/json"), "body application/json: was removed");
}

#[test]
fn a_header_that_is_not_always_there_or_of_another_form_breaks() {
    breaks(&with("/components/headers/ETag/required", json!(false)), "no longer always there");
    breaks(&with("/components/headers/ETag/schema", json!({"type": "string"})), "pattern");
}

#[test]
fn a_parameter_that_is_gone_newly_required_or_narrower_breaks() {
    breaks(&with("parameters", json!([])), "parameter \"limit\": was removed");
    let schema = json!({"type": "integer", "maximum": 100});
    let required = json!({"name": "limit", "in": "query", "required": true, "schema": schema});
    breaks(&with("parameters/0", required.clone()), "newly required");
    breaks(&with("parameters/0/schema/maximum", json!(50)), "maximum");
    passes(&with("parameters/0/schema/maximum", json!(200)));
    let other = json!({"name": "cursor", "in": "query", "required": true, "schema": {}});
    let first = document().pointer(&format!("{OPERATION}/parameters/0")).unwrap().clone();
    breaks(&with("parameters", json!([first, other])), "\"cursor\": is newly required");
}

#[test]
fn a_body_that_is_newly_required_or_narrower_breaks() {
    breaks(&with("requestBody/required", json!(true)), "a body is newly required");
    breaks(&with("/components/schemas/Name/maxLength", json!(100)), "maxLength");
    passes(&with("/components/schemas/Name/maxLength", json!(300)));
}

#[test]
fn an_answer_that_says_less_or_something_else_breaks() {
    let place = "responses/200/content/application~1json/schema";
    breaks(&with(&format!("{place}/required"), json!([])), "no longer always there");
    breaks(&with(&format!("{place}/properties/version"), json!({"type": ["integer", "null"]})), "null");
}

#[test]
fn a_scope_that_is_newly_asked_for_breaks_and_one_that_is_asked_no_more_does_not() {
    breaks(&with("security/0/token", json!(["products/write", "products/admin"])), "no longer enough");
    breaks(&with("security/0/token", json!(["products/admin"])), "no longer enough");
    passes(&with("security", json!([])));
    passes(&with("security", json!([{"token": ["products/admin"]}, {"token": ["products/write"]}])));
    let mut open = document();
    open.pointer_mut(OPERATION).unwrap()["security"] = json!([]);
    assert!(broken(&open, &document())[0].contains("no longer enough"));
}
