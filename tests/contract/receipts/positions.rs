//! A product is published up to its newest receipt; a failure never counts.

use event_store::MemoryReceipts;
use event_store::receipts::{PublicationPosition, Receipts};
use schema::{ProductId, fixtures};

use super::{ReceiptStore, all, failure, receipt, receipts_of, record};
use crate::given::for_all;

cases! { dyn event_store::Receipts, [memory sqlite dynamodb];
    a_product_without_receipts_is_at_zero
    the_newest_receipt_is_how_far_a_product_got
    a_failure_alone_is_not_published
    the_failure_of_the_next_event_stands_beside_the_position
    of_several_failures_above_the_receipts_the_lowest_counts
    many_failures_above_a_receipt_do_not_hide_it
    a_failure_below_the_newest_receipt_is_no_failure
    a_receipt_moves_the_position_beyond_the_failure
    the_position_is_the_products_own
    a_position_is_consistent_with_the_records
    any_records_give_the_position_they_give_in_memory
}

async fn position(receipts: &ReceiptStore, product: &ProductId) -> PublicationPosition {
    receipts.position(product).await.unwrap()
}

fn at(published: u64) -> PublicationPosition {
    let receipt = (published > 0).then(|| fixtures::receipt(published));
    PublicationPosition { published, receipt, ..PublicationPosition::default() }
}

async fn a_product_without_receipts_is_at_zero(receipts: &ReceiptStore) {
    assert_eq!(position(receipts, &fixtures::id("p")).await, PublicationPosition::default());
}

async fn the_newest_receipt_is_how_far_a_product_got(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    for last in [1, 2, 9, 10, 40] {
        receipts.record(&receipts_of(&product, 1..=last)).await.unwrap();
        assert_eq!(position(receipts, &product).await, at(last));
    }
}

async fn a_failure_alone_is_not_published(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    receipts.record(&[record(&product, 1, failure(1, 2))]).await.unwrap();
    let expected =
        PublicationPosition { failure: Some(fixtures::failure(1, 2)), ..PublicationPosition::default() };
    assert_eq!(position(receipts, &product).await, expected);
}

async fn the_failure_of_the_next_event_stands_beside_the_position(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    receipts.record(&receipts_of(&product, 1..=40)).await.unwrap();
    for attempts in 1..=3 {
        receipts.record(&[record(&product, 41, failure(41, attempts))]).await.unwrap();
        let expected = PublicationPosition { failure: Some(fixtures::failure(41, attempts)), ..at(40) };
        assert_eq!(position(receipts, &product).await, expected);
    }
}

async fn of_several_failures_above_the_receipts_the_lowest_counts(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    receipts.record(&receipts_of(&product, 1..=4)).await.unwrap();
    let both = [record(&product, 5, failure(5, 1)), record(&product, 6, failure(6, 2))];
    receipts.record(&both).await.unwrap();
    let expected = PublicationPosition { failure: Some(fixtures::failure(5, 1)), ..at(4) };
    assert_eq!(position(receipts, &product).await, expected);
}

async fn many_failures_above_a_receipt_do_not_hide_it(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    receipts.record(&receipts_of(&product, 1..=3)).await.unwrap();
    for sequence in 4..=12 {
        receipts.record(&[record(&product, sequence, failure(sequence, 1))]).await.unwrap();
        let expected = PublicationPosition { failure: Some(fixtures::failure(4, 1)), ..at(3) };
        assert_eq!(position(receipts, &product).await, expected, "up to {sequence}");
    }
}

async fn a_failure_below_the_newest_receipt_is_no_failure(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    receipts.record(&[record(&product, 1, failure(1, 1))]).await.unwrap();
    receipts.record(&[record(&product, 2, receipt(2))]).await.unwrap();
    assert_eq!(position(receipts, &product).await, at(2));
}

async fn a_receipt_moves_the_position_beyond_the_failure(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    receipts.record(&receipts_of(&product, 1..=2)).await.unwrap();
    receipts.record(&[record(&product, 3, failure(3, 1))]).await.unwrap();
    receipts.record(&[record(&product, 3, receipt(3))]).await.unwrap();
    assert_eq!(position(receipts, &product).await, at(3));
}

async fn the_position_is_the_products_own(receipts: &ReceiptStore) {
    for (product, last) in [("p", 3), ("p1", 9), ("p10", 1), ("P", 5)] {
        receipts.record(&receipts_of(&fixtures::id(product), 1..=last)).await.unwrap();
    }
    for (product, last) in [("p", 3), ("p1", 9), ("p10", 1), ("P", 5), ("p2", 0)] {
        assert_eq!(position(receipts, &fixtures::id(product)).await, at(last), "{product}");
    }
}

async fn a_position_is_consistent_with_the_records(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    for sequence in 1..=20 {
        let outcome = if sequence % 3 == 0 { failure(sequence, 1) } else { receipt(sequence) };
        receipts.record(&[record(&product, sequence, outcome)]).await.unwrap();
        let records = all(&**receipts, &product).await;
        let newest = records.iter().rev().find(|(n, outcome)| *outcome == receipt(*n));
        let seen = position(receipts, &product).await;
        assert_eq!(seen.published, newest.map_or(0, |(n, _)| *n));
        assert_eq!(seen.failure.is_some(), sequence % 3 == 0);
    }
}

async fn any_records_give_the_position_they_give_in_memory(receipts: &ReceiptStore) {
    let one = (0..3_u8, 1..9_u64, 0..4_u32);
    let batches = proptest::collection::vec(proptest::collection::vec(one, 0..5), 1..12);
    for_all(12, batches, async |batches| {
        let (store, model) = (receipts.another(Vec::new()).await, MemoryReceipts::default());
        for mut batch in batches {
            batch.sort_by_key(|(_, sequence, _)| *sequence);
            let records: Vec<_> = batch
                .into_iter()
                .map(|(product, sequence, attempts)| {
                    let outcome = if attempts == 0 { receipt(sequence) } else { failure(sequence, attempts) };
                    record(&fixtures::id(&format!("p{product}")), sequence, outcome)
                })
                .collect();
            store.record(&records).await.unwrap();
            model.record(&records).await.unwrap();
        }
        for product in ["p0", "p1", "p2"].map(fixtures::id) {
            assert_eq!(all(&*store, &product).await, all(&model, &product).await);
            assert_eq!(position(&store, &product).await, model.position(&product).await.unwrap());
        }
    });
}
