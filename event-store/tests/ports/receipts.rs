//! The promises of receipts on `DynamoDB` beyond the contract in `tests/contract`, whatever fails between two requests.

use aws_config::retry::RetryConfig;
use engine::probe::{Faults, InjectedFault, Matching};
use event_store::Receipts;
use event_store::receipts::without_gaps;
use schema::fixtures;
use serde_json::json;

use super::adapters::{failure, receipt, receipts_of, receipts_on, record};
use super::canned::Canned;

/// Whichever request fails, before or after it is applied, each product has its first receipts without a gap.
#[tokio::test]
async fn whatever_fails_no_receipt_is_there_without_those_before_it() {
    let products: Vec<_> = (0..30).map(|n| fixtures::id(&format!("p{n}"))).collect();
    let of_each = |(n, product)| receipts_of(product, 1..=1 + n as u64 % 4);
    let records: Vec<_> = products.iter().enumerate().flat_map(of_each).collect();
    for fault in [InjectedFault::FailBefore, InjectedFault::DropAnswer] {
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
async fn unprocessed_receipts_are_sent_again_until_none_is_left() {
    let engine = engine::Engine::in_memory().unwrap();
    let put = |n: u64| json!({"PutRequest": {"Item": {"sequence": {"N": n.to_string()}}}});
    let left = |writes: &[u64]| json!({"UnprocessedItems": {"receipts": writes.iter().map(|n| put(*n)).collect::<Vec<_>>()}});
    let (config, canned) =
        Canned::answers(&engine.sdk_config(), [left(&[2, 3]), left(&[3]), json!({"UnprocessedItems": {}})]);
    let receipts = event_store::DynamoReceipts::new(event_store::metering::client(&config), "receipts");
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
    let receipts = event_store::DynamoReceipts::new(event_store::metering::client(&config), "receipts");
    assert!(receipts.record(&receipts_of(&fixtures::id("helmet"), 1..=1)).await.is_err());
}

#[test]
fn what_stands_behind_an_event_without_a_receipt_is_not_kept() {
    let product = fixtures::id("a");
    let of = |published: u64, sequences: &[u64], failed: Option<u64>| -> Vec<u64> {
        let outcome = |n| if failed == Some(n) { failure(n, 1) } else { receipt(n) };
        let records = sequences.iter().map(|&n| record(&product, n, outcome(n))).collect();
        without_gaps(records, published).iter().map(|record| record.sequence).collect()
    };
    assert_eq!(of(0, &[1, 2, 3], None), [1, 2, 3]);
    assert_eq!(of(0, &[1, 3, 4], None), [1]);
    assert_eq!(of(0, &[2, 3], None), [0; 0]);
    assert_eq!(of(2, &[3, 4, 6], None), [3, 4]);
    assert_eq!(of(4, &[1, 3, 6], None), [1, 3]);
    // A failure is of the next event, and is no receipt of it.
    assert_eq!(of(0, &[1, 2, 3], Some(2)), [1, 2]);
}
