//! The item of a commit: one attribute for each top-level field, with nested values as native lists and maps.
//!
//! The promise: the conversion is generic, so a field of a later build survives a round trip and hashes the same.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use schema::StoredCommit;
use serde::Deserialize;
use serde_json::Value;

use crate::error::StoreError;

/// An item of a table, by attribute.
pub type DynamoItem = HashMap<String, AttributeValue>;

const UNKNOWN_TYPE: &str = "an attribute is of a type that this build does not know";

/// A value of the commit has no counterpart in `DynamoDB`.
#[derive(Debug, thiserror::Error)]
#[error("the commit cannot be converted to an item: {0}")]
pub struct Unconvertible(#[from] serde_dynamo::Error);

/// The item of a commit.
///
/// # Errors
/// [`Unconvertible`]: never for what was sealed here.
pub fn to_item(commit: &StoredCommit) -> Result<DynamoItem, Unconvertible> {
    Ok(serde_dynamo::to_item(&commit.0)?)
}

/// The commit of an item. An attribute without a counterpart in JSON (a binary value), which this ledger never writes, or of
/// a type that this build does not know becomes a text that says so: the commit then neither decodes nor verifies, but the
/// others can still be read.
#[must_use]
pub fn from_item(item: DynamoItem) -> StoredCommit {
    let converted = |(name, value): (String, AttributeValue)| {
        let foreign = |reason: String| Value::String(format!("not written by this ledger: {reason}"));
        if !is_known(&value) {
            // The conversion would panic.
            return (name, foreign(UNKNOWN_TYPE.to_owned()));
        }
        let value = serde_dynamo::from_attribute_value(value);
        (name, value.unwrap_or_else(|error: serde_dynamo::Error| foreign(error.to_string())))
    };
    StoredCommit(item.into_iter().map(converted).collect())
}

/// Reads a row of a table into its type.
///
/// # Errors
/// The row has another shape, or an attribute of a type that this build does not know, which `serde_dynamo` would panic on.
pub fn read_row<'a, T: Deserialize<'a>>(row: DynamoItem) -> Result<T, serde_dynamo::Error> {
    if row.values().all(is_known) {
        return serde_dynamo::from_item(row);
    }
    Err(serde::de::Error::custom(UNKNOWN_TYPE))
}

/// Whether the SDK knows the types of an attribute and of all in it.
fn is_known(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::M(members) => members.values().all(is_known),
        AttributeValue::L(values) => values.iter().all(is_known),
        other => !other.is_unknown(),
    }
}

/// The insert of an item, which never replaces one: the statement and one parameter for each attribute, as `PartiQL` takes
/// parameters only for whole attributes.
#[must_use]
pub fn insert_statement(table: &str, item: DynamoItem) -> (String, Vec<AttributeValue>) {
    let (names, parameters): (Vec<String>, Vec<AttributeValue>) = item
        .into_iter()
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .map(|(name, value)| (format!("'{}': ?", name.replace('\'', "''")), value))
        .unzip();
    let table = table.replace('"', "\"\"");
    (format!("INSERT INTO \"{table}\" VALUE {{{}}}", names.join(", ")), parameters)
}

/// The attribute of a whole number.
#[must_use]
pub fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The whole number in an attribute.
///
/// # Errors
/// [`StoreError`]: there is none.
pub fn number_of(item: &DynamoItem, attribute: &str) -> Result<u64, StoreError> {
    let number = item.get(attribute).and_then(|value| value.as_n().ok());
    let number = number.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| StoreError::new(format!("attribute `{attribute}` is not a whole number").into()))
}
