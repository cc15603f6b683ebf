//! Stream records of the shapes that AWS documents become commits, tampering, or a reason to read the event table.

use aws_lambda_events::event::dynamodb::Event;
use event_store::follow::{Change, change};
use schema::{StoredCommit, fixtures};
use serde_json::{Value, json};

use super::adapters::commit;

fn record(name: &str, images: &Value) -> Change {
    let mut dynamodb = json!({"ApproximateCreationDateTime": 1_763_000_000, "SequenceNumber": "4421584500000000017450439091",
        "SizeBytes": 26, "StreamViewType": "NEW_IMAGE",
        "Keys": {"product_id": {"S": "helmet"}, "sequence": {"N": "1"}}});
    for (key, value) in images.as_object().unwrap() {
        dynamodb[key] = value.clone();
    }
    let event: Event = serde_json::from_value(json!({"Records": [{"eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1",
        "dynamodb": dynamodb,
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/events/stream/2026-11-23T00:00:00.000"}]}))
    .unwrap();
    change(&event.records[0])
}

fn image(commit: &StoredCommit) -> Value {
    let item: serde_dynamo::Item = serde_dynamo::to_item(&commit.0).unwrap();
    serde_json::to_value(item).unwrap()
}

#[test]
fn an_insert_is_the_commit_field_for_field() {
    let (_, stored) = commit(None, &fixtures::id("helmet"), vec![fixtures::helmet_created()]);
    let Change::Committed(read) = record("INSERT", &json!({"NewImage": image(&stored)})) else {
        panic!("a commit was expected")
    };
    assert_eq!(*read, stored);
}

#[test]
fn a_modification_or_removal_is_tampering_and_names_the_commit() {
    let (_, stored) = commit(None, &fixtures::id("helmet"), vec![fixtures::helmet_created()]);
    for (name, images) in [
        ("MODIFY", json!({"NewImage": image(&stored), "OldImage": image(&stored)})),
        ("REMOVE", json!({"OldImage": image(&stored)})),
        ("REMOVE", json!({})),
    ] {
        let Change::Tampered(tampering) = record(name, &images) else { panic!("tampering was expected") };
        assert_eq!(tampering.to_string(), format!("{name} of commit 1 of product helmet"));
    }
}

#[test]
fn an_insert_without_a_readable_image_still_names_its_product() {
    for images in [json!({}), json!({"NewImage": {}}), json!({"NewImage": {"x": {"B": "AAEC"}}})] {
        let Change::Unreadable { product, .. } = record("INSERT", &images) else {
            // A binary attribute converts to a list of numbers: then the commit's own decoding refuses it.
            let Change::Committed(commit) = record("INSERT", &images) else { panic!("neither") };
            assert!(commit.decode().is_err());
            continue;
        };
        assert_eq!(product, Some(fixtures::id("helmet")));
    }
}
