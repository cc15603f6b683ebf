//! The engine through the AWS SDK, as every test uses it: what was written can be read, and errors have DynamoDB's types.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod probes;
mod requests;
mod streams;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};

const TABLE: &str = "things";

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A table with the key `id` and, on request, a stream.
async fn create_table(client: &Client, stream: bool) {
    let spec = StreamSpecification::builder().stream_enabled(stream);
    let spec = if stream { spec.stream_view_type(StreamViewType::NewAndOldImages) } else { spec };
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    client
        .create_table()
        .table_name(TABLE)
        .attribute_definitions(id.build().unwrap())
        .key_schema(key.build().unwrap())
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(spec.build().unwrap())
        .send()
        .await
        .unwrap();
}

async fn put(client: &Client, id: &str) {
    client.put_item().table_name(TABLE).item("id", text(id)).send().await.unwrap();
}

async fn exists(client: &Client, id: &str) -> bool {
    let got = client.get_item().table_name(TABLE).key("id", text(id)).send().await.unwrap();
    got.item.is_some()
}
