//! The OpenAPI document: the description of each route, and what holds for all of them.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::api::{Describe, Endpoint};
use super::context::Scope;
use super::operation::{Components, Operation};
use super::problems::{described, examples, headers_of, problem_schema, response};

const TITLE: &str = "Product ledger";

const INTRODUCTION: &str = "An event-sourced ledger of products. A command is recorded once, as one immutable, \
    hash-chained commit, and answered with its receipt; queries read views, or the ledger itself.\n\n\
    Errors are `application/problem+json` (RFC 9457) with a stable `type`. Every response carries `X-Correlation-Id`. \
    A query parameter that is not listed here is rejected with 400 (`/docs` ignores it), an unknown path with 404, and an unsupported method \
    with 405 and `Allow`. HEAD is supported wherever GET is. The JSON Schemas of the messages to subscribers are in \
    `schema/json` in the source code.";

/// The groups of operations, in reading order.
const TAGS: [(&str, &str); 6] = [
    ("Commands", "Change products. Every command returns a receipt."),
    ("Products", "Read the current products."),
    ("Audit", "Read past versions, the history of a product, its verification, and all commits."),
    ("Events", "Receive the events as they are published."),
    ("Log", "Copy and verify the record of all commits in one order."),
    ("Service", "Health and documentation of the server."),
];

/// The document for `routes` in the build `version`.
#[must_use]
pub fn document(version: &str, routes: &[(Endpoint, Describe)]) -> Value {
    let mut components = Components::new();
    let mut paths: Map<String, Value> = Map::new();
    let mut responses: Map<String, Value> = Map::new();
    for (at, describe) in routes {
        let operation = describe(&mut components);
        // A parameter over several segments is written like any other: clients encode its slashes, which is the same path.
        let path = paths.entry(at.path().replace("{*", "{")).or_insert_with(|| json!({}));
        path[at.method()] = written(&operation, &mut responses);
    }
    components.of::<super::problem::FieldError>();
    let mut schemas = components.into_schemas();
    schemas.insert("Problem".into(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": version,
            "description": INTRODUCTION,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "tags": TAGS.map(|(name, description)| json!({"name": name, "description": description})),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": headers_of(),
            "parameters": everywhere(),
            "responses": responses,
            "examples": examples(),
            "securitySchemes": {"token": security_scheme()},
        },
    })
}

/// The document of a server whose routes are below `url`.
#[must_use]
pub fn below(mut document: Value, url: &str) -> Value {
    document["servers"] = json!([{"url": url}]);
    document
}

/// The document of a server without authentication.
#[must_use]
pub fn without_authentication(mut document: Value) -> Value {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths.into_iter().flatten().filter_map(|(_, path)| path.as_object_mut());
    for (_, operation) in operations.flatten() {
        if let Some(security) = operation.get_mut("security").and_then(Value::as_array_mut)
            && !security.is_empty()
        {
            security.push(json!({}));
        }
    }
    document
}

fn security_scheme() -> Value {
    let scopes = Scope::ALL.map(Scope::name).join("`, `");
    json!({
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": format!(
            "An access token signed with RS256, ES256 or EdDSA. Its `scope` lists what it permits, separated by \
             spaces: `{scopes}`. Each operation names the scope that it requires. A server without authentication \
             accepts requests from its own machine without a token."),
    })
}

/// The operation as JSON. Its problems are references into `shared`, since many operations have the same ones.
fn written(operation: &Operation, shared: &mut Map<String, Value>) -> Value {
    let security: Vec<Value> =
        operation.scopes.iter().map(|scope| json!({"token": [scope.name()]})).collect();
    let mut responses: Map<String, Value> =
        operation.answers.iter().map(|(status, answer)| (status.to_string(), answer.to_json())).collect();
    for (status, kinds) in described(&operation.problems) {
        let name = kinds.iter().fold(status.to_string(), |name, kind| name + "." + kind.slug());
        responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}));
        shared.entry(name).or_insert_with(|| response(status, &kinds));
    }
    let reference = |name: &String| json!({"$ref": format!("#/components/parameters/{name}")});
    let shared_parameters = everywhere().keys().map(reference).collect::<Vec<_>>();
    let parameters = operation.parameters.iter().cloned().chain(shared_parameters).collect::<Vec<_>>();
    let mut written = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": parameters,
        "security": security,
        "responses": responses,
    });
    if let Some(body) = &operation.body {
        written["requestBody"] = body.clone();
    }
    written
}

/// The headers that every request can carry. An unusable value is replaced, never rejected, so the schema has no bounds. Examples
/// are in the descriptions: `/docs` would send any other with each request, and they would end up in commits.
fn everywhere() -> Map<String, Value> {
    let text = json!({"type": "string"});
    let correlation_id = super::operation::header(
        "X-Correlation-Id",
        "Groups requests that belong together: 1 to 128 visible ASCII characters, such as `order-4711`. It is copied to \
         events, messages and the response; if it is missing or unusable, one is generated.",
        &text,
    );
    let traceparent = super::operation::header(
        "traceparent",
        "The W3C trace context, such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. It is copied to events \
         and messages; ignored unless it is well-formed.",
        &text,
    );
    Map::from_iter([("correlation".to_owned(), correlation_id), ("trace".to_owned(), traceparent)])
}

/// The schema of one type, with all types that it refers to inlined.
#[must_use]
pub fn inlined<T: JsonSchema>() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    schemars::SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value()
}
