//! What receipts cost on `DynamoDB`: batches of 25, and one short read per product.

use engine::probe::Recorder;
use event_store::Receipts;
use schema::fixtures;

use super::adapters::{failure, receipts_of, receipts_on, record};

#[tokio::test]
async fn receipts_are_written_25_at_a_time_and_a_cursor_is_one_request() {
    let product = fixtures::id("694215b7-08f7-4c0d-acb1-d734ba44c0c8");
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = Recorder::record(&engine.sdk_config());
    let receipts = receipts_on(&config).await;
    recorder.clear();
    receipts.record(&receipts_of(&product, 1..=60)).await.unwrap();
    assert_eq!(recorder.take_operations(), ["BatchWriteItem", "BatchWriteItem", "BatchWriteItem"]);
    receipts.advance(&product, 0, 60).await.unwrap();
    assert_eq!(recorder.take_operations(), ["UpdateItem"]);
}

#[tokio::test]
async fn a_position_is_one_request_and_one_unit_at_any_number_of_receipts() {
    let product = fixtures::id("694215b7-08f7-4c0d-acb1-d734ba44c0c8");
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = Recorder::record(&engine.sdk_config());
    let receipts = receipts_on(&config).await;
    for last in [0, 1, 1_000] {
        receipts.record(&receipts_of(&product, 1..=last)).await.unwrap();
        let seen = receipts.position(&product).await.unwrap().published;
        receipts.advance(&product, seen, last).await.unwrap();
        receipts.record(&[record(&product, last + 1, failure(last + 1, 1))]).await.unwrap();
        recorder.clear();
        let position = receipts.position(&product).await.unwrap();
        assert_eq!((position.published, position.above.len()), (last, 1));
        let requests = recorder.take();
        let cost: Vec<_> =
            requests.iter().map(|seen| (seen.request.operation.as_str(), seen.capacity())).collect();
        assert_eq!(cost, [("Query", Some(1.0))], "{last} receipts");
    }
}
