//! Entries are returned by position, whatever the order of their commits.

use projections::prices::{PriceChange, PriceEntry, PriceHistory};
use schema::fixtures;

use super::{FIRST, PriceLogs, entry, fold, folded, price};
use crate::given::commits::LAST;

cases! { dyn projections::PriceLog, [memory sqlite dynamodb];
    an_entry_reads_back_field_for_field
    prices_are_read_back_digit_for_digit
    entries_come_in_the_order_of_their_moments
    entries_of_one_moment_come_by_sequence
    all_entries_of_a_commit_are_read
    a_commit_dated_in_the_past_is_placed_in_the_past
    a_history_longer_than_a_request_is_read_completely
    a_commit_with_many_entries_is_read_completely
    the_earliest_and_the_latest_moment_keep_their_positions
}

async fn entries(log: &PriceLogs) -> Vec<PriceEntry> {
    log.history(FIRST, &fixtures::id("p")).await.unwrap().entries
}

async fn one_commit_each(log: &PriceLogs, entries: &[PriceEntry]) {
    let mut commits: Vec<_> =
        entries.iter().map(|entry| folded(entry.position.sequence, &[*entry])).collect();
    commits.sort_by_key(|commit| commit.last);
    fold(&**log, &fixtures::id("p"), &commits).await;
}

/// By position.
fn some() -> Vec<PriceEntry> {
    vec![
        entry("2024-01-01T00:00:00Z", 9, price("0.0001", "USD")),
        entry("2026-01-01T00:00:00Z", 2, PriceChange::Deleted),
        entry("2026-01-01T00:00:00Z", 10, PriceChange::Restored),
        entry("2026-01-01T00:00:00.001Z", 3, price("10", "JPY")),
    ]
}

async fn an_entry_reads_back_field_for_field(log: &PriceLogs) {
    for (sequence, change) in
        [(1, price("33.6442", "USD")), (2, PriceChange::Deleted), (3, PriceChange::Restored)]
    {
        let one = entry("2026-11-23T05:20:00.123Z", sequence, change);
        fold(&**log, &fixtures::id("p"), &[folded(sequence, &[one])]).await;
        assert_eq!(entries(log).await.last(), Some(&one));
    }
}

async fn prices_are_read_back_digit_for_digit(log: &PriceLogs) {
    let prices = [("0", "USD"), ("0.0001", "USD"), ("999999999", "JPY"), ("33.60", "EUR"), ("10.10", "EUR")];
    let all: Vec<_> = (1..)
        .zip(prices)
        .map(|(n, (text, currency))| entry("2026-01-01T00:00:00Z", n, price(text, currency)))
        .collect();
    one_commit_each(log, &all).await;
    assert_eq!(entries(log).await, all);
}

async fn entries_come_in_the_order_of_their_moments(log: &PriceLogs) {
    one_commit_each(log, &some()).await;
    assert_eq!(entries(log).await, some());
}

async fn entries_of_one_moment_come_by_sequence(log: &PriceLogs) {
    let all: Vec<_> =
        [1, 2, 9, 10, 11, 100].map(|n| entry("2026-01-01T00:00:00Z", n, PriceChange::Deleted)).into();
    one_commit_each(log, &all).await;
    assert_eq!(entries(log).await, all);
}

async fn all_entries_of_a_commit_are_read(log: &PriceLogs) {
    let all = [1, 2, 4].map(|n| entry("2026-01-01T00:00:00Z", n, price(&n.to_string(), "USD")));
    fold(&**log, &fixtures::id("p"), &[folded(5, &all)]).await;
    let history = log.history(FIRST, &fixtures::id("p")).await.unwrap();
    assert_eq!(history, PriceHistory { folded: 5, entries: all.to_vec() });
}

async fn a_commit_dated_in_the_past_is_placed_in_the_past(log: &PriceLogs) {
    let (newer, older) = (
        entry("2026-02-01T00:00:00Z", 1, price("1", "USD")),
        entry("2026-01-01T00:00:00Z", 2, price("2", "USD")),
    );
    fold(&**log, &fixtures::id("p"), &[folded(1, &[newer])]).await;
    fold(&**log, &fixtures::id("p"), &[folded(2, &[older])]).await;
    assert_eq!(entries(log).await, [older, newer]);
}

async fn a_history_longer_than_a_request_is_read_completely(log: &PriceLogs) {
    let many: Vec<PriceEntry> =
        (1..=1_050).map(|n| entry("2026-01-01T00:00:00Z", n, PriceChange::Deleted)).collect();
    one_commit_each(log, &many).await;
    assert!(entries(log).await == many);
}

async fn a_commit_with_many_entries_is_read_completely(log: &PriceLogs) {
    let many: Vec<PriceEntry> =
        (1..=2_000).map(|n| entry("2026-01-01T00:00:00Z", n, price("123.4567", "USD"))).collect();
    fold(&**log, &fixtures::id("p"), &[folded(2_000, &many)]).await;
    assert!(entries(log).await == many);
}

async fn the_earliest_and_the_latest_moment_keep_their_positions(log: &PriceLogs) {
    let all = [
        entry("0000-01-01T00:00:00Z", 2, price("1", "USD")),
        entry("1969-12-31T23:59:59.999Z", LAST, price("2", "USD")),
        entry("9999-12-31T23:59:59.999Z", 1, price("3", "USD")),
    ];
    one_commit_each(log, &all).await;
    assert_eq!(entries(log).await, all);
}
