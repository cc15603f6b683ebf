//! What a follower promises, without a store: commits are delivered in order until they are handled, a checkpoint is written
//! only after that, and a checkpoint that does not match is never trusted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use event_store::backoff::Backoff;
use event_store::{Journal, MemoryCheckpointStore, MemoryJournal, seal};
use schema::fixtures;
use tokio::time::timeout;

use super::*;
use crate::back_pressure::BackPressure;

/// A ledger of so many products with one commit each.
async fn ledger(commits: usize) -> Arc<MemoryJournal> {
    let journal = Arc::new(MemoryJournal::default());
    add(&journal, 0..commits).await;
    journal
}

async fn add(journal: &MemoryJournal, products: std::ops::Range<usize>) {
    for product in products {
        let id = fixtures::id(&format!("p{product}"));
        let unsealed = fixtures::commit_after(None, &id, vec![fixtures::helmet_created()]);
        journal.append(&seal(unsealed).unwrap().1).await.unwrap();
    }
}

/// Everything around one consumer.
struct World {
    journal: Arc<MemoryJournal>,
    progress: Arc<dyn CheckpointStore>,
    calls: Arc<Mutex<Vec<Vec<u64>>>>,
    compared: Arc<AtomicUsize>,
    stop: watch::Sender<bool>,
}

impl World {
    fn on(journal: Arc<MemoryJournal>, progress: Arc<dyn CheckpointStore>) -> Self {
        let stop = watch::channel(false).0;
        Self { journal, progress, calls: Arc::default(), compared: Arc::default(), stop }
    }

    /// Runs until everything that is there has a checkpoint; `answer` says which positions failed in each call.
    async fn run(&self, answer: impl Fn(&[u64]) -> Vec<String> + Send + Sync) {
        let [position, _] = BackPressure::new(0).consumers();
        let compared = self.compared.clone();
        let quick = RedeliveryPolicy {
            backoff: Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(2) },
            bisect_after: 2,
            most_retries: 3,
        };
        let follower = Follower::new(PROJECTOR, self.journal.clone(), self.progress.clone(), position)
            .redelivery(quick)
            .on_missed(move || {
                let times = compared.fetch_add(1, Ordering::Relaxed);
                std::future::ready(if times == 0 { Err("not yet".to_owned()) } else { Ok(()) })
            });
        let function = |records: Vec<ChangeRecord>| {
            let positions: Vec<u64> = records.iter().map(|record| record.id.parse().unwrap()).collect();
            self.calls.lock().unwrap().push(positions.clone());
            let failed = answer(&positions);
            async move { failed }
        };
        let done = async {
            let newest = self.journal.newest_position().await.unwrap();
            while self.position().await != newest {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            self.stop.send_replace(true);
        };
        let both = async { tokio::join!(follower.run(function, self.stop.subscribe()), done) };
        timeout(Duration::from_mins(1), both).await.unwrap();
    }

    async fn position(&self) -> Option<u64> {
        self.progress.checkpoint().await.unwrap().map(|checkpoint| checkpoint.position)
    }

    fn calls(&self) -> Vec<Vec<u64>> {
        self.calls.lock().unwrap().clone()
    }
}

fn world(journal: Arc<MemoryJournal>) -> World {
    World::on(journal, Arc::new(MemoryCheckpointStore::default()))
}

fn all(range: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    range.collect()
}

#[tokio::test]
async fn commits_are_delivered_in_batches_of_a_thousand_and_the_checkpoint_names_the_newest() {
    let world = world(ledger(1_001).await);
    world.run(|_| Vec::new()).await;
    assert_eq!(world.calls(), [all(0..=999), all(1_000..=1_000)]);
    let checkpoint = world.progress.checkpoint().await.unwrap().unwrap();
    assert_eq!(Some(checkpoint.hash), world.journal.hash_at(1_000).await.unwrap());
}

#[tokio::test]
async fn a_restart_goes_on_behind_the_checkpoint() {
    let first = world(ledger(3).await);
    first.run(|_| Vec::new()).await;
    add(&first.journal, 3..5).await;
    let again = World::on(first.journal.clone(), first.progress.clone());
    again.run(|_| Vec::new()).await;
    assert_eq!(again.calls(), [all(3..=4)]);
    assert_eq!(again.compared.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_commit_that_fails_is_redelivered_with_all_after_it_and_none_before_it() {
    let world = world(ledger(5).await);
    let failed = AtomicUsize::new(0);
    world
        .run(
            |_| {
                if failed.fetch_add(1, Ordering::Relaxed) == 0 {
                    vec!["3".into(), "2".into()]
                } else {
                    vec![]
                }
            },
        )
        .await;
    assert_eq!(world.calls(), [all(0..=4), all(2..=4)]);
}

#[tokio::test]
async fn a_panic_halves_the_batch_until_the_failing_commit_is_alone_and_given_up() {
    let world = world(ledger(4).await);
    world
        .run(|positions| {
            assert!(!positions.contains(&2), "on purpose");
            Vec::new()
        })
        .await;
    let calls = world.calls();
    assert_eq!(calls[..2], [all(0..=3), all(0..=3)], "twice as a whole");
    let alone = calls.iter().filter(|call| **call == [2]).count();
    assert!(alone >= 4, "a first try and three more: {calls:?}");
    assert_eq!(calls.last(), Some(&vec![3]));
    assert!(calls.iter().filter(|call| call.contains(&0)).count() <= 3, "what is done does not come again");
}

#[tokio::test]
async fn an_answer_that_names_no_record_of_the_batch_is_a_failure_of_all() {
    let world = world(ledger(2).await);
    let calls = AtomicUsize::new(0);
    world.run(|_| if calls.fetch_add(1, Ordering::Relaxed) == 0 { vec!["77".into()] } else { vec![] }).await;
    assert_eq!(world.calls(), [all(0..=1), all(0..=1)]);
}

#[tokio::test]
async fn a_checkpoint_of_another_hash_or_beyond_the_newest_has_everything_compared_before_it_goes_on() {
    for position in [1, 7] {
        let progress = Arc::new(MemoryCheckpointStore::default());
        progress.keep(&Checkpoint { position, hash: "another".into() }).await.unwrap();
        let world = World::on(ledger(3).await, progress);
        world.run(|_| Vec::new()).await;
        assert_eq!(world.compared.load(Ordering::Relaxed), 2, "until it succeeds");
        assert!(world.calls().is_empty(), "what was compared is not handed over again");
        assert_eq!(world.position().await, Some(2));
    }
}

/// A progress whose first checkpoints cannot be kept.
struct Failing {
    kept: MemoryCheckpointStore,
    failures: AtomicUsize,
}

#[async_trait]
impl CheckpointStore for Failing {
    async fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.kept.checkpoint().await
    }

    fn begin(&self) {}

    async fn keep(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        if self.failures.fetch_add(1, Ordering::Relaxed) < 2 {
            return Err(StoreError::new("the disk is full".into()));
        }
        self.kept.keep(checkpoint).await
    }

    async fn end(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn commits_whose_checkpoint_could_not_be_written_are_redelivered() {
    let failing = Failing { kept: MemoryCheckpointStore::default(), failures: AtomicUsize::new(0) };
    let world = World::on(ledger(2).await, Arc::new(failing));
    world.run(|_| Vec::new()).await;
    assert_eq!(world.calls(), [all(0..=1), all(0..=1), all(0..=1)]);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_fails_for_a_minute_says_so_and_one_that_has_nothing_to_do_does_not() {
    let failing = |answer: &'static [&'static str], commits| async move {
        let (lines, _guard) = crate::stall::tests::Lines::collect();
        let world = world(ledger(commits).await);
        let [position, _] = BackPressure::new(0).consumers();
        let follower = Follower::new(PROJECTOR, world.journal.clone(), world.progress.clone(), position);
        let function = |_| std::future::ready(answer.iter().map(|&id| id.to_owned()).collect());
        let stop = async {
            tokio::time::sleep(Duration::from_secs(90)).await;
            world.stop.send_replace(true);
        };
        tokio::join!(follower.run(function, world.stop.subscribe()), stop);
        lines.said()
    };
    let said = failing(&["0"], 1).await;
    assert!(said.len() == 1 && said[0].contains("the consumer reports a failed commit"), "{said:?}");
    let said = failing(&["no position"], 1).await;
    assert!(said.len() == 1 && said[0].contains("no position"), "{said:?}");
    assert_eq!(failing(&["0"], 0).await, [""; 0], "nothing to do");
    assert_eq!(failing(&[], 1).await, [""; 0], "all is done");
}
