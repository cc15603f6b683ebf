//! The cost of the price log on `DynamoDB`.

use engine::probe::RequestRecorder;
use projections::PriceLog;
use projections::prices::{FoldedCommit, PriceChange, PriceEntry, TimelinePosition};
use projections::views::Generation;
use schema::fixtures;

use crate::given::{prices_of, tables};

const FIRST: Generation = Generation(1);

fn entry(at: &str, sequence: u64, change: PriceChange) -> PriceEntry {
    PriceEntry { position: TimelinePosition { at: fixtures::at(at), sequence }, change }
}

fn entries() -> Vec<PriceEntry> {
    vec![
        entry("2024-01-01T00:00:00Z", 9, PriceChange::Priced(fixtures::money("0.0001", "USD"))),
        entry("2026-01-01T00:00:00Z", 2, PriceChange::Deleted),
        entry("2026-01-01T00:00:00Z", 10, PriceChange::Restored),
        entry("2026-01-01T00:00:00.001Z", 3, PriceChange::Priced(fixtures::money("10", "JPY"))),
    ]
}

fn folded(last: u64, entries: &[PriceEntry]) -> FoldedCommit {
    FoldedCommit { last, entries: entries.to_vec(), origin: None }
}

#[tokio::test]
async fn folding_a_commit_and_reading_the_newest_cost_one_unit_each() {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let (log, id) = (prices_of(&config), fixtures::id("694215b7-08f7-4c0d-acb1-d734ba44c0c8"));
    let both = entries();
    for (commits, operation) in
        [(vec![folded(4, &both[..2])], "PutItem"), (vec![folded(5, &[]), folded(6, &[])], "UpdateItem")]
    {
        recorder.clear();
        log.fold(FIRST, &id, &commits).await.unwrap();
        log.newest(FIRST, &id).await.unwrap();
        let seen = recorder.take();
        let cost: Vec<_> =
            seen.iter().map(|seen| (seen.request.operation.as_str(), seen.capacity())).collect();
        assert_eq!(cost, [(operation, Some(1.0)), ("Query", Some(1.0))]);
    }
}
