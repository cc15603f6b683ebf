//! The item: each top-level field of a commit is one attribute of the same name, nested values are native lists and maps.
//!
//! The conversion is generic, so a field of a later build survives a round trip and hashes the same.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use schema::StoredCommit;

use crate::journal::Unavailable;

/// An item of the event table.
pub type Item = HashMap<String, AttributeValue>;

/// The value has no counterpart in `DynamoDB`, or the item none in JSON (sets and binary values).
#[derive(Debug, thiserror::Error)]
#[error("the commit cannot be converted to or from an item: {0}")]
pub struct Unconvertible(#[from] serde_dynamo::Error);

/// The item of a commit.
///
/// # Errors
/// [`Unconvertible`]: never for what was sealed here.
pub fn to_item(commit: &StoredCommit) -> Result<Item, Unconvertible> {
    Ok(serde_dynamo::to_item(&commit.0)?)
}

/// The commit of an item.
///
/// # Errors
/// [`Unconvertible`]: the item was not written by this ledger.
pub fn from_item(item: Item) -> Result<StoredCommit, Unconvertible> {
    Ok(StoredCommit(serde_dynamo::from_item(item)?))
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
    Ok((
        format!("INSERT INTO \"{table}\" VALUE {{{}}}", names.join(", ")),
        parameters,
    ))
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
