//! The description of one route in the OpenAPI document: scopes, parameters, body, responses and problems.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::context::Scope;
use super::problem::ProblemKind;

/// The types that the document refers to, each as a schema under its own name.
pub struct Components(SchemaGenerator);

/// The description of one route.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: String,
    pub(super) scopes: Vec<Scope>,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    pub(super) answers: BTreeMap<u16, OperationResponse>,
    pub(super) problems: Vec<ProblemKind>,
    any_query: bool,
}

/// A query parameter that a route accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AcceptedParameter {
    pub(super) name: String,
    /// Whether it can be given several times.
    pub(super) repeatable: bool,
}

/// A response other than a problem.
#[derive(Debug, Clone)]
pub struct OperationResponse {
    description: &'static str,
    content: Map<String, Value>,
    headers: Vec<&'static str>,
    links: Map<String, Value>,
}

impl Components {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self(SchemaGenerator::new(settings))
    }

    /// A reference to the schema of `T`, which is added to the components.
    pub fn of<T: JsonSchema>(&mut self) -> Value {
        self.0.subschema_for::<T>().to_value()
    }

    pub(super) fn into_schemas(mut self) -> Map<String, Value> {
        let mut schemas = self.0.take_definitions(true);
        super::forms::rewrite_all(&mut schemas);
        schemas
    }
}

impl Operation {
    /// An operation that requires no token.
    #[must_use]
    pub fn new(id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            tag,
            summary,
            description: String::new(),
            scopes: Vec::new(),
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            problems: Vec::new(),
            any_query: false,
        }
    }

    /// Ignores query parameters instead of refusing unknown ones: for pages, which people link to.
    #[must_use]
    pub fn any_query(self) -> Self {
        Self { any_query: true, ..self }
    }

    /// The query parameters that it accepts; `None` if it ignores them.
    pub(super) fn accepted_parameters(&self) -> Option<Vec<AcceptedParameter>> {
        let in_query = self.parameters.iter().filter(|parameter| parameter["in"] == "query");
        let accepted = in_query.filter_map(|parameter| {
            let name = parameter["name"].as_str()?.to_owned();
            Some(AcceptedParameter { name, repeatable: parameter["schema"]["type"] == "array" })
        });
        (!self.any_query).then(|| accepted.collect())
    }

    /// What a caller should know, in Markdown.
    #[must_use]
    pub fn description(self, description: impl Into<String>) -> Self {
        Self { description: description.into(), ..self }
    }

    /// Requires one of these scopes.
    #[must_use]
    pub fn scopes(self, scopes: &[Scope]) -> Self {
        Self { scopes: scopes.to_vec(), ..self }.problems(&[ProblemKind::Unauthorized])
    }

    /// Adds a parameter.
    #[must_use]
    pub fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Adds parameters.
    #[must_use]
    pub fn parameters(mut self, parameters: impl IntoIterator<Item = Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Sets the body, the same for all media types.
    #[must_use]
    pub fn body(self, media_types: &[&str], required: bool, schema: &Value, examples: &Value) -> Self {
        let content: Map<String, Value> = media_types
            .iter()
            .map(|media_type| ((*media_type).to_owned(), json!({"schema": schema, "examples": examples})))
            .collect();
        Self { body: Some(json!({"required": required, "content": content})), ..self }
    }

    /// Adds a response.
    #[must_use]
    pub fn answer(mut self, status: u16, answer: OperationResponse) -> Self {
        self.answers.insert(status, answer);
        self
    }

    /// Adds problems.
    #[must_use]
    pub fn problems(mut self, kinds: &[ProblemKind]) -> Self {
        for kind in kinds {
            if !self.problems.contains(kind) {
                self.problems.push(*kind);
            }
        }
        self
    }
}

impl OperationResponse {
    /// A response without a body.
    #[must_use]
    pub fn new(description: &'static str) -> Self {
        Self { description, content: Map::new(), headers: Vec::new(), links: Map::new() }
    }

    /// Adds a body.
    #[must_use]
    pub fn content(mut self, media_type: &str, schema: &Value, examples: &Value) -> Self {
        self.content.insert(media_type.to_owned(), json!({"schema": schema, "examples": examples}));
        self
    }

    /// Adds a JSON body.
    #[must_use]
    pub fn json(self, schema: &Value, examples: &Value) -> Self {
        self.content("application/json", schema, examples)
    }

    /// Adds a header, by its name in the document's components.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Self {
        self.headers.push(name);
        self
    }

    /// Adds a link to another operation, with the sources of its parameters.
    #[must_use]
    pub fn link(mut self, name: &str, operation: &str, parameters: &Value) -> Self {
        self.links.insert(name.to_owned(), json!({"operationId": operation, "parameters": parameters}));
        self
    }

    pub(super) fn to_json(&self) -> Value {
        let mut answer = json!({"description": self.description, "headers": headers(&self.headers)});
        if !self.content.is_empty() {
            answer["content"] = Value::Object(self.content.clone());
        }
        if !self.links.is_empty() {
            answer["links"] = Value::Object(self.links.clone());
        }
        answer
    }
}

/// References to headers; every response carries the correlation id.
pub(super) fn headers(names: &[&'static str]) -> Value {
    let names = names.iter().chain(&["X-Correlation-Id"]);
    names
        .map(|name| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")})))
        .collect::<Map<_, _>>()
        .into()
}

/// An optional query parameter.
#[must_use]
pub fn query(name: &str, description: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

/// An optional header.
#[must_use]
pub fn header(name: &str, description: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "header", "description": description, "schema": schema})
}

/// A path parameter.
#[must_use]
pub fn path(name: &str, description: &str, schema: &Value, example: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema,
           "example": example})
}

/// One named example, as a value for `examples`.
#[must_use]
pub fn example(name: &str, value: &Value) -> Value {
    json!({name: {"value": value}})
}
