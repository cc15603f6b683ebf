//! The item of a commit: one attribute for each top-level field, with nested values as native lists and maps.
//!
//! The promise: the conversion is generic, so a field of a later build survives a round trip and hashes the same.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use schema::StoredCommit;
use serde_json::Value;

use crate::error::Unavailable;

/// An item of a table, by attribute.
pub type Item = HashMap<String, AttributeValue>;

/// A value of the commit has no counterpart in `DynamoDB`.
#[derive(Debug, thiserror::Error)]
#[error("the commit cannot be converted to an item: {0}")]
pub struct Unconvertible(#[from] serde_dynamo::Error);

/// The item of a commit.
///
/// # Errors
/// [`Unconvertible`]: never for what was sealed here.
pub fn to_item(commit: &StoredCommit) -> Result<Item, Unconvertible> {
    Ok(serde_dynamo::to_item(&commit.0)?)
}

/// The commit of an item. An attribute without a counterpart in JSON (a binary value), which this ledger never writes,
/// becomes a text that says so: the commit then neither decodes nor verifies, but the others can still be read.
#[must_use]
pub fn from_item(item: Item) -> StoredCommit {
    let converted = |(name, value): (String, AttributeValue)| {
        let value = serde_dynamo::from_attribute_value(value);
        let foreign = |error| Value::String(format!("not written by this ledger: {error}"));
        (name, value.unwrap_or_else(foreign))
    };
    StoredCommit(item.into_iter().map(converted).collect())
}

/// The insert of a commit: the statement and one parameter for each attribute, as `PartiQL` takes parameters only for whole
/// attributes.
pub(super) fn insert(
    table: &str,
    commit: &StoredCommit,
) -> Result<(String, Vec<AttributeValue>), Unconvertible> {
    let mut names = Vec::new();
    let mut parameters = Vec::new();
    for (name, value) in &commit.0 {
        names.push(format!("'{}': ?", name.replace('\'', "''")));
        parameters.push(serde_dynamo::to_attribute_value(value)?);
    }
    let table = table.replace('"', "\"\"");
    Ok((format!("INSERT INTO \"{table}\" VALUE {{{}}}", names.join(", ")), parameters))
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The whole number in an attribute.
pub(crate) fn number_of(item: &Item, attribute: &str) -> Result<u64, Unavailable> {
    let number = item.get(attribute).and_then(|value| value.as_n().ok());
    let number = number.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Unavailable(format!("attribute `{attribute}` is not a whole number").into()))
}
