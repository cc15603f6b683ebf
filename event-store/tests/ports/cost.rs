//! The cost of receipts on `DynamoDB`: one write each, 25 products in a request, and one short read per product.

use engine::probe::{RecordedRequest, RequestRecorder};
use event_store::receipts::{PublicationPosition, RestoreMark, published};
use event_store::{DynamoJournal, Journal, Receipts, seal, table};
use schema::{Hash, PublicationReceipt, fixtures};

use super::adapters::{failure, receipts_of, receipts_on, record};

/// A product id as long as a UUID.
fn id(n: u64) -> schema::ProductId {
    fixtures::id(&format!("694215b7-08f7-4c0d-acb1-{n:012}"))
}

#[tokio::test]
async fn a_receipt_is_one_unit_and_25_products_are_one_request() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let receipts = receipts_on(&config).await;
    let of_each = |n| receipts_of(&id(n), 1..=2);
    let records: Vec<_> = (0..60).flat_map(of_each).collect();
    recorder.clear();
    receipts.record(&records).await.unwrap();
    let requests = recorder.take();
    let names: Vec<_> = requests.iter().map(|seen| seen.request.operation.as_str()).collect();
    assert_eq!(names, ["BatchWriteItem"; 6], "two steps of 25, 25 and 10 products");
    let units: f64 = requests.iter().filter_map(RecordedRequest::capacity).sum();
    assert!((units - 120.0).abs() < f64::EPSILON, "{units}");
}

#[tokio::test]
async fn a_position_is_one_request_and_one_unit_at_any_number_of_receipts() {
    let product = id(1);
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let receipts = receipts_on(&config).await;
    for last in [0, 1, 200] {
        receipts.record(&receipts_of(&product, 1..=last)).await.unwrap();
        receipts.record(&[record(&product, last + 1, failure(last + 1, 1))]).await.unwrap();
        recorder.clear();
        let position = receipts.position(&product).await.unwrap();
        assert_eq!((position.published, position.failure.is_some()), (last, true));
        let requests = recorder.take();
        let cost: Vec<_> =
            requests.iter().map(|seen| (seen.request.operation.as_str(), seen.capacity())).collect();
        assert_eq!(cost, [("Query", Some(1.0))], "{last} receipts");
    }
}

/// Marks are checked only where they can matter: above the newest receipt, or where it does not fit.
#[tokio::test]
async fn how_far_a_product_is_published_is_one_request_where_its_newest_receipt_fits() {
    let product = id(1);
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let receipts = receipts_on(&config).await;
    let client = aws_sdk_dynamodb::Client::new(&config);
    table::create(&client, "events", event_store::TABLE).await.unwrap();
    let journal = DynamoJournal::new(client, "events");
    let begun = fixtures::commit_after(None, &product, vec![fixtures::helmet_created()]);
    let (first, one) = seal(begun).unwrap();
    let gone = fixtures::commit_after(Some(&first), &product, vec![fixtures::helmet_deleted()]);
    let (second, two) = seal(gone).unwrap();
    journal.append(&one).await.unwrap();
    journal.append(&two).await.unwrap();
    let another = Hash::genesis();
    let mark = |sequence, hash: &Hash| Some(RestoreMark { sequence, hash: hash.clone() });
    for (hash, mark, up_to, expected) in [
        (&second.hash, None, 2, 1),
        (&second.hash, mark(1, &first.hash), 2, 1),
        (&second.hash, mark(2, &second.hash), 2, 1),
        // The mark may reach further than the receipt, and is checked once.
        (&second.hash, mark(3, &another), 2, 2),
        // The newest event was recorded anew: its commit, the mark, that commit's receipts, and the same of the one before.
        (&another, mark(1, &first.hash), 1, 4),
        (&another, mark(1, &another), 0, 5),
        (&another, mark(3, &another), 0, 5),
    ] {
        let receipt = PublicationReceipt { hash: hash.clone(), ..fixtures::receipt(2) };
        let case = format!("{hash} {mark:?}");
        let position = PublicationPosition {
            published: 2,
            receipt: Some(receipt),
            mark,
            ..PublicationPosition::default()
        };
        recorder.clear();
        let published = published(&journal, &receipts, &product, &position).await.unwrap();
        assert_eq!((published.up_to, recorder.take().len()), (up_to, expected), "{case}");
    }
}
