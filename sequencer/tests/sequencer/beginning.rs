//! The log of a ledger that has commits already begins with them, by the time of recording; what is recorded meanwhile comes after.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use event_store::{AppendError, Journal, MemoryJournal, ScanPage, ScanPosition, StoreError, seal};
use schema::{Commit, ProductId, StoredCommit, Timestamp, fixtures};
use sequencer::{LogTable, Sequencer, SequencerPorts};

use crate::given::{Given, MINUTE, ids, noon};

/// Records commits of several products at these seconds, in the order of the products.
async fn recorded_at(given: &Given, products: &[(&str, &[i64])]) {
    for (product, seconds) in products {
        let mut before: Option<Commit> = None;
        for second in *seconds {
            let event = match before.as_ref().map_or(0, |before| before.sequence) {
                0 => fixtures::helmet_created(),
                n if n % 2 == 1 => fixtures::helmet_deleted(),
                _ => fixtures::helmet_restored(),
            };
            let mut unsealed = fixtures::commit_after(before.as_ref(), &fixtures::id(product), vec![event]);
            unsealed.recorded_at =
                fixtures::at(&format!("2026-11-23T05:{:02}:{:02}Z", second / 60, second % 60));
            let (commit, stored) = seal(unsealed).unwrap();
            given.journal.append(&stored).await.unwrap();
            before = Some(commit);
        }
    }
}

async fn order(given: &Given) -> Vec<(String, u64)> {
    given.log().await.iter().map(|logged| (logged.product.to_string(), logged.sequence)).collect()
}

fn keys(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(product, sequence)| ((*product).to_owned(), *sequence)).collect()
}

#[tokio::test]
async fn it_begins_by_time_product_and_sequence_with_any_number_of_keys_in_memory() {
    for kept in [1, 2, 3, 100] {
        let given = Given::default();
        recorded_at(&given, &[("c", &[1, 2, 9]), ("a", &[2, 3, 3]), ("b", &[2, 4])]).await;
        let run = given.sequencer().keeping(kept).drain(MINUTE).await.unwrap();
        assert_eq!((run.logged, run.is_beginning), (8, false));
        let expected = [("c", 1), ("a", 1), ("b", 1), ("c", 2), ("a", 2), ("a", 3), ("b", 2), ("c", 3)];
        assert_eq!(order(&given).await, keys(&expected), "{kept}");
        given.all_is_logged().await;
    }
}

#[tokio::test]
async fn nothing_is_logged_before_it_and_what_was_announced_meanwhile_comes_after() {
    let given = Given::default();
    recorded_at(&given, &[("z", &[1, 2])]).await;
    let sequencer = given.sequencer();
    let meanwhile = given.commit("a", 1).await;
    given.announce(vec![meanwhile.clone()]).await;
    let run = sequencer.log(&[meanwhile], None).await.unwrap();
    assert!(run.is_beginning && run.logged == 0, "{run:?}");
    // The sequencer's clock says when the log began: before the commit that comes meanwhile.
    given.table.begin(Timestamp::parse("2026-11-23T05:30:00Z").unwrap()).await.unwrap();
    let (_, late) = {
        let mut unsealed = fixtures::commit_after(None, &fixtures::id("b"), vec![fixtures::helmet_created()]);
        unsealed.recorded_at = fixtures::at("2026-11-23T06:00:00Z");
        seal(unsealed).unwrap()
    };
    given.journal.append(&late).await.unwrap();
    assert!(!sequencer.drain(MINUTE).await.unwrap().is_beginning);
    // The fixtures record in the year before, so that product is there from the beginning.
    assert_eq!(order(&given).await, keys(&[("a", 1), ("z", 1), ("z", 2)]));
    sequencer.retry(&fixtures::id("b")).await.unwrap();
    assert_eq!(order(&given).await.last().unwrap().0, "b");
    given.all_is_logged().await;
}

#[tokio::test]
async fn without_time_nothing_is_lost() {
    let given = Given::default();
    recorded_at(&given, &[("a", &[1, 2])]).await;
    assert!(given.sequencer().drain(Duration::ZERO).await.unwrap().is_beginning);
    assert!(given.log().await.is_empty());
    assert!(!given.sequencer().drain(MINUTE).await.unwrap().is_beginning);
    given.all_is_logged().await;
}

/// A time before that of the commit before it is written by nothing but a damaged clock and hand.
#[tokio::test]
async fn a_product_whose_times_go_back_is_logged_after_all_others() {
    let given = Given::default();
    recorded_at(&given, &[("a", &[9, 1]), ("b", &[5])]).await;
    let sequencer = given.sequencer();
    sequencer.drain(MINUTE).await.unwrap();
    assert_eq!(order(&given).await, keys(&[("b", 1)]));
    assert_eq!(given.parked().await, [("a".to_owned(), true)]);
    sequencer.retry_parked(MINUTE).await.unwrap();
    assert_eq!(order(&given).await, keys(&[("b", 1), ("a", 1), ("a", 2)]));
    assert_eq!(given.parked().await, []);
}

#[tokio::test]
async fn more_commits_than_a_batch_takes_are_logged_in_several_by_two_sequencers_at_once() {
    let given = Given::default();
    for product in ["a", "b", "c"] {
        given.commit(product, 900).await;
    }
    let clock: schema::Clock = Arc::new(crate::given::noon);
    let (one, other) = (given.sequencer(), Sequencer::new(given.ports(), clock, ids()));
    let (one, other) = tokio::join!(one.drain(MINUTE), other.drain(MINUTE));
    assert!(!one.unwrap().is_beginning && !other.unwrap().is_beginning);
    given.all_is_logged().await;
    assert!(given.table.newest_batch(2_048).await.unwrap().is_some());
}

/// An event table of which each page takes a second, and which counts them.
struct SlowJournal {
    inner: Arc<MemoryJournal>,
    scanned: AtomicUsize,
}

#[async_trait]
impl Journal for SlowJournal {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        self.inner.append(commit).await
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        self.inner.newest(product, at_most).await
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.inner.page(product, after, limit).await
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.scanned.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.inner.scan(from, limit).await
    }
}

/// Each run is another process, with time for a part of the event table, and in the end for a batch.
#[tokio::test(start_paused = true)]
async fn runs_that_are_too_short_for_the_event_table_go_on_where_the_one_before_ended() {
    for time in [Duration::from_millis(1_500), Duration::from_millis(3_500)] {
        let given = Given::default();
        for product in ["a", "b", "c", "d", "e"] {
            given.commit(product, 900).await;
        }
        let journal = Arc::new(SlowJournal { inner: given.journal.clone(), scanned: AtomicUsize::new(0) });
        let mut runs = 0;
        loop {
            let ports = SequencerPorts { journal: journal.clone(), ..given.ports() };
            let run = Sequencer::new(ports, Arc::new(noon), given.ids.clone()).drain(time).await.unwrap();
            runs += 1;
            if !run.is_beginning {
                break;
            }
            assert!(runs < 10, "it does not end");
        }
        assert!(runs > 1, "{time:?} is time for everything");
        // 4500 commits, 1000 a page.
        assert_eq!(journal.scanned.load(Ordering::Relaxed), 5, "nothing is read twice, with {time:?} a run");
        let logged = given.all_is_logged().await;
        let keys = logged.iter().map(|commit| (commit.sequence, &commit.product));
        assert!(keys.is_sorted(), "by time, which is that of the sequence, and product");
    }
}
