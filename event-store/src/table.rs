//! Creates a table from its shape, the `CreateTable` JSON that the infrastructure reads too, with the time to live of its items.
//!
//! The promise: an existing table is left as it is, but for a time to live that it lacks.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use serde::Deserialize;

use crate::aws::describe;

/// How often a new table is asked whether it is active, and how long apart: half a minute in all.
const ASKED: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// The table could not be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateTableError {
    /// The shape is not what `CreateTable` takes: a bug of this build.
    #[error("the shape of table {table} cannot be read: {reason}")]
    Shape {
        /// The table.
        table: String,
        /// What is wrong.
        reason: String,
    },
    /// `DynamoDB` refused it or did not answer: check endpoint, region and permissions.
    #[error("table {table} could not be created: {reason}")]
    Refused {
        /// The table.
        table: String,
        /// The error of `DynamoDB`.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shape {
    attribute_definitions: Vec<Definition>,
    key_schema: Vec<Key>,
    #[serde(default)]
    global_secondary_indexes: Vec<Index>,
    stream_specification: Option<Stream>,
    /// No part of `CreateTable`: it is set afterwards.
    time_to_live_specification: Option<Expiry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Index {
    #[serde(rename = "IndexName")]
    name: String,
    key_schema: Vec<Key>,
    projection: IndexProjection,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexProjection {
    projection_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stream {
    stream_enabled: bool,
    stream_view_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Expiry {
    attribute_name: String,
    enabled: bool,
}

/// Creates `table` with on-demand capacity unless it exists, and waits until it is active.
///
/// # Errors
/// [`CreateTableError`]: what to check.
pub async fn create(client: &Client, table: &str, shape: &str) -> Result<(), CreateTableError> {
    let refused = |reason: String| CreateTableError::Refused { table: table.to_owned(), reason };
    let unreadable = |reason: String| CreateTableError::Shape { table: table.to_owned(), reason };
    let shape: Shape = serde_json::from_str(shape).map_err(|error| unreadable(error.to_string()))?;
    let mut request = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for definition in &shape.attribute_definitions {
        let kind = ScalarAttributeType::from(definition.attribute_type.as_str());
        let built =
            AttributeDefinition::builder().attribute_name(&definition.attribute_name).attribute_type(kind);
        request =
            request.attribute_definitions(built.build().map_err(|error| unreadable(error.to_string()))?);
    }
    let keys = key_schema(&shape.key_schema).map_err(unreadable)?;
    request = request.set_key_schema(Some(keys));
    for index in &shape.global_secondary_indexes {
        request = request.global_secondary_indexes(secondary(index).map_err(unreadable)?);
    }
    if let Some(stream) = &shape.stream_specification {
        let view = StreamViewType::from(stream.stream_view_type.as_str());
        let built =
            StreamSpecification::builder().stream_enabled(stream.stream_enabled).stream_view_type(view);
        request = request.stream_specification(built.build().map_err(|error| unreadable(error.to_string()))?);
    }
    match request.send().await {
        Ok(_) => {}
        Err(error) if error.code() == Some("ResourceInUseException") => {}
        Err(error) => return Err(refused(describe(&error))),
    }
    until_active(client, table).await.map_err(refused)?;
    let Some(expiry) = shape.time_to_live_specification.filter(|expiry| expiry.enabled) else {
        return Ok(());
    };
    if let Err(reason) = let_expire(client, table, &expiry).await {
        // The table can be used, and only grows.
        tracing::warn!(target: "ledger::dynamodb", table, reason, "the items of a table do not expire; set its time to live to {}", expiry.attribute_name);
    }
    Ok(())
}

/// Sets the time to live of a table, unless it has one.
async fn let_expire(client: &Client, table: &str, expiry: &Expiry) -> Result<(), String> {
    let described = client.describe_time_to_live().table_name(table).send().await;
    let status = described.map_err(|error| describe(&error))?.time_to_live_description;
    let status = status.and_then(|described| described.time_to_live_status);
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    let built =
        TimeToLiveSpecification::builder().attribute_name(&expiry.attribute_name).enabled(true).build();
    let built = built.map_err(|error| error.to_string())?;
    let updated =
        client.update_time_to_live().table_name(table).time_to_live_specification(built).send().await;
    updated.map(drop).map_err(|error| describe(&error))
}

async fn until_active(client: &Client, table: &str) -> Result<(), String> {
    for _ in 0..ASKED {
        let described = client.describe_table().table_name(table).send().await;
        let described = described.map_err(|error| describe(&error))?;
        if described.table.and_then(|table| table.table_status) == Some(TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err("it did not become active".into())
}

fn key_schema(keys: &[Key]) -> Result<Vec<KeySchemaElement>, String> {
    let element = |key: &Key| {
        let kind = KeyType::from(key.key_type.as_str());
        KeySchemaElement::builder().attribute_name(&key.attribute_name).key_type(kind).build()
    };
    keys.iter().map(element).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn secondary(index: &Index) -> Result<GlobalSecondaryIndex, String> {
    let projection = ProjectionType::from(index.projection.projection_type.as_str());
    GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(key_schema(&index.key_schema)?))
        .projection(Projection::builder().projection_type(projection).build())
        .build()
        .map_err(|error| error.to_string())
}
