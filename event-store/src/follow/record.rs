//! Reads the JSON of stream records, each by itself and keys first: its number, its keys and its name, then the image.
//!
//! The promise: reading never fails. What has a shape that this build does not know is left out, and the rest is read: a
//! consumer that knows the product reads from the event table what the record lacks.

use std::collections::HashMap;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_dynamo::{AttributeValue, Item};
use serde_json::value::RawValue;

/// The members of an object, unread; none if it is no object.
type Members = HashMap<String, Box<RawValue>>;

/// The records of a batch, in their order.
#[must_use]
pub fn event(records: &[Box<RawValue>]) -> Event {
    let mut event = Event::default();
    event.records = records.iter().map(|record| read(record)).collect();
    event
}

/// One record, with what consumers use of it: name, number, keys, the image after the change, and when it was made.
#[must_use]
pub fn read(record: &RawValue) -> EventRecord {
    let members = members(Some(record));
    let change = self::members(members.get("dynamodb").map(Box::as_ref));
    let mut read = EventRecord::default();
    read.event_name = member(&members, "eventName").unwrap_or_default();
    read.event_id = member(&members, "eventID").unwrap_or_default();
    read.change.sequence_number = member(&change, "SequenceNumber");
    read.change.keys = keys(change.get("Keys").map(Box::as_ref));
    read.change.new_image = member(&change, "NewImage").unwrap_or_default();
    read.change.approximate_creation_date_time =
        member(&change, "ApproximateCreationDateTime").and_then(time).unwrap_or_default();
    read
}

fn members(json: Option<&RawValue>) -> Members {
    json.and_then(|json| serde_json::from_str(json.get()).ok()).unwrap_or_default()
}

fn member<T: DeserializeOwned>(members: &Members, name: &str) -> Option<T> {
    serde_json::from_str(members.get(name)?.get()).ok()
}

/// Every key that can be read, whatever the others are.
fn keys(json: Option<&RawValue>) -> Item {
    let read = |(name, value): (String, Box<RawValue>)| {
        Some((name, serde_json::from_str::<AttributeValue>(value.get()).ok()?))
    };
    members(json).into_iter().filter_map(read).collect::<HashMap<_, _>>().into()
}

/// A time in seconds since 1970, as AWS documents it. One that is far off, such as a number of microseconds, is none.
fn time(seconds: f64) -> Option<DateTime<Utc>> {
    const YEAR_3000: f64 = 32_503_680_000.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is within a range of 1000 years")]
    let millis = (0.0..YEAR_3000).contains(&seconds).then_some((seconds * 1000.0) as i64);
    DateTime::from_timestamp_millis(millis?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::follow::{Change, change, is_nameless};

    fn record() -> Value {
        json!({"eventID": "e", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1", "dynamodb": {
            "ApproximateCreationDateTime": 1_763_000_000.0, "SequenceNumber": "4421584500000000017450439091",
            "SizeBytes": 26, "StreamViewType": "NEW_IMAGE",
            "Keys": {"product_id": {"S": "helmet"}, "sequence": {"N": "1"}},
            "NewImage": {"product_id": {"S": "helmet"}, "sequence": {"N": "1"}}}})
    }

    fn reading(record: &Value) -> EventRecord {
        read(&RawValue::from_string(record.to_string()).unwrap())
    }

    fn with(pointer: &str, name: &str, value: Value) -> Value {
        let mut record = record();
        record.pointer_mut(pointer).unwrap()[name] = value;
        record
    }

    #[test]
    fn what_consumers_use_of_a_record_is_what_the_library_reads() {
        let strict: EventRecord = serde_json::from_value(record()).unwrap();
        let read = reading(&record());
        assert_eq!(
            (&read.event_name, &read.change.sequence_number, &read.change.keys, &read.change.new_image),
            (
                &strict.event_name,
                &strict.change.sequence_number,
                &strict.change.keys,
                &strict.change.new_image
            )
        );
        assert_eq!(read.change.approximate_creation_date_time, strict.change.approximate_creation_date_time);
        assert_eq!(read.event_id, strict.event_id);
    }

    #[test]
    fn members_of_a_strange_shape_leave_number_and_keys_alone() {
        let mut small = record();
        small["dynamodb"].as_object_mut().unwrap().remove("SizeBytes");
        for strange in [
            small,
            with("/dynamodb", "SizeBytes", json!("26")),
            with("/dynamodb", "ApproximateCreationDateTime", json!(1_763_000_000_000_000_u64)),
            with("/dynamodb", "ApproximateCreationDateTime", json!("2026-11-30T08:00:00Z")),
            with("/dynamodb", "StreamViewType", json!("NEW_IMAGE_AND_MORE")),
            with("/dynamodb", "OldImage", json!([1])),
            with("/dynamodb/NewImage", "more", json!({"D": "2026-11-30"})),
            with("/dynamodb/NewImage", "more", json!({"M": {"deep": {"D": 1}}})),
            with("/dynamodb/NewImage", "more", json!({})),
            with("/dynamodb/Keys", "more", json!({"D": 1})),
            with("", "userIdentity", json!("somebody")),
            with("", "awsRegion", Value::Null),
            with("", "eventName", json!(["INSERT"])),
        ] {
            let read = reading(&strange);
            assert_eq!(read.change.sequence_number.as_deref(), Some("4421584500000000017450439091"));
            assert_eq!(read.change.keys["product_id"], AttributeValue::S("helmet".into()), "{strange}");
            assert!(!is_nameless(&read), "{strange}");
            let product = match change(&read) {
                Change::Committed(commit) => commit.text("product_id").unwrap().to_owned(),
                Change::Unreadable { product, .. } => product.unwrap().to_string(),
                other => panic!("{strange}: {other:?}"),
            };
            assert_eq!(product, "helmet", "{strange}");
        }
    }

    #[test]
    fn without_keys_a_record_has_its_number_and_without_anything_it_is_empty() {
        for keys in
            [Value::Null, json!(1), json!({"product_id": {"D": "helmet"}}), json!({"product_id": "helmet"})]
        {
            let mut strange = with("/dynamodb", "NewImage", keys.clone());
            strange["dynamodb"]["Keys"] = keys;
            let read = reading(&strange);
            assert_eq!(read.change.sequence_number.as_deref(), Some("4421584500000000017450439091"));
            assert!(matches!(change(&read), Change::Nameless { .. }) && is_nameless(&read), "{strange}");
        }
        for nothing in [json!(1), json!(null), json!([]), json!({}), json!({"dynamodb": 1})] {
            assert_eq!(reading(&nothing), EventRecord::default(), "{nothing}");
        }
    }
}
