//! What the price log costs on `DynamoDB`.

use engine::probe::RequestRecorder;
use projections::PriceLog;
use projections::prices::{Entry, FoldedCommit, Place, What};
use projections::views::Generation;
use schema::fixtures;

use crate::given::{prices_of, tables};

const FIRST: Generation = Generation(1);

fn entry(at: &str, sequence: u64, what: What) -> Entry {
    Entry { place: Place { at: fixtures::at(at), sequence }, what }
}

fn entries() -> Vec<Entry> {
    vec![
        entry("2024-01-01T00:00:00Z", 9, What::Priced(fixtures::money("0.0001", "USD"))),
        entry("2026-01-01T00:00:00Z", 2, What::Deleted),
        entry("2026-01-01T00:00:00Z", 10, What::Restored),
        entry("2026-01-01T00:00:00.001Z", 3, What::Priced(fixtures::money("10", "JPY"))),
    ]
}

fn folded(last: u64, entries: &[Entry]) -> FoldedCommit {
    FoldedCommit { last, entries: entries.to_vec(), origin: None }
}

#[tokio::test]
async fn a_commit_is_one_unit_with_a_price_or_without_and_so_is_how_far_it_got() {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let (log, id) = (prices_of(&config), fixtures::id("694215b7-08f7-4c0d-acb1-d734ba44c0c8"));
    let both = entries();
    for (commits, operation) in
        [(vec![folded(4, &both[..2])], "PutItem"), (vec![folded(5, &[]), folded(6, &[])], "UpdateItem")]
    {
        recorder.clear();
        log.fold(FIRST, &id, &commits).await.unwrap();
        log.folded(FIRST, &id).await.unwrap();
        let seen = recorder.take();
        let cost: Vec<_> =
            seen.iter().map(|seen| (seen.request.operation.as_str(), seen.capacity())).collect();
        assert_eq!(cost, [(operation, Some(1.0)), ("Query", Some(1.0))]);
    }
}
