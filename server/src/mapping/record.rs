//! Converts a stream record of the SDK to the record that a Lambda gets, so that one function serves both.
//!
//! The promise: an attribute of a type that this build does not know costs its image or its key, and nothing else.

use aws_lambda_events::event::dynamodb::{EventRecord, StreamRecord, StreamViewType, UserIdentity};
use aws_sdk_dynamodbstreams::types::{AttributeValue, Identity, Record};
use chrono::{DateTime, Utc};
use schema::Timestamp;
use serde_dynamo::Item;

use std::collections::HashMap;

/// The record that Lambda passes for `record` of the stream `arn`.
pub(super) fn event_record(record: Record, arn: &str) -> EventRecord {
    let mut event = EventRecord::default();
    event.aws_region = record.aws_region.unwrap_or_default();
    event.change = record.dynamodb.map(change).unwrap_or_default();
    event.event_id = record.event_id.unwrap_or_default();
    event.event_name = record.event_name.map(|name| name.as_str().to_owned()).unwrap_or_default();
    event.event_source = record.event_source;
    event.event_version = record.event_version;
    event.event_source_arn = Some(arn.to_owned());
    event.user_identity = record.user_identity.map(identity);
    event
}

/// The sequence number of a record; DynamoDB gives one to each.
pub(super) fn sequence_number(record: &EventRecord) -> &str {
    record.change.sequence_number.as_deref().unwrap_or_default()
}

/// When the change was made, where the record says so.
pub(super) fn made_at(record: &EventRecord) -> Option<Timestamp> {
    let made_at = record.change.approximate_creation_date_time;
    Timestamp::new(made_at).ok().filter(|made_at| *made_at != Timestamp::EPOCH)
}

fn change(record: aws_sdk_dynamodbstreams::types::StreamRecord) -> StreamRecord {
    let mut change = StreamRecord::default();
    if let Some(created) = record.approximate_creation_date_time {
        change.approximate_creation_date_time = time(created);
    }
    let mut keys = record.keys.unwrap_or_default();
    keys.retain(|_, key| is_known(key));
    change.keys = keys.into();
    change.new_image = image(record.new_image);
    change.old_image = image(record.old_image);
    change.sequence_number = record.sequence_number;
    change.size_bytes = record.size_bytes.unwrap_or_default();
    change.stream_view_type = record.stream_view_type.and_then(|view| view_type(&view));
    change
}

/// An image whose attributes are all of known types; the conversion would panic on others.
fn image(attributes: Option<HashMap<String, AttributeValue>>) -> Item {
    attributes.filter(|image| image.values().all(is_known)).map(Item::from).unwrap_or_default()
}

fn is_known(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::M(members) => members.values().all(is_known),
        AttributeValue::L(values) => values.iter().all(is_known),
        other => !other.is_unknown(),
    }
}

fn time(time: aws_sdk_dynamodbstreams::primitives::DateTime) -> DateTime<Utc> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos()).unwrap_or_default()
}

fn view_type(view: &aws_sdk_dynamodbstreams::types::StreamViewType) -> Option<StreamViewType> {
    use aws_sdk_dynamodbstreams::types::StreamViewType as Sdk;
    match view {
        Sdk::KeysOnly => Some(StreamViewType::KeysOnly),
        Sdk::NewImage => Some(StreamViewType::NewImage),
        Sdk::OldImage => Some(StreamViewType::OldImage),
        Sdk::NewAndOldImages => Some(StreamViewType::NewAndOldImages),
        _ => None,
    }
}

fn identity(identity: Identity) -> UserIdentity {
    let mut user = UserIdentity::default();
    user.type_ = identity.r#type.unwrap_or_default();
    user.principal_id = identity.principal_id.unwrap_or_default();
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_a_time_is_of_no_known_time_and_an_empty_one_has_no_number() {
        let mut read = event_record(Record::builder().build(), "arn");
        assert_eq!((sequence_number(&read), made_at(&read)), ("", None));
        read.change.approximate_creation_date_time =
            DateTime::from_timestamp_millis(1_500).unwrap_or_default();
        assert_eq!(made_at(&read).map(Timestamp::millis), Some(1_500));
    }
}
