//! Whatever the bus does, no event is lost, the order per product holds, no event with a receipt is sent again, and every
//! failure is on record until the event is accepted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use event_store::{Parking, Receipts};
use futures::FutureExt;
use publisher::bus::memory::BusFault;
use publisher::bus::{BusError, BusRefusal, Remedy};
use schema::{PublicationRecord, StoredCommit, fixtures};

use crate::world::{MINUTE, World, failures, key};

const PRODUCTS: usize = 12;
const EVENTS: usize = 15;

/// Commits of all products, interleaved.
async fn interleaved(world: &World) -> Vec<StoredCommit> {
    let mut commits = Vec::new();
    for n in 0..EVENTS {
        for product in 0..PRODUCTS {
            let event = crate::world::nth_event(n);
            commits.push(world.commit(&format!("p{product}"), vec![event]).await);
        }
    }
    commits
}

/// How often each event was sent, counted over all requests; checks that no product's event overtakes another.
fn sends(world: &World) -> HashMap<(String, u64), u32> {
    let mut sends: HashMap<(String, u64), u32> = HashMap::new();
    let mut last: HashMap<String, u64> = HashMap::new();
    for entry in world.bus.requests().iter().flatten() {
        let (product, sequence) = key(entry);
        let before = last.insert(product.clone(), sequence).unwrap_or(0);
        assert!(sequence == before || sequence == before + 1, "{product}: {sequence} after {before}");
        *sends.entry((product, sequence)).or_default() += 1;
    }
    sends
}

/// Checks that each sent event has a record with the number of attempts: a receipt if the bus accepted it, otherwise a failure.
async fn every_send_is_on_record(world: &World) {
    for ((product, sequence), sent) in sends(world) {
        let records = world.receipts.of(&fixtures::id(&product), sequence, sequence).await.unwrap();
        let attempts = match &records[..] {
            [(_, PublicationRecord::Receipt(receipt))] => receipt.attempts,
            [(_, PublicationRecord::Failure(failure))] => failure.attempts,
            other => panic!("{product} {sequence}: {other:?}"),
        };
        assert_eq!(attempts, sent, "{product} {sequence}");
    }
}

async fn published(world: &World) -> BTreeMap<String, u64> {
    let mut published = BTreeMap::new();
    for n in 0..PRODUCTS {
        let product = format!("p{n}");
        let position = world.receipts.position(&fixtures::id(&product)).await.unwrap();
        published.insert(product, position.published);
    }
    published
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_fails_in_every_way_loses_nothing_and_repeats_nothing_it_confirmed() {
    for seed in 0..20 {
        fastrand::seed(seed);
        let world = World::default();
        let commits = interleaved(&world).await;
        let third = commits.len() / 3;

        world.bus.refuse_entries(|_| {
            (fastrand::f64() < 0.2).then(|| BusRefusal::new("InternalFailure", "one in five"))
        });
        for batch in commits[..third].chunks(25) {
            assert_eq!(failures(&world.publish(batch).await), Vec::<String>::new());
            every_send_is_on_record(&world).await;
        }
        world.bus.heal();
        world.bus.fail_requests(|_| (fastrand::f64() < 0.1).then_some(BusFault::AnswerLost));
        for batch in commits[third..2 * third].chunks(25) {
            world.publish(batch).await;
            every_send_is_on_record(&world).await;
        }
        world.bus.take_down();
        for batch in commits[2 * third..].chunks(25) {
            world.publish(batch).await;
            every_send_is_on_record(&world).await;
        }
        world.bus.heal();
        world.publisher.retry_parked(MINUTE).await.unwrap();
        every_send_is_on_record(&world).await;

        assert_eq!(world.parking.list("publisher", None, 100).await.unwrap(), [], "seed {seed}");
        assert!(published(&world).await.values().all(|cursor| *cursor == EVENTS as u64), "seed {seed}");
        let arrived: HashSet<_> = world.accepted().into_iter().collect();
        assert_eq!(arrived.len(), PRODUCTS * EVENTS, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_event_never_overtakes_a_refused_one_and_other_products_go_on() {
    let world = World::default();
    let mut commits = world.life("a", 4).await;
    commits.extend(world.life("b", 4).await);
    world.bus.refuse_entries(|entry| {
        (key(entry) == ("a".to_owned(), 2)).then(|| BusRefusal::new("MalformedDetail", "not this one"))
    });
    assert_eq!(failures(&world.publish(&commits).await), Vec::<String>::new());
    assert_eq!(world.accepted_of("a"), [1]);
    assert_eq!(world.accepted_of("b"), [1, 2, 3, 4]);
    let parked = world.parking.of("publisher", &fixtures::id("a")).await.unwrap().unwrap();
    assert_eq!((parked.from_sequence, parked.retryable), (2, false));
    assert_eq!(parked.reason, "MalformedDetail: not this one");
    let records = world.receipts.of(&fixtures::id("a"), 2, 4).await.unwrap();
    let [(2, PublicationRecord::Failure(failure))] = &records[..] else { panic!("{records:?}") };
    assert_eq!((failure.details.error_code.as_str(), failure.attempts), ("MalformedDetail", 1));
}

#[tokio::test(start_paused = true)]
async fn only_the_failed_entry_of_a_request_is_sent_again() {
    let world = World::default();
    let mut commits = Vec::new();
    for n in 0..10 {
        commits.extend(world.life(&format!("p{n}"), 1).await);
    }
    world.bus.refuse_nth(4, "ThrottlingException");
    world.publish(&commits).await;
    let sizes: Vec<usize> = world.bus.requests().iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 1]);
    assert_eq!(world.bus.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_on_record_before_its_event_is_sent_again() {
    let world = World::default();
    let commits = world.life("a", 1).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (log, receipts) = (seen.clone(), world.receipts.clone());
    world.bus.refuse_entries(move |_| {
        let records = receipts.of(&fixtures::id("a"), 1, 1).now_or_never().unwrap().unwrap();
        let attempts = records.first().map_or(0, |(_, record)| match record {
            PublicationRecord::Failure(failure) => failure.attempts,
            PublicationRecord::Receipt(receipt) => receipt.attempts,
        });
        log.lock().unwrap().push(attempts);
        (attempts < 3).then(|| BusRefusal::new("InternalException", "not yet"))
    });
    world.publish(&commits).await;
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2, 3]);
    let records = world.receipts.of(&fixtures::id("a"), 1, 1).await.unwrap();
    assert!(
        matches!(&records[0].1, PublicationRecord::Receipt(receipt) if receipt.attempts == 4),
        "{records:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_broken_setup_is_retried_by_the_schedule_and_not_in_the_same_run() {
    let world = World::default();
    let commits = world.life("a", 2).await;
    world.bus.fail_requests(|_| {
        let error = BusError::new(Remedy::Repair, "AccessDeniedException", "no permission");
        Some(BusFault::Failed(error))
    });
    world.publish(&commits).await;
    assert_eq!(world.bus.requests().len(), 1);
    assert!(world.parking.of("publisher", &fixtures::id("a")).await.unwrap().unwrap().retryable);
    world.bus.heal();
    world.publisher.retry_parked(MINUTE).await.unwrap();
    assert_eq!(world.accepted_of("a"), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_can_never_be_accepted_is_split_and_only_the_invalid_entry_is_parked() {
    let world = World::default();
    let mut commits = Vec::new();
    for n in 0..10 {
        commits.extend(world.life(&format!("p{n}"), 1).await);
    }
    world.bus.fail_requests(|entries| {
        let guilty = entries.iter().any(|entry| key(entry).0 == "p7");
        let error = BusError::new(Remedy::Split, "ValidationException", "one of these is wrong");
        guilty.then_some(BusFault::Failed(error))
    });
    assert_eq!(failures(&world.publish(&commits).await), Vec::<String>::new());
    assert_eq!(world.bus.len(), 9);
    let rows = world.parking.list("publisher", None, 10).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.product_id.as_str(), row.retryable)).collect();
    assert_eq!(rows, [("p7", false)]);
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_a_split_request_is_sent_alone_even_while_others_wait() {
    let world = World::default();
    let mut commits = Vec::new();
    // The eleventh is not in the request that is split.
    for n in 0..11 {
        commits.extend(world.life(&format!("p{n:02}"), 1).await);
    }
    world.bus.fail_requests(|entries| {
        let guilty = entries.iter().any(|entry| key(entry).0 == "p00");
        let error = BusError::new(Remedy::Split, "ValidationException", "one of these is wrong");
        guilty.then_some(BusFault::Failed(error))
    });
    world.publish(&commits).await;
    let requests = world.bus.requests().into_iter();
    let sent: Vec<Vec<String>> =
        requests.map(|request| request.iter().map(|entry| key(entry).0).collect()).collect();
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [[10].as_slice(), &[1; 11]].concat());
    assert_eq!(sent[1], ["p00"]);
    assert_eq!(world.bus.len(), 10);
}
