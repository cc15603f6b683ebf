//! The types of messages, as far as three languages have to know them.

use serde_json::{Map, Value};

/// The messages in which `null` and a member that is left out mean different things.
const TELLS_NULL: [&str; 1] = ["ProductDetailsChanged.v1"];

pub(super) struct Model {
    /// Each object after those that it has in it.
    pub(super) objects: Vec<Object>,
    pub(super) messages: Vec<Known>,
}

/// A message and its version.
pub(super) struct Known {
    /// `ProductCreated.v1`.
    pub(super) key: String,
    /// `PRODUCT_CREATED`.
    pub(super) name: String,
    /// `v1`.
    pub(super) version: String,
    /// The name of the type of its data.
    pub(super) data: String,
}

pub(super) struct Object {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) fields: Vec<Field>,
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    pub(super) is_nullable: bool,
    /// Whether `null` is another thing than a field that is left out.
    pub(super) tells_null: bool,
}

pub(super) enum Kind {
    Text,
    Integer,
    /// Texts by text.
    Texts,
    Object(String),
    /// One of these texts, and the name of the type.
    OneOf(String, Vec<String>),
}

impl Model {
    pub(super) fn of(document: &Value) -> Self {
        let schemas = &document["components"]["schemas"];
        let mut model = Self { objects: Vec::new(), messages: Vec::new() };
        for name in ["MessageMetadata", "Product"] {
            model.add(name, &schemas[name], false);
        }
        for (key, message) in document["components"]["messages"].as_object().unwrap() {
            let (event, version) = key.split_once('.').unwrap();
            let data = format!("{event}{}", version.to_uppercase());
            model.add(
                &data,
                &schemas[key]["properties"]["data"]["allOf"][0],
                TELLS_NULL.contains(&key.as_str()),
            );
            let name = message["name"].as_str().unwrap().to_owned();
            model.messages.push(Known { key: key.clone(), name, version: version.to_owned(), data });
        }
        model
    }

    fn add(&mut self, name: &str, schema: &Value, tells_null: bool) {
        let none = Map::new();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields = Vec::new();
        for (field, member) in schema["properties"].as_object().unwrap_or(&none) {
            let is_nullable = member["type"].as_array().is_some_and(|kinds| kinds.contains(&"null".into()));
            fields.push(Field {
                name: field.clone(),
                description: text(member),
                kind: self.kind(name, field, member, tells_null),
                is_required: required.contains(&field.as_str()),
                is_nullable,
                tells_null: tells_null && is_nullable,
            });
        }
        self.objects.push(Object { name: name.to_owned(), description: text(schema), fields });
    }

    fn kind(&mut self, parent: &str, field: &str, member: &Value, tells_null: bool) -> Kind {
        let nested = || format!("{parent}{}{}", field[..1].to_uppercase(), &field[1..]);
        if let Some(options) = member["oneOf"].as_array() {
            let options = options.iter().map(|option| option["const"].as_str().unwrap().to_owned());
            return Kind::OneOf(nested(), options.collect());
        }
        let kind = match &member["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").unwrap(),
            kind => kind,
        };
        match kind.as_str().unwrap() {
            "string" => Kind::Text,
            "integer" => Kind::Integer,
            "object" if member["properties"].is_object() => {
                self.add(&nested(), member, tells_null);
                Kind::Object(nested())
            }
            "object" if member["additionalProperties"]["type"] == "string" => Kind::Texts,
            other => {
                panic!("{parent}.{field}: the packages for subscribers have no type for {other}: {member}")
            }
        }
    }
}

fn text(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ")
}
