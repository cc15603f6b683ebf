//! Histories that contradict the log: never logged, never skipped in silence; the product is parked and all others go on.

use std::sync::Arc;

use event_store::announced::LOG_CONSUMER;
use event_store::{AnnouncedCommit, AnnouncedKey, Journal, MemoryJournal, Parking, seal};
use schema::{StoredCommit, fixtures};
use sequencer::Sequencer;
use serde_json::json;

use crate::given::{Given, another_hash, ids, noon};

/// The reason for which the only parked product waits for an operator.
async fn reason(given: &Given, product: &str) -> String {
    assert_eq!(given.parked().await, [(product.to_owned(), false)]);
    given.parking.of(LOG_CONSUMER, &fixtures::id(product)).await.unwrap().unwrap().reason
}

/// A sequencer of the same log over another event table.
fn over(given: &Given, journal: MemoryJournal) -> Sequencer {
    let ports = sequencer::SequencerPorts { journal: Arc::new(journal), ..given.ports() };
    Sequencer::new(ports, Arc::new(noon), ids())
}

/// An event table with these commits.
async fn table_of(commits: &[StoredCommit]) -> MemoryJournal {
    let journal = MemoryJournal::default();
    for commit in commits {
        journal.append(commit).await.unwrap();
    }
    journal
}

/// A first commit other than the one that [`Given::commit`] records, and one behind it.
fn rivals(product: &str) -> (Vec<StoredCommit>, AnnouncedCommit) {
    let id = fixtures::id(product);
    let mut unsealed = fixtures::commit_after(None, &id, vec![fixtures::helmet_created()]);
    unsealed.metadata.actor = "a rival".into();
    let (first, one) = seal(unsealed).unwrap();
    let unsealed = fixtures::commit_after(Some(&first), &id, vec![fixtures::helmet_deleted()]);
    let (second, two) = seal(unsealed).unwrap();
    let newest = AnnouncedKey { sequence: 2, hash: second.hash };
    (vec![one, two], AnnouncedCommit { product: id, newest: Some(newest) })
}

#[tokio::test]
async fn an_announced_commit_with_another_hash_than_the_logged_one_parks_its_product_alone() {
    for commits in [1, 3] {
        let given = Given::default().begun().await;
        let sequencer = given.sequencer();
        given.commit("a", commits).await;
        sequencer.log(&[given.announced("a")], None).await.unwrap();
        let b = given.commit("b", 1).await;
        let rival = AnnouncedKey { sequence: 1, hash: another_hash() };
        let rival = AnnouncedCommit { product: fixtures::id("a"), newest: Some(rival) };
        let run = sequencer.log(&[rival, b], None).await.unwrap();
        assert_eq!((run.logged, run.parked), (1, 1));
        assert!(reason(&given, "a").await.starts_with("rewritten: "));
        given.all_is_logged().await;
    }
}

#[tokio::test]
async fn an_announced_commit_between_two_logged_ones_is_a_rival() {
    let given = Given::default().begun().await;
    let id = fixtures::id("a");
    let events = vec![fixtures::helmet_created(), fixtures::helmet_renamed()];
    let (commit, stored) = seal(fixtures::commit_after(None, &id, events)).unwrap();
    given.journal.append(&stored).await.unwrap();
    let key = |sequence, hash| AnnouncedCommit {
        product: id.clone(),
        newest: Some(AnnouncedKey { sequence, hash }),
    };
    let between = key(2, another_hash());
    // The first commit holds both sequences, so none begins at the second.
    let run = given.sequencer().log(&[key(1, commit.hash.clone()), between.clone()], None).await.unwrap();
    assert_eq!((run.logged, run.parked), (1, 1));
    assert!(reason(&given, "a").await.starts_with("missing: "));
}

#[tokio::test]
async fn a_history_that_was_written_again_after_a_restore_is_never_logged() {
    let given = Given::default().begun().await;
    given.commit("a", 1).await;
    given.sequencer().log(&[given.announced("a")], None).await.unwrap();
    let (rivals, announced) = rivals("a");
    for unread in [false, true] {
        let announced =
            if unread { AnnouncedCommit { newest: None, ..announced.clone() } } else { announced.clone() };
        let run = over(&given, table_of(&rivals).await).log(&[announced], None).await.unwrap();
        assert_eq!((run.logged, run.parked), (0, 1));
        assert!(reason(&given, "a").await.starts_with("rewritten: "));
        assert_eq!(given.log().await.len(), 1);
    }
}

#[tokio::test]
async fn a_commit_that_the_event_table_has_lost_is_missing() {
    let given = Given::default().begun().await;
    given.commit("a", 2).await;
    let announced = given.announced("a");
    let unread = AnnouncedCommit { newest: None, ..announced.clone() };
    // Announced and not there.
    let empty = over(&given, MemoryJournal::default());
    assert_eq!(empty.log(std::slice::from_ref(&announced), None).await.unwrap().parked, 1);
    assert!(reason(&given, "a").await.starts_with("missing: "));
    assert!(given.log().await.is_empty());
    // Logged and not there any more, wholly or at the end.
    given.sequencer().log(&[announced], None).await.unwrap();
    let first = given.journal.page(&fixtures::id("a"), 0, 1).await.unwrap();
    for left in [Vec::new(), first] {
        let run = over(&given, table_of(&left).await).log(std::slice::from_ref(&unread), None).await.unwrap();
        assert_eq!((run.logged, run.parked), (0, 1));
        assert!(reason(&given, "a").await.starts_with("missing: "));
    }
}

#[tokio::test]
async fn a_commit_that_does_not_have_the_hash_it_carries_is_not_logged_and_those_before_it_are() {
    let given = Given::default().begun().await;
    given.commit("a", 2).await;
    let (_, mut third) = given.next("a");
    third.0["metadata"]["actor"] = json!("somebody else");
    given.journal.append(&third).await.unwrap();
    let unread = AnnouncedCommit { product: fixtures::id("a"), newest: None };
    let run = given.sequencer().log(&[unread], None).await.unwrap();
    assert_eq!((run.logged, run.parked), (2, 1));
    assert!(reason(&given, "a").await.contains("does not have the hash"));
    assert_eq!(given.log().await.len(), 2);
}

#[tokio::test]
async fn a_log_whose_index_contradicts_its_newest_batch_does_not_go_on() {
    use sequencer::{LogIndexEntry, LogTable};
    let given = Given::default().begun().await;
    let a = given.commit("a", 1).await;
    let another =
        LogIndexEntry { product: a.product.clone(), sequence: 1, index: 9, hash: [1; 32], branch: None };
    // Entered by hand: the log does not have the commit yet, as far as it can tell from what is below the sequence.
    given.sequencer().log(&[given.commit("b", 1).await], None).await.unwrap();
    given.table.insert_index(&[LogIndexEntry { sequence: 2, ..another }]).await.unwrap();
    let mut batch = given.table.newest_batch(0).await.unwrap().unwrap();
    batch.first = batch.size();
    batch.commits[0].product = a.product;
    batch.commits[0].sequence = 2;
    let leaf = batch.commits[0].leaf.to_bytes();
    batch.edge.push(ledger_log::tree::entry_hash(&leaf));
    assert!(given.table.insert_batch(&batch).await.unwrap());
    let error = given.sequencer().log(&[given.commit("c", 1).await], None).await.unwrap_err();
    assert!(error.is_unreadable() && error.to_string().contains("in the log twice"), "{error}");
}
