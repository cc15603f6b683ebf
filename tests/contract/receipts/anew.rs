//! A version that was recorded anew after its commit was removed is published: a receipt counts only for the event with its id and
//! hash, and what is not in the ledger is never sent.

use std::sync::Arc;
use std::time::Duration;

use event_store::{MemoryJournal, MemoryParking};
use publisher::{Address, CatchUpOutcome, MemoryBus, Publisher, PublisherPorts, RetryPolicy};
use schema::{Commit, PublicationRecord, StoredCommit, fixtures};
use serde_json::Value;

use super::{ReceiptStore, all};
use crate::given::commits::{ledger_of, recorded_anew, records};

cases! { dyn event_store::Receipts, [memory sqlite dynamodb];
    what_was_recorded_anew_is_published_and_what_was_removed_is_not_again
    of_two_commits_in_one_place_that_come_together_the_one_that_is_there_is_sent
    what_was_recorded_anew_is_found_without_being_told
    an_earlier_version_that_was_recorded_anew_is_found_though_the_clocks_differ
    of_a_product_whose_end_was_cut_off_nothing_is_sent_again_and_its_receipts_stay
    a_failure_counts_for_its_event_alone
}

const MINUTE: Duration = Duration::from_mins(1);

struct Given {
    publisher: Publisher,
    bus: Arc<MemoryBus>,
}

fn given(journal: &Arc<MemoryJournal>, receipts: &ReceiptStore, bus: &Arc<MemoryBus>) -> Given {
    let ports = PublisherPorts {
        journal: journal.clone(),
        receipts: receipts.shared(),
        parking: Arc::<MemoryParking>::default(),
        bus: bus.clone(),
        // After the commits, and before what is recorded in their places.
        clock: Arc::new(|| fixtures::at("2025-11-13T02:20:00Z")),
    };
    let address = Address { source: fixtures::message_source(), bus: "bus".into(), xray: false };
    Given { publisher: Publisher::new(ports, address, RetryPolicy::default()), bus: bus.clone() }
}

impl Given {
    async fn told(&self, commits: &[(Commit, StoredCommit)]) {
        let again = self.publisher.follow(records(commits), MINUTE).await;
        assert!(again.is_empty(), "{again:?}");
    }

    /// The hashes of what was sent, in order.
    fn sent(&self) -> Vec<String> {
        let hash = |entry: &publisher::BusEntry| {
            let detail: Value = serde_json::from_str(&entry.detail).unwrap();
            detail["metadata"]["hash"].as_str().unwrap().to_owned()
        };
        self.bus.accepted().iter().map(|(_, entry)| hash(entry)).collect()
    }

    async fn behind(&self, head: u64) -> Option<u64> {
        self.publisher.behind(&fixtures::id("p"), head).await.unwrap()
    }
}

fn hashes(commits: &[(Commit, StoredCommit)]) -> Vec<String> {
    commits.iter().map(|(commit, _)| commit.hash.to_string()).collect()
}

async fn receipted(receipts: &ReceiptStore) -> Vec<String> {
    let hash = |record| match record {
        PublicationRecord::Receipt(receipt) => receipt.hash.to_string(),
        PublicationRecord::Failure(failure) => failure.error,
    };
    all(&**receipts, &fixtures::id("p")).await.into_iter().map(|(_, record)| hash(record)).collect()
}

async fn what_was_recorded_anew_is_published_and_what_was_removed_is_not_again(receipts: &ReceiptStore) {
    let bus = Arc::default();
    let before = recorded_anew(5, 5);
    given(&ledger_of(&before).await, receipts, &bus).told(&before).await;
    // The two newest are removed and one is recorded: versions 4 and 5 have receipts.
    let after = recorded_anew(6, 3);
    let there = given(&ledger_of(&after[..4]).await, receipts, &bus);
    assert_eq!(there.sent(), hashes(&before));
    assert_eq!(there.behind(4).await, Some(3));
    there.told(&after[3..4]).await;
    assert_eq!(there.sent()[5..], hashes(&after[3..4]));
    assert_eq!(there.behind(4).await, None);
    // It is delivered again, and so is what was removed.
    there.told(&after[3..4]).await;
    there.told(&before).await;
    assert_eq!(there.sent().len(), 6, "nothing is sent twice, and nothing that is not there");
    let there = given(&ledger_of(&after).await, receipts, &bus);
    assert_eq!(there.behind(6).await, Some(4));
    for commit in &after[4..] {
        there.told(std::slice::from_ref(commit)).await;
    }
    assert_eq!(there.sent()[5..], hashes(&after[3..]));
    assert_eq!(receipted(receipts).await, hashes(&after));
}

async fn of_two_commits_in_one_place_that_come_together_the_one_that_is_there_is_sent(
    receipts: &ReceiptStore,
) {
    let (before, after) = (recorded_anew(3, 3), recorded_anew(4, 2));
    let there = given(&ledger_of(&after).await, receipts, &Arc::default());
    there.told(&[&before[..], &after[2..]].concat()).await;
    assert_eq!(there.sent(), hashes(&after));
}

async fn what_was_recorded_anew_is_found_without_being_told(receipts: &ReceiptStore) {
    let bus = Arc::default();
    let (before, after) = (recorded_anew(4, 4), recorded_anew(4, 1));
    given(&ledger_of(&before).await, receipts, &bus).told(&before).await;
    let there = given(&ledger_of(&after).await, receipts, &bus);
    let caught_up = there.publisher.publish_product(&fixtures::id("p"), MINUTE).await.unwrap();
    assert!(matches!(caught_up, CatchUpOutcome::UpTo(4)), "{caught_up:?}");
    assert_eq!(there.sent()[4..], hashes(&after[1..]));
    assert_eq!(receipted(receipts).await, hashes(&after));
}

/// Only its time shows that a receipt of a later version is older than the ledger, and clocks differ.
async fn an_earlier_version_that_was_recorded_anew_is_found_though_the_clocks_differ(
    receipts: &ReceiptStore,
) {
    let product = fixtures::id("p");
    let (before, after) = (recorded_anew(5, 5), recorded_anew(4, 3));
    given(&ledger_of(&before).await, receipts, &Arc::default()).told(&before).await;
    let mut newest = match receipts.of(&product, 5, 5).await.unwrap().remove(0) {
        (_, PublicationRecord::Receipt(receipt)) => receipt,
        (_, failure) => panic!("{failure:?}"),
    };
    newest.published_at = fixtures::at("2030-01-01T00:00:00Z");
    receipts.record(&[super::record(&product, 5, PublicationRecord::Receipt(newest))]).await.unwrap();
    let there = given(&ledger_of(&after).await, receipts, &Arc::default());
    assert_eq!(there.behind(4).await, Some(3));
    there.publisher.publish_product(&product, MINUTE).await.unwrap();
    assert_eq!(there.sent(), hashes(&after[3..]));
}

/// They are all that is left of it.
async fn of_a_product_whose_end_was_cut_off_nothing_is_sent_again_and_its_receipts_stay(
    receipts: &ReceiptStore,
) {
    let bus = Arc::default();
    let before = recorded_anew(4, 4);
    given(&ledger_of(&before).await, receipts, &bus).told(&before).await;
    let there = given(&ledger_of(&before[..2]).await, receipts, &bus);
    there.publisher.publish_product(&fixtures::id("p"), MINUTE).await.unwrap();
    assert_eq!(there.sent().len(), 4);
    assert_eq!(receipted(receipts).await, hashes(&before));
}

async fn a_failure_counts_for_its_event_alone(receipts: &ReceiptStore) {
    let (before, after) = (recorded_anew(2, 2), recorded_anew(2, 1));
    let bus = Arc::default();
    given(&ledger_of(&before).await, receipts, &bus).told(&before[..1]).await;
    let mut failure = fixtures::failure(2, 7);
    failure.event_id = before[1].0.events[0].event_id.to_string();
    let product = fixtures::id("p");
    receipts.record(&[super::record(&product, 2, PublicationRecord::Failure(failure))]).await.unwrap();
    given(&ledger_of(&after).await, receipts, &bus).told(&after[1..]).await;
    let records = all(&**receipts, &product).await;
    let Some((2, PublicationRecord::Receipt(receipt))) = records.last() else { panic!("{records:?}") };
    assert_eq!(receipt.attempts, 1, "the seven were of another event");
}
