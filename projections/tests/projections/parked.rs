//! A product that fails does not affect others: it is parked or handed back, and it can be repaired.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_lambda_events::event::dynamodb::EventRecord;
use event_store::{MemoryJournal, MemoryParking, Parked, Parking, ParkingCause};
use projections::project::ProjectionRetries;
use projections::projection::Difference;
use projections::views::{Generation, Generations, View};
use projections::{Catalogue, MemoryViews, Projector, Views};
use schema::fixtures;
use serde_json::json;

use crate::given::doubles::{Moody, NoParking};
use crate::given::{Deed, InMemory, Life, MINUTE, batch, in_memory, noon, projector, record};

async fn version(views: &dyn Views, life: &Life) -> Option<u64> {
    let row = views.get(Generation(1), &life.id).await.unwrap();
    row.map(|product| product.version)
}

async fn row(given: &InMemory, life: &Life) -> Option<Parked> {
    given.parking.of("products", &life.id).await.unwrap()
}

/// A record of the product whose carried state no build can read.
fn poison(life: &Life, index: usize) -> EventRecord {
    let mut stored = life.commits[index].1.clone();
    stored.0["state"] = json!({"schema_version": 1});
    record(&stored)
}

#[tokio::test]
async fn a_poison_record_is_parked_for_good_and_its_neighbours_go_on() {
    let given = in_memory();
    let lives: Vec<Life> = ["a", "b", "c"].map(|id| Life::of(id, &[])).into();
    let records = vec![lives[0].record(0), poison(&lives[1], 0), lives[2].record(0)];
    let answer = given.projector.project(batch(records)).await;
    assert!(answer.batch_item_failures.is_empty());
    assert_eq!(version(&*given.views, &lives[0]).await, Some(1));
    assert_eq!(version(&*given.views, &lives[1]).await, None);
    assert_eq!(version(&*given.views, &lives[2]).await, Some(1));
    let parked = row(&given, &lives[1]).await.unwrap();
    assert_eq!((parked.from_sequence, parked.retryable), (1, false));
    assert!(parked.reason.contains("not a product"), "{}", parked.reason);
    assert_eq!(row(&given, &lives[0]).await, None);
}

#[tokio::test]
async fn a_commit_of_a_later_build_waits_for_the_upgrade_in_every_view() {
    let given = in_memory();
    let life = Life::of("p", &[]);
    life.recorded_in(&*given.journal).await;
    let mut later = life.commits[0].1.clone();
    later.0["state"] = json!({"schema_version": 99});
    given.projector.project(batch(vec![record(&later)])).await;
    for view in ["products", "prices"] {
        let parked = given.parking.of(view, &life.id).await.unwrap().unwrap();
        assert!(parked.retryable && parked.reason.contains("version 99"), "{view}: {}", parked.reason);
    }
    assert_eq!(
        given.projector.retry_parked(MINUTE).await.unwrap(),
        retried(2, 0),
        "the event table can be read"
    );
}

#[tokio::test]
async fn the_readable_commits_of_a_poisoned_product_are_shown() {
    let given = in_memory();
    let life = Life::of("p", &[Deed::Rename("Hat".into()), Deed::Rename("Cap".into())]);
    let records = vec![life.record(0), life.record(1), poison(&life, 2)];
    given.projector.project(batch(records)).await;
    assert_eq!(version(&*given.views, &life).await, Some(2));
    assert_eq!(row(&given, &life).await.unwrap().from_sequence, 3);
}

#[tokio::test]
async fn a_commit_that_carries_another_product_is_never_shown() {
    let given = in_memory();
    let life = Life::of("p", &[]);
    for (field, value) in [("id", json!("other")), ("version", json!(2))] {
        let mut stored = life.commits[0].1.clone();
        stored.0["state"][field] = value;
        given.projector.project(batch(vec![record(&stored)])).await;
        assert_eq!(version(&*given.views, &life).await, None);
        assert!(!row(&given, &life).await.unwrap().retryable);
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_looked_up_in_the_event_table() {
    let life = Life::of("p", &[Deed::Rename("Hat".into())]);
    let mut bare = life.record(0);
    bare.change.new_image = serde_dynamo::Item::default();
    let mut unnumbered = life.commits[0].1.clone();
    unnumbered.0["sequence"] = json!("first");
    for unreadable in [bare, record(&unnumbered)] {
        let given = in_memory();
        life.recorded_in(&*given.journal).await;
        let answer = given.projector.project(batch(vec![unreadable])).await;
        assert!(answer.batch_item_failures.is_empty());
        assert_eq!(version(&*given.views, &life).await, Some(2));
        assert_eq!(row(&given, &life).await, None);
    }
}

#[tokio::test]
async fn a_record_that_does_not_say_of_which_product_it_is_is_given_up_and_the_others_go_on() {
    let given = in_memory();
    let life = Life::of("p", &[]);
    let mut nameless = life.record(0);
    nameless.change.new_image = serde_dynamo::Item::default();
    nameless.change.keys = serde_dynamo::Item::default();
    nameless.change.sequence_number = Some("7".into());
    let answer = given.projector.project(batch(vec![nameless, life.record(0)])).await;
    assert!(answer.batch_item_failures.is_empty());
    assert_eq!(version(&*given.views, &life).await, Some(1));
}

#[tokio::test]
async fn a_change_or_removal_of_a_commit_is_never_applied() {
    let given = in_memory();
    let life = Life::of("p", &[Deed::Rename("Hat".into())]);
    for name in ["MODIFY", "REMOVE"] {
        let mut tampered = life.record(1);
        tampered.event_name = name.into();
        let answer = given.projector.project(batch(vec![tampered, life.record(0)])).await;
        assert!(answer.batch_item_failures.is_empty());
        assert_eq!(version(&*given.views, &life).await, Some(1), "{name}");
    }
}

fn retried(repaired: usize, still_parked: usize) -> ProjectionRetries {
    ProjectionRetries { repaired, still_parked }
}

#[tokio::test]
async fn the_schedule_repairs_retryable_errors() {
    let (views, journal) = (Arc::<Moody>::default(), Arc::<MemoryJournal>::default());
    let parking = Arc::<MemoryParking>::default();
    let projector = projector(views.clone(), journal.clone(), parking.clone());
    let life = Life::of("p", &[Deed::Rename("Hat".into())]);
    life.recorded_in(&*journal).await;
    views.out.store(true, Ordering::Relaxed);
    let answer = projector.project(batch(vec![life.record(0)])).await;
    assert!(answer.batch_item_failures.is_empty());
    assert!(parking.of("products", &life.id).await.unwrap().unwrap().retryable);
    assert_eq!(projector.retry_parked(MINUTE).await.unwrap(), retried(0, 1));
    let row = parking.of("products", &life.id).await.unwrap().unwrap();
    assert_eq!(row.attempts, 2);

    views.out.store(false, Ordering::Relaxed);
    assert_eq!(projector.retry_parked(MINUTE).await.unwrap(), retried(1, 0));
    assert_eq!(version(&views.kept, &life).await, Some(2));
    assert_eq!(parking.of("products", &life.id).await.unwrap(), None);
}

#[tokio::test]
async fn permanent_errors_wait_for_an_operator() {
    let given = in_memory();
    let life = Life::of("p", &[]);
    life.recorded_in(&*given.journal).await;
    given.projector.project(batch(vec![poison(&life, 0)])).await;
    assert_eq!(given.projector.retry_parked(MINUTE).await.unwrap(), retried(0, 0));
    assert_eq!(version(&*given.views, &life).await, None);
    assert_eq!(given.projector.retry(&life.id).await.unwrap(), retried(2, 0));
    assert_eq!(version(&*given.views, &life).await, Some(1));
    assert_eq!(row(&given, &life).await, None);
}

#[tokio::test]
async fn a_change_missing_from_the_stream_is_found_and_repaired() {
    let given = in_memory();
    let life = Life::of("p", &[Deed::Rename("Hat".into())]);
    life.recorded_in(&*given.journal).await;
    given.projector.project(batch(vec![life.record(0)])).await;
    let found = given.projector.differences(&life.id).await.unwrap();
    let behind = Difference::Behind { seen: 1, newest: 2 };
    assert_eq!(found, [(View::Products, behind.clone()), (View::Prices, behind)]);
    assert_eq!(given.projector.retry(&life.id).await.unwrap(), retried(2, 0));
    assert_eq!(given.projector.differences(&life.id).await.unwrap(), []);
}

#[tokio::test]
async fn a_generation_that_is_read_never_gets_ahead_of_its_successor() {
    for (broken, written) in [(Generation(1), vec![Generation(2)]), (Generation(2), vec![])] {
        let views = Arc::new(Moody { broken: Some(broken), ..Moody::default() });
        let both = Generations {
            filled: true,
            read: Generation(1),
            write: vec![Generation(2), Generation(1)],
            last: Generation(2),
            ..Generations::default()
        };
        let generations = views.generations().await.unwrap();
        views.change_generations(&generations.with(View::Products, both.clone())).await.unwrap();
        let (journal, parking) = (Arc::<MemoryJournal>::default(), Arc::<MemoryParking>::default());
        let projector = projector(views.clone(), journal.clone(), parking.clone());
        let life = Life::of("p", &[]);
        life.recorded_in(&*journal).await;
        projector.project(batch(vec![life.record(0)])).await;
        assert!(parking.of("products", &life.id).await.unwrap().unwrap().retryable);
        assert_eq!(projector.retry_parked(MINUTE).await.unwrap(), retried(0, 1));
        for generation in both.write {
            let is_there = views.kept.get(generation, &life.id).await.unwrap().is_some();
            assert_eq!(is_there, written.contains(&generation), "{generation} when {broken} is broken");
        }
    }
}

#[tokio::test]
async fn more_parked_products_than_a_page_of_rows_are_all_retried() {
    let given = in_memory();
    for n in 0..205 {
        let life = Life::begins(&format!("p{n:03}"), "Helmet", "1");
        life.recorded_in(&*given.journal).await;
        let trouble = ParkingCause {
            from_sequence: 1,
            reason: "the store was out".into(),
            retryable: true,
            at: fixtures::at("2026-11-23T12:00:00Z"),
        };
        given.parking.park("products", &life.id, &trouble).await.unwrap();
    }
    assert_eq!(given.projector.retry_parked(MINUTE).await.unwrap(), retried(205, 0));
}

#[tokio::test]
async fn a_product_that_cannot_be_parked_is_handed_back_by_sequence_number() {
    let views = Arc::<MemoryViews>::default();
    let catalogue = Arc::new(Catalogue::new(views.clone(), Arc::<MemoryJournal>::default()));
    let projector = Projector::new(views.clone(), vec![catalogue], Arc::new(NoParking), noon());
    let good = Life::of("good", &[]);
    let bad = Life::of("bad", &[Deed::Rename("Hat".into())]);
    let records = vec![good.record(0), bad.record(0), poison(&bad, 1)];
    let answer = projector.project(batch(records)).await;
    let handed_back: Vec<_> =
        answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_deref()).collect();
    assert_eq!(handed_back, [Some("bad 1")]);
    assert_eq!(version(&*views, &good).await, Some(1));
}
