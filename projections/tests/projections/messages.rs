//! `GET …/messages`: a message for each event after a sequence, once and in order, however pages and commits are cut.

use std::sync::Arc;

use axum::Router;
use event_store::{Journal, MemoryJournal};
use projections::http::messages::{MessagesApi, routes};
use schema::message::MessageSource;
use schema::{Message, StoredCommit};
use serde_json::{Value, json};

use crate::given::{Deed, Life, asked};

fn front(journal: Arc<dyn Journal>) -> Router {
    let source =
        MessageSource { name: "shop.products".into(), log_origin: Some("ledger.example/log".into()) };
    web::finish(routes(MessagesApi { journal, source }), web::ClockAndIds::system())
}

/// A product whose commits have one to three events, which ends deleted, and the routes over it.
async fn told() -> (Life, Router) {
    let journal = Arc::new(MemoryJournal::default());
    let mut life = Life::of("p", &[Deed::RenameAndReprice("Hat".into(), "5".into())]);
    life.goes_on(&Deed::Rename("Cap".into()));
    life.goes_on(&Deed::RenameRepriceAndRename(["Beret", "Bonnet"], "6"));
    life.goes_on(&Deed::DeleteOrRestore);
    life.recorded_in(&*journal).await;
    (life, front(journal))
}

/// The sequences of a page, and `next`.
fn listed(page: &Value) -> (Vec<u64>, Option<u64>) {
    let messages = page["messages"].as_array().unwrap();
    (messages.iter().map(|entry| entry["sequence"].as_u64().unwrap()).collect(), page["next"].as_u64())
}

#[tokio::test]
async fn every_event_has_the_message_that_the_publisher_sends_with_the_product_after_it() {
    let (life, front) = told().await;
    let (status, page) = asked(&front, "/products/p/messages").await;
    assert_eq!(status, 200, "{page}");
    let messages = page["messages"].as_array().unwrap();
    let source =
        MessageSource { name: "shop.products".into(), log_origin: Some("ledger.example/log".into()) };
    let mut wanted = Vec::new();
    for (commit, _) in &life.commits {
        for (sequence, recorded) in commit.numbered() {
            let detail = Message::of(commit, (sequence, recorded), &source, None).unwrap();
            wanted.push(json!({
                "sequence": sequence, "source": "shop.products", "detail-type": detail.metadata.event_name,
                "resources": ["p"], "detail": detail,
            }));
        }
    }
    assert!(wanted.len() > life.commits.len(), "no commit has several events");
    assert_eq!((messages, page["next"].as_u64()), (&wanted, None));
    assert!(messages.iter().all(|entry| entry["detail"]["data"]["product"].is_object()));
}

#[tokio::test]
async fn pages_of_any_size_from_any_sequence_have_each_event_once() {
    let (life, front) = told().await;
    let newest = life.commits.last().unwrap().0.last_sequence();
    for after in 0..=newest {
        for limit in 1..=newest {
            let (mut from, mut met) = (after, Vec::new());
            loop {
                let uri = format!("/products/p/messages?after={from}&limit={limit}");
                let (status, page) = asked(&front, &uri).await;
                assert_eq!(status, 200, "{page}");
                let (sequences, next) = listed(&page);
                assert!(sequences.len() as u64 <= limit);
                met.extend(sequences);
                let Some(next) = next else { break };
                assert_eq!(Some(&next), met.last(), "the next page does not follow");
                from = next;
            }
            assert_eq!(met, (after + 1..=newest).collect::<Vec<_>>(), "after {after}, {limit} at a time");
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_and_what_is_no_number_is_refused() {
    let (life, front) = told().await;
    let newest = life.commits.last().unwrap().0.last_sequence();
    assert_eq!(
        asked(&front, &format!("/products/p/messages?after={newest}")).await.1,
        json!({"messages": [], "next": null})
    );
    let (status, problem) = asked(&front, &format!("/products/p/messages?after={}", newest + 1)).await;
    assert_eq!((status, &problem["current_version"]), (404, &json!(newest)));
    assert!(problem["type"].as_str().unwrap().ends_with("version-not-found"), "{problem}");
    assert_eq!(asked(&front, &format!("/products/p/messages?after={}", u64::MAX)).await.0, 404);
    for uri in ["/products/q/messages", "/products/q/messages?after=7"] {
        let (status, problem) = asked(&front, uri).await;
        assert_eq!(status, 404);
        assert!(problem["type"].as_str().unwrap().ends_with("product-not-found"), "{problem}");
    }
    for wrong in ["after=-1", "after=x", "limit=0", "limit=101", "since=1"] {
        assert_eq!(asked(&front, &format!("/products/p/messages?{wrong}")).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_page_ends_near_a_megabyte_and_has_one_message_at_least() {
    let journal = Arc::new(MemoryJournal::default());
    // A message has the name three times: the event's two, and the product's.
    let name = |n: u64| format!("{n}{}", "x".repeat(100_000));
    let mut life = Life::begins("p", &name(0), "1");
    for n in 1..9 {
        life.goes_on(&Deed::Rename(name(n)));
    }
    life.recorded_in(&*journal).await;
    let front = front(journal);
    let (mut after, mut pages, mut met) = (0, 0, Vec::new());
    loop {
        let (_, page) = asked(&front, &format!("/products/p/messages?after={after}")).await;
        let (sequences, next) = listed(&page);
        assert!((1..=4).contains(&sequences.len()), "{} in a page", sequences.len());
        met.extend(sequences);
        pages += 1;
        let Some(next) = next else { break };
        after = next;
    }
    assert_eq!((met, pages), ((1..=9).collect(), 3));
}

#[tokio::test]
async fn a_commit_of_a_later_build_is_said_and_events_of_earlier_versions_are_brought_up() {
    let journal = Arc::new(MemoryJournal::default());
    let sample = include_str!("../../../schema/samples/commit.v1.json");
    let stored: StoredCommit = serde_json::from_str(sample).unwrap();
    journal.append(&stored).await.unwrap();
    let commit = stored.decode().unwrap();
    let id = commit.product_id.clone();
    let front = front(journal.clone());
    let before = stored.sequence().unwrap() - 1;
    let (status, page) = asked(&front, &format!("/products/{id}/messages?after={before}")).await;
    assert_eq!(status, 200, "{page}");
    let version = format!("v{}", commit.events[0].event.schema_version());
    assert_eq!(page["messages"][0]["detail"]["metadata"]["event_version"], version);

    let mut later = stored;
    later.0["product_id"] = json!("later");
    later.0["events"][0]["schema_version"] = json!(99);
    journal.append(&later).await.unwrap();
    let (status, problem) = asked(&front, &format!("/products/later/messages?after={before}")).await;
    assert_eq!(status, 500);
    assert!(problem["detail"].as_str().unwrap().contains("ledger verify later"), "{problem}");
}
