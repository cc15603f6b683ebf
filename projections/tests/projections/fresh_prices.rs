//! `GET …/prices`: its version, never older than the client asks for, or as known at a given time; and its cost.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::probe::RequestRecorder;
use event_store::{DynamoJournal, MemoryJournal, MemoryReceipts};
use projections::http::QueryApi;
use projections::prices::FoldedCommit;
use projections::views::Generation;
use projections::{MemoryPriceLog, PriceLog, Prices};
use schema::fixtures;
use serde_json::{Value, json};

use crate::given::doubles::{Counted, NoPages};
use crate::given::prices::Act::{Delete, Price, Restore};
use crate::given::prices::{day, lines, priced_life};
use crate::given::{Deed, Life, asked, finished, front_of, front_over, noon, prices_of, tables, views_of};

const FIRST: Generation = Generation(1);

/// The first commits of a life in the price view.
async fn folded(prices: &dyn PriceLog, life: &Life, commits: usize) {
    let commits = life.commits[..commits].iter().map(|(commit, _)| FoldedCommit::of(commit));
    let commits: Vec<FoldedCommit> = commits.collect();
    prices.fold(FIRST, &life.id, &commits).await.unwrap();
}

/// Two prices and two other events in one commit.
fn story() -> Life {
    let mut life = priced_life("01-01", &[("03-01", Price("12"))]);
    life.goes_on(&Deed::RenameRepriceAndRename(["Hat", "Cap"], "8"));
    life.goes_on(&Deed::Rename("Helmet".into()));
    life
}

#[tokio::test]
async fn a_client_sees_its_own_change_though_the_view_lags() {
    let front = front_over(MemoryJournal::default());
    let life = story();
    life.recorded_in(&*front.journal).await;
    for commits in 0..=4 {
        folded(&*front.prices, &life, commits).await;
        for least in 1..=6_u64 {
            let (status, prices) =
                asked(&front.router, &format!("/products/p/prices?min_version={least}")).await;
            assert_eq!(status, 200, "{commits} {least}");
            let version = prices["version"].as_u64().unwrap();
            assert!(version >= least, "{commits} {least}: {version}");
            let expected = match version {
                1 => "10.00",
                2 => "12.00",
                _ => "8.00",
            };
            assert_eq!(prices["timeline"].as_array().unwrap().len().min(3), version.min(3) as usize);
            let newest = prices["timeline"]
                .as_array()
                .unwrap()
                .iter()
                .max_by_key(|period| period["sequence"].as_u64());
            assert_eq!(newest.unwrap()["price"], expected, "{commits} {least}");
        }
        // What the view has is enough without a least version, and it says how far it is.
        let (_, prices) = asked(&front.router, "/products/p/prices").await;
        let seen = [6, 1, 2, 5, 6][commits];
        assert_eq!(prices["version"], seen, "{commits}");
        let (status, problem) = asked(&front.router, "/products/p/prices?min_version=7").await;
        assert_eq!((status, &problem["current_version"]), (409, &json!(6)), "{commits}");
        assert_eq!(problem["type"], "urn:product-ledger:problem:version-not-reached");
    }
    for query in ["min_version=0", "min_version=1", "known_at=2030-01-01T00:00:00Z"] {
        assert_eq!(asked(&front.router, &format!("/products/q/prices?{query}")).await.0, 404, "{query}");
    }
}

#[tokio::test]
async fn a_delete_is_visible_at_its_version_and_a_history_is_never_older() {
    let front = front_over(MemoryJournal::default());
    let life = priced_life("01-01", &[("02-01", Delete), ("03-01", Restore)]);
    life.recorded_in(&*front.journal).await;
    folded(&*front.prices, &life, 1).await;
    let (_, seen) = asked(&front.router, "/products/p/prices?min_version=1").await;
    assert_eq!((&seen["version"], &seen["current"]), (&json!(1), &json!("10.00")));
    let (_, restored) = asked(&front.router, "/products/p/prices?min_version=2").await;
    assert_eq!((&restored["version"], &restored["current"]), (&json!(3), &json!("10.00")));
    let (status, history) = asked(&front.router, "/products/p/history?min_version=3").await;
    assert_eq!((status, history["commits"].as_array().unwrap().len()), (200, 3));
    // It is asked of the product, not of the page.
    let (status, history) = asked(&front.router, "/products/p/history?min_version=3&limit=1&after=1").await;
    assert_eq!((status, &history["commits"][0]["sequence"], &history["next"]), (200, &json!(2), &json!(2)));
    for query in ["min_version=4", "min_version=4&limit=1", "min_version=4&after=9"] {
        let (status, problem) = asked(&front.router, &format!("/products/p/history?{query}")).await;
        assert_eq!((status, &problem["current_version"]), (409, &json!(3)), "{query}");
    }
    // Inside a commit as well as at its end.
    let renamed = Life::of("r", &[Deed::RenameRepriceAndRename(["Hat", "Cap"], "8")]);
    renamed.recorded_in(&*front.journal).await;
    for (least, expected) in [(1, 200), (2, 200), (3, 200), (4, 200), (5, 409)] {
        for part in ["history", "prices"] {
            let (status, _) = asked(&front.router, &format!("/products/r/{part}?min_version={least}")).await;
            assert_eq!(status, expected, "{part} {least}");
        }
    }
    assert_eq!(asked(&front.router, "/products/q/history?min_version=1").await.0, 404);
    let (status, problem) = asked(&front.router, "/products/p/history?min_version=x").await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (400, &json!("min_version")));
}

#[tokio::test]
async fn prices_are_answered_as_they_were_known() {
    let front = front_over(MemoryJournal::default());
    // Recorded a second apart; the price of February came last.
    let mut life = priced_life("01-01", &[("03-01", Price("12"))]);
    life.goes_on(&Deed::RenameRepriceAndRename(["Hat", "Cap"], "8"));
    life.goes_on_at(Some(day("02-01")), &Deed::Reprice("9".into(), "USD"));
    life.recorded_in(&*front.journal).await;
    folded(&*front.prices, &life, 4).await;
    let recorded = |commit: usize| life.commits[commit].0.recorded_at;
    let known = async |moment: String, query: &str| {
        asked(&front.router, &format!("/products/p/prices?known_at={moment}{query}")).await
    };
    for (commit, version) in [(0, 1), (1, 2), (2, 5), (3, 6)] {
        let (status, prices) = known(recorded(commit).to_string(), "").await;
        assert_eq!((status, &prices["version"]), (200, &json!(version)));
        let sequences = prices["timeline"].as_array().unwrap().iter();
        let newest = sequences.map(|period| period["sequence"].as_u64().unwrap()).max().unwrap();
        assert_eq!(newest, [1, 2, 4, 6][commit]);
    }
    // A moment between two recordings.
    let between = fixtures::at("2025-11-13T02:13:22.500Z");
    assert!(recorded(1) < between && between < recorded(2));
    let (_, prices) = known(between.to_string(), "").await;
    assert_eq!(prices["version"], 2);
    let (_, now) = asked(&front.router, "/products/p/prices").await;
    assert_eq!(known("2026-11-23T12:00:00Z".into(), "").await.1, now);
    // By when it happened, as known then: the price of February was not.
    let as_of = "&as_of=2026-02-15T00:00:00Z";
    assert_eq!(lines(&known(recorded(2).to_string(), as_of).await.1).last().unwrap(), "10.00 USD 01-01 … 1");
    assert_eq!(lines(&known(recorded(3).to_string(), as_of).await.1).last().unwrap(), "9.00 USD 02-01 … 6");
    // A least version has to exist, whenever it was recorded.
    let (status, prices) = known(recorded(0).to_string(), "&min_version=6").await;
    assert_eq!((status, &prices["version"]), (200, &json!(1)));
    let (status, problem) = known(recorded(0).to_string(), "&min_version=7").await;
    assert_eq!((status, &problem["current_version"]), (409, &json!(6)));
    let (status, problem) = known("2025-11-13T02:13:20.999Z".into(), "").await;
    let since = recorded(0).to_string();
    assert_eq!((status, problem["detail"].as_str().unwrap().contains(&since)), (404, true), "{problem}");
}

#[tokio::test]
async fn the_history_from_the_ledger_equals_the_one_in_the_view() {
    let front = front_over(MemoryJournal::default());
    let life = priced_life("01-01", &[("03-01", Price("12")), ("02-01", Price("8")), ("02-10", Delete)]);
    life.recorded_in(&*front.journal).await;
    folded(&*front.prices, &life, 4).await;
    let kept = front.prices.history(FIRST, &life.id).await.unwrap();
    let ledger = Prices::new(front.prices.clone(), front.journal.clone());
    assert_eq!(ledger.from_journal(&life.id).await.unwrap(), kept);
    // Also what is gone on from anywhere.
    for commits in 0..4 {
        let view = MemoryPriceLog::default();
        folded(&view, &life, commits).await;
        let seen = view.history(FIRST, &life.id).await.unwrap();
        assert_eq!(ledger.extended(&life.id, seen, None).await.unwrap(), kept, "{commits}");
    }
}

#[tokio::test]
async fn a_history_that_cannot_be_extended_names_the_first_event_that_is_missing() {
    let mut life = story();
    let prices = Arc::<MemoryPriceLog>::default();
    folded(&*prices, &life, 3).await;
    let seen = prices.history(FIRST, &life.id).await.unwrap();
    let error =
        Prices::new(prices.clone(), Arc::<NoPages>::default()).extended(&life.id, seen.clone(), None).await;
    let error = error.unwrap_err();
    assert_eq!((error.from_sequence, error.retryable), (6, true));

    life.commits[3].1.0["recorded_at"] = json!("yesterday");
    let journal = Arc::<MemoryJournal>::default();
    life.recorded_in(&*journal).await;
    let known_at = Some(fixtures::at("2026-11-23T12:00:00Z"));
    let error = Prices::new(prices, journal).extended(&life.id, seen, known_at).await.unwrap_err();
    assert_eq!((error.from_sequence, error.retryable), (6, false));
}

#[tokio::test]
async fn a_cursor_is_refused_with_another_known_at() {
    let front = front_over(MemoryJournal::default());
    let deeds: Vec<Deed> = (0..1_100).map(|n| Deed::Reprice(format!("{}", n + 40), "USD")).collect();
    let life = Life::of("p", &deeds);
    life.recorded_in(&*front.journal).await;
    let newest = life.newest().recorded_at;
    let path = format!("/products/p/prices?known_at={newest}");
    let (_, first) = asked(&front.router, &path).await;
    let next = first["next"].as_str().unwrap();
    let (_, second) = asked(&front.router, &format!("{path}&next={next}")).await;
    assert_eq!((second["timeline"].as_array().unwrap().len(), &second["next"]), (101, &Value::Null));
    for other in ["/products/p/prices?".into(), format!("/products/p/prices?as_of={newest}&")] {
        assert_eq!(asked(&front.router, &format!("{other}next={next}")).await.0, 400, "{other}");
    }
}

#[tokio::test]
async fn a_commit_that_cannot_be_read_is_no_excuse_for_an_older_answer() {
    let front = front_over(MemoryJournal::default());
    let mut life = story();
    life.commits[2].1.0["events"][1]["schema_version"] = json!(99);
    life.recorded_in(&*front.journal).await;
    folded(&*front.prices, &life, 2).await;
    assert_eq!(asked(&front.router, "/products/p/prices").await.1["version"], 2);
    assert_eq!(asked(&front.router, "/products/p/prices?min_version=2").await.0, 200);
    assert_eq!(asked(&front.router, "/products/p/prices?min_version=3").await.0, 500);
    // What was known before it can be told all the same.
    let before = life.commits[1].0.recorded_at;
    assert_eq!(asked(&front.router, &format!("/products/p/prices?known_at={before}")).await.1["version"], 2);
    let after = life.commits[2].0.recorded_at;
    assert_eq!(asked(&front.router, &format!("/products/p/prices?known_at={after}")).await.0, 500);
}

#[tokio::test]
async fn what_was_known_costs_a_page_for_each_hundred_commits_up_to_then() {
    let journal = Arc::<Counted>::default();
    let deeds: Vec<Deed> = (0..349).map(|n| Deed::Reprice(format!("{}", n + 40), "USD")).collect();
    let life = Life::of("p", &deeds);
    life.recorded_in(&*journal).await;
    let front = front_of(journal.clone());
    for (commit, requests) in [(0, 1), (98, 1), (99, 2), (249, 3), (349, 4)] {
        let known_at = life.commits[commit].0.recorded_at;
        let (_, prices) = asked(&front, &format!("/products/p/prices?known_at={known_at}")).await;
        assert_eq!(prices["version"], commit + 1);
        assert_eq!(journal.reads.swap(0, Ordering::Relaxed), requests, "{commit}");
    }
    let (_, history) = asked(&front, "/products/p/history?limit=1&min_version=350").await;
    assert_eq!(history["next"], 1);
    assert_eq!(journal.reads.swap(0, Ordering::Relaxed), 2);
}

#[tokio::test]
async fn on_dynamodb_a_lagging_view_costs_one_more_unit_and_the_least_version_of_a_history_too() {
    let (config, recorder) = RequestRecorder::record(&tables().await);
    let client = event_store::metering::client(&config);
    event_store::table::create(&client, "events", event_store::TABLE).await.unwrap();
    let (journal, prices) = (DynamoJournal::new(client, "events"), prices_of(&config));
    let life = story();
    life.recorded_in(&journal).await;
    folded(&prices, &life, 2).await;
    let router = finished(QueryApi {
        views: Arc::new(views_of(&config)),
        prices: Arc::new(prices),
        journal: Arc::new(journal),
        receipts: Arc::<MemoryReceipts>::default(),
        clock: noon(),
        stopping: None,
    });
    // The first query reads the generations, which are kept for 5 seconds.
    asked(&router, "/products/p/prices").await;
    let known_at = life.commits[1].0.recorded_at;
    for (query, expected) in [
        ("prices".into(), vec![("Query", "prices", 0.5)]),
        ("prices?min_version=2".into(), vec![("Query", "prices", 0.5)]),
        ("prices?min_version=6".into(), vec![("Query", "prices", 0.5), ("Query", "events", 1.0)]),
        ("prices?min_version=9".into(), vec![("Query", "prices", 0.5), ("Query", "events", 1.0)]),
        (format!("prices?known_at={known_at}"), vec![("Query", "events", 1.0)]),
        ("history?min_version=6".into(), vec![("Query", "events", 1.0), ("Query", "events", 1.0)]),
    ] {
        recorder.clear();
        asked(&router, &format!("/products/p/{query}")).await;
        let seen = recorder.take();
        let cost: Vec<_> = seen
            .iter()
            .map(|seen| {
                let request = &seen.request;
                (request.operation.as_str(), request.table.as_deref().unwrap(), seen.capacity().unwrap())
            })
            .collect();
        assert_eq!(cost, expected, "{query}");
    }
}
