//! `GET …/history`: every commit once, exactly as hashed, with the publication of each event.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use event_store::receipts::{EventPublication, RestoreMark};
use event_store::{MemoryJournal, Receipts};
use schema::receipt::FailureDetails;
use schema::{PublicationFailure, PublicationReceipt, PublicationRecord, StoredCommit, fixtures};
use serde_json::{Value, json};

use crate::given::doubles::Counted;
use crate::given::{Deed, Life, asked, front_of, front_over};

fn receipt(life: &Life, commit: usize, event: usize) -> PublicationRecord {
    let (commit, _) = &life.commits[commit];
    PublicationRecord::Receipt(PublicationReceipt {
        event_id: commit.events[event].event_id.to_string(),
        receipt_id: "r".into(),
        bus_sequence: None,
        bus: "local".into(),
        published_at: fixtures::at("2026-01-01T00:00:00Z"),
        attempts: 1,
        hash: commit.hash.clone(),
    })
}

fn failure(life: &Life, commit: usize, event: usize) -> PublicationRecord {
    PublicationRecord::Failure(PublicationFailure {
        event_id: life.commits[commit].0.events[event].event_id.to_string(),
        receipt_id: String::new(),
        error: "too many".into(),
        details: FailureDetails { error_code: "ThrottlingException".into() },
        attempts: 3,
        failed_at: fixtures::at("2026-01-01T00:00:00Z"),
    })
}

#[tokio::test]
async fn each_commit_stands_as_it_was_hashed_beside_its_receipts() {
    let front = front_over(MemoryJournal::default());
    let mut life = Life::of("p", &[Deed::RenameAndReprice("Hat".into(), "5".into())]);
    life.goes_on(&Deed::Rename("Cap".into()));
    life.recorded_in(&*front.journal).await;
    let records = [(1, receipt(&life, 0, 0)), (3, failure(&life, 1, 1))]
        .map(|(sequence, outcome)| EventPublication { product: life.id.clone(), sequence, outcome });
    front.receipts.record(&records).await.unwrap();

    let (status, history) = asked(&front.router, "/products/p/history").await;
    assert_eq!((status, &history["next"]), (200, &Value::Null));
    let commits = history["commits"].as_array().unwrap();
    assert_eq!(commits.len(), 3);
    for ((_, stored), shown) in life.commits.iter().zip(commits) {
        let mut shown = shown.as_object().unwrap().clone();
        shown.remove("receipts");
        let shown = StoredCommit(shown);
        assert_eq!(&shown, stored);
        let hash = event_store::chain::hash_of(&shown).unwrap();
        assert_eq!(hash.as_str(), shown.text("hash").unwrap());
    }
    assert_eq!(commits[0]["receipts"], json!([receipt(&life, 0, 0)]));
    assert_eq!(commits[1]["receipts"], json!([null, failure(&life, 1, 1)]));
    assert_eq!(commits[2]["receipts"], json!([null]));
}

#[tokio::test]
async fn what_a_restore_marked_is_shown_as_restored_as_long_as_the_mark_fits() {
    let front = front_over(MemoryJournal::default());
    let mut life = Life::of("p", &[Deed::RenameAndReprice("Hat".into(), "5".into())]);
    life.goes_on(&Deed::Rename("Cap".into()));
    life.recorded_in(&*front.journal).await;
    let outcome = receipt(&life, 0, 0);
    front
        .receipts
        .record(&[EventPublication { product: life.id.clone(), sequence: 1, outcome }])
        .await
        .unwrap();
    let shown = async || {
        let (_, history) = asked(&front.router, "/products/p/history").await;
        let commits = history["commits"].as_array().unwrap().clone();
        commits.iter().map(|commit| commit["receipts"].clone()).collect::<Vec<_>>()
    };
    let (receipt, restored) = (json!([receipt(&life, 0, 0)]), json!({"restored": true}));
    let hash = life.commits[1].0.hash.clone();
    front.receipts.mark(life.id.clone(), RestoreMark { sequence: 3, hash });
    assert_eq!(shown().await, [receipt.clone(), json!([restored, restored]), json!([null])]);
    // The mark of another commit, or one that ends elsewhere, covers nothing.
    for (sequence, commit) in [(3, 2), (2, 1), (4, 1)] {
        let hash = life.commits[commit].0.hash.clone();
        front.receipts.mark(life.id.clone(), RestoreMark { sequence, hash });
        assert_eq!(shown().await, [receipt.clone(), json!([null, null]), json!([null])]);
    }
}

#[tokio::test]
async fn a_field_of_a_later_build_is_shown_too() {
    let front = front_over(MemoryJournal::default());
    let mut life = Life::of("p", &[]);
    life.commits[0].1.0.insert("approved_by".into(), json!("x"));
    life.commits[0].1.0["events"][0]["schema_version"] = json!(99);
    life.recorded_in(&*front.journal).await;
    let (status, history) = asked(&front.router, "/products/p/history").await;
    assert_eq!((status, &history["commits"][0]["approved_by"]), (200, &json!("x")));
}

#[tokio::test]
async fn pages_of_any_size_give_every_commit_once() {
    let front = front_over(MemoryJournal::default());
    let deeds: Vec<Deed> =
        (0..59).map(|n| Deed::RenameAndReprice(format!("Hat {n}"), format!("{}", n + 40))).collect();
    let life = Life::of("p", &deeds);
    life.recorded_in(&*front.journal).await;
    let expected: Vec<u64> = life.commits.iter().map(|(commit, _)| commit.sequence).collect();
    for limit in [1, 7, 30, 59, 60, 100] {
        let (mut sequences, mut after) = (Vec::new(), Value::from(0));
        while !after.is_null() {
            let (_, page) =
                asked(&front.router, &format!("/products/p/history?limit={limit}&after={after}")).await;
            let commits = page["commits"].as_array().unwrap();
            assert!((1..=limit).contains(&commits.len()), "{limit} {after}");
            sequences.extend(commits.iter().map(|commit| commit["sequence"].as_u64().unwrap()));
            after = page["next"].clone();
        }
        assert_eq!(sequences, expected, "{limit}");
    }
    let (_, inside) = asked(&front.router, "/products/p/history?after=3&limit=1").await;
    assert_eq!(inside["commits"][0]["sequence"], 4);
}

#[tokio::test]
async fn a_page_costs_a_request_for_its_first_25_commits_and_for_each_100_after_them() {
    let journal = Arc::<Counted>::default();
    let deeds: Vec<Deed> = (0..119).map(|n| Deed::Rename(format!("Hat {n}"))).collect();
    Life::of("p", &deeds).recorded_in(&*journal).await;
    let front = front_of(journal.clone());
    for (limit, requests) in [(1, 1), (24, 1), (25, 2), (49, 2), (100, 2)] {
        let (_, page) = asked(&front, &format!("/products/p/history?limit={limit}")).await;
        assert_eq!(page["commits"].as_array().unwrap().len(), limit);
        assert_eq!(journal.reads.swap(0, Ordering::Relaxed), requests, "{limit}");
    }
}

#[tokio::test]
async fn a_page_of_large_commits_is_cut_near_a_megabyte() {
    let front = front_over(MemoryJournal::default());
    let mut life = Life::of("p", &[]);
    for _ in 0..40 {
        life.goes_on(&Deed::Rename("ö".repeat(30_000)));
        life.goes_on(&Deed::Rename("Hat".into()));
    }
    life.recorded_in(&*front.journal).await;
    let (mut sequences, mut after) = (0, Value::from(0));
    while !after.is_null() {
        let (_, page) = asked(&front.router, &format!("/products/p/history?limit=100&after={after}")).await;
        let bytes = page.to_string().len();
        assert!(bytes < 1_400_000, "{bytes}");
        sequences += page["commits"].as_array().unwrap().len();
        after = page["next"].clone();
    }
    assert_eq!(sequences, 81);
}

#[tokio::test]
async fn an_unknown_product_has_no_history_and_a_deleted_one_keeps_it() {
    let front = front_over(MemoryJournal::default());
    let mut life = Life::of("p", &[]);
    life.commit(vec![fixtures::helmet_deleted()]);
    life.recorded_in(&*front.journal).await;
    for (uri, status) in [
        ("/products/p/history", 200),
        ("/products/p/history?after=99", 200),
        ("/products/q/history", 404),
        ("/products/q/history?after=99", 404),
        ("/products/p/history?after=-1", 400),
        ("/products/p/history?limit=0", 400),
        ("/products/p/history?cursor=1", 400),
    ] {
        assert_eq!(asked(&front.router, uri).await.0, status, "{uri}");
    }
}

/// Commits recorded anew have the sequences of the removed ones, but not their receipts.
#[tokio::test]
async fn a_receipt_or_a_failure_of_another_event_is_not_shown_as_that_of_this_one() {
    let front = front_over(MemoryJournal::default());
    let mut life = Life::of("p", &[Deed::RenameAndReprice("Hat".into(), "5".into())]);
    life.goes_on(&Deed::Rename("Cap".into()));
    life.recorded_in(&*front.journal).await;
    let mut of_another_commit = receipt(&life, 0, 0);
    if let PublicationRecord::Receipt(receipt) = &mut of_another_commit {
        receipt.hash = life.commits[1].0.hash.clone();
    }
    let records = [
        (1, of_another_commit),
        (2, receipt(&life, 1, 1)),
        (3, failure(&life, 1, 0)),
        (4, receipt(&life, 2, 0)),
    ];
    let record = |(sequence, outcome)| EventPublication { product: life.id.clone(), sequence, outcome };
    front.receipts.record(&records.map(record)).await.unwrap();
    let (_, history) = asked(&front.router, "/products/p/history").await;
    let shown: Vec<&Value> =
        history["commits"].as_array().unwrap().iter().map(|commit| &commit["receipts"]).collect();
    assert_eq!(shown, [&json!([null]), &json!([null, null]), &json!([receipt(&life, 2, 0)])]);
}
