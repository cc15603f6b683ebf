//! The cost of the journal on `DynamoDB` in requests and capacity units, for any number of events of a product.

use engine::probe::RequestRecorder;
use event_store::Journal;
use schema::{Commit, Recent, Unsealed, fixtures};

use super::adapters::on;

/// Operation and units of each request since the last call.
fn spent(recorder: &RequestRecorder) -> Vec<(String, f64)> {
    let units = |recorded: engine::probe::RecordedRequest| {
        (recorded.request.operation.clone(), recorded.capacity().unwrap())
    };
    recorder.take().into_iter().map(units).collect()
}

#[tokio::test]
async fn an_append_is_one_request_and_a_load_is_one_request_at_any_length() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let journal = on(&config).await;
    let product = fixtures::id("694215b7-08f7-4c0d-acb1-d734ba44c0c8");
    let mut last: Option<Commit> = None;
    for n in 0..1_000 {
        let event = match n {
            0 => fixtures::helmet_created(),
            n if n % 2 == 1 => fixtures::helmet_deleted(),
            _ => fixtures::helmet_restored(),
        };
        let (commit, stored) = super::adapters::commit(last.as_ref(), &product, vec![event]);
        recorder.clear();
        journal.append(&stored).await.unwrap();
        assert_eq!(spent(&recorder), [("ExecuteStatement".to_owned(), 1.0)], "append {n}");
        if [0, 9, 99, 999].contains(&n) {
            journal.newest(&product, u64::MAX >> 1).await.unwrap();
            assert_eq!(spent(&recorder), [("Query".to_owned(), 1.0)], "load after {n}");
            journal.newest(&product, 1).await.unwrap();
            assert_eq!(spent(&recorder), [("Query".to_owned(), 1.0)], "version 1 after {n}");
        }
        last = Some(commit);
    }
}

#[tokio::test]
async fn listing_the_products_costs_a_unit_each_however_many_commits_they_have() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let journal = on(&config).await;
    for (product, commits) in [("a", 1), ("b", 100), ("c", 100)] {
        let mut last: Option<Commit> = None;
        for n in 0..commits {
            let event = match n {
                0 => fixtures::helmet_created(),
                n if n % 2 == 1 => fixtures::helmet_deleted(),
                _ => fixtures::helmet_restored(),
            };
            let product = fixtures::id(product);
            let (commit, stored) = super::adapters::commit(last.as_ref(), &product, vec![event]);
            journal.append(&stored).await.unwrap();
            last = Some(commit);
        }
    }
    recorder.clear();
    assert_eq!(journal.products("", 100).await.unwrap().len(), 3);
    let spent = spent(&recorder);
    assert!(spent.iter().all(|(operation, units)| operation == "Scan" && *units <= 1.0), "{spent:?}");
    assert!(spent.len() <= 4, "one for each product, and one for the end: {spent:?}");
}

/// Bytes of an item as `DynamoDB` counts them (Developer Guide, "Item sizes and formats").
fn item_bytes(commit: &schema::StoredCommit) -> usize {
    use aws_sdk_dynamodb::types::AttributeValue as Value;
    fn bytes(value: &Value) -> usize {
        match value {
            Value::S(text) => text.len(),
            Value::N(digits) => digits.len().div_ceil(2) + 1,
            Value::L(list) => 3 + list.iter().map(|value| 1 + bytes(value)).sum::<usize>(),
            Value::M(map) => 3 + map.iter().map(|(name, value)| 1 + name.len() + bytes(value)).sum::<usize>(),
            Value::Null(_) | Value::Bool(_) => 1,
            other => panic!("a commit holds no {other:?}"),
        }
    }
    let item = event_store::dynamodb::to_item(commit).unwrap();
    item.iter().map(|(name, value)| name.len() + bytes(value)).sum()
}

#[test]
fn a_typical_commit_fits_one_kilobyte_and_two_with_all_remembered_keys() {
    let product = fixtures::id("694215b7-08f7-4c0d-acb1-d734ba44c0c8");
    let mut last: Option<Commit> = None;
    for event in fixtures::helmet_story() {
        let unsealed = fixtures::commit_after(last.as_ref(), &product, vec![event]);
        let full = (0..40_u8).fold(Recent::default(), |recent, n| recent.remembering([n; 8], u64::from(n)));
        let keyed = Unsealed { recent: full, ..unsealed.clone() };
        let (commit, stored) = event_store::seal(unsealed).unwrap();
        let (_, keyed) = event_store::seal(keyed).unwrap();
        assert!(
            item_bytes(&stored) <= 1024,
            "{} has {} bytes",
            commit.events[0].event.name(),
            item_bytes(&stored)
        );
        assert!(item_bytes(&keyed) <= 2048, "{} bytes with keys", item_bytes(&keyed));
        last = Some(commit);
    }
}
