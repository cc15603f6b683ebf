//! What receipts promise on every adapter.

use event_store::Receipts;
use event_store::receipts::{Advance, Position};
use schema::fixtures;
use serde_json::json;

use super::adapters::{all_receipts, failure, receipt, receipts_of, receipts_on, record};
use super::canned::Canned;

#[tokio::test]
async fn what_was_recorded_is_read_back_by_range_and_by_product() {
    let (a, b) = (fixtures::id("a"), fixtures::id("b"));
    for (name, receipts) in all_receipts().await {
        receipts.record(&receipts_of(&a, 1..=60)).await.unwrap();
        receipts.record(&[record(&b, 7, failure(7, 3))]).await.unwrap();
        receipts.advance(&a, 0, 60).await.unwrap();
        let read = receipts.of(&a, 10, 12).await.unwrap();
        assert_eq!(read, (10..=12).map(|n| (n, receipt(n))).collect::<Vec<_>>(), "{name}");
        assert_eq!(receipts.of(&a, 0, u64::MAX).await.unwrap().len(), 60, "{name}");
        assert_eq!(receipts.of(&b, 1, 9).await.unwrap(), [(7, failure(7, 3))], "{name}");
        assert_eq!(receipts.of(&a, 5, 4).await.unwrap(), [], "{name}");
    }
}

#[tokio::test]
async fn a_success_always_wins_over_a_failure() {
    let product = fixtures::id("helmet");
    for (name, receipts) in all_receipts().await {
        let write = async |outcome| receipts.record(&[record(&product, 1, outcome)]).await.unwrap();
        write(failure(1, 1)).await;
        write(failure(1, 2)).await;
        assert_eq!(receipts.of(&product, 1, 1).await.unwrap(), [(1, failure(1, 2))], "{name}");
        write(receipt(1)).await;
        write(failure(1, 3)).await;
        assert_eq!(receipts.of(&product, 1, 1).await.unwrap(), [(1, receipt(1))], "{name}");
    }
}

#[tokio::test]
async fn an_event_may_stand_twice_in_what_is_recorded() {
    let product = fixtures::id("helmet");
    for (name, receipts) in all_receipts().await {
        let twice = [record(&product, 1, receipt(1)), record(&product, 1, receipt(1))];
        receipts.record(&twice).await.unwrap();
        assert_eq!(receipts.of(&product, 1, 1).await.unwrap(), [(1, receipt(1))], "{name}");
    }
}

#[tokio::test]
async fn a_position_is_the_cursor_and_what_is_recorded_above_it() {
    let product = fixtures::id("helmet");
    for (name, receipts) in all_receipts().await {
        assert_eq!(receipts.position(&product).await.unwrap(), Position::default(), "{name}");
        receipts.record(&receipts_of(&product, 1..=40)).await.unwrap();
        let lost_cursor = receipts.position(&product).await.unwrap();
        assert_eq!((lost_cursor.published, lost_cursor.above.len()), (0, 40), "{name}");
        receipts.advance(&product, 0, 38).await.unwrap();
        receipts.record(&[record(&product, 41, failure(41, 1))]).await.unwrap();
        let expected = Position {
            published: 38,
            above: vec![(39, receipt(39)), (40, receipt(40)), (41, failure(41, 1))],
        };
        assert_eq!(receipts.position(&product).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_cursor_moves_only_from_where_it_was_seen() {
    let product = fixtures::id("helmet");
    for (name, receipts) in all_receipts().await {
        let advance = async |seen, to| receipts.advance(&product, seen, to).await.unwrap();
        assert_eq!(advance(3, 4).await, Advance::Found(0), "{name}");
        assert_eq!(advance(0, 5).await, Advance::Moved, "{name}");
        assert_eq!(advance(0, 9).await, Advance::Found(5), "{name}");
        assert_eq!(advance(4, 9).await, Advance::Found(5), "{name}");
        assert_eq!(advance(5, 9).await, Advance::Moved, "{name}");
        assert_eq!(receipts.position(&product).await.unwrap().published, 9, "{name}");
    }
}

#[tokio::test]
async fn unprocessed_receipts_are_sent_again_until_none_is_left() {
    let product = fixtures::id("helmet");
    let engine = engine::Engine::in_memory().unwrap();
    let put = |n: u64| json!({"PutRequest": {"Item": {"sequence": {"N": n.to_string()}}}});
    let left = |writes: &[u64]| json!({"UnprocessedItems": {"receipts": writes.iter().map(|n| put(*n)).collect::<Vec<_>>()}});
    let (config, canned) =
        Canned::answers(&engine.sdk_config(), [left(&[2, 3]), left(&[3]), json!({"UnprocessedItems": {}})]);
    let receipts = event_store::DynamoReceipts::new(aws_sdk_dynamodb::Client::new(&config), "receipts");
    receipts.record(&receipts_of(&product, 1..=3)).await.unwrap();
    let sent: Vec<usize> = canned
        .requests()
        .iter()
        .map(|request| request["RequestItems"]["receipts"].as_array().unwrap().len())
        .collect();
    assert_eq!(sent, [3, 2, 1]);
}

#[tokio::test]
async fn a_store_that_never_processes_is_an_outage_not_a_success() {
    tokio::time::pause();
    let engine = engine::Engine::in_memory().unwrap();
    let put = json!({"PutRequest": {"Item": {"sequence": {"N": "1"}}}});
    let left = json!({"UnprocessedItems": {"receipts": [put]}});
    let (config, _) = Canned::answers(&engine.sdk_config(), std::iter::repeat_n(left, 20));
    let receipts = event_store::DynamoReceipts::new(aws_sdk_dynamodb::Client::new(&config), "receipts");
    assert!(receipts.record(&receipts_of(&fixtures::id("helmet"), 1..=1)).await.is_err());
}

#[tokio::test]
async fn the_cursor_is_no_record() {
    let product = fixtures::id("helmet");
    let engine = engine::Engine::in_memory().unwrap();
    let receipts = receipts_on(&engine.sdk_config()).await;
    receipts.advance(&product, 0, 5).await.unwrap();
    assert_eq!(receipts.of(&product, 0, u64::MAX).await.unwrap(), []);
}
