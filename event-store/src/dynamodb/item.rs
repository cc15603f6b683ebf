//! The item: each top-level field of a commit is one attribute of the same name, nested values are native lists and maps.
//!
//! The conversion is generic, so a field of a later build survives a round trip and hashes the same.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use schema::StoredCommit;
use serde_json::Value;

use crate::journal::Unavailable;

/// An item of the event table.
pub type Item = HashMap<String, AttributeValue>;

/// The value has no counterpart in `DynamoDB`.
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

/// The commit of an item. An attribute that has no counterpart in JSON (a binary value), which this ledger never
/// writes, becomes a text that says so: the commit then neither decodes nor verifies, but it does not hide the others.
#[must_use]
pub fn from_item(item: Item) -> StoredCommit {
    let converted = |(name, value): (String, AttributeValue)| {
        let value = serde_dynamo::from_attribute_value(value);
        let foreign = |error| Value::String(format!("not written by this ledger: {error}"));
        (name, value.unwrap_or_else(foreign))
    };
    StoredCommit(item.into_iter().map(converted).collect())
}

/// The insert of a commit: the statement and its parameters, one per attribute, since `PartiQL` takes parameters for
/// whole attributes only.
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

/// The whole number an attribute must be.
pub(crate) fn number_of(item: &Item, attribute: &str) -> Result<u64, Unavailable> {
    let number = item.get(attribute).and_then(|value| value.as_n().ok());
    let number = number.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Unavailable(format!("attribute `{attribute}` is not a whole number").into()))
}
