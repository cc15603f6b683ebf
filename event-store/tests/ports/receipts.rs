//! What receipts promise on every adapter.

use aws_config::retry::RetryConfig;
use engine::probe::{Fault, Faults, Matching};
use event_store::receipts::{Mark, Position, published};
use event_store::{Journal, MemoryJournal, MemoryReceipts, Receipts, seal};
use schema::{Hash, PublicationRecord, fixtures};
use serde_json::json;

use super::adapters::{all_receipts, failure, receipt, receipts_of, receipts_on, record};
use super::canned::Canned;

#[tokio::test]
async fn what_was_recorded_is_read_back_by_range_and_by_product() {
    let (a, b) = (fixtures::id("a"), fixtures::id("b"));
    for (name, receipts) in all_receipts().await {
        receipts.record(&receipts_of(&a, 1..=60)).await.unwrap();
        receipts.record(&[record(&b, 7, failure(7, 3))]).await.unwrap();
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
async fn the_newest_receipt_is_how_far_a_product_got_and_a_failure_never_is() {
    let product = fixtures::id("helmet");
    for (name, receipts) in all_receipts().await {
        let position = async || receipts.position(&product).await.unwrap();
        assert_eq!(position().await, Position::default(), "{name}");
        receipts.record(&[record(&product, 1, failure(1, 2))]).await.unwrap();
        let failed = |sequence, attempts| match failure(sequence, attempts) {
            PublicationRecord::Failure(failure) => Some(failure),
            PublicationRecord::Receipt(_) => None,
        };
        let expected = Position { failure: failed(1, 2), ..Position::default() };
        assert_eq!(position().await, expected, "{name}");
        receipts.record(&receipts_of(&product, 1..=40)).await.unwrap();
        let expected = Position { published: 40, ..Position::default() };
        assert_eq!(position().await, expected, "{name}");
        receipts.record(&[record(&product, 41, failure(41, 1))]).await.unwrap();
        let expected = Position { published: 40, failure: failed(41, 1), ..Position::default() };
        assert_eq!(position().await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_receipt_after_its_failure_in_what_is_recorded_together_wins() {
    let product = fixtures::id("helmet");
    for (name, receipts) in all_receipts().await {
        let together = [
            record(&product, 1, failure(1, 1)),
            record(&product, 1, receipt(1)),
            record(&product, 2, receipt(2)),
            record(&product, 2, failure(2, 1)),
        ];
        receipts.record(&together).await.unwrap();
        let expected = Position { published: 2, ..Position::default() };
        assert_eq!(receipts.position(&product).await.unwrap(), expected, "{name}");
        let both = [(1, receipt(1)), (2, receipt(2))];
        assert_eq!(receipts.of(&product, 1, 2).await.unwrap(), both, "{name}");
    }
}

/// Whichever request fails, before it is applied or after: each product has a beginning of its receipts.
#[tokio::test]
async fn whatever_fails_no_receipt_is_there_without_those_before_it() {
    let products: Vec<_> = (0..30).map(|n| fixtures::id(&format!("p{n}"))).collect();
    let of_each = |(n, product)| receipts_of(product, 1..=1 + n as u64 % 4);
    let records: Vec<_> = products.iter().enumerate().flat_map(of_each).collect();
    for fault in [Fault::FailBefore, Fault::DropAnswer] {
        for nth in 1.. {
            let engine = engine::Engine::in_memory().unwrap();
            let (config, faults) = Faults::inject(&engine.sdk_config());
            let config = config.to_builder().retry_config(RetryConfig::disabled()).build();
            let receipts = receipts_on(&config).await;
            faults.add(Matching::operation("BatchWriteItem").nth(nth), fault.clone());
            let written = receipts.record(&records).await;
            for product in &products {
                let there = receipts.of(product, 0, u64::MAX).await.unwrap();
                let sequences: Vec<u64> = there.iter().map(|(sequence, _)| *sequence).collect();
                assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>(), "{product} {nth}");
                assert_eq!(receipts.position(product).await.unwrap().published, sequences.len() as u64);
            }
            if written.is_ok() {
                assert_eq!(nth, 6, "30 first receipts are two requests, and each later step is one");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_mark_counts_only_while_the_commit_it_was_made_for_ends_there() {
    let product = fixtures::id("helmet");
    let journal = MemoryJournal::default();
    let mut newest = None;
    for events in
        [vec![fixtures::helmet_created()], vec![fixtures::helmet_renamed(), fixtures::helmet_deleted()]]
    {
        let (commit, stored) = seal(fixtures::commit_after(newest.as_ref(), &product, events)).unwrap();
        journal.append(&stored).await.unwrap();
        newest = Some(commit);
    }
    let (receipts, newest) = (MemoryReceipts::default(), newest.unwrap());
    let (hash, last) = (newest.hash.clone(), newest.last_sequence());
    let counted = async |sequence: u64, hash: &Hash| {
        receipts.mark(product.clone(), Mark { sequence, hash: hash.clone() });
        let position = receipts.position(&product).await.unwrap();
        published(&journal, &product, &position).await.unwrap()
    };
    assert_eq!(counted(last, &hash).await, last);
    assert_eq!(counted(last - 1, &hash).await, 0, "inside the commit");
    assert_eq!(counted(last + 1, &hash).await, 0, "beyond the ledger");
    assert_eq!(counted(last, &Hash::genesis()).await, 0, "another commit");
    receipts.record(&receipts_of(&product, 1..=last + 2)).await.unwrap();
    assert_eq!(counted(last, &hash).await, last + 2, "receipts go further");
}

#[tokio::test]
async fn unprocessed_receipts_are_sent_again_until_none_is_left() {
    let engine = engine::Engine::in_memory().unwrap();
    let put = |n: u64| json!({"PutRequest": {"Item": {"sequence": {"N": n.to_string()}}}});
    let left = |writes: &[u64]| json!({"UnprocessedItems": {"receipts": writes.iter().map(|n| put(*n)).collect::<Vec<_>>()}});
    let (config, canned) =
        Canned::answers(&engine.sdk_config(), [left(&[2, 3]), left(&[3]), json!({"UnprocessedItems": {}})]);
    let receipts = event_store::DynamoReceipts::new(aws_sdk_dynamodb::Client::new(&config), "receipts");
    let each = ["a", "b", "c"].map(|product| record(&fixtures::id(product), 1, receipt(1)));
    receipts.record(&each).await.unwrap();
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
