//! The days of all commits are counted as they are logged, each once, and those of an earlier build afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use engine::probe::RequestRecorder;
use event_store::feed_reader::{DayCounts, FilteredTime};
use event_store::{
    AnnouncedCommit, AnnouncedKey, FeedReader, Journal, MemoryRounds, StoreError, metering, seal, table,
};
use schema::fixtures;
use sequencer::{
    DynamoLogTable, LOG_TABLE, LogBatch, LogFeed, LogKeeper, LogTable, MOST_LEAVES, MemoryLogTable,
    Sequencer, SequencerPorts,
};

use crate::given::{Given, MINUTE, ids, noon};

/// Records commits of a product, some on each day, of which each happened up to a week before.
async fn recorded(given: &Given, product: &str, commits: usize) -> AnnouncedCommit {
    let mut before = given.newest.lock().unwrap().get(product).cloned();
    for _ in 0..commits {
        let number = i64::try_from(before.as_ref().map_or(0, |before| before.sequence)).unwrap();
        let event = match number {
            0 => fixtures::helmet_created(),
            n if n % 2 == 1 => fixtures::helmet_deleted(),
            _ => fixtures::helmet_restored(),
        };
        let mut unsealed = fixtures::commit_after(before.as_ref(), &fixtures::id(product), vec![event]);
        unsealed.recorded_at = noon().days_before(100 - number / 90);
        unsealed.metadata.occurred_at = unsealed.recorded_at.days_before(number % 7);
        let (commit, stored) = seal(unsealed).unwrap();
        given.journal.append(&stored).await.unwrap();
        before = Some(commit);
    }
    let newest = before.unwrap();
    let key = AnnouncedKey { sequence: newest.sequence, hash: newest.hash.clone() };
    given.newest.lock().unwrap().insert(product.to_owned(), newest);
    AnnouncedCommit { product: fixtures::id(product), newest: Some(key) }
}

/// The days by both times, counted one by one.
async fn counted(given: &Given) -> [DayCounts; 2] {
    let mut counts = [DayCounts::new(), DayCounts::new()];
    for commit in given.journal.scan(None, 100_000).await.unwrap().commits {
        let commit = commit.decode().unwrap();
        for (counts, time) in counts.iter_mut().zip([commit.recorded_at, commit.metadata.occurred_at]) {
            *counts.entry(time.to_string()[..10].to_owned()).or_default() += 1;
        }
    }
    counts
}

fn reader(given: &Given, table: &Arc<dyn LogTable>) -> FeedReader {
    let feed = Arc::new(LogFeed::new(given.journal.clone(), table.clone()));
    FeedReader::with_kept_summaries(feed.clone(), feed)
}

async fn answered(reader: &FeedReader) -> [Option<DayCounts>; 2] {
    [reader.days(FilteredTime::Recorded).await.unwrap(), reader.days(FilteredTime::Happened).await.unwrap()]
}

#[tokio::test]
async fn each_commit_is_counted_once_wherever_batches_and_blocks_end() {
    let given = Given::default().begun().await;
    let table: Arc<dyn LogTable> = given.table.clone();
    let (early, sequencer) = (reader(&given, &table), given.sequencer());
    assert_eq!(answered(&early).await, [Some(DayCounts::new()), Some(DayCounts::new())]);
    for commits in [1, 1_022, 1, 1, 700, 1_024, 1_023, 3, 500, MOST_LEAVES, 1_500] {
        sequencer.log(&[recorded(&given, "a", commits).await], None).await.unwrap();
        let expected = counted(&given).await.map(Some);
        assert_eq!(answered(&early).await, expected, "one who has read before, {commits}");
        assert_eq!(answered(&reader(&given, &table)).await, expected, "{commits}");
    }
    let blocks = given.table.counted(0, 100).await.unwrap();
    assert_eq!(blocks.len(), 6_799 / 1_024);
    assert!(counted(&given).await.iter().all(|days| days.len() > 50));
}

/// The log as an earlier build has left it: its batches and blocks say nothing of days.
async fn without_days(given: &Given) -> Arc<MemoryLogTable> {
    let table = Arc::new(MemoryLogTable::default());
    table.begin(noon()).await.unwrap();
    table.complete_beginning().await.unwrap();
    for batch in given.table.batches(0, 1_000).await.unwrap() {
        let batch = LogBatch { days: None, ..batch };
        table.insert_batch(&batch).await.unwrap();
        table.insert_index(&batch.index_entries()).await.unwrap();
    }
    for block in given.table.blocks(0, 1_000).await.unwrap() {
        table.insert_block(&block).await.unwrap();
    }
    table
}

#[tokio::test]
async fn days_of_an_earlier_build_are_counted_once_and_until_then_they_are_not_known() {
    for (commits, is_known) in [([400, 600, 900], true), ([900, 900, 900], false)] {
        let given = Given::default().begun().await;
        for commits in commits {
            given.sequencer().log(&[recorded(&given, "a", commits).await], None).await.unwrap();
        }
        let expected = counted(&given).await.map(Some);
        let older = without_days(&given).await;
        let table: Arc<dyn LogTable> = older.clone();
        assert_eq!(answered(&reader(&given, &table)).await == expected, is_known, "{commits:?}");
        let given = Given { table: older.clone(), ..given };
        // A new batch leaves the older blocks to the schedule.
        given.sequencer().log(&[recorded(&given, "a", 1_030).await], None).await.unwrap();
        let expected = counted(&given).await.map(Some);
        let clock: schema::Clock = Arc::new(noon);
        let rounds = Arc::new(MemoryRounds::default());
        let keeper = LogKeeper::new(given.ports(), rounds, None, clock, given.ids.clone());
        keeper.catch_up(MINUTE).await.unwrap();
        assert_eq!(answered(&reader(&given, &table)).await, expected);
        let blocks = given.table.counted(0, 10).await.unwrap();
        assert_eq!(blocks.len(), given.table.blocks(0, 10).await.unwrap().len());
        given.all_is_logged().await;
    }
}

/// A commit that is gone is in no count of an earlier build's batch, and no reason to know nothing.
#[tokio::test]
async fn a_commit_that_is_gone_is_not_counted() {
    let given = Given::default().begun().await;
    given.sequencer().log(&[recorded(&given, "a", 5).await], None).await.unwrap();
    let table: Arc<dyn LogTable> = without_days(&given).await;
    let journal = Arc::new(event_store::MemoryJournal::default());
    for commit in given.journal.page(&fixtures::id("a"), 0, 3).await.unwrap() {
        journal.append(&commit).await.unwrap();
    }
    let given = Given { journal, ..given };
    let days = answered(&reader(&given, &table)).await;
    assert_eq!(days, counted(&given).await.map(Some));
}

/// What is asked of `DynamoDB`, and its read units.
async fn cost(
    recorder: &RequestRecorder,
    asked: impl Future<Output = Result<Option<DayCounts>, StoreError>>,
) -> (usize, f64) {
    recorder.clear();
    assert!(asked.await.unwrap().is_some());
    let requests = recorder.take();
    let units = requests.iter().map(|request| request.capacity().unwrap_or_default()).sum();
    (requests.len(), units)
}

#[tokio::test]
async fn the_days_of_thousands_of_commits_are_two_requests() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let client: Client = metering::client(&config);
    table::create(&client, "log", LOG_TABLE).await.unwrap();
    let given = Given::default();
    let log: Arc<dyn LogTable> = Arc::new(DynamoLogTable::new(client, "log"));
    let ports = SequencerPorts { table: log.clone(), ..given.ports() };
    let sequencer = Sequencer::new(ports, Arc::new(noon), ids());
    sequencer.drain(MINUTE).await.unwrap();
    // Four blocks, and 904 commits behind them.
    for _ in 0..10 {
        sequencer.log(&[recorded(&given, "a", 500).await], None).await.unwrap();
    }
    let reader = reader(&given, &log);
    let (requests, units) = cost(&recorder, reader.days(FilteredTime::Recorded)).await;
    println!("first: {requests} requests, {units} read units");
    assert_eq!(requests, 2, "the counts of the blocks, and the batches behind them");
    assert!(units <= 30.0, "{units} read units");
    let (requests, units) = cost(&recorder, reader.days(FilteredTime::Happened)).await;
    println!("again: {requests} requests, {units} read units");
    assert_eq!(requests, 2);
    let expected: BTreeMap<String, u64> = counted(&given).await[1].clone();
    assert_eq!(reader.days(FilteredTime::Happened).await.unwrap(), Some(expected));
}
