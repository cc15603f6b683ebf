//! A replay sends a part of the ledger again, marked, with the same ids in the same order, and leaves the receipts unchanged.

use event_store::Receipts;
use publisher::ReplaySelection;
use publisher::bus::BusRefusal;
use publisher::replay::ReplayError;
use schema::message::Replay;
use schema::{Timestamp, fixtures};
use serde_json::Value;

use crate::world::{World, key};

fn mark() -> Replay {
    Replay { id: "01K9XFT9EG0000000000004000".into(), requested_at: fixtures::at("2026-11-23T09:00:00Z") }
}

async fn two_products() -> World {
    let world = World::default();
    for product in ["a", "b"] {
        let commits = world.life(product, 5).await;
        world.publish(&commits).await;
    }
    world
}

fn detail(entry: &publisher::BusEntry) -> Value {
    serde_json::from_str(&entry.detail).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_replay_repeats_every_event_marked_and_leaves_receipts_untouched() {
    let world = two_products().await;
    let a = fixtures::id("a");
    let receipts = world.receipts.of(&a, 1, 9).await.unwrap();
    let first = world.bus.accepted();
    let mut told = Vec::new();
    let progress = |done: &publisher::ReplayProgress| told.push(done.events);
    let done = world.publisher.replay(&ReplaySelection::default(), None, &mark(), progress).await.unwrap();
    assert_eq!((done.events, done.stopped.len()), (10, 0));
    assert_eq!(told.last(), Some(&10));
    assert!(told.is_sorted());
    let again = &world.bus.accepted()[10..];
    for (_, entry) in again {
        let mut replayed = detail(entry);
        let replay = replayed["metadata"].as_object_mut().unwrap().remove("replay").unwrap();
        assert_eq!(replay, serde_json::to_value(mark()).unwrap());
        let original = first.iter().find(|(_, original)| key(original) == key(entry)).unwrap();
        assert_eq!(replayed, detail(&original.1));
        assert_eq!(entry.bus, "product-ledger");
    }
    for product in ["a", "b"] {
        assert_eq!(world.accepted_of(product), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    }
    assert_eq!(world.receipts.of(&a, 1, 9).await.unwrap(), receipts);
}

#[tokio::test(start_paused = true)]
async fn a_replay_keeps_to_its_product_its_time_range_and_its_bus() {
    let world = two_products().await;
    let commits = event_store::Journal::page(&*world.journal, &fixtures::id("a"), 0, 9).await.unwrap();
    let recorded_at = |n: usize| Timestamp::parse(commits[n].text("recorded_at").unwrap()).unwrap();
    let selection = ReplaySelection {
        product: Some(fixtures::id("a")),
        from: Some(recorded_at(1)),
        to: Some(recorded_at(3)),
    };
    let done = world.publisher.replay(&selection, Some("audit"), &mark(), |_| ()).await.unwrap();
    assert_eq!(done.events, 3);
    let again = &world.bus.accepted()[10..];
    let sent: Vec<_> = again.iter().map(|(_, entry)| (key(entry).1, entry.bus.as_str())).collect();
    assert_eq!(sent, [(2, "audit"), (3, "audit"), (4, "audit")]);
}

#[tokio::test(start_paused = true)]
async fn a_long_replay_goes_through_many_pages_in_order() {
    let world = World::default();
    for n in 0..3 {
        world.life(&format!("p{n}"), 700).await;
    }
    let done = world.publisher.replay(&ReplaySelection::default(), None, &mark(), |_| ()).await.unwrap();
    assert_eq!(done.events, 2_100);
    for n in 0..3 {
        assert_eq!(world.accepted_of(&format!("p{n}")), (1..=700).collect::<Vec<u64>>());
    }
    let only = ReplaySelection { product: Some(fixtures::id("p1")), ..ReplaySelection::default() };
    assert_eq!(world.publisher.replay(&only, None, &mark(), |_| ()).await.unwrap().events, 700);
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_ends_its_products_replay_and_no_other() {
    let world = two_products().await;
    world.bus.refuse_entries(|entry| {
        (key(entry) == ("a".to_owned(), 3)).then(|| BusRefusal::new("MalformedDetail", "no"))
    });
    let done = world.publisher.replay(&ReplaySelection::default(), None, &mark(), |_| ()).await.unwrap();
    let left: Vec<_> = done.stopped.iter().map(|left| (left.product.as_str(), left.from_sequence)).collect();
    assert_eq!((done.events, left), (7, vec![("a", 3)]));
    assert_eq!(world.accepted_of("a")[5..], [1, 2]);
    assert_eq!(world.receipts.position(&fixtures::id("a")).await.unwrap().failure, None);
    assert_eq!(event_store::Parking::list(&*world.parking, "publisher", None, 9).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_replay_to_a_bus_that_accepts_nothing_is_an_error() {
    let world = two_products().await;
    world.bus.take_down();
    let refused = world.publisher.replay(&ReplaySelection::default(), None, &mark(), |_| ()).await;
    assert!(matches!(refused, Err(ReplayError::Refused(_))), "{refused:?}");
}
