//! `GET …/prices` against cases worked out by hand: which price was in force when, page by page and as of any time.

use event_store::MemoryJournal;
use projections::PriceLog;
use projections::prices::{FoldedCommit, PriceChange, PriceEntry, TimelinePosition};
use projections::views::Generation;
use schema::fixtures;
use serde_json::{Value, json};

use crate::given::prices::Act::{Delete, Price, Restore};
use crate::given::prices::{day, instant, lines, priced_life, prices_shown};
use crate::given::{Deed, asked, front_over};

const FIRST: Generation = Generation(1);

#[tokio::test]
async fn a_change_that_is_recorded_late_takes_its_place_in_time() {
    let life = priced_life("01-01", &[("03-01", Price("12")), ("02-01", Price("8"))]);
    let prices = prices_shown(&life, "").await;
    assert_eq!(lines(&prices), ["10.00 USD 01-01 02-01 1", "8.00 USD 02-01 03-01 3", "12.00 USD 03-01 … 2"]);
    // The newest change in time is that of March 1, though it was not recorded last.
    assert_eq!(prices["current"], "12.00");
    assert_eq!(prices["lowest_30_days"], json!({"price": "8.00", "since": instant("02-01")}));
}

#[tokio::test]
async fn a_deleted_product_has_a_history_but_no_price_now() {
    let deleted = priced_life("01-01", &[("02-01", Price("8")), ("03-01", Delete)]);
    let prices = prices_shown(&deleted, "").await;
    assert_eq!((&prices["currency"], &prices["current"]), (&json!("USD"), &Value::Null));
    assert_eq!(lines(&prices), ["10.00 USD 01-01 02-01 1", "8.00 USD 02-01 03-01 2"]);
    assert_eq!(prices["lowest_30_days"]["price"], "10.00");
}

#[tokio::test]
async fn a_price_given_while_deleted_counts_from_the_restore_on() {
    // The deletion is recorded late: in time it lies before the change.
    let mut late = priced_life("01-01", &[("03-01", Price("8"))]);
    late.goes_on_at(Some(day("02-01")), &Deed::DeleteOrRestore);
    late.goes_on_at(Some(day("04-01")), &Deed::DeleteOrRestore);
    let prices = prices_shown(&late, "").await;
    assert_eq!(lines(&prices), ["10.00 USD 01-01 02-01 1", "8.00 USD 04-01 … 4"]);
}

#[tokio::test]
async fn deletes_and_restores_count_in_the_order_in_which_they_were_recorded() {
    // Deleted on March 1. The restore says February 1, the deletion after it February 10: both take effect on March 1.
    let mut acts = vec![("03-01", Delete), ("02-01", Restore)];
    let prices = prices_shown(&priced_life("01-01", &acts), "").await;
    assert_eq!(lines(&prices), ["10.00 USD 01-01 03-01 1", "10.00 USD 03-01 … 3"]);
    assert_eq!(prices["current"], "10.00");
    acts.push(("02-10", Delete));
    let prices = prices_shown(&priced_life("01-01", &acts), "").await;
    assert_eq!(lines(&prices), ["10.00 USD 01-01 03-01 1"]);
    assert_eq!(prices["current"], Value::Null);
    // Up to a moment between what they say and when they take effect nothing happened.
    let before = prices_shown(&priced_life("01-01", &acts), "?as_of=2026-02-20T00:00:00Z").await;
    assert_eq!(lines(&before), ["10.00 USD 01-01 … 1"]);
    assert_eq!(before["current"], "10.00");
    acts.push(("04-01", Restore));
    let prices = prices_shown(&priced_life("01-01", &acts), "").await;
    assert_eq!(lines(&prices), ["10.00 USD 01-01 03-01 1", "10.00 USD 04-01 … 5"]);
    assert_eq!(prices["current"], "10.00");
}

#[tokio::test]
async fn a_price_of_the_moment_of_a_delete_or_a_restore_counts_whichever_was_recorded_first() {
    let first = priced_life("01-01", &[("03-01", Price("8")), ("03-01", Delete), ("04-01", Restore)]);
    let last = priced_life("01-01", &[("03-01", Delete), ("04-01", Restore), ("03-01", Price("8"))]);
    let (first, last) = (prices_shown(&first, "").await, prices_shown(&last, "").await);
    let expected = ["10.00 USD 01-01 03-01", "8.00 USD 03-01 03-01", "8.00 USD 04-01 …"];
    for (prices, sequences) in [(first, [1, 2, 4]), (last, [1, 4, 3])] {
        let expected: Vec<String> =
            expected.iter().zip(sequences).map(|(line, sequence)| format!("{line} {sequence}")).collect();
        assert_eq!(lines(&prices), expected);
    }
    // A restore with a price of its own never brought the old one back.
    let restored = priced_life("01-01", &[("03-01", Delete), ("04-01", Price("7"))]);
    let prices = prices_shown(&restored, "").await;
    assert_eq!(lines(&prices), ["10.00 USD 01-01 03-01 1", "7.00 USD 04-01 … 4"]);
    let again = priced_life("01-01", &[("03-01", Delete), ("03-01", Restore), ("03-01", Price("7"))]);
    let prices = prices_shown(&again, "").await;
    assert_eq!(lines(&prices), ["10.00 USD 01-01 03-01 1", "7.00 USD 03-01 … 4"]);
}

#[tokio::test]
async fn as_of_shows_what_was_in_force_then() {
    let life = priced_life("01-01", &[("03-01", Price("8")), ("03-20", Price("12"))]);
    let prices = prices_shown(&life, "?as_of=2026-03-19T23:59:59Z").await;
    assert_eq!(lines(&prices), ["10.00 USD 01-01 03-01 1", "8.00 USD 03-01 … 2"]);
    assert_eq!(prices["current"], "8.00");
    assert_eq!(prices["lowest_30_days"]["price"], "10.00");
    let prices = prices_shown(&life, "?as_of=2026-03-20T00:00:00Z").await;
    assert_eq!(prices["current"], "12.00");
    let prices = prices_shown(&life, "?as_of=2025-01-01T00:00:00Z").await;
    assert_eq!(
        prices,
        json!({
            "currency": null, "current": null, "version": 3, "lowest_30_days": null, "reduction": null,
            "reference": null, "timeline": [], "next": null,
        })
    );
}

#[tokio::test]
async fn pages_of_a_thousand_show_every_period_once() {
    let front = front_over(MemoryJournal::default());
    let id = fixtures::id("p");
    let entry = |n: u64| PriceEntry {
        position: TimelinePosition {
            at: fixtures::at(&format!("2026-01-01T{:02}:{:02}:00Z", n / 60 % 24, n % 60)),
            sequence: n + 1,
        },
        change: PriceChange::Priced(fixtures::money(&format!("{}", n + 1), "USD")),
    };
    let entries: Vec<PriceEntry> = (0..1_400).map(entry).collect();
    let folded = |entry: PriceEntry| FoldedCommit {
        last: entry.position.sequence,
        entries: vec![entry],
        origin: None,
    };
    let commits: Vec<FoldedCommit> = entries.into_iter().map(folded).collect();
    front.prices.fold(FIRST, &id, &commits).await.unwrap();
    let (_, first) = asked(&front.router, "/products/p/prices").await;
    let next = first["next"].as_str().unwrap();
    // A change that arrives between two pages, in the time of the first, doubles and hides nothing.
    let late = PriceEntry {
        position: TimelinePosition { sequence: 2_000, ..entry(3).position },
        change: PriceChange::Priced(fixtures::money("99999", "USD")),
    };
    front.prices.fold(FIRST, &id, &[folded(late)]).await.unwrap();
    let (_, second) = asked(&front.router, &format!("/products/p/prices?next={next}")).await;
    assert_eq!(second["next"], Value::Null);
    assert_eq!(first["timeline"].as_array().unwrap().len(), 1_000);
    let both = [&first, &second].into_iter().flat_map(|page| page["timeline"].as_array().unwrap());
    let sequences: Vec<u64> = both.map(|period| period["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=1_400).collect::<Vec<_>>());
    assert_eq!(first["current"], second["current"]);

    for wrong in [
        format!("/products/q/prices?next={next}"),
        format!("/products/p/prices?as_of=2026-01-02T00:00:00Z&next={next}"),
        format!("/products/p/prices?next={}", &next[1..]),
        "/products/p/prices?next=".into(),
        "/products/p/prices?as_of=never".into(),
        "/products/p/prices?limit=1001".into(),
    ] {
        assert_eq!(asked(&front.router, &wrong).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_product_the_view_does_not_know_yet_is_answered_from_the_ledger() {
    let front = front_over(MemoryJournal::default());
    let life = priced_life("01-01", &[("03-01", Price("12")), ("02-01", Price("8"))]);
    life.recorded_in(&*front.journal).await;
    for query in ["", "?as_of=2026-02-15T00:00:00Z"] {
        let (status, prices) = asked(&front.router, &format!("/products/p/prices{query}")).await;
        assert_eq!(status, 200);
        assert_eq!(prices, prices_shown(&life, query).await, "{query}");
    }
    assert_eq!(asked(&front.router, "/products/q/prices").await.0, 404);
}
