//! Records are read back as they were written; a receipt is never replaced by a failure.

use event_store::receipts::EventPublication;
use schema::receipt::FailureDetails;
use schema::{Hash, PublicationFailure, PublicationReceipt, PublicationRecord, fixtures};

use super::{ReceiptStore, all, failure, receipt, receipts_of, record};
use crate::given::commits::{LAST, awkward_ids};

cases! { dyn event_store::Receipts, [memory sqlite dynamodb];
    nothing_is_recorded_of_an_unknown_product
    a_receipt_is_read_back_field_for_field
    a_failure_is_read_back_field_for_field
    texts_of_a_bus_may_hold_any_character
    records_come_by_sequence
    a_range_includes_both_its_ends
    a_range_that_ends_before_it_begins_is_empty
    a_range_may_reach_beyond_every_sequence
    a_range_of_one_event_is_that_event
    a_long_history_is_read_whole
    products_do_not_see_each_other
    recording_nothing_changes_nothing
    a_failure_gives_way_to_a_newer_failure
    a_failure_gives_way_to_a_receipt
    a_receipt_never_gives_way_to_a_failure
    a_receipt_gives_way_to_a_newer_receipt
    a_refused_failure_leaves_no_trace
    the_greatest_sequence_has_a_receipt_like_any_other
    receipts_are_there_when_the_store_is_opened_again
}

async fn write(receipts: &ReceiptStore, records: &[EventPublication]) {
    receipts.record(records).await.unwrap();
}

async fn nothing_is_recorded_of_an_unknown_product(receipts: &ReceiptStore) {
    write(receipts, &receipts_of(&fixtures::id("p"), 1..=3)).await;
    for unknown in ["q", "P", "p1"] {
        assert_eq!(all(&**receipts, &fixtures::id(unknown)).await, []);
    }
}

async fn a_receipt_is_read_back_field_for_field(receipts: &ReceiptStore) {
    for (product, bus_sequence) in [("p", None), ("q", Some("18446744073709551616".to_owned()))] {
        let product = fixtures::id(product);
        let outcome = PublicationRecord::Receipt(PublicationReceipt {
            event_id: "01JDABCDEFGHJKMNPQRSTVWXYZ".into(),
            receipt_id: "r".into(),
            bus_sequence,
            bus: "arn:aws:events:eu-central-1:123456789012:event-bus/x".into(),
            published_at: fixtures::at("0000-01-01T00:00:00.001Z"),
            attempts: u32::MAX,
            hash: Hash::of_digest(&[0xab; 32]),
        });
        write(receipts, &[record(&product, 1, outcome.clone())]).await;
        assert_eq!(all(&**receipts, &product).await, [(1, outcome)]);
    }
}

async fn a_failure_is_read_back_field_for_field(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let outcome = PublicationRecord::Failure(PublicationFailure {
        event_id: "event".into(),
        receipt_id: String::new(),
        error: String::new(),
        details: FailureDetails { error_code: String::new() },
        attempts: u32::MAX,
        failed_at: fixtures::at("9999-12-31T23:59:59.999Z"),
    });
    write(receipts, &[record(&product, 1, outcome.clone())]).await;
    assert_eq!(all(&**receipts, &product).await, [(1, outcome)]);
}

async fn texts_of_a_bus_may_hold_any_character(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let PublicationRecord::Failure(mut failure) = failure(1, 1) else { panic!("a failure") };
    failure.error = "'; DELETE FROM receipts; -- \u{0}\u{1}\n\"\\ 🚲 e\u{301} \u{10ffff}".into();
    failure.details.error_code = "名".repeat(1_000);
    let outcome = PublicationRecord::Failure(failure);
    write(receipts, &[record(&product, 1, outcome.clone())]).await;
    assert_eq!(all(&**receipts, &product).await, [(1, outcome)]);
}

async fn records_come_by_sequence(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    for sequence in [10, 2, 9, 100, 1] {
        write(receipts, &[record(&product, sequence, receipt(sequence))]).await;
    }
    let sequences: Vec<u64> =
        all(&**receipts, &product).await.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences, [1, 2, 9, 10, 100]);
}

async fn a_range_includes_both_its_ends(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    write(receipts, &receipts_of(&product, 1..=60)).await;
    let read = receipts.of(&product, 10, 12).await.unwrap();
    assert_eq!(read, (10..=12).map(|n| (n, receipt(n))).collect::<Vec<_>>());
}

async fn a_range_that_ends_before_it_begins_is_empty(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    write(receipts, &receipts_of(&product, 1..=6)).await;
    for (from, to) in [(5, 4), (2, 0), (LAST, 1), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
        assert_eq!(receipts.of(&product, from, to).await.unwrap(), [], "{from} to {to}");
    }
}

async fn a_range_may_reach_beyond_every_sequence(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    write(receipts, &receipts_of(&product, 1..=6)).await;
    for to in [6, 7, LAST, LAST + 1, u64::MAX >> 1, u64::MAX] {
        assert_eq!(receipts.of(&product, 4, to).await.unwrap().len(), 3, "to {to}");
        assert_eq!(receipts.of(&product, 7, to).await.unwrap(), [], "to {to}");
    }
}

async fn a_range_of_one_event_is_that_event(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    write(receipts, &[record(&product, 2, receipt(2)), record(&product, 4, failure(4, 1))]).await;
    assert_eq!(receipts.of(&product, 2, 2).await.unwrap(), [(2, receipt(2))]);
    assert_eq!(receipts.of(&product, 3, 3).await.unwrap(), []);
    assert_eq!(receipts.of(&product, 4, 4).await.unwrap(), [(4, failure(4, 1))]);
}

async fn a_long_history_is_read_whole(receipts: &ReceiptStore) {
    let products: Vec<_> = (0..25).map(|n| fixtures::id(&format!("p{n}"))).collect();
    for sequence in 1..=21 {
        let step: Vec<_> =
            products.iter().map(|product| record(product, sequence, receipt(sequence))).collect();
        write(receipts, &step).await;
    }
    // More than a page of any store.
    let long = fixtures::id("long");
    write(receipts, &receipts_of(&long, 1..=520)).await;
    assert!(all(&**receipts, &long).await.into_iter().eq((1..=520).map(|n| (n, receipt(n)))));
    for product in &products {
        assert_eq!(all(&**receipts, product).await.len(), 21, "{product}");
    }
}

async fn products_do_not_see_each_other(receipts: &ReceiptStore) {
    for (n, id) in (1..).zip(awkward_ids()) {
        write(receipts, &[record(&id, n, receipt(n))]).await;
    }
    for (n, id) in (1..).zip(awkward_ids()) {
        assert_eq!(all(&**receipts, &id).await, [(n, receipt(n))], "{id}");
        assert_eq!(receipts.position(&id).await.unwrap().published, n, "{id}");
    }
}

async fn recording_nothing_changes_nothing(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    write(receipts, &[]).await;
    write(receipts, &receipts_of(&product, 1..=2)).await;
    write(receipts, &[]).await;
    assert_eq!(all(&**receipts, &product).await, [(1, receipt(1)), (2, receipt(2))]);
}

async fn a_failure_gives_way_to_a_newer_failure(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    for attempts in [1, 2, 5, 3] {
        write(receipts, &[record(&product, 1, failure(1, attempts))]).await;
        assert_eq!(all(&**receipts, &product).await, [(1, failure(1, attempts))]);
    }
}

async fn a_failure_gives_way_to_a_receipt(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    write(receipts, &[record(&product, 1, failure(1, 1))]).await;
    write(receipts, &[record(&product, 1, receipt(1))]).await;
    assert_eq!(all(&**receipts, &product).await, [(1, receipt(1))]);
    assert_eq!(receipts.position(&product).await.unwrap().failure, None);
}

async fn a_receipt_never_gives_way_to_a_failure(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    write(receipts, &[record(&product, 1, receipt(1))]).await;
    for attempts in 1..=3 {
        write(receipts, &[record(&product, 1, failure(1, attempts))]).await;
        assert_eq!(all(&**receipts, &product).await, [(1, receipt(1))]);
    }
}

async fn a_receipt_gives_way_to_a_newer_receipt(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    let PublicationRecord::Receipt(mut newer) = receipt(1) else { panic!("a receipt") };
    newer.receipt_id = "newer".into();
    newer.attempts = 2;
    let newer = PublicationRecord::Receipt(newer);
    write(receipts, &[record(&product, 1, receipt(1))]).await;
    write(receipts, &[record(&product, 1, newer.clone())]).await;
    assert_eq!(all(&**receipts, &product).await, [(1, newer)]);
}

async fn a_refused_failure_leaves_no_trace(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    write(receipts, &receipts_of(&product, 1..=3)).await;
    let before = receipts.position(&product).await.unwrap();
    write(receipts, &[record(&product, 1, failure(1, 9)), record(&product, 3, failure(3, 9))]).await;
    assert_eq!(receipts.position(&product).await.unwrap(), before);
    assert_eq!(all(&**receipts, &product).await.len(), 3);
}

async fn the_greatest_sequence_has_a_receipt_like_any_other(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    write(receipts, &[record(&product, LAST - 1, receipt(1)), record(&product, LAST, receipt(2))]).await;
    assert_eq!(receipts.position(&product).await.unwrap().published, LAST);
    assert_eq!(receipts.of(&product, LAST, LAST).await.unwrap(), [(LAST, receipt(2))]);
    assert_eq!(all(&**receipts, &product).await.len(), 2);
}

async fn receipts_are_there_when_the_store_is_opened_again(receipts: &ReceiptStore) {
    let product = fixtures::id("p");
    write(receipts, &receipts_of(&product, 1..=3)).await;
    write(receipts, &[record(&product, 4, failure(4, 1))]).await;
    let (records, position) = (all(&**receipts, &product).await, receipts.position(&product).await.unwrap());
    let again = receipts.opened_again(Vec::new()).await;
    assert_eq!(all(&*again, &product).await, records);
    assert_eq!(again.position(&product).await.unwrap(), position);
    write(&again, &[record(&product, 3, failure(3, 1))]).await;
    assert_eq!(all(&*again, &product).await, records);
}
