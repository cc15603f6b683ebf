//! Stream records of the shapes that AWS documents become commits, tampering, or a reason to read the event table.

use event_store::follow::{Change, change, event};
use schema::{StoredCommit, fixtures};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::adapters::commit;

fn record(name: &str, images: &Value) -> Change {
    let mut dynamodb = json!({"ApproximateCreationDateTime": 1_763_000_000, "SequenceNumber": "4421584500000000017450439091",
        "SizeBytes": 26, "StreamViewType": "NEW_IMAGE",
        "Keys": {"product_id": {"S": "helmet"}, "sequence": {"N": "1"}}});
    for (key, value) in images.as_object().unwrap() {
        dynamodb[key] = value.clone();
    }
    let record = json!({"eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1",
        "dynamodb": dynamodb,
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/events/stream/2026-11-23T00:00:00.000"});
    change(&event(&[to_raw_value(&record).unwrap()]).records[0])
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

#[test]
fn the_keys_name_the_product_whatever_the_image_names() {
    let (_, cap) = commit(None, &fixtures::id("cap"), vec![fixtures::helmet_created()]);
    let mut nobody = cap.clone();
    nobody.0.remove("product_id");
    for other in [cap, nobody] {
        let read = record("INSERT", &json!({"NewImage": image(&other)}));
        let Change::Unreadable { product, .. } = read else { panic!("{read:?}") };
        assert_eq!(product, Some(fixtures::id("helmet")));
    }
}

#[test]
fn a_record_of_an_unknown_operation_leads_to_its_product() {
    let (_, stored) = commit(None, &fixtures::id("helmet"), vec![fixtures::helmet_created()]);
    for name in ["", "UPSERT", "insert"] {
        let read = record(name, &json!({"NewImage": image(&stored)}));
        let Change::Unreadable { product, .. } = read else { panic!("{name}: {read:?}") };
        assert_eq!(product, Some(fixtures::id("helmet")));
    }
}

#[test]
fn a_record_is_of_no_product_where_its_key_is_no_id_and_of_an_unknown_one_where_it_has_no_key() {
    let foreign = json!({"product_id": {"S": "no id"}, "sequence": {"N": "1"}});
    let read = record("INSERT", &json!({"Keys": foreign}));
    assert!(matches!(read, Change::Unreadable { product: None, .. }), "{read:?}");
    for keys in [json!({}), json!({"product_id": {"NULL": true}})] {
        let read = record("INSERT", &json!({"Keys": keys}));
        assert!(matches!(read, Change::Nameless { .. }), "{read:?}");
    }
}
