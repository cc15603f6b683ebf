//! Records that are written together are written one after the other for each product.

use futures::future::join_all;
use schema::{PublicationRecord, fixtures};

use super::{ReceiptStore, all, failure, receipt, receipts_of, record};

cases! { dyn event_store::Receipts, [memory sqlite dynamodb];
    an_event_may_stand_twice_in_what_is_recorded
    a_receipt_after_its_failure_wins
    a_receipt_before_its_failure_wins
    of_two_failures_of_an_event_the_later_stays
    more_products_than_one_request_takes_are_all_recorded
    more_events_of_a_product_than_one_request_takes_are_all_recorded
    failures_and_receipts_of_many_products_are_recorded_together
    recording_everything_again_changes_nothing
    writers_of_different_products_do_not_disturb_each_other
    a_receipt_survives_failures_that_are_written_at_the_same_time
}

async fn an_event_may_stand_twice_in_what_is_recorded(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let twice = [record(&product, 1, receipt(1)), record(&product, 1, receipt(1))];
    receipts.record(&twice).await.unwrap();
    assert_eq!(all(&**receipts, &product).await, [(1, receipt(1))]);
}

async fn a_receipt_after_its_failure_wins(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let together = [
        record(&product, 1, failure(1, 1)),
        record(&product, 1, receipt(1)),
        record(&product, 2, receipt(2)),
    ];
    receipts.record(&together).await.unwrap();
    assert_eq!(all(&**receipts, &product).await, [(1, receipt(1)), (2, receipt(2))]);
}

async fn a_receipt_before_its_failure_wins(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let together = [record(&product, 1, receipt(1)), record(&product, 1, failure(1, 1))];
    receipts.record(&together).await.unwrap();
    assert_eq!(all(&**receipts, &product).await, [(1, receipt(1))]);
    assert_eq!(receipts.position(&product).await.unwrap().failure, None);
}

async fn of_two_failures_of_an_event_the_later_stays(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let together = [record(&product, 1, failure(1, 1)), record(&product, 1, failure(1, 2))];
    receipts.record(&together).await.unwrap();
    assert_eq!(receipts.position(&product).await.unwrap().failure, Some(fixtures::failure(1, 2)));
}

async fn more_products_than_one_request_takes_are_all_recorded(receipts: &ReceiptStore) {
    let products: Vec<_> = (0..60).map(|n| fixtures::id(&format!("p{n}"))).collect();
    let records: Vec<_> = products.iter().flat_map(|product| receipts_of(product, 1..=2)).collect();
    receipts.record(&records).await.unwrap();
    for product in &products {
        assert_eq!(all(&**receipts, product).await, [(1, receipt(1)), (2, receipt(2))], "{product}");
    }
}

async fn more_events_of_a_product_than_one_request_takes_are_all_recorded(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    receipts.record(&receipts_of(&product, 1..=60)).await.unwrap();
    assert!(all(&**receipts, &product).await.into_iter().eq((1..=60).map(|n| (n, receipt(n)))));
}

async fn failures_and_receipts_of_many_products_are_recorded_together(receipts: &ReceiptStore) {
    let products: Vec<_> = (0..30).map(|n| fixtures::id(&format!("p{n}"))).collect();
    let mut records: Vec<_> = products.iter().flat_map(|product| receipts_of(product, 1..=2)).collect();
    records.extend(products.iter().step_by(2).map(|product| record(product, 3, failure(3, 1))));
    receipts.record(&records).await.unwrap();
    for (n, product) in products.iter().enumerate() {
        let position = receipts.position(product).await.unwrap();
        assert_eq!((position.published, position.failure.is_some()), (2, n % 2 == 0), "{product}");
    }
}

async fn recording_everything_again_changes_nothing(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let mut records = receipts_of(&product, 1..=30);
    records.push(record(&product, 31, failure(31, 1)));
    receipts.record(&records).await.unwrap();
    let before = (all(&**receipts, &product).await, receipts.position(&product).await.unwrap());
    receipts.record(&records).await.unwrap();
    receipts.record(&records[5..10]).await.unwrap();
    assert_eq!((all(&**receipts, &product).await, receipts.position(&product).await.unwrap()), before);
}

async fn writers_of_different_products_do_not_disturb_each_other(receipts: &ReceiptStore) {
    let writers = (0..12).map(|n| {
        let receipts = receipts.shared();
        tokio::spawn(async move {
            let product = fixtures::id(&format!("p{n}"));
            for sequence in 1..=6 {
                receipts.record(&[record(&product, sequence, receipt(sequence))]).await.unwrap();
            }
        })
    });
    join_all(writers.collect::<Vec<_>>()).await.into_iter().for_each(Result::unwrap);
    for n in 0..12 {
        let position = receipts.position(&fixtures::id(&format!("p{n}"))).await.unwrap();
        assert_eq!(position.published, 6, "p{n}");
    }
}

async fn a_receipt_survives_failures_that_are_written_at_the_same_time(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    for sequence in 1..=8 {
        let write = |outcome: PublicationRecord| {
            let (receipts, product) = (receipts.shared(), product.clone());
            tokio::spawn(
                async move { receipts.record(&[record(&product, sequence, outcome)]).await.unwrap() },
            )
        };
        let writers = [write(failure(sequence, 1)), write(receipt(sequence)), write(failure(sequence, 2))];
        join_all(writers).await.into_iter().for_each(Result::unwrap);
        assert_eq!(receipts.of(&product, sequence, sequence).await.unwrap(), [(sequence, receipt(sequence))]);
    }
}
