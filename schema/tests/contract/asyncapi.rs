//! The `AsyncAPI` document and the page of the messages, both made from the schemas of the messages.

use std::fmt::Write as _;

use schema::message::{MessageSource, event_name};
use schema::{Commit, Hash, Message, MessageMetadata, Product, ProductEvent, fixtures};
use serde_json::{Map, Value, json};

use super::{events, folder, part};

/// The name of a message within the document: the event and the version of its data.
fn key(event: &str) -> String {
    format!("{event}.v1")
}

/// What `EventBridge` puts around every message; more members may come.
fn envelope() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "description": "An event as EventBridge delivers it.",
        "required": ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"],
        "properties": {
            "version": text("The version of this envelope, `0`."),
            "id": text("The delivery's id, another one for each: `detail.metadata.event_id` is the event's."),
            "detail-type": text("The event's name in upper snake case."),
            "source": text("The configured source, `product-ledger.products` if no other is set."),
            "account": text("The account of the bus."),
            "time": {"type": "string", "format": "date-time", "description": "When the bus accepted the event."},
            "region": text("The region of the bus."),
            "resources": {"type": "array", "items": {"type": "string"}, "description": "The product's id."},
            "detail": {"type": "object", "description": "The message."}
        }
    })
}

/// The `detail` of a message.
fn detail(event: &str, mut data: Value) -> Value {
    data.as_object_mut().unwrap().remove("$schema");
    let omitted =
        json!({"const": true, "description": "The entry would have been too large: fetch the product."});
    json!({
        "title": event,
        "type": "object",
        "required": ["metadata", "data"],
        "properties": {
            "metadata": {"$ref": "#/components/schemas/MessageMetadata"},
            "data": {
                "allOf": [data],
                "properties": {"product": {"$ref": "#/components/schemas/Product"}, "product_omitted": omitted},
                "oneOf": [{"required": ["product"]}, {"required": ["product_omitted"]}]
            }
        }
    })
}

/// The commit of these events after another one. The hash stands for one: nothing here computes it.
fn committed(before: Option<&Commit>, event: ProductEvent) -> Commit {
    let unsealed = fixtures::commit_after(before, &fixtures::id("HL-U509-R"), vec![event]);
    let sequence = u8::try_from(unsealed.sequence).unwrap();
    Commit { unsealed, hash: Hash::of_digest(&[sequence; 32]) }
}

/// An event of the helmet as it is delivered.
pub(super) fn delivered(event: &ProductEvent) -> Value {
    let created = committed(None, fixtures::helmet_created());
    let commit = match event.name() {
        "ProductCreated" => created,
        "ProductRestored" => {
            committed(Some(&committed(Some(&created), fixtures::helmet_deleted())), event.clone())
        }
        _ => committed(Some(&created), event.clone()),
    };
    let source =
        MessageSource { log_origin: Some("ledger.example.com/log".into()), ..fixtures::message_source() };
    let message = Message::of(&commit, commit.numbered().next().unwrap(), &source, None).unwrap();
    json!({
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "account": "111122223333",
        "region": "eu-central-1", "time": "2025-11-13T02:13:30Z",
        "source": source.name, "detail-type": event_name(event), "resources": ["HL-U509-R"], "detail": message,
    })
}

/// What a rule or a client has to know about the bus.
fn bus() -> Value {
    json!({
        "source": {"default": "product-ledger.products", "setting": "LEDGER_EVENT_SOURCE"},
        "bus": {"setting": "LEDGER_EVENT_BUS"},
        "delivery": "at least once",
        "order": "not promised; detail.metadata.sequence has no gaps within a product",
        "missed": "GET /products/{id}/messages?after=N"
    })
}

fn message(event: &ProductEvent, data: &Value) -> Value {
    let name = event_name(event);
    json!({
        "name": name,
        "title": event.name(),
        "summary": data["description"].as_str().unwrap().replace('\n', " "),
        "contentType": "application/json",
        "correlationId": {"location": "$message.payload#/detail/metadata/correlation_id"},
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/Event"},
                {"type": "object", "properties": {
                    "detail-type": {"const": name},
                    "detail": {"$ref": format!("#/components/schemas/{}", key(event.name()))}}}
            ]
        },
        "examples": [{"name": event.name(), "payload": delivered(event)}],
        "x-eventbridge": {"detail-type": name}
    })
}

/// The document, in the form that is committed and served.
pub(super) fn document() -> Value {
    let (mut messages, mut offered, mut sent) = (Map::new(), Map::new(), Vec::new());
    let mut schemas = Map::from_iter([
        ("Event".to_owned(), envelope()),
        ("MessageMetadata".to_owned(), part::<MessageMetadata>()),
        ("Product".to_owned(), part::<Product>()),
    ]);
    for (event, (name, data)) in fixtures::every_event().iter().zip(events()) {
        let key = key(name);
        messages.insert(key.clone(), message(event, &data));
        offered.insert(key.clone(), json!({"$ref": format!("#/components/messages/{key}")}));
        sent.push(json!({"$ref": format!("#/channels/products/messages/{key}")}));
        schemas.insert(key, detail(name, data));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Product ledger: messages",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every event of the ledger as its subscribers receive it. Within a version of a message fields are only ever \
                            added; later versions of the ledger add messages, so ignore a detail type that you do not know.",
            "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
        },
        "defaultContentType": "application/json",
        "channels": {"products": {
            "address": null,
            "title": "The bus",
            "description": "An EventBridge bus; its name is a setting. With `ledger serve` alone, `GET /events` streams the same events.",
            "messages": offered,
            "x-eventbridge": bus()
        }},
        "operations": {"publishEvents": {
            "action": "send",
            "channel": {"$ref": "#/channels/products"},
            "summary": "The ledger sends each event once it is recorded, within a product in order.",
            "messages": sent,
            "x-eventbridge": {"pattern": {"source": ["product-ledger.products"]}}
        }},
        "components": {"messages": messages, "schemas": schemas}
    })
}

/// Whether each example is what its message says.
#[test]
fn every_example_of_the_document_is_a_message_of_its_schema() {
    let document = document();
    let messages = document["components"]["messages"].as_object().unwrap();
    assert_eq!(messages.len(), fixtures::every_event().len());
    for (name, message) in messages {
        let mut schema = message["payload"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let example = &message["examples"][0]["payload"];
        let faults: Vec<String> = validator.iter_errors(example).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new(), "{name}");
        // A schema that takes everything would not notice.
        let mut other = example.clone();
        other["detail-type"] = json!("PRODUCT_ELSE");
        assert!(!validator.is_valid(&other), "{name}");
        other = example.clone();
        other["detail"]["metadata"].as_object_mut().unwrap().remove("sequence");
        assert!(!validator.is_valid(&other), "{name}");
    }
}

/// A table of the members of an object.
fn members(schema: &Value) -> String {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut table = String::from("| field | type | always there | meaning |\n|---|---|---|---|\n");
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let kind = match &member["type"] {
            Value::String(kind) => kind.clone(),
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
            _ => "string".to_owned(),
        };
        let format = member["format"].as_str().map(|format| format!(", {format}")).unwrap_or_default();
        let there = if required.contains(&name.as_str()) { "yes" } else { "" };
        let meaning =
            member["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        writeln!(table, "| `{name}` | {kind}{format} | {there} | {meaning} |").unwrap();
    }
    table
}

/// The page for people.
pub(super) fn page() -> String {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let mut page = format!(
        "# Messages\n\n{}\n\nThis page is made from the AsyncAPI document, which a server has at `/asyncapi.json` \
         ([committed](../schema/json/asyncapi.json)). How messages are delivered, and what to do about those that were missed, \
         is in the [interface](interface.md#messages).\n\nA rule for all of them:\n\n```json\n{}\n```\n\n",
        document["info"]["description"].as_str().unwrap(),
        document["operations"]["publishEvents"]["x-eventbridge"]["pattern"],
    );
    page.push_str("| detail type | version | what happened |\n|---|---|---|\n");
    for message in document["components"]["messages"].as_object().unwrap().values() {
        let (title, summary) = (message["title"].as_str().unwrap(), message["summary"].as_str().unwrap());
        let name = message["name"].as_str().unwrap();
        writeln!(page, "| [`{name}`](#{}) | 1 | {summary} |", title.to_lowercase()).unwrap();
    }
    write!(
        page,
        "\n## The event\n\n{}\n## `detail.metadata`\n\n{}\n",
        members(&schemas["Event"]),
        members(&schemas["MessageMetadata"])
    )
    .unwrap();
    write!(page, "## `detail.data.product`\n\nThe product after the commit. Where it would make the entry too large it is left out, and `product_omitted` is `true`.\n\n{}", members(&schemas["Product"])).unwrap();
    for (key, message) in document["components"]["messages"].as_object().unwrap() {
        let data = &schemas[key]["properties"]["data"]["allOf"][0];
        let fields = if data["properties"].as_object().is_some_and(|fields| !fields.is_empty()) {
            format!("In `detail.data`, beside the product:\n\n{}", members(data))
        } else {
            "Nothing in `detail.data` but the product.\n".to_owned()
        };
        let example = serde_json::to_string_pretty(&message["examples"][0]["payload"]).unwrap();
        let (title, name) = (message["title"].as_str().unwrap(), message["name"].as_str().unwrap());
        let summary = message["summary"].as_str().unwrap();
        write!(page, "\n## {title}\n\n`{name}`, version 1. {summary}\n\n{fields}\n```json\n{example}\n```\n")
            .unwrap();
    }
    page
}

#[test]
fn the_page_of_the_messages_is_that_of_the_document() {
    let path = folder("../docs/messages.md");
    if std::env::var_os("LEDGER_ACCEPT").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page(),
        "docs/messages.md differs from the schemas; `just accept` takes the new form"
    );
}
