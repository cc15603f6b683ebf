//! Stream records become commits. A stream is a hint that something happened; the event table is the truth.

use std::fmt;

use aws_lambda_events::event::dynamodb::EventRecord;
use schema::meters::TAMPERING;
use schema::{ProductId, StoredCommit};

/// What one stream record says.
#[derive(Debug)]
pub enum Change {
    /// A commit was appended.
    Committed(Box<StoredCommit>),
    /// A commit was changed or removed, which nobody is allowed to: proof of tampering.
    Tampered(Tampering),
    /// The record names a product but its image cannot be read; the event table has to be asked.
    Unreadable {
        /// The product, if even that can be read.
        product: Option<ProductId>,
        /// What is wrong.
        reason: String,
    },
}

/// A change of what can never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampering {
    /// `MODIFY` or `REMOVE`, as the stream names it.
    pub operation: String,
    /// The product, as the record's key has it.
    pub product: String,
    /// The commit's sequence, as the record's key has it.
    pub sequence: String,
}

impl Tampering {
    /// Counts it in the metrics, which raise the alarm.
    pub fn count(&self, consumer: &'static str) {
        let operation = match self.operation.as_str() {
            "MODIFY" => "MODIFY",
            "REMOVE" => "REMOVE",
            _ => "other",
        };
        metrics::counter!(TAMPERING.name, "consumer" => consumer, "operation" => operation).increment(1);
    }
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of commit {} of product {}", self.operation, self.sequence, self.product)
    }
}

/// Reads one record. Never fails: what cannot be read is a [`Change`] of its own, so that it cannot block its neighbours.
#[must_use]
pub fn change(record: &EventRecord) -> Change {
    if record.event_name != "INSERT" {
        return Change::Tampered(Tampering {
            operation: record.event_name.clone(),
            product: key(record, "product_id").unwrap_or_default(),
            sequence: key(record, "sequence").unwrap_or_default(),
        });
    }
    let unreadable = |reason: String| Change::Unreadable {
        product: key(record, "product_id").and_then(|text| ProductId::new(text).ok()),
        reason,
    };
    if record.change.new_image.is_empty() {
        return unreadable("the record carries no image".into());
    }
    match serde_dynamo::from_item(record.change.new_image.clone()) {
        Ok(json) => Change::Committed(Box::new(StoredCommit(json))),
        Err(error) => unreadable(error.to_string()),
    }
}

fn key(record: &EventRecord, name: &str) -> Option<String> {
    let attribute = |item: &serde_dynamo::Item| match item.get(name)? {
        serde_dynamo::AttributeValue::S(text) | serde_dynamo::AttributeValue::N(text) => Some(text.clone()),
        _ => None,
    };
    attribute(&record.change.keys).or_else(|| attribute(&record.change.new_image))
}
