//! The OpenAPI document agrees with the server: it is generated from the code, names every route and every kind of
//! problem, and its examples match its schemas.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use strum::VariantArray;
use web::ProblemKind;

use crate::scenario::{Ledger, repository};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Files that may make routes of their own: the table of documented routes, and the operators' socket, which no client
/// reaches.
const ROUTERS: [&str; 2] = ["web/src/api.rs", "server/src/operators/routes.rs"];

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// What a reference leads to.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str();
    reference.map_or(value, |reference| document.pointer(reference.trim_start_matches('#')).unwrap())
}

/// A path with a product's id, or a part of the page, in it.
fn filled(path: &str) -> String {
    path.replace("{id}", "helmet")
        .replace("{asset}", "start.js")
        .replace("{file}", "LICENSES.txt")
        .replace("{path}", "0/000")
        .replace("{sequence}", "1")
}

#[test]
fn the_committed_document_is_that_of_the_code() {
    let path = repository().join("schema/json/openapi.json");
    let generated = serde_json::to_string_pretty(&server::openapi::document()).unwrap() + "\n";
    if std::env::var_os("LEDGER_ACCEPT").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == generated,
        "schema/json/openapi.json differs from the code; `just accept` takes the new form"
    );
}

#[tokio::test]
async fn every_documented_operation_is_routed_and_every_method_of_a_path_is_documented() {
    let ledger = Ledger::start();
    let document = server::openapi::document();
    let mut documented: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (path, method, _) in operations(&document) {
        assert!(METHODS.contains(&method), "{method} {path}");
        documented.entry(path).or_default().insert(method.to_uppercase());
    }
    for (path, mut methods) in documented {
        let trace = ledger.http.request("TRACE".parse().unwrap(), format!("{}{}", ledger.url, filled(path)));
        let response = trace.send().await.unwrap();
        assert_eq!(response.status(), 405, "{path}");
        let allowed = response.headers()["allow"].to_str().unwrap().to_owned();
        let allowed: BTreeSet<String> = allowed.split(',').map(|method| method.trim().to_owned()).collect();
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        assert_eq!(allowed, methods, "{path}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_documented_is_refused_on_every_route_but_the_page() {
    let ledger = Ledger::start();
    let document = server::openapi::document();
    for (path, method, _) in operations(&document) {
        let url = format!("{}{}?unknown=1", ledger.url, filled(path));
        let request = ledger.http.request(method.to_uppercase().parse().unwrap(), url);
        let response = request.header("content-type", "application/json").body("{}").send().await.unwrap();
        let status = response.status();
        if ["/", "/docs"].contains(&path) {
            assert_eq!(status, 200);
            continue;
        }
        let problem: Value = response.json().await.unwrap();
        assert_eq!(
            (status.as_u16(), &problem["errors"][0]["pointer"]),
            (400, &json!("unknown")),
            "{method} {path}"
        );
    }
}

#[test]
fn a_route_can_only_be_made_together_with_its_description() {
    for (path, text) in crate::architecture::sources() {
        let is_program = path.components().any(|part| part.as_os_str() == "src");
        let for_tests = ["fuzz", "tests"].iter().any(|folder| path.starts_with(folder));
        let is_test = for_tests || path.file_stem().is_some_and(|name| name == "tests");
        if !is_program || is_test || ROUTERS.iter().any(|router| path.ends_with(router)) {
            continue;
        }
        let program = text.split("#[cfg(test)]").next().unwrap();
        for call in [".route(", ".route_service(", ".nest("] {
            assert!(!program.contains(call), "{}: declare the route in a table of `Api::on`", path.display());
        }
    }
}

#[test]
fn every_kind_of_problem_is_an_answer_of_some_operation_with_its_own_status() {
    let document = server::openapi::document();
    let mut answered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, _, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let schema = &resolved(&document, response)["content"]["application/problem+json"]["schema"];
            for kind in schema["properties"]["type"]["enum"].as_array().into_iter().flatten() {
                answered.entry(kind.as_str().unwrap().to_owned()).or_default().insert(status.clone());
            }
        }
    }
    for kind in ProblemKind::VARIANTS {
        let (slug, _, status) = kind.parts();
        let statuses = &answered[&format!("urn:product-ledger:problem:{slug}")];
        assert_eq!(statuses, &BTreeSet::from([status.as_u16().to_string()]), "{slug}");
    }
}

#[test]
fn every_example_is_what_its_schema_says() {
    let document = server::openapi::document();
    let mut examples = 0;
    for (path, method, operation) in operations(&document) {
        let bodies = operation["responses"].as_object().unwrap().values().chain([&operation["requestBody"]]);
        for (media_type, content) in
            bodies.filter_map(|body| resolved(&document, body)["content"].as_object()).flatten()
        {
            for (name, example) in content["examples"].as_object().unwrap() {
                let example = resolved(&document, example);
                check(&document, &content["schema"], &example["value"], &format!("{method} {path}: {name}"));
                examples += 1;
            }
            assert_ne!(content["examples"], json!({}), "{method} {path}: {media_type} has no example");
        }
        for parameter in operation["parameters"].as_array().unwrap() {
            let parameter = resolved(&document, parameter);
            if let Some(example) = parameter.get("example") {
                check(
                    &document,
                    &parameter["schema"],
                    example,
                    &format!("{method} {path}: {}", parameter["name"]),
                );
            }
        }
    }
    assert!(examples > 100, "{examples}");
}

/// `/docs` and other clients send an example with every request, unless somebody removes it first.
#[test]
fn no_header_has_an_example_that_would_be_sent_without_being_asked_for() {
    let document = server::openapi::document();
    let mut headers = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().unwrap() {
            let parameter = resolved(&document, parameter);
            if parameter["in"] == "header" {
                let name = parameter["name"].as_str().unwrap();
                headers.insert(name.to_owned());
                for place in [parameter, &parameter["schema"]] {
                    for filled in ["example", "examples", "default"] {
                        assert!(place.get(filled).is_none(), "{method} {path}: {name} has {filled}");
                    }
                }
            }
        }
    }
    assert!(headers.contains("If-Match") && headers.contains("traceparent"), "{headers:?}");
}

/// Generators of clients drop an operation, or refuse its answers, if a schema has another form; `tests/clients` runs three
/// of them.
#[test]
fn schemas_have_the_forms_that_generators_of_clients_understand() {
    let document = server::openapi::document();
    for (path, method, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().unwrap() {
            let parameter = resolved(&document, parameter);
            let schema = resolved(&document, &parameter["schema"]);
            let alternatives = schema["anyOf"].as_array().map_or(std::slice::from_ref(schema), Vec::as_slice);
            for schema in alternatives {
                let is_understood = schema["type"].is_string() && schema.get("const").is_none();
                assert!(is_understood, "{method} {path}: {} is {schema}", parameter["name"]);
            }
        }
    }
    understood(&document, &document["components"]["schemas"], "schemas");
}

/// Goes through a schema and everything inside it.
fn understood(document: &Value, schema: &Value, place: &str) {
    let inside = |part: &Value| resolved(document, part)["oneOf"].is_array();
    let mut parts = schema["allOf"].as_array().into_iter().flatten();
    assert!(!parts.any(inside), "{place}: allOf around alternatives");
    let mut values = schema["oneOf"].as_array().into_iter().flatten();
    assert!(!values.any(|value| value.get("const").is_some()), "{place}: alternatives of constants");
    for (name, inner) in schema.as_object().into_iter().flatten() {
        understood(document, inner, &format!("{place}/{name}"));
    }
    for inner in schema.as_array().into_iter().flatten() {
        understood(document, inner, place);
    }
}

/// References into the document hold where the schema stands inside it.
fn check(document: &Value, schema: &Value, example: &Value, place: &str) {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(example).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{place}: {faults:?}\n{example}");
}

#[test]
fn names_of_operations_and_of_what_they_refer_to_are_there_once() {
    let document = server::openapi::document();
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{method} {path}: {name} is there twice");
        let tag = &operation["tags"][0];
        assert!(document["tags"].as_array().unwrap().iter().any(|known| known["name"] == *tag), "{tag}");
    }
    for (path, method, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap().values();
        for (_, link) in answers.filter_map(|answer| answer["links"].as_object()).flatten() {
            let target = link["operationId"].as_str().unwrap();
            assert!(names.contains(target), "{method} {path} links to {target}");
        }
    }
}

#[tokio::test]
async fn the_server_serves_the_document_and_says_whether_it_asks_for_a_token() {
    let ledger = Ledger::start();
    let (status, served) = ledger.get("/openapi.json").await;
    assert_eq!(status, 200);
    let document = server::openapi::document();
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
    // With LEDGER_ACCEPT another test is writing the document that the next build serves.
    if std::env::var_os("LEDGER_ACCEPT").is_none() {
        assert!(served["components"] == document["components"], "the committed document is an older one");
    }
    let security = |document: &Value| document["paths"]["/products"]["post"]["security"].clone();
    assert_eq!(security(&document), json!([{"token": ["products/write"]}]));
    assert_eq!(security(&served), json!([{"token": ["products/write"]}, {}]));
    assert_eq!(served["paths"]["/health"]["get"]["security"], json!([]));
}
